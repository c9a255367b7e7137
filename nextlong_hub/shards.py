"""Samples become rows of Parquet files; the schema of a published row lives here.

Each file is encoded in memory and written whole: zstd, page index, page checksums (without them 194 of 200 flipped bits
are read back as other data), and row groups small enough for the Hub's viewer and for a streaming reader.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextlong_hub.errors import DataError
from nextlong_hub.files import write_bytes
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import Sample, Segment

SEGMENT_TYPE = pa.struct(
    [
        ("role", pa.string()),
        ("document", pa.string()),
        ("chunk", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
        ("rank", pa.int32()),
        ("score", pa.float32()),
    ]
)
"""One chunk's span inside a row: `records.Segment`, field by field."""

_COLUMNS = [
    pa.field("id", pa.string()),
    pa.field("text", pa.large_string()),
    pa.field("input_ids", pa.list_(pa.int32())),
    pa.field("token_count", pa.int32()),
    pa.field("meta_document", pa.string()),
    pa.field("source", pa.string()),
    pa.field("segments", pa.list_(SEGMENT_TYPE)),
]


def schema(*, tokens: bool) -> pa.Schema:
    """The columns of a row; without `tokens` there is no `input_ids`."""
    return pa.schema([field for field in _COLUMNS if tokens or field.name != "input_ids"])


def to_table(samples: Sequence[Sample], *, tokens: bool) -> pa.Table:
    """Samples as a table of rows, arrays built from NumPy rather than from Python lists (12 times faster)."""
    lengths = [len(sample.input_ids) for sample in samples]
    columns: dict[str, Any] = {
        "id": [sample.id for sample in samples],
        "text": [sample.text for sample in samples],
        "token_count": lengths,
        "meta_document": [sample.meta_document for sample in samples],
        "source": [sample.source for sample in samples],
        "segments": _segments([sample.segments for sample in samples]),
    }
    if tokens:
        flat = np.concatenate([np.zeros(0, np.int32), *(sample.input_ids for sample in samples)])
        columns["input_ids"] = pa.ListArray.from_arrays(_offsets(lengths), pa.array(flat, pa.int32()))
    wanted = schema(tokens=tokens)
    return pa.table({name: columns[name] for name in wanted.names}, schema=wanted)


def write_table(path: Path, table: pa.Table, settings: OutputSettings) -> None:
    """Write `table` as one Parquet file, whole or not at all.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    # Encoded into memory first: with a full disk the Parquet writer can abort the whole process instead of raising.
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        # A dictionary of token ids is larger than what zstd saves by it, and four times slower to read.
        use_dictionary=["meta_document", "source", "segments.list.element.role", "segments.list.element.document"],
        write_page_index=True,
        # Page borders that follow the content: after a rebuild the Hub stores only the pages that changed.
        use_content_defined_chunking=True,
        write_page_checksum=True,
    ) as writer:
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
    """Bytes of text and tokens in each row."""
    text_bytes = pc.binary_length(table["text"]).to_pylist()
    if "input_ids" not in table.column_names:
        return text_bytes  # type: ignore[no-any-return]
    return [text + 4 * tokens for text, tokens in zip(text_bytes, table["token_count"].to_pylist(), strict=True)]


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one of our Parquet files, every page checked.

    Raises:
        DataError: the file is not Parquet, or a page does not match its checksum.
    """
    try:
        return pq.read_table(path, columns=columns, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the build again to make it anew") from error


def _segments(rows: Sequence[Sequence[Segment]]) -> pa.ListArray:
    flat = [segment for row in rows for segment in row]
    values = pa.StructArray.from_arrays(
        [pa.array([getattr(s, field.name) for s in flat], field.type) for field in SEGMENT_TYPE],
        fields=list(SEGMENT_TYPE),
    )
    return pa.ListArray.from_arrays(_offsets([len(row) for row in rows]), values)


def _offsets(lengths: Sequence[int]) -> pa.Array:
    return pa.array(np.cumsum([0, *lengths]), pa.int32())
