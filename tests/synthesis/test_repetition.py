"""No row holds a few tokens too often on end: not in a chunk, and not where two of them meet."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from building import make_request, read_rows

from nextlong_hub.dataset.config_record import ConfigRecord, SynthesisRecord
from nextlong_hub.method.periods import most_times
from nextlong_hub.pipeline import build
from nextlong_hub.producer import producer_of
from nextlong_hub.proof import parse_amount
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify
from nextlong_hub.verification.repeats import recount
from nextlong_hub.verification.report import Check

ROWS = 16
SPACES = " " * 40
"""Under GPT-2 a token each, but for the last."""


def with_spaces(documents: Iterable[Document]) -> list[Document]:
    """Every sixth document has a wide gap in its first paragraph."""
    return [
        Document(id=one.id, text=one.text.replace(" ", SPACES, number % 6 == 0), source=one.source)
        for number, one in enumerate(documents)
    ]


def with_ends(documents: Iterable[Document]) -> list[Document]:
    """Each begins and ends with 20 lines of one mark, which no chunk holds 32 times."""
    marks = "=\n" * 20
    return [Document(id=one.id, text=f"{marks}{one.text}\n{marks}", source=one.source) for one in documents]


def made(corpus: Path, folder: Path, times: int, **more: object) -> tuple[ConfigRecord, SynthesisRecord]:
    """What the manifest says of rows in which nothing may stand so often on end."""
    recipe = tiny_recipe(repetition={"times": times}, **more)
    record = build(make_request(corpus, recipe, rows=ROWS), folder).manifest.configs["tiny"]
    assert record.synthesis is not None
    return record, record.synthesis


def times_of(folder: Path) -> list[int]:
    """How often on end a few tokens stand in each row."""
    return [most_times(np.array(row["input_ids"])) for row in read_rows(folder)]


@pytest.mark.slow
def test_a_chunk_that_repeats_is_no_negative_and_its_document_is_not_extended(tmp_path: Path) -> None:
    """Rows lose nothing to a trainer's filter; what is left out is counted, and the proof finds it again."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", with_spaces(make_documents(60)))
    record, outcome = made(corpus, tmp_path / "on", 32)
    assert outcome.discarded["repeated_on_end"] > 0
    assert outcome.selection is not None
    assert outcome.selection.passed_over["repeated_on_end"] > 0
    assert record.on_end is not None
    assert record.on_end.masked_rows == 0
    assert record.on_end.most_times == max(times_of(tmp_path / "on")) < 32
    sources = make_request(corpus).sources
    report = verify(tmp_path / "on", sources=sources, tokenizer="demo", prove=parse_amount("all"))
    assert report.faults == ()
    assert report.proofs[0].passed_over["repeated on end"] > 0
    record, outcome = made(corpus, tmp_path / "off", 0)
    assert "repeated_on_end" not in outcome.discarded
    assert record.on_end is not None
    assert record.on_end.masked_rows == sum(times >= 32 for times in times_of(tmp_path / "off")) > 0


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["interleaved", "none"])
def test_two_chunks_that_repeat_together_do_not_meet(layout: str, tmp_path: Path) -> None:
    """Neither holds a run by itself: one of them gives way, whatever unit makes the row."""
    documents = make_documents(48, paragraphs=(1, 1))
    corpus = write_corpus(tmp_path / "corpus.jsonl", [*documents[8:], *with_ends(documents[:8])])
    choices = {
        "interleave": {"separator": "", "layout": layout},
        "chunking": {"chunk_characters": 512},
        "meta_documents": {"minimum_chunks": 1, "maximum_share": 1.0},
    }
    record, _ = made(corpus, tmp_path / "on", 32, **choices)
    assert max(times_of(tmp_path / "on")) < 32
    assert record.rows == ROWS
    made(corpus, tmp_path / "units", 32, **choices, output={"unit_documents": 7})
    assert read_rows(tmp_path / "units") == read_rows(tmp_path / "on")
    made(corpus, tmp_path / "off", 0, **choices)
    assert max(times_of(tmp_path / "off")) >= 32
    assert verify(tmp_path / "on", sources=make_request(corpus).sources, tokenizer="demo").faults == ()


@pytest.mark.slow
def test_a_row_that_breaks_the_promise_is_found(corpus_file: Path, tmp_path: Path) -> None:
    """A row that holds what its recipe leaves out is a fault of `verify`, though every digest fits."""
    recipe = tiny_recipe()
    build(make_request(corpus_file, recipe), tmp_path / "dataset")
    check = Check(checkers={"tiny": producer_of(recipe).checker(recipe, None)})
    row = read_rows(tmp_path / "dataset")[0] | {"input_ids": np.array([7, 8] * 40, np.int32)}
    recount("data/tiny/one.parquet, row 0", row, [row], check)
    assert [fault.message for fault in check.faults] == [
        "some 13 tokens or fewer stand in it 40 times on end, and its recipe leaves out what does 32 times"
    ]
