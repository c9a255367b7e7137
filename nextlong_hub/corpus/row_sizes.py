"""How large the rows of a table become as Python values, and which of them are read together."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.corpus.columns import Columns, is_text, values_of

_TOGETHER_BYTES = 16 << 20


def row_bytes(table: pa.RecordBatch | pa.Table, columns: Columns) -> NDArray[np.int64]:
    """Bytes of the strings that are read of each row; of a record those of its row. Shape: (rows,).

    An entry of a dictionary counts for each row that names it.
    """
    if columns.record:
        return _of_records(table)
    sizes = np.zeros(table.num_rows, np.int64)
    for path in (columns.text, columns.id, columns.source, columns.license):
        if path:
            sizes += _lengths(values_of(table, path))
    return sizes


def together(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First row and one past the last of each run of rows that is made of Python values at once.

    A table of a few huge documents must not be held twice.
    """
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _TOGETHER_BYTES, side="right")))
        yield start, stop
        start = stop


def _of_records(table: pa.RecordBatch | pa.Table) -> NDArray[np.int64]:
    rows = table.num_rows
    sizes = np.zeros(rows, np.int64)
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            sizes += _lengths(column)
    if table.nbytes <= _TOGETHER_BYTES:
        sizes += table.nbytes // max(1, rows)
        return sizes
    sizes += np.fromiter((table.slice(row, 1).nbytes for row in range(rows)), np.int64, rows)
    return sizes


def _lengths(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    if isinstance(column, pa.ChunkedArray):
        return np.concatenate([np.zeros(0, np.int64), *map(_lengths, column.chunks)])
    if pa.types.is_dictionary(column.type):
        of_entries = np.append(_lengths(column.dictionary), 0)
        entries = column.indices.fill_null(len(of_entries) - 1).to_numpy().astype(np.int64)
        return np.asarray(of_entries[entries], np.int64)
    if not is_text(column.type):
        return np.zeros(len(column), np.int64)
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        column = column.cast(pa.large_binary())
    return np.asarray(pc.fill_null(pc.binary_length(column), 0), np.int64)
