"""Which documents the rows of finished units take."""

from pathlib import Path

import numpy as np
import pytest

from nextlong_hub.dataset.shards import to_table, write_table
from nextlong_hub.dataset.taken import digest_of_documents, documents_of, merged, taken_by, token_counts
from nextlong_hub.dataset.write import ChosenRows
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import Sample


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Two units of three rows; row n of unit a extends document a-n and has 1 + n tokens."""
    for name in "ab":
        rows = [
            Sample(
                id=f"{name}/{number}",
                text="x",
                input_ids=np.zeros(number + 1, np.int32),
                meta_document=f"{name}-{number}",
                source="s",
                segments=(),
                truncated_tokens=0,
            )
            for number in range(3)
        ]
        write_table(tmp_path / f"{name}.parquet", to_table(rows, tokens=True), OutputSettings())
    return [tmp_path / f"{name}.parquet" for name in "ab"]


def test_documents_and_tokens_are_those_of_the_chosen_rows_in_their_order(units: list[Path]) -> None:
    """Also where the rows of a unit are chosen in two turns."""
    a, b = units
    rows = ((a, 2), (b, 0), (b, 1), (a, 0))
    assert documents_of(ChosenRows(rows=rows)) == ["a-2", "b-0", "b-1", "a-0"]
    assert token_counts(rows) == [3, 1, 2, 1]
    assert taken_by(ChosenRows(rows=rows)) == {"a": {"a-2", "a-0"}, "b": {"b-0", "b-1"}}


def test_what_several_take_is_taken_together(units: list[Path]) -> None:
    """By owner; a digest does not depend on the order in which documents came."""
    a, b = units
    parts = [taken_by(ChosenRows(rows=rows)) for rows in (((a, 0),), ((a, 1), (b, 2)))]
    assert merged(parts) == {"a": {"a-0", "a-1"}, "b": {"b-2"}}
    assert digest_of_documents(["x", "y"]) == digest_of_documents(["y", "x"]) != digest_of_documents(["x"])
