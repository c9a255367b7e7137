"""How often on end a few tokens stand in rows, from the unit that makes them to the manifest.

Each row of a unit carries the count of its own tokens in a column that no published file has: it costs the published
rows nothing, and whoever trains without such a rule reads nothing of it. Whoever publishes rows counts them by bands.
A packed row is one instance to a trainer: where its tokens are published it is counted as a whole, borders of documents
included, else it has what its documents have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.config_record import ConfigRecord, OnEndRecord
from nextlong_hub.method.periods import TIMES_MASKED, most_times_each
from nextlong_hub.records import PackedRow, Sample

MOST_TIMES = pa.field("most_times", pa.int32())
"""The column of a unit's file with what `most_times` counts of each row, which is one document."""

BANDS = (1, 3, 8, 16, TIMES_MASKED, 64, 128, 256)
"""Least counts of the bands in which rows are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnEndCounts:
    """What some rows repeat on end."""

    most_times: int
    """In any row; 0 without rows."""
    bands: tuple[int, ...]
    """Rows in each of `BANDS`."""

    @classmethod
    def of(cls, times: NDArray[np.integer]) -> "OnEndCounts":
        """Those of rows in which a few tokens stand so often on end. Shape: (rows,)."""
        places = np.searchsorted(np.array(BANDS), times, side="right") - 1
        return cls(
            most_times=int(times.max(initial=0)), bands=tuple(np.bincount(places, minlength=len(BANDS)).tolist())
        )

    @classmethod
    def total(cls, counts: Iterable["OnEndCounts"]) -> "OnEndCounts":
        """Those of all rows together."""
        known = list(counts)
        return cls(
            most_times=max((one.most_times for one in known), default=0),
            bands=tuple(sum(one.bands[place] for one in known) for place in range(len(BANDS))),
        )

    def record(self) -> OnEndRecord:
        """What the manifest says of them."""
        told = {str(least): rows for least, rows in zip(BANDS, self.bands, strict=True) if rows}
        masked = sum(rows for least, rows in zip(BANDS, self.bands, strict=True) if least >= TIMES_MASKED)
        return OnEndRecord(most_times=self.most_times, rows=told, masked_rows=masked)


def with_most_times(table: pa.Table, rows: Sequence[Sample] | Sequence[PackedRow]) -> pa.Table:
    """The rows of a unit as a table, with the column `MOST_TIMES`."""
    times = most_times_each([row.input_ids for row in rows])
    return table.append_column(MOST_TIMES, pa.array(times.astype(np.int32)))


def times_of_rows(table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    """What is counted of rows that have their `input_ids`. Shape: (rows,)."""
    column = table["input_ids"]
    ids = np.asarray(pc.fill_null(pc.list_flatten(column), 0))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    return most_times_each(np.split(ids, np.cumsum(lengths)[:-1]) if len(lengths) else [])


def masked_sentence(record: ConfigRecord) -> str:
    """Which rows some trainers take out of the loss, as a sentence about them; empty where none or unknown."""
    if record.on_end is None or not record.on_end.masked_rows:
        return ""
    return (
        f"{record.on_end.masked_rows:,} of {record.rows:,} rows hold 1 to 13 tokens 32 times on end, up to "
        f"{record.on_end.most_times:,} times: OLMo-core and MaxText leave such a row out of the loss"
    )
