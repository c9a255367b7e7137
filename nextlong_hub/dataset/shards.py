"""Rows become Arrow tables, and tables become Parquet files: the shards of a dataset.

Each file is encoded in memory and written whole: zstd, page index, page checksums (without them 194 of 200 flipped bits
are read back as other data), and row groups small enough for the Hub's viewer and for a streaming reader.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub.core.files import write_bytes
from nextlong_hub.dataset.row_digest import RowDigest
from nextlong_hub.dataset.schema import (
    COLUMNS,
    DOCUMENT_LENGTHS,
    LOSS_MASK,
    Column,
    current_names,
    row_schema,
    stored_names,
)
from nextlong_hub.errors import DataError
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import PackedRow, Sample

_COMPUTED: Mapping[str, Callable[[Any], Any]] = {
    LOSS_MASK: lambda row: np.ones(len(row.input_ids), np.int8) if row.loss_mask is None else row.loss_mask,
    "token_count": lambda row: len(row.input_ids),
    DOCUMENT_LENGTHS: lambda row: np.array([document.tokens for document in row.documents], np.int32),
}
"""The value of each column that is not the field of the same name of the row's record."""

_CHUNKING = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}
"""Page borders that follow the content: after a rebuild the Hub stores only the pages that changed."""
_CHUNKING_KEY = "content_defined_chunking"
"""Metadata of a file by which `datasets` says so, and its values as JSON."""

COMPRESSION_LEVEL = 6
"""Of zstd: files are 17 % smaller than at level 1 for .08 CPU-seconds a million tokens, and are read as fast. Level 9
saves 3 % more for half as much time again."""
_UNIT_COMPRESSION_LEVEL = 1
"""Of files that are read once."""


def to_table(samples: Sequence[Sample], *, tokens: bool) -> pa.Table:
    """Samples as a table of rows, arrays built from NumPy rather than from Python lists (12 times faster)."""
    return _table(samples, row_schema(tokens=tokens))


def to_packed_table(rows: Sequence[PackedRow], *, tokens: bool, masked: bool, inputs: bool = False) -> pa.Table:
    """Packed rows as a table; with `masked`, a row that has no mask gives loss everywhere."""
    return _table(rows, row_schema(tokens=tokens, packed=True, masked=masked, inputs=inputs))


def _table(rows: Sequence[Sample] | Sequence[PackedRow], schema: pa.Schema) -> pa.Table:
    arrays = [_array(column, rows) for column in COLUMNS if column.name in schema.names]
    return pa.table(arrays, schema=schema)


def _array(column: Column, rows: Sequence[Sample] | Sequence[PackedRow]) -> pa.Array:
    """The values of one column."""
    values = [*map(_COMPUTED.get(column.name, attrgetter(column.name)), rows)]
    if not column.is_list:
        return pa.array(values, column.type)
    if pa.types.is_string(column.type.value_type):
        return pa.array(values, column.type)
    flat = _numbers(values, column.type) if column.struct is None else _structs(values, column.struct)
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *map(len, values)]), pa.int32()), flat)


def _numbers(rows: Sequence[NDArray[Any]], kind: pa.ListType) -> pa.Array:
    """The numbers of all rows, one after the other."""
    return pa.array(np.concatenate([np.zeros(0, kind.value_type.to_pandas_dtype()), *rows]))


def _structs(rows: Sequence[Sequence[Any]], kind: pa.StructType) -> pa.StructArray:
    """The records of all rows, one after the other; they have a field for each of the struct's."""
    flat = [record for row in rows for record in row]
    fields = [pa.array([getattr(record, field.name) for record in flat], field.type) for field in kind]
    return pa.StructArray.from_arrays(fields, fields=list(kind))


def write_table(path: Path, table: pa.Table, settings: OutputSettings) -> str:
    """Write `table` as one Parquet file, whole or not at all; returns the digest of its rows, see `row_digest`.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    return write_tables(path, [table], table.schema, settings)


def write_unit(path: Path, table: pa.Table, settings: OutputSettings) -> None:
    """Write rows that are read once, to be put into shards: with the least work. See `write_table`."""
    _write(path, [table], table.schema, settings, compression_level=_UNIT_COMPRESSION_LEVEL)


def write_tables(path: Path, tables: Iterable[pa.Table], columns: pa.Schema, settings: OutputSettings) -> str:
    """Write tables as one Parquet file, one after the other, each in row groups of its own; see `write_table`."""
    digest = RowDigest()

    def digested() -> Iterator[pa.Table]:
        for table in tables:
            digest.update(table)
            yield table

    _write(
        path,
        digested(),
        columns,
        settings,
        {_CHUNKING_KEY: json.dumps(_CHUNKING)},
        compression_level=COMPRESSION_LEVEL,
        write_page_index=True,
        use_content_defined_chunking=_CHUNKING,
    )
    return digest.hexdigest()


def _write(
    path: Path,
    tables: Iterable[pa.Table],
    columns: pa.Schema,
    settings: OutputSettings,
    metadata: Mapping[str, str] | None = None,
    **options: Any,
) -> None:
    """Write tables as one Parquet file with these options of Arrow's writer."""
    # Encoded into memory first: with a full disk the Parquet writer can abort the whole process instead of raising.
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        columns.remove_metadata(),  # of the file that a table was read from
        compression="zstd",
        # A dictionary of token ids is larger than what zstd saves by it, and four times slower to read.
        use_dictionary=[path for column in COLUMNS if column.name in columns.names for path in column.dictionary],
        write_page_checksum=True,
        **options,
    ) as writer:
        for table in tables:
            for start, stop in row_groups(table, settings.row_group_bytes):
                writer.write_table(table.slice(start, stop - start), row_group_size=stop - start)
        if metadata:
            writer.add_key_value_metadata(metadata)
    write_bytes(path, memoryview(sink.getvalue()))


def row_groups(table: pa.Table, row_group_bytes: int) -> Iterator[tuple[int, int]]:
    """Row ranges of at most `row_group_bytes` of text and tokens each, one row at least."""
    start = 0
    size = 0
    for row, row_bytes in enumerate(row_sizes(table)):
        if row > start and size + row_bytes > row_group_bytes:
            yield start, row
            start, size = row, 0
        size += row_bytes
    if table.num_rows > start:
        yield start, table.num_rows


def row_sizes(table: pa.Table) -> list[int]:
    """Bytes of text and of all that is stored for each token, row by row."""
    sizes = pc.binary_length(table["text"])
    for column in COLUMNS:
        if column.per_token and column.name in table.column_names:
            width = column.type.value_type.byte_width
            sizes = pc.add(sizes, pc.multiply(pc.list_value_length(table[column.name]), width))
    return list(sizes.to_pylist())


def writer_of(path: Path) -> str:
    """The program that wrote a Parquet file, with its version, as the file says.

    Raises:
        OSError, pyarrow.ArrowException: it cannot be read.
    """
    return str(pq.read_metadata(path).created_by)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one of our Parquet files, every page checked; columns have the names of today.

    Raises:
        DataError: the file is not Parquet, or a page does not match its checksum.
    """
    try:
        # `pq.read_table` waits for ever where the system gives it no thread; here one reads.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            stored = stored_names(file.schema_arrow.names)
            wanted = None if columns is None else [stored.get(name, name) for name in columns]
            table = file.read(wanted, use_threads=False)
            table = table.rename_columns(current_names(table.column_names))
            return table if columns is None else table.select(columns)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the build again to make it anew") from error
