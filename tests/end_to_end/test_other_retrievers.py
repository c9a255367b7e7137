"""A retriever of another package is as good as ours: only `retrieval` knows BM25, or which scores there are."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from building import build_command, read_rows, run_command
from plugins import install_extension

from nextlong_hub.dataset import open_split
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import RecipeError
from nextlong_hub.explore.explain import explain_negative
from nextlong_hub.recipe import Recipe, load_recipe, parse_recipe
from nextlong_hub.retrieval import RETRIEVERS
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow

GROUP, NAME, MODULE = "nextlong_hub.retrievers", "character-overlap", "overlap_retriever:RETRIEVER"
OWN = ("--set", f"retrieval.retriever={NAME}", "--set", "retrieval.options.characters=4")

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `nextlong-hub` where the other package is installed."""
    folder = install_extension(tmp_path_factory.mktemp("site"), GROUP, NAME, MODULE)
    path = f"{folder}:{Path(__file__).parents[1] / 'support'}"
    return lambda *arguments: run_command(*arguments, PYTHONPATH=path)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other package is installed here."""
    monkeypatch.syspath_prepend(str(install_extension(tmp_path / "site", GROUP, NAME, MODULE)))


@pytest.fixture(scope="module")
def overlapping(run: Run, corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose negatives were found by the other package; nobody may change it."""
    folder = tmp_path_factory.mktemp("overlapping")
    done = run(*build_command(corpus_file, folder / "dataset", folder / "tiny.toml", *OWN))
    assert done.returncode == 0, done.stderr
    return folder / "dataset"


def test_its_scores_are_what_it_says(overlapping: Path) -> None:
    """Below 0, best first: nothing was filtered, nothing turned over."""
    for row in read_rows(overlapping):
        negatives = [segment for segment in row["segments"] if segment["role"] == "negative"]
        assert negatives
        assert all(-1 <= segment["score"] < 0 for segment in negatives)


def test_its_dataset_verifies(overlapping: Path, run: Run, corpus_file: Path) -> None:
    """Against corpus and tokenizer, every character and token."""
    done = run("verify", overlapping, "--corpus", f"corpus={corpus_file}", "--tokenizer", "demo")
    assert done.returncode == 0, done.stdout + done.stderr


def test_that_it_explains_nothing_is_said_in_one_line(overlapping: Path, run: Run) -> None:
    """No corpus is read for it, and nothing is printed but that."""
    done = run("inspect", overlapping, "tiny", "0", "--why", "1")
    assert (done.returncode, done.stdout) != (0, "")
    assert "the retriever 'character-overlap' explains none of its scores" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_card_and_statistics_speak_of_it(overlapping: Path, run: Run, tmp_path: Path) -> None:
    """By the words that it gives; of BM25 nobody speaks."""
    card = (overlapping / "README.md").read_text()
    assert "with overlap of characters in place of embeddings to find" in card
    assert "For each meta-chunk, the overlap of runs of 4 characters ranked all chunks of the corpus. Not" in card
    assert "of a negative its `rank` and `score` (overlap), of a meta-chunk" in card
    assert "| overlap, median | -0." in card
    assert "**How close the negatives are.** Overlap by rank" in card
    assert "lexical" not in card
    told = run("stats", overlapping, "tiny")
    assert told.returncode == 0, told.stderr
    assert "Overlap by rank" in told.stdout
    assert run("view", overlapping, "--output", tmp_path / "page.html").returncode == 0
    everything = [card, told.stdout, (tmp_path / "page.html").read_text()]
    assert not any("BM25" in text for text in everything)


def test_its_choices_are_written_out(overlapping: Path) -> None:
    """The recipe in the dataset holds them, and is read where the package is missing."""
    manifest = read_manifest(overlapping)
    assert manifest is not None
    retrieval = Recipe.model_validate(manifest.configs["tiny"].recipe).retrieval
    assert (retrieval.retriever, retrieval.options) == (NAME, {"characters": 4})


def test_a_dry_run_knows_what_it_costs(run: Run, corpus_file: Path, tmp_path: Path) -> None:
    """Without a word of its own, in proportion to the chunks."""
    done = run(*build_command(corpus_file, tmp_path / "out", tmp_path / "tiny.toml", *OWN, "--dry-run"))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "out").exists()


def test_its_dataset_is_read_where_it_is_not_installed(overlapping: Path) -> None:
    """Rows are checked as far as any retriever goes; only an explanation needs the package."""
    assert not verify(overlapping).faults
    split = open_split(overlapping)
    assert split.record is not None
    assert split.record.score_name == "character-overlap score"
    with pytest.raises(RecipeError, match="no retriever 'character-overlap'; there are: bm25, dense, hybrid, random"):
        explain_negative(split, split.row(0), 1)


@pytest.mark.usefixtures("installed")
def test_what_is_not_chosen_is_its_default() -> None:
    """Written out, so that the recipe gives the same rows when the default changes."""
    recipe = load_recipe("128k", {"retrieval.retriever": NAME})
    assert recipe.retrieval.options == {"characters": 3}
    assert parse_recipe(recipe.to_toml().encode(), "again") == recipe
    other = load_recipe("128k", {"retrieval.retriever": NAME, "retrieval.options.characters": 4})
    assert recipe.fingerprint != other.fingerprint
    assert RETRIEVERS.names() == ("bm25", "dense", "hybrid", "random", "rank-bm25", "self", NAME)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retrieval.retriever": "bm52"}, r"no retriever 'bm52'; there are: bm25, .* \(did you mean 'bm25'\?\)"),
        ({"retrieval.options.characters": 3}, "options of the retriever 'bm25': unknown key 'characters'"),
        ({"retrieval.retriever": NAME, "retrieval.options.character": 3}, "did you mean 'characters'"),
        ({"retrieval.retriever": NAME, "retrieval.options.characters": 0}, "characters = 0: Input should be greater"),
    ],
)
def test_a_wrong_choice_is_refused_when_the_recipe_is_read(settings: dict[str, object], message: str) -> None:
    """With the recipe's name, what came and what there is."""
    with pytest.raises(RecipeError, match=rf"recipe 128k: .*{message}"):
        load_recipe("128k", settings)
