"""Units of retrieval: which chunks of the answers a sample is likely to need, so that they are tokenised ahead."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_stores import make_store

from nextlong_hub.retrieval.tasks import likely_chunks, likely_hits


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Three queries: four hits of which two are likely, none, and two of which all are."""
    table = pa.table({"chunks": [[7, 3, 9, 1], [], [4, 8]], "likely": pa.array([2, 5, 5], pa.int32())})
    with pa.ipc.new_file(str(tmp_path / "answers.arrow"), table.schema) as writer:
        writer.write_table(table)
    return tmp_path / "answers.arrow"


@pytest.mark.parametrize(
    ("first_rank", "expected"), [(1, [7, 3, 4, 8]), (2, [3, 9, 8]), (3, [9, 1]), (5, [])], ids=[1, 2, 3, 5]
)
def test_the_likely_chunks_are_the_first_from_the_first_rank_on(
    first_rank: int, expected: list[int], answers: Path
) -> None:
    """As many of each answer as are likely, counted from the first rank that may be taken."""
    assert likely_chunks(answers, first_rank).tolist() == expected


def test_no_answer_has_no_likely_chunk(tmp_path: Path) -> None:
    """A unit without queries."""
    table = pa.table({"chunks": pa.array([], pa.list_(pa.int64())), "likely": pa.array([], pa.int32())})
    with pa.ipc.new_file(str(tmp_path / "answers.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert likely_chunks(tmp_path / "answers.arrow").tolist() == []


def test_likely_hits_are_the_turns_that_stay_below_a_sample(tmp_path: Path) -> None:
    """Ten characters a chunk: whole turns count, a chunk of two answers once; where all are too few, all are likely."""
    store = make_store(tmp_path, [[["x" * 10] * 8]])
    hits = np.array([[0, 2, 4], [1, 2, 5], [3, -1, -1]])
    for characters, expected in ((20, [0, 0]), (21, [1, 1]), (31, [2, 2]), (50, [2, 2]), (51, [3, 3])):
        assert likely_hits(hits[:2], np.array([2]), store, characters).tolist() == expected, characters
    assert likely_hits(hits, np.array([2, 1]), store, 20).tolist() == [0, 0, 3]
