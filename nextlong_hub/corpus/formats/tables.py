"""Readers of columnar data: Parquet, Arrow IPC, and `datasets` by name or in memory.

Only the columns that are needed are read, a batch at a time; a damaged row group costs itself and nothing after it.
"""

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.corpus.formats.lines import Opener, damage_reason, is_damage
from nextlong_hub.corpus.pieces import Fault, Piece
from nextlong_hub.corpus.rows import (
    Columns,
    columns_of,
    document_of_object,
    documents_of_table,
    place_of,
    without_surrogates,
)
from nextlong_hub.hub.files import open_dataset
from nextlong_hub.records import Document

_BATCH_BYTES = 8 << 20
_MOST_BATCH_ROWS = 4096
_DATASET_BATCH_ROWS = 256
_DAMAGE = (OSError, pa.ArrowInvalid)


def read_parquet(piece: Piece, opener: Opener) -> Iterator[Document | Fault]:
    """Read the row groups of a piece in order, verifying page checksums where the file has them."""
    with opener(piece.location) as handle:
        try:
            # Ahead of a slow connection it pays to fetch a whole row group; from a disk it only costs memory.
            is_remote = piece.location.startswith("hf://")
            file = pq.ParquetFile(handle, page_checksum_verification=True, pre_buffer=is_remote)
        except _DAMAGE as error:
            yield _damage(error, piece.location)
            return
        columns = columns_of(file.schema_arrow, piece)
        first, stop = piece.row_groups or (0, file.num_row_groups)
        row = piece.first_row
        for group in range(first, stop):
            yield from _read_row_group(file, group, columns, piece, row)
            row += file.metadata.row_group(group).num_rows


def read_arrow(piece: Piece, opener: Opener) -> Iterator[Document | Fault]:
    """Read an Arrow IPC file or stream, such as `Dataset.save_to_disk` writes."""
    with opener(piece.location) as handle:
        row = 0
        try:
            schema, batches = _open_arrow(handle)
            columns = columns_of(schema, piece)
            for batch in batches:
                wanted = batch.select(columns.names)
                _require_sound(wanted)
                yield from documents_of_table(wanted, columns, piece, row)
                row += batch.num_rows
        except _DAMAGE as error:
            yield _damage(error, f"{piece.location}, after row {row - 1}" if row else piece.location)


def read_hub_dataset(piece: Piece) -> Iterator[Document | Fault]:
    """Stream one shard of a Hub dataset."""
    index, shards = piece.shard or (0, 1)
    rows = open_dataset(piece.location, piece.config, piece.split, piece.revision)
    yield from _read_dataset(rows.shard(num_shards=shards, index=index), piece)


def read_memory(piece: Piece, dataset: Any) -> Iterator[Document | Fault]:
    """Read a `datasets.Dataset`, or the rows of an `IterableDataset`, which may hold anything Python can."""
    if hasattr(dataset, "num_rows"):
        yield from _read_dataset(dataset, piece)
        return
    for number, row in enumerate(dataset):
        yield without_surrogates(document_of_object(row, piece, "row", number), place_of(piece, "row", number))


def _read_row_group(
    file: pq.ParquetFile, group: int, columns: Columns, piece: Piece, first_row: int
) -> Iterator[Document | Fault]:
    metadata = file.metadata.row_group(group)
    row_bytes = max(1, metadata.total_byte_size // max(1, metadata.num_rows))
    batch_rows = min(_MOST_BATCH_ROWS, max(1, _BATCH_BYTES // row_bytes))
    row = first_row
    try:
        for batch in file.iter_batches(batch_rows, row_groups=[group], columns=columns.names, use_threads=False):
            yield from documents_of_table(batch, columns, piece, row)
            row += batch.num_rows
    except _DAMAGE as error:
        yield _damage(error, f"{piece.location}, row group {group} from row {row}")


def _read_dataset(dataset: Any, piece: Piece) -> Iterator[Document | Fault]:
    columns: Columns | None = None
    row = 0
    for table in dataset.with_format("arrow").iter(batch_size=_DATASET_BATCH_ROWS):
        columns = columns or columns_of(table.schema, piece)
        yield from documents_of_table(table.select(columns.names), columns, piece, row)
        row += table.num_rows


def _open_arrow(handle: IO[bytes]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    is_file = handle.read(6) == b"ARROW1"
    handle.seek(0)
    if is_file:
        reader = pa.ipc.open_file(handle)
        return reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches))
    stream = pa.ipc.open_stream(handle)
    return stream.schema, iter(stream)


def _require_sound(batch: pa.RecordBatch) -> None:
    """Refuse offsets that point outside their text: nothing after this looks at them again.

    As bytes, so that a string which is not UTF-8 stays the fault of its own row.
    """
    batch.validate()
    for column in batch.columns:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        (column.cast(pa.large_binary()) if is_text else column).validate(full=True)


def _damage(error: Exception, place: str) -> Fault:
    """Turn damage into a fault; anything else, such as a failing disk or network, goes on as the error it is."""
    if not is_damage(error):
        raise error
    return Fault(damage_reason(error), place, str(error).strip().replace("\n", " "))
