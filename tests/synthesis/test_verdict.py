"""A configuration whose candidates hardly ever give a row ends, and says why; what it has made stands."""

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from building import make_request, published, read_rows

from nextlong_hub.dataset.config_record import SynthesisRecord
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.execution.progress import NullProgress
from nextlong_hub.load_dataset.on_demand import open_session
from nextlong_hub.pipeline import build
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Reason
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow

PATIENCE_FOR_ONE = [8, 13]
"""Candidates for a row with which one of the two texts is reached: they stand at places 8 and 29 of the order."""


class Notes(NullProgress):
    """Keeps what people are told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        """See `Progress`."""
        self.said.append(text)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty copies of one text and two others: a copy finds too little else, one of the others enough."""
    one, *others = make_documents(3, paragraphs=(4, 4))
    documents = [replace(one, id=f"copy{number:02}") for number in range(60)]
    return write_corpus(tmp_path_factory.mktemp("copies") / "corpus.jsonl", [*documents, *others])


def outcome_of(folder: Path) -> SynthesisRecord:
    """What became of the candidates."""
    manifest = read_manifest(folder)
    assert manifest is not None
    outcome = manifest.configs["tiny"].synthesis
    assert outcome is not None
    return outcome


def recipe(patience: int) -> Recipe:
    """The tiny recipe with so many candidates for each row."""
    return tiny_recipe(meta_documents={"patience": patience})


def test_with_patience_for_all_every_candidate_is_tried(copies: Path, tmp_path: Path) -> None:
    """Two rows, and of each copy that its negatives would have been near-copies of it; nothing is given up."""
    build(make_request(copies, recipe(100)), tmp_path / "dataset")
    outcome = outcome_of(tmp_path / "dataset")
    assert (outcome.candidates, outcome.kept, outcome.given_up) == (62, 2, 0)
    assert outcome.discarded == {Reason.NEAR_DUPLICATES: 60}


@pytest.mark.parametrize("patience", PATIENCE_FOR_ONE)
def test_rows_that_were_made_before_it_ended_stand(
    patience: int, copies: Path, tmp_path: Path, two_workers: LocalExecutor
) -> None:
    """The first row of two, the candidates that the rule allows, and the note that says why; for any workers."""
    notes = Notes()
    report = build(make_request(copies, recipe(patience)), tmp_path / "one", progress=notes)
    outcome = outcome_of(tmp_path / "one")
    assert (outcome.kept, report.missing_rows) == (1, {"tiny": 7})
    assert (outcome.candidates, outcome.given_up) == (2 * patience, 62 - 2 * patience)
    [note] = [note for note in notes.said if "became a sample" in note]
    assert f"only 1 of {outcome.candidates} candidates became a sample" in note
    assert re.search(rf"{outcome.candidates - 1} near duplicates.*the other {outcome.given_up} were not tried", note)
    card = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    assert f"the other {outcome.given_up} documents were not tried" in card
    build(make_request(copies, recipe(patience)), tmp_path / "two", executor=two_workers)
    assert published(tmp_path / "one") == published(tmp_path / "two")
    assert verify(tmp_path / "one", sources=make_request(copies).sources, tokenizer="demo").faults == ()


def test_where_nothing_was_kept_the_error_names_reasons_and_what_to_do(copies: Path, tmp_path: Path) -> None:
    """How many were tried and of how many; no dataset stands."""
    words = r"none of 4 candidates .*\(4 near duplicates\), and the other 58 were not tried, .*patience.*remove copies"
    with pytest.raises(CorpusTooSmallError, match=words):
        build(make_request(copies, recipe(4)), tmp_path / "dataset")
    assert not (tmp_path / "dataset" / "manifest.json").exists()


@pytest.mark.parametrize("patience", PATIENCE_FOR_ONE)
def test_rows_on_demand_are_those_of_the_build(patience: int, copies: Path, tmp_path: Path) -> None:
    """Units behind the one at which it ends have no rows, whatever they would give."""
    build(make_request(copies, recipe(patience), rows=62), tmp_path / "dataset")
    rows = [row for table in tables(copies, tmp_path, patience) for row in table.to_pylist()]
    assert rows == read_rows(tmp_path / "dataset")
    with pytest.raises(CorpusTooSmallError, match=r"none of 4 candidates .* the other 58 were not tried"):
        tables(copies, tmp_path / "none", 4)


def tables(corpus: Path, folder: Path, patience: int) -> list[pa.Table]:
    """The rows on demand, unit by unit."""
    folder.mkdir(exist_ok=True)
    path = folder / "tiny.toml"
    path.write_text(recipe(patience).to_toml())
    session = open_session(str(path), corpus=str(corpus), tokenizer="demo", samples=62, work=folder / "work")
    return [table for unit in session.units() for table in session.tables(unit)]
