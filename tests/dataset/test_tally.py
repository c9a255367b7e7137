"""Counts of published rows: by hand on a tiny world."""

from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from small_stores import make_store

from nextlong_hub.dataset import shards
from nextlong_hub.dataset.tally import tally
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import Sample, Segment


def segment(role: Literal["meta", "negative"], document: str, chunk: int, tokens: int, score: float = 0.0) -> Segment:
    """A segment of which only what is counted matters."""
    rank = int(role == "negative")
    return Segment(role=role, document=document, chunk=chunk, start=0, end=1, tokens=tokens, rank=rank, score=score)


def write(path: Path, *rows: tuple[Segment, ...]) -> Path:
    """A file of samples that have these segments."""
    samples = [
        Sample(
            id=f"tiny/{number}",
            text="x",
            input_ids=np.zeros(1, np.int32),
            meta_document="a",
            source="left",
            segments=segments,
            truncated_tokens=0,
        )
        for number, segments in enumerate(rows)
    ]
    shards.write_table(path, shards.to_table(samples, tokens=True), OutputSettings())
    return path


def test_counts_over_two_files_by_hand(tmp_path: Path) -> None:
    """A negative that both files use is one chunk used twice, and tokens go to the source of each negative."""
    store = make_store(tmp_path / "store", [[["a", "b"], ["c"]], [["d", "e"]]])
    first = write(
        tmp_path / "1.parquet",
        (segment("meta", "0/0", 0, 5), segment("negative", "0/1", 0, 7, 4.0), segment("negative", "1/0", 1, 11, 3.0)),
        (segment("meta", "0/0", 1, 5),),
    )
    second = write(tmp_path / "2.parquet", (segment("meta", "0/1", 0, 5), segment("negative", "1/0", 1, 13, 1.0)))
    counted = tally([first, second], store)
    assert (counted.meta, counted.negative) == (3, 3)
    assert (counted.distinct_negatives, counted.largest_reuse) == (2, 2)
    assert counted.reuse_gini == round((-1 * 1 + 1 * 2) / (2 * 3), 4)
    assert counted.score_quantiles == {"0%": 1.0, "25%": 2.0, "50%": 3.0, "75%": 3.5, "100%": 4.0}
    assert counted.negative_tokens == {"source 0": 7, "source 1": 24}


def test_without_a_store_nobody_says_where_negatives_are_from(tmp_path: Path) -> None:
    """Everything else is counted all the same, and rows without negatives give zeros."""
    file = write(tmp_path / "1.parquet", (segment("meta", "0/0", 0, 5), segment("negative", "1/0", 1, 13, 1.0)))
    assert tally([file]).negative_tokens == {}
    nothing = tally([write(tmp_path / "2.parquet", (segment("meta", "0/0", 0, 5),))])
    assert (nothing.meta, nothing.negative, nothing.largest_reuse, nothing.reuse_gini) == (1, 0, 0, 0.0)
    assert nothing.score_quantiles == {}


def test_sources_are_told_of_every_part(tmp_path: Path) -> None:
    """Documents of any part are found, and one that is nowhere has no source."""
    store = make_store(tmp_path / "store", [[["a"]], [], [["b"], ["c"]]])
    asked = pa.array(["2/1", "nowhere", "0/0", "2/1"])
    assert store.sources_of(asked).to_pylist() == ["source 2", None, "source 0", "source 2"]
