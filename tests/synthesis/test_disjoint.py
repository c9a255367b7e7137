"""No document is extended for two configurations of a folder, in whatever order they are built, grown or rebuilt."""

import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from building import make_request, published, read_rows

from nextlong_hub.dataset.manifest import Manifest, read_manifest
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.progress import NullProgress
from nextlong_hub.pipeline import BuildRequest, build, recipes_to_make
from nextlong_hub.recipe import Recipe
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

pytestmark = pytest.mark.slow

SHORT = tiny_recipe(name="short", target_length=600)
LONG = tiny_recipe(name="long", target_length=1200)
NESTED = tiny_recipe(name="nested", target_length=600, meta_documents={"choice": "nested"})
NESTED_LONG = tiny_recipe(name="nested-long", target_length=1200, meta_documents={"choice": "nested"})


def mixture(first: Recipe, second: Recipe, share: float = 1.0) -> Recipe:
    """`share` times as many tokens of the first as of the second."""
    parts = ({"recipe": first.name, "share": share}, {"recipe": second.name, "share": 1.0})
    return tiny_recipe(name="both", target_length=1200, mixture=parts)


def run(output: Path, corpus: Path, **rows: int) -> bool:
    """Build so many rows of each; whether anything changed."""
    recipes = {recipe.name: recipe for recipe in (SHORT, LONG, NESTED)}
    return not build(make_request(corpus, *(recipes[name] for name in rows), rows=rows), output).unchanged


def documents(output: Path, config: str) -> list[str]:
    """The documents that the rows of a configuration extend, in order."""
    return [row["meta_document"] for row in read_rows(output, config)]


def manifest_of(output: Path) -> Manifest:
    """The manifest of a finished folder."""
    manifest = read_manifest(output)
    assert manifest is not None
    return manifest


def require_apart(output: Path, *configs: str) -> None:
    """No document stands in two of the configurations, or twice in one."""
    for config in configs:
        assert len(set(documents(output, config))) == len(documents(output, config))
    for one, other in combinations(configs, 2):
        assert not set(documents(output, one)) & set(documents(output, other)), (one, other)


def test_what_is_made_in_one_run_is_kept_apart(corpus_file: Path, tmp_path: Path) -> None:
    """The longest chooses first, in whatever order they are named; the manifest says what was left alone, and why."""
    run(tmp_path / "one", corpus_file, short=8, long=4)
    run(tmp_path / "other", corpus_file, long=4, short=8)
    assert published(tmp_path / "one") == published(tmp_path / "other")
    require_apart(tmp_path / "one", "short", "long")
    short, long = (manifest_of(tmp_path / "one").configs[name] for name in ("short", "long"))
    assert (long.apart, short.apart) == ({}, {"long": long.taken["long"].digest})
    assert (short.taken["short"].documents, long.taken["long"].documents) == (8, 4)
    assert short.synthesis is not None and long.synthesis is not None
    assert short.synthesis.not_eligible["taken"] == 4 and "taken" not in long.synthesis.not_eligible
    run(tmp_path / "alone", corpus_file, short=12)
    others = set(documents(tmp_path / "one", "long"))
    expected = [document for document in documents(tmp_path / "alone", "short") if document not in others]
    assert documents(tmp_path / "one", "short") == expected[:8], "the same order, without what is taken"


def test_what_stands_is_left_alone_and_stays(corpus_file: Path, tmp_path: Path) -> None:
    """Built one after the other, built again alone and together, grown and shrunk: rows stay, and nothing is shared."""
    output = tmp_path / "dataset"
    assert run(output, corpus_file, short=6)
    assert run(output, corpus_file, long=4)
    require_apart(output, "short", "long")
    first = published(output)
    assert not run(output, corpus_file, short=6)
    assert not run(output, corpus_file, long=4)
    assert not run(output, corpus_file, short=6, long=4)
    assert published(output) == first
    before = {name: documents(output, name) for name in ("short", "long")}
    units = {path: path.stat().st_mtime_ns for path in output.glob(".work/units-short-*/unit-*")}
    assert run(output, corpus_file, short=10)
    assert documents(output, "short")[:6] == before["short"]
    kept = [path for path, time in units.items() if path.is_file() and path.stat().st_mtime_ns == time]
    assert len(kept) == len(units) > 4, "finished units are used again"
    require_apart(output, "short", "long")
    grown = published(output)
    assert not run(output, corpus_file, long=4), "although others have taken more since"
    assert published(output) == grown
    assert run(output, corpus_file, short=2)
    assert documents(output, "short") == before["short"][:2]
    shrunk = published(output)
    assert not run(output, corpus_file, long=4), "although others have taken less since"
    assert published(output) == shrunk
    assert run(output, corpus_file, short=6)
    assert all(published(output)[name] == content for name, content in first.items() if name.startswith("data/"))
    assert run(output, corpus_file, short=6, long=7)
    assert (documents(output, "short"), documents(output, "long")[:4]) == (before["short"], before["long"])
    require_apart(output, "short", "long")


def test_a_copy_without_its_work_folder_is_gone_on_with(corpus_file: Path, tmp_path: Path) -> None:
    """What stands is read from the published rows where nothing else knows it, and gives the same."""
    run(tmp_path / "dataset", corpus_file, short=6)
    run(tmp_path / "dataset", corpus_file, long=4)
    copy = shutil.copytree(tmp_path / "dataset", tmp_path / "copy", ignore=shutil.ignore_patterns(".work"))
    run(copy, corpus_file, long=4)
    assert published(copy) == published(tmp_path / "dataset")


class _Interrupted(Exception):
    """What a stage that must not start raises."""


class _InterruptAt(NullProgress):
    """A `Progress` that ends the run when a stage begins."""

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def start(self, stage: str, total: int | None, unit: str) -> None:
        if stage == self.stage:
            raise _Interrupted


@pytest.mark.parametrize("stage", ["synthesise long", "synthesise short", "write long"])
def test_an_interrupted_run_is_taken_up(stage: str, corpus_file: Path, tmp_path: Path) -> None:
    """Wherever it stopped, the run that follows gives what it would have given."""
    run(tmp_path / "quiet", corpus_file, short=2)
    output = Path(shutil.copytree(tmp_path / "quiet", tmp_path / "dataset"))
    run(tmp_path / "quiet", corpus_file, short=6, long=4)
    with pytest.raises(_Interrupted):
        build(
            make_request(corpus_file, SHORT, LONG, rows={"short": 6, "long": 4}), output, progress=_InterruptAt(stage)
        )
    run(output, corpus_file, short=6, long=4)
    assert published(output) == published(tmp_path / "quiet")


def test_nested_rows_take_the_first_documents_of_one_order(corpus_file: Path, tmp_path: Path) -> None:
    """They leave nothing alone, and come first, so that others can leave theirs alone."""
    request = make_request(corpus_file, SHORT, NESTED, NESTED_LONG, rows={"short": 6, "nested": 8, "nested-long": 5})
    assert [recipe.name for recipe in recipes_to_make(request)] == ["nested-long", "nested", "short"]
    build(request, tmp_path / "dataset")
    assert documents(tmp_path / "dataset", "nested")[:5] == documents(tmp_path / "dataset", "nested-long")
    require_apart(tmp_path / "dataset", "nested", "short")
    require_apart(tmp_path / "dataset", "nested-long", "short")
    assert manifest_of(tmp_path / "dataset").configs["nested"].apart == {}


def test_more_than_there_is_for_all_is_refused_at_once(corpus_file: Path, tmp_path: Path) -> None:
    """Before the index is built; the message says how many rows each can have."""
    with pytest.raises(CorpusTooSmallError) as error:
        run(tmp_path / "dataset", corpus_file, short=30, long=12)
    assert "recipe short: 30 samples were asked for, but only 28 of the 40 documents" in str(error.value)
    assert "others are meta-documents of long" in str(error.value)
    assert "long 12, short 28" in str(error.value) and "{'meta_documents.choice': 'nested'}" in str(error.value)
    assert not list((tmp_path / "dataset").glob(".work/index-*"))
    run(tmp_path / "dataset", corpus_file, short=28, long=12)
    require_apart(tmp_path / "dataset", "short", "long")


def test_without_a_number_each_gets_what_is_left(tmp_path: Path) -> None:
    """Of three long documents two become the long rows that fit the corpus, one a short row, none a third one's."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(12))
    one, two, three = (
        tiny_recipe(name=name, target_length=target, meta_documents={"minimum_chunks": 6})
        for name, target in (("one", 600), ("two", 1200), ("zero", 600))
    )
    request = make_request(corpus, one, two, rows={})
    build(request, tmp_path / "dataset")
    require_apart(tmp_path / "dataset", "one", "two")
    assert {name: config.rows for name, config in manifest_of(tmp_path / "dataset").configs.items()} == {
        "one": 1,
        "two": 2,
    }
    before = published(tmp_path / "dataset")
    assert build(request, tmp_path / "dataset").unchanged
    assert published(tmp_path / "dataset") == before
    with pytest.raises(CorpusTooSmallError, match=r"recipe zero: only 0 of the 3 documents .* are left for it"):
        build(make_request(corpus, one, two, three, rows={}), tmp_path / "three")
    with pytest.raises(CorpusTooSmallError, match=r"recipe zero: only 0 of the 3 documents .* are left for it"):
        build(make_request(corpus, three, rows={}), tmp_path / "dataset")


def test_a_target_longer_than_the_corpus_is_refused_at_once(corpus_file: Path, tmp_path: Path) -> None:
    """Before the index is built, with the tokens there are; just below it, the row is made."""
    texts = [document.text for document in make_documents(40)]
    with pytest.raises(
        CorpusTooSmallError, match=r"the corpus holds [\d,]+ tokens, and one row needs 524,288"
    ) as error:
        build(make_request(corpus_file, tiny_recipe(target_length=524_288), rows={}), tmp_path / "dataset")
    assert not list((tmp_path / "dataset").glob(".work/index-*"))
    tokens = int(str(error.value).split("holds ")[1].split(" tokens")[0].replace(",", ""))
    assert sum(map(len, texts)) / 8 < tokens < sum(map(len, texts)) / 3


def test_a_mixture_never_holds_a_document_twice(corpus_file: Path, tmp_path: Path) -> None:
    """Not even where its ingredients share all of theirs: the one with fewer rows chooses first."""
    request = make_request(
        corpus_file, NESTED, NESTED_LONG, mixture(NESTED, NESTED_LONG), rows={"nested": 10, "nested-long": 5}
    )
    build(request, tmp_path / "dataset")
    assert documents(tmp_path / "dataset", "nested")[:5] == documents(tmp_path / "dataset", "nested-long")
    require_apart(tmp_path / "dataset", "both")
    made = manifest_of(tmp_path / "dataset").configs["both"]
    assert {name: part.rows for name, part in made.mixture.items()} == {"nested": 5, "nested-long": 5}
    assert made.mixture["nested"].tokens == 5 * 600 and made.mixture["nested"].made == 10


def test_ingredients_for_a_mixture_alone_are_as_many_as_it_needs(tmp_path: Path) -> None:
    """The corpus would give three short rows; for three tokens to one six are made, again and again the same."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(9))
    request = replace(make_request(corpus, mixture(SHORT, LONG, 3.0), rows={}), ingredients=(SHORT, LONG))
    build(request, tmp_path / "dataset")
    parts = manifest_of(tmp_path / "dataset").configs["both"].mixture
    assert {name: (part.rows, part.made, part.tokens) for name, part in parts.items()} == {
        "short": (6, 6, 3600),
        "long": (1, 1, 1200),
    }
    assert parts["short"].apart.keys() == {"long"} and parts["long"].apart == {}
    before = published(tmp_path / "dataset")
    assert build(request, tmp_path / "dataset").unchanged
    assert published(tmp_path / "dataset") == before


def test_a_mixture_leaves_alone_what_stands(corpus_file: Path, tmp_path: Path) -> None:
    """Its ingredients keep apart from what is published, of their own recipe they may have the same rows."""
    output = tmp_path / "dataset"
    run(output, corpus_file, short=4)
    request: BuildRequest = replace(
        make_request(corpus_file, mixture(SHORT, LONG), rows={"both": 9}), ingredients=(SHORT, LONG)
    )
    build(replace(request, rows={"both": 9, "short": 6, "long": 3}), output)
    rows = read_rows(output, "both")
    long = {row["meta_document"] for row in rows if row["id"].startswith("long/")}
    short = {row["meta_document"] for row in rows if row["id"].startswith("short/")}
    assert len(long) == 3 and len(short) == 6
    assert not long & (short | set(documents(output, "short"))) and set(documents(output, "short")) <= short
