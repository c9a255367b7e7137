"""How often on end a few tokens stand in rows, in bands."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.dataset.config_record import OnEndRecord
from nextlong_hub.dataset.on_end import OnEndCounts, times_of_rows


def test_rows_are_told_by_bands() -> None:
    """Each in the last band that it reaches; masked are those from 32 times on."""
    counts = OnEndCounts.of(np.array([1, 1, 3, 7, 8, 31, 32, 63, 64, 9_999]))
    assert counts.record() == OnEndRecord(
        most_times=9_999,
        rows={"1": 2, "3": 2, "8": 1, "16": 1, "32": 2, "64": 1, "256": 1},
        masked_rows=4,
    )


def test_no_row_is_no_count() -> None:
    """A shard without rows adds nothing."""
    assert OnEndCounts.total([OnEndCounts.of(np.array([], np.int64))]).record() == OnEndRecord(
        most_times=0, rows={}, masked_rows=0
    )


@given(st.lists(st.integers(1, 400), min_size=1), st.integers(0, 10))
def test_shards_add_up(times: list[int], border: int) -> None:
    """However rows are cut into shards, the same is told of them."""
    parts = [np.array(times[:border], np.int64), np.array(times[border:], np.int64)]
    assert OnEndCounts.total(map(OnEndCounts.of, parts)) == OnEndCounts.of(np.array(times))


def test_rows_of_any_table_are_counted() -> None:
    """Also in parts, where a row is empty, is null, or holds a null."""
    kind = pa.list_(pa.int32())
    parts = [pa.array([[5] * 40, []], kind), pa.array([None, [1, None, 1, None, 1, None]], kind)]
    table = pa.table({"input_ids": pa.chunked_array(parts)})
    assert times_of_rows(table).tolist() == [40, 1, 1, 3]
