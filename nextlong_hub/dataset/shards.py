"""Samples become rows of Parquet files; the schema of a published row lives here.

Each file is encoded in memory and written whole: zstd, page index, page checksums (without them 194 of 200 flipped bits
are read back as other data), and row groups small enough for the Hub's viewer and for a streaming reader.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub.core.files import write_bytes
from nextlong_hub.dataset.schema import _REPEATING, DOCUMENT_TYPE, SEGMENT_TYPE, row_schema
from nextlong_hub.errors import DataError
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import PackedDocument, PackedRow, Sample, Segment


def to_table(samples: Sequence[Sample], *, tokens: bool) -> pa.Table:
    """Samples as a table of rows, arrays built from NumPy rather than from Python lists (12 times faster)."""
    columns: dict[str, Any] = {
        "meta_document": [sample.meta_document for sample in samples],
        "source": [sample.source for sample in samples],
    }
    return _table(samples, columns, row_schema(tokens=tokens))


def to_packed_table(rows: Sequence[PackedRow], *, tokens: bool, masked: bool) -> pa.Table:
    """Packed rows as a table; with `masked`, a row that has no mask gives loss everywhere."""
    columns: dict[str, Any] = {
        "document_lengths": [[document.tokens for document in row.documents] for row in rows],
        "documents": _structs([row.documents for row in rows], DOCUMENT_TYPE),
    }
    if masked:
        masks = [np.ones(len(row.input_ids), np.int8) if row.loss_mask is None else row.loss_mask for row in rows]
        columns["loss_mask"] = _lists(masks, np.int8)
    return _table(rows, columns, row_schema(tokens=tokens, packed=True, masked=masked))


def _table(rows: Sequence[Sample] | Sequence[PackedRow], columns: dict[str, Any], wanted: pa.Schema) -> pa.Table:
    """The columns that every kind of row has, and `columns`, in the order of `wanted`."""
    columns |= {
        "id": [row.id for row in rows],
        "text": [row.text for row in rows],
        "token_count": [len(row.input_ids) for row in rows],
        "segments": _structs([row.segments for row in rows], SEGMENT_TYPE),
    }
    if "input_ids" in wanted.names:
        columns["input_ids"] = _lists([row.input_ids for row in rows], np.int32)
    return pa.table({name: columns[name] for name in wanted.names}, schema=wanted)


def write_table(path: Path, table: pa.Table, settings: OutputSettings) -> None:
    """Write `table` as one Parquet file, whole or not at all.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    write_tables(path, [table], table.schema, settings)


def write_tables(path: Path, tables: Iterable[pa.Table], columns: pa.Schema, settings: OutputSettings) -> None:
    """Write tables as one Parquet file, one after the other, each in row groups of its own; see `write_table`."""
    # Encoded into memory first: with a full disk the Parquet writer can abort the whole process instead of raising.
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        columns,
        compression="zstd",
        # A dictionary of token ids is larger than what zstd saves by it, and four times slower to read.
        use_dictionary=[name for name in _REPEATING if name.partition(".")[0] in columns.names],
        write_page_index=True,
        # Page borders that follow the content: after a rebuild the Hub stores only the pages that changed.
        use_content_defined_chunking=True,
        write_page_checksum=True,
    ) as writer:
        for table in tables:
            for start, stop in row_groups(table, settings.row_group_bytes):
                writer.write_table(table.slice(start, stop - start), row_group_size=stop - start)
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
    """Bytes of text and tokens, and of their mask, in each row."""
    token_bytes = 4 * ("input_ids" in table.column_names) + ("loss_mask" in table.column_names)
    sizes: list[int] = pc.add(
        pc.binary_length(table["text"]), pc.multiply(table["token_count"], token_bytes)
    ).to_pylist()
    return sizes


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one of our Parquet files, every page checked.

    Raises:
        DataError: the file is not Parquet, or a page does not match its checksum.
    """
    try:
        return pq.read_table(path, columns=columns, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the build again to make it anew") from error


def _structs(
    rows: Sequence[Sequence[Segment]] | Sequence[Sequence[PackedDocument]], kind: pa.StructType
) -> pa.ListArray:
    """A list of structs for each row; the records have a field for each of the struct's."""
    flat = [record for row in rows for record in row]
    columns = [pa.array([getattr(record, field.name) for record in flat], field.type) for field in kind]
    values = pa.StructArray.from_arrays(columns, fields=list(kind))
    return pa.ListArray.from_arrays(_offsets([len(row) for row in rows]), values)


def _lists(rows: Sequence[NDArray[Any]], kind: type[np.integer[Any]]) -> pa.ListArray:
    """A list of integers for each row."""
    values = np.concatenate([np.zeros(0, kind), *rows])
    return pa.ListArray.from_arrays(_offsets([len(row) for row in rows]), pa.array(values))


def _offsets(lengths: Sequence[int]) -> pa.Array:
    return pa.array(np.cumsum([0, *lengths]), pa.int32())
