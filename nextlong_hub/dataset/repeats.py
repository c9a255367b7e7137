"""What rows repeat of themselves, from the unit that makes them to the manifest.

A unit holds more rows than are published, and need not hold their tokens, so each of its rows carries its own counts in
a column that no published file has. Whoever publishes rows adds up theirs.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.config_record import RepeatRecord
from nextlong_hub.method.repeats import COUNTS, RUN_TOKENS, count_repeats
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import PackedRow, Sample

_NUMBERS = int(np.prod(COUNTS))

REPEATS = pa.field("repeats", pa.list_(pa.int32(), _NUMBERS))
"""The column of a unit's file with what `count_repeats` counts of each row, which is one document."""


def with_repeats(table: pa.Table, rows: Sequence[Sample] | Sequence[PackedRow], recipe: Recipe) -> pa.Table:
    """The rows of a unit as a table, with the column `REPEATS`."""
    counts = count_repeats([text_tokens(row.input_ids, recipe) for row in rows]).astype(np.int32)
    return table.append_column(REPEATS, pa.FixedSizeListArray.from_arrays(pa.array(counts.ravel()), _NUMBERS))


def text_tokens(ids: NDArray[np.integer], recipe: Recipe) -> NDArray[np.integer]:
    """The ids of a document without the special tokens that its recipe puts around them. Shape: (tokens,)."""
    return ids[int(recipe.add_bos_token) : len(ids) - int(recipe.add_eos_token)]


def total_repeats(tables: Iterable[pa.Table]) -> tuple[int, ...]:
    """The counts of all rows of units together, flat."""
    total = np.zeros(_NUMBERS, np.int64)
    for table in tables:
        column = table[REPEATS.name].combine_chunks()
        total += pc.list_flatten(column).to_numpy().reshape(-1, _NUMBERS).sum(axis=0, dtype=np.int64)
    return tuple(total.tolist())


def repeat_records(counts: Iterable[Sequence[int]]) -> tuple[RepeatRecord, ...]:
    """What the manifest says of the counts of several shards, each as `total_repeats` gives them."""
    total = np.zeros(_NUMBERS, np.int64)
    for one in counts:
        total += np.array(one, np.int64)
    return tuple(
        RepeatRecord(run_tokens=run_tokens, runs=runs, near=near, farther=farther, far=far)
        for run_tokens, (runs, near, farther, far) in zip(RUN_TOKENS, total.reshape(COUNTS).tolist(), strict=True)
    )
