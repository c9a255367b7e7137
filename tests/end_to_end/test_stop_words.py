"""Stop words that follow the corpus, from a German corpus to what manifest, card and terminal say of them."""

import re
from pathlib import Path

import pytest
from building import make_request, published, read_rows, run_commands

from nextlong_hub.dataset import open_split
from nextlong_hub.dataset.config_record import StopWordsRecord
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import ConflictError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.explore.explain import Basis, explain_negative
from nextlong_hub.pipeline import build
from nextlong_hub.records import Document
from nextlong_hub.retrieval.bm25.stop_words import stop_words
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow

_TOPIC = re.compile(r"\b[a-z]{6,}\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny world with German stop words in place of its shorter words."""
    known = [word for word in stop_words(("de",)) if len(word) > 1]

    def german_word(match: re.Match[str]) -> str:
        word = match.group()
        return word if _TOPIC.fullmatch(word) else known[sum(map(ord, word.lower())) % len(known)]

    documents = [
        Document(id=one.id, text=re.sub(r"[A-Za-z]+", german_word, one.text), source=one.source)
        for one in make_documents(40)
    ]
    return write_corpus(tmp_path_factory.mktemp("german") / "corpus.jsonl", documents)


@pytest.fixture(scope="module")
def dataset(german: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built under a recipe that leaves the stop words to the corpus; nobody may change it."""
    output = tmp_path_factory.mktemp("auto") / "dataset"
    build(make_request(german), output)
    return output


def record_of(folder: Path) -> StopWordsRecord | None:
    """What the manifest says of the stop words."""
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.configs["tiny"].synthesis is not None
    return manifest.configs["tiny"].synthesis.stop_words


def test_what_was_found_stands_in_manifest_and_card(dataset: Path, german: Path) -> None:
    """Manifest and card name the language and its share; the recipe still says `auto`, and the dataset verifies."""
    record = record_of(dataset)
    assert record is not None
    assert list(record.shares) == ["de"]
    assert record.shares["de"] > 0.9
    assert f"Stop words left out: German (in {record.shares['de']:.1%} of {record.chunks}" in (
        dataset / "README.md"
    ).read_text("utf-8")
    assert 'stop_words = "auto"' in (dataset / "recipes" / "tiny.toml").read_text("utf-8")
    assert verify(dataset, tokenizer="demo", sources=make_request(german).sources).faults == ()


def test_any_number_of_workers_finds_the_same(
    dataset: Path, german: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """Every published file is the same byte for byte."""
    build(make_request(german), tmp_path / "dataset", executor=two_workers)
    assert published(tmp_path / "dataset") == published(dataset)


def test_the_rows_are_those_of_a_recipe_that_names_the_language(dataset: Path, german: Path, tmp_path: Path) -> None:
    """Rows of `["de"]` are the same; those of `["en"]`, the default once, are others, and verify as they always did."""
    for name, alike in (("de", True), ("en", False)):
        output = tmp_path / name
        build(make_request(german, tiny_recipe(retrieval={"stop_words": [name]})), output)
        assert (read_rows(output) == read_rows(dataset)) == alike
        assert record_of(output) is None
        assert verify(output, tokenizer="demo", sources=make_request(german).sources).faults == ()
        assert "Stop words left out" not in (output / "README.md").read_text("utf-8")
    with pytest.raises(ConflictError, match="made from other inputs"):
        build(make_request(german), tmp_path / "en")


def test_scores_are_explained_with_the_words_that_were_left_out(dataset: Path, german: Path, tmp_path: Path) -> None:
    """From the index of the build and from the corpus they add up exactly; from rows alone the words are the same."""
    copied = tmp_path / "copied"
    for name, content in published(dataset).items():
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name).write_bytes(content)
    known = set(stop_words(("de",)))
    for folder, sources, basis in (
        (dataset, (), Basis.INDEX),
        (copied, make_request(german).sources, Basis.CORPUS),
        (copied, (), Basis.ESTIMATE),
    ):
        split = open_split(folder)
        why = explain_negative(split, split.row(0), -1, sources=sources)
        assert why.basis is basis
        assert why.retrieval.stop_words == ("de",)
        assert why.is_exact or basis is Basis.ESTIMATE
        assert not known & {term.term for term in why.explanation.terms}


def test_the_terminal_says_it_before_and_after(german: Path, tmp_path: Path) -> None:
    """A dry run and a build each have one line that names the language."""
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(tiny_recipe().to_toml())
    command = ("build", "--recipe", recipe, "--corpus", german, "--tokenizer", "demo", "--samples", "2")
    command = (*command, "--output", tmp_path / "dataset", "--num-proc", "1")
    for code, out, err in run_commands([*command, "--dry-run"], command):
        assert code == 0, err
        assert len(re.findall(r"Stop words: German \(in \d+\.\d% of \d+ chunks\)", out)) == 1
