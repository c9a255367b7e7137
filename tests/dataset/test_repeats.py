"""Repeats travel with the rows of a unit: whoever publishes some of them adds up exactly theirs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from nextlong_hub.dataset.config_record import RepeatRecord
from nextlong_hub.dataset.packing_plan import PackedRange
from nextlong_hub.dataset.repeats import repeat_records
from nextlong_hub.dataset.write_tasks import CopyRows, PackRows, ShardCounts, UnitRows, write_samples
from nextlong_hub.records import Discarded, Reason, Sample
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference


def sample(name: str, ids: Sequence[int]) -> Sample:
    """A sample with these ids."""
    return Sample(
        id=f"tiny/{name}",
        text=name,
        input_ids=np.array(ids, np.int32),
        meta_document=name,
        source="here",
        segments=(),
        truncated_tokens=0,
    )


RUN = list(range(8))
TWICE = [*RUN, *range(100, 110), *RUN]
FAR = [*RUN, *range(1000, 6000), *RUN]
SAMPLES = (sample("once", range(50)), sample("twice", TWICE), sample("far", FAR))


@pytest.mark.parametrize("tokens", [True, False])
def test_a_shard_counts_the_rows_that_it_publishes(tokens: bool, tmp_path: Path) -> None:
    """Of three rows the second and third are published, with their ids or without: only they are counted."""
    recipe = tiny_recipe(tokens=tokens)
    unit, shard = tmp_path / "unit.parquet", tmp_path / "shard.parquet"
    outcomes = [*SAMPLES, Discarded(meta_document="x", reason=Reason.BELOW_TARGET, tokens=3)]
    assert write_samples(unit, outcomes, recipe).kept == 3
    task = CopyRows(
        key="tiny-0",
        output=shard,
        rows=(UnitRows(unit=unit, rows=(1, 2)),),
        tokenizers=(TokenizerReference.of(load_tokenizer("demo")),),
        tokens=tokens,
        settings=recipe.output,
    )
    counts = task.run()
    long, longer = len(TWICE), len(FAR)
    assert repeat_records([counts.repeats]) == (
        RepeatRecord(run_tokens=8, runs=long + longer - 14, near=1, farther=0, far=1),
        RepeatRecord(run_tokens=32, runs=longer - 31, near=0, farther=0, far=0),
    )
    assert ("input_ids" in pq.read_schema(shard).names) is tokens
    assert "repeats" not in pq.read_schema(shard).names


def test_special_tokens_of_the_recipe_are_not_counted(tmp_path: Path) -> None:
    """Between BOS and EOS there are eight tokens: one run."""
    recipe = tiny_recipe(add_bos_token=True, add_eos_token=True)
    write_samples(tmp_path / "unit.parquet", [sample("framed", [9, *RUN, 9])], recipe)
    [[runs, *_, none]] = pq.read_table(tmp_path / "unit.parquet")["repeats"].to_pylist()
    assert (runs, none) == (1, 0)


@pytest.mark.parametrize("tokens", [True, False])
def test_documents_that_share_a_row_repeat_nothing_of_each_other(tokens: bool, tmp_path: Path) -> None:
    """Attention never leaves a document: the same document twice in a row counts what each repeats of itself."""
    recipe = tiny_recipe(tokens=tokens)
    units = {0: tmp_path / "unit-0.parquet", 1: tmp_path / "unit-1.parquet"}
    write_samples(units[0], SAMPLES, recipe)
    write_samples(units[1], [replace(SAMPLES[1], id="tiny/again"), *SAMPLES], recipe)
    np.save(tmp_path / "places.npy", np.array([[0, 0], [0, 1], [1, 0], [1, 3]], np.int32))
    counts: ShardCounts = PackRows(
        key="packed-0",
        output=tmp_path / "shard.parquet",
        units=units,
        places=tmp_path / "places.npy",
        range=PackedRange(start=1, groups=((2, 1),), first_row=0),
        config="packed",
        tokenizers=(TokenizerReference.of(load_tokenizer("demo")),),
        tokens=tokens,
        settings=recipe.output,
    ).run()
    assert (counts.rows, counts.documents) == (2, 3)
    [of_8, _] = repeat_records([counts.repeats])
    assert (of_8.near, of_8.farther, of_8.far) == (2, 0, 1)


def test_shards_are_added_up() -> None:
    """The manifest holds the sums of all shards."""
    [of_8, of_32] = repeat_records([(9, 1, 2, 3, 5, 0, 0, 1), (10, 0, 0, 1, 6, 1, 0, 0)])
    assert of_8 == RepeatRecord(run_tokens=8, runs=19, near=1, farther=2, far=4)
    assert of_32 == RepeatRecord(run_tokens=32, runs=11, near=1, farther=0, far=1)
