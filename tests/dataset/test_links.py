"""Links of samples, their share of meta-document and their difficulty: by hand on tiny worlds."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from nextlong_hub.dataset import shards
from nextlong_hub.dataset.links import link_record, thin_rows
from nextlong_hub.dataset.packing_tables import as_documents, merge
from nextlong_hub.dataset.reader import open_split
from nextlong_hub.dataset.schema import row_schema, without_later_fields
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import Sample, Segment

ROLES: dict[str, Literal["meta", "negative"]] = {"m": "meta", "n": "negative"}


def sample(number: int, tokens: int, *parts: tuple[str, int, int]) -> Sample:
    """A sample of two characters a segment; of each segment its role, its tokens and its own rank."""
    segments = [
        Segment(
            role=ROLES[role],
            document="d",
            chunk=place,
            start=2 * place,
            end=2 * place + 2,
            tokens=own,
            rank=int(role == "n"),
            score=float(role == "n"),
            own_rank=own_rank,
        )
        for place, (role, own, own_rank) in enumerate(parts)
    ]
    return Sample(
        id=f"tiny/{number}",
        text="xy" * len(parts),
        input_ids=np.zeros(tokens, np.int32),
        meta_document="d",
        source="s",
        segments=tuple(segments),
        truncated_tokens=0,
    )


SAMPLES = [
    sample(0, 20, ("m", 3, 1), ("n", 9, 0), ("m", 2, 5), ("n", 6, 0)),
    sample(1, 10, ("m", 8, 0), ("n", 2, 0)),
    sample(2, 40, ("m", 2, 2), ("m", 3, 4), ("m", 5, 9), ("n", 30, 0)),
    sample(3, 10, ("m", 10, 0)),
]
"""Links 1, 0, 2 and a whole document; difficulty (0 + 4) / 2, unknown and (1 + 3 + 8) / 3."""


def test_links_of_samples_by_hand(tmp_path: Path) -> None:
    """A text without negatives is no sample; a meta-chunk whose rank is unknown has no difficulty."""
    path = tmp_path / "rows.parquet"
    shards.write_table(path, shards.to_table(SAMPLES, tokens=True), OutputSettings())
    counted = link_record([path, path], packed=False)
    assert counted is not None
    assert counted.samples == 6
    assert (counted.links.mean, counted.links.quantiles["50%"], counted.links.quantiles["100%"]) == (1.0, 1.0, 2.0)
    assert counted.meta_percent.mean == round((25 + 80 + 25) / 3, 4)
    assert counted.difficulty is not None
    assert (counted.difficulty.mean, counted.difficulty.quantiles["0%"]) == (3.0, 2.0)
    shards.write_table(path, shards.to_table(SAMPLES[3:], tokens=True), OutputSettings())
    assert link_record([path], packed=False) is None
    assert link_record([], packed=True) is None


def test_each_sample_of_a_packed_row_counts_for_itself(tmp_path: Path) -> None:
    """Packed together they say the same as one by one."""
    documents = as_documents(shards.to_table(SAMPLES, tokens=True), tokens=True)
    packed, plain = tmp_path / "packed.parquet", tmp_path / "plain.parquet"
    shards.write_table(packed, merge(documents, np.array([3, 1]), ["a", "b"]), OutputSettings())
    shards.write_table(plain, shards.to_table(SAMPLES, tokens=True), OutputSettings())
    assert link_record([packed], packed=True) == link_record([plain], packed=False)


@pytest.mark.parametrize(
    ("links", "meta_percent", "expected"),
    [
        (9.0, 0.5, ""),
        (1.0, 0.14, "a row holds 0.14 % meta-document and one link on average, all else is negatives"),
        (2.44, 0.284, "a row holds 0.28 % meta-document and 2.4 links on average, all else is negatives"),
    ],
)
def test_thin_rows_are_told(links: float, meta_percent: float, expected: str) -> None:
    """Below half a token in a hundred; the 512K row of two chunks is the case to tell."""
    assert thin_rows(links, meta_percent) == expected


def test_rows_of_older_datasets_have_no_own_rank(tmp_path: Path) -> None:
    """They are read all the same, with 0, which is unknown."""
    table = shards.to_table(SAMPLES, tokens=True)
    older = without_later_fields(row_schema(tokens=True))
    assert [field.name for field in older.field("segments").type.value_type][-1] == "score"
    rows = [{**row, "segments": [{**own, "own_rank": None} for own in row["segments"]]} for row in table.to_pylist()]
    shards.write_table(tmp_path / "a.parquet", table.from_pylist(rows, older), OutputSettings())
    segments = open_split(tmp_path).row(0).segment_list
    assert [segment.own_rank for segment in segments] == [0, 0, 0, 0]
    assert [segment.tokens for segment in segments] == [3, 9, 2, 6]
