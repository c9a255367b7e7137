"""Parquet for trainers: shards closed by size, row groups small enough to stream, every page with a checksum."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub.dataset.shards import COMPRESSION_LEVEL
from nextlong_hub.exports.base import ReadDocument
from nextlong_hub.exports.export_rows import IGNORED_LABEL
from nextlong_hub.exports.writer import ExportWriter

SHARD_BYTES = 1 << 27

_ROW_GROUP_BYTES = 1 << 25

RowColumns = Mapping[str, NDArray[np.int32] | Sequence[int] | str]
"""The values of one row."""


def write_shards(rows: Iterable[RowColumns], schema: pa.Schema, writer: ExportWriter, shard_bytes: int) -> None:
    """Write rows into `data/train-00000.parquet` and so on; memory holds one encoded shard and one row group.

    Args:
        rows: one at a time.
        schema: their columns: lists of int32, or text.
        writer: writes the files.
        shard_bytes: size of the values from which a file is closed.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    for number, shard in enumerate(_groups(rows, shard_bytes)):
        # Encoded into memory first: with a full disk the Parquet writer can abort the whole process instead of raising.
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(
            sink,
            schema,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            use_dictionary=False,  # of token ids it is larger than what zstd saves by it
            write_page_index=True,
            write_page_checksum=True,
        ) as file:
            for group in _groups(shard, min(_ROW_GROUP_BYTES, shard_bytes)):
                table = _table(list(group), schema)
                file.write_table(table, row_group_size=table.num_rows)
        writer.put(f"data/train-{number:05d}.parquet", memoryview(sink.getvalue()))


def read_columns(folder: Path, columns: Sequence[str]) -> Iterator[list[NDArray[np.int32]]]:
    """The lists of each row, in the order of `columns`, of all files that `write_shards` has written.

    Raises:
        KeyError: a column is missing.
    """
    for path in sorted((folder / "data").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1, columns=list(columns)):
            yield [np.asarray(batch.column(name)[0].values.to_numpy(), np.int32) for name in columns]


def document_of_labels(input_ids: NDArray[np.int32], labels: NDArray[np.int32]) -> ReadDocument:
    """A document that is read back from tokens and labels.

    Raises:
        ValueError: a label is neither its token nor -100.
    """
    mask = labels != IGNORED_LABEL
    if len(labels) != len(input_ids) or (labels[mask] != input_ids[mask]).any():
        raise ValueError("a label is neither its token nor -100")
    return ReadDocument(input_ids=input_ids, loss_mask=mask.astype(np.uint8))


def _groups(rows: Iterable[RowColumns], limit_bytes: int) -> Iterator[Iterator[RowColumns]]:
    """Group neighbouring rows up to `limit_bytes`, at least one row; consume each group before the next."""
    waiting = iter(rows)
    following = next(waiting, None)

    def group() -> Iterator[RowColumns]:
        nonlocal following
        size = 0
        while following is not None and (size == 0 or size + _bytes(following) <= limit_bytes):
            size += max(1, _bytes(following))
            row, following = following, next(waiting, None)
            yield row

    while following is not None:
        yield group()


def _bytes(row: RowColumns) -> int:
    return sum(len(value.encode()) if isinstance(value, str) else 4 * len(value) for value in row.values())


def _table(rows: Sequence[RowColumns], schema: pa.Schema) -> pa.Table:
    return pa.table([_column([row[field.name] for row in rows], field.type) for field in schema], schema=schema)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_list(kind):
        return pa.array(values, kind)
    offsets = np.cumsum([0, *map(len, values)])
    flat = np.concatenate([np.asarray(value, np.int32) for value in values])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat).cast(kind.value_type))
