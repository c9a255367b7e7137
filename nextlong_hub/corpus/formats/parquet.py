"""Parquet: only the columns that are needed are read; a damaged row group costs itself and nothing after it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from typing import NamedTuple

import pyarrow.parquet as pq

from nextlong_hub.corpus.columns import SOURCE_COLUMN, Columns, columns_of
from nextlong_hub.corpus.formats.base import CorpusFormat, PieceLimits, Results, Stratum, TextsOf
from nextlong_hub.corpus.formats.bounds import TooLarge, Unpacked
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault, is_damage
from nextlong_hub.corpus.formats.measuring import stratum_of
from nextlong_hub.corpus.formats.parquet_pages import rows_at_once
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.reading import open_any, source_errors
from nextlong_hub.corpus.rows import documents_of_table

_BATCH_BYTES = 8 << 20
_MOST_BATCH_ROWS = 4096
_FOOTERS_AT_ONCE = 8
_CHUNK_BYTES = 64 << 20
"""A column of a row group is read as a whole up to this many bytes, packed as it is, and a longer one bit by bit."""
_BUFFER_BYTES = 1 << 20
_LENGTH_BYTES = 4
"""Plain Parquet encoding puts so many bytes before each string."""


def read(piece: Piece) -> Results:
    """Read the row groups of a piece in order, verifying page checksums where the file has them."""
    with open_any(piece.address) as handle:
        size = handle.seek(0, 2)
        unpacked = Unpacked(lambda: size)
        try:
            metadata = pq.read_metadata(handle)
            # Ahead of a slow connection it pays to fetch a whole row group; from a disk it only costs memory.
            is_small = _largest_chunk(metadata) <= _CHUNK_BYTES
            file = pq.ParquetFile(
                handle,
                metadata=metadata,
                page_checksum_verification=True,
                pre_buffer=is_small and "://" in piece.location,
                buffer_size=0 if is_small else _BUFFER_BYTES,
            )
            unpacked.add(metadata.num_rows)
        except READ_ERRORS as error:
            yield damage_fault(error, piece.location)
            return
        first, stop = piece.row_groups or (0, file.num_row_groups)
        columns = columns_of(file.schema_arrow, piece)
        if isinstance(columns, BadDocument):
            yield from repeat(columns, sum(file.metadata.row_group(n).num_rows for n in range(first, stop)))
            return
        row = piece.first_row
        for group in range(first, stop):
            yield ReadingNotes(columns=_filled(file.metadata.row_group(group), set(columns.unused)))
            yield from _read_row_group(_Open(file, columns, unpacked), group, piece, row)
            row += file.metadata.row_group(group).num_rows


def split(files: Sequence[Piece], bytes_of: Mapping[str, int], limits: PieceLimits) -> list[Piece]:
    """Split large files into ranges of row groups; several footers are fetched at once."""

    def parts_of(piece: Piece) -> list[Piece]:
        return _split_row_groups(piece, limits.bytes) if bytes_of[piece.name] > limits.bytes else [piece]

    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        return [part for parts in pool.map(parts_of, files) for part in parts]


def measure(pieces: Sequence[Piece], texts_of: TextsOf) -> Iterator[Stratum]:
    """One stratum a row group: a footer knows its rows and the bytes of its text."""
    for piece in pieces:
        for part, documents, size in _row_groups(piece, texts_of):
            yield stratum_of(part, documents, size, texts_of)


class _Open(NamedTuple):
    """A file that is read."""

    file: pq.ParquetFile
    columns: Columns
    unpacked: Unpacked


def _largest_chunk(metadata: pq.FileMetaData) -> int:
    """Bytes of the largest column of a row group."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    chunks = (group.column(number) for group in groups for number in range(group.num_columns))
    return max((chunk.total_compressed_size for chunk in chunks), default=0)


def _read_row_group(opened: _Open, group: int, piece: Piece, first_row: int) -> Results:
    file, columns, unpacked = opened
    metadata = file.metadata.row_group(group)
    row_bytes = max(1, metadata.total_byte_size // max(1, metadata.num_rows))
    batch_rows = min(_MOST_BATCH_ROWS, max(1, _BATCH_BYTES // row_bytes))
    row = first_row
    try:
        if "://" not in piece.location:  # elsewhere, a request for each page would take longer than the pages
            with open_any(piece.address) as handle:
                batch_rows = rows_at_once(file, group, columns.paths, handle, batch_rows)
        for batch in file.iter_batches(batch_rows, row_groups=[group], columns=columns.paths, use_threads=False):
            yield from documents_of_table(batch, columns, piece, row, unpacked)
            row += batch.num_rows
    except TooLarge as error:
        yield BadDocument(BadReason.TOO_LONG, f"{piece.location}, row group {group}", str(error))
    except READ_ERRORS as error:
        yield damage_fault(error, f"{piece.location}, row group {group} from row {row}")


def _filled(group: pq.RowGroupMetaData, names: set[str]) -> Counter[str]:
    """How many rows have a value in each of the columns, as a footer says; where it says nothing, all of them."""
    counts: Counter[str] = Counter()
    for number in range(group.num_columns):
        column = group.column(number)
        path = column.path_in_schema
        name = next((name for name in names if path == name or path.startswith(f"{name}.")), "")
        below = path != name
        if name and name not in counts:
            statistics = column.statistics if not below and column.is_stats_set else None
            nulls = statistics.null_count if statistics is not None and statistics.has_null_count else 0
            counts[name] = group.num_rows - nulls
    return +counts


def _split_row_groups(piece: Piece, piece_bytes: int) -> list[Piece]:
    """Close a piece once its columns reach `piece_bytes`; a damaged footer stays for `read` to refuse."""
    with source_errors(piece), open_any(piece.address) as handle:
        try:
            metadata = pq.read_metadata(handle)
        except READ_ERRORS as error:
            if not is_damage(error):
                raise
            return [piece]
    wanted = {*(piece.record_columns or [piece.text_column.partition(".")[0]]), piece.id_column, SOURCE_COLUMN}
    parts: list[Piece] = []
    first = first_row = row = size = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(index) for index in range(group.num_columns))
        size += sum(
            column.total_compressed_size for column in columns if column.path_in_schema.partition(".")[0] in wanted
        )
        row += group.num_rows
        if size >= piece_bytes or number == metadata.num_row_groups - 1:
            parts.append(replace(piece, row_groups=(first, number + 1), first_row=first_row))
            first, first_row, size = number + 1, row, 0
    return parts


def _row_groups(piece: Piece, texts_of: TextsOf) -> Iterator[tuple[Piece, int, int]]:
    """Each row group, with its rows and the bytes of its text."""
    with source_errors(piece), open_any(piece.address) as handle:
        try:
            metadata = pq.read_metadata(handle)
        except READ_ERRORS:
            list(texts_of(piece))  # says what is wrong with the file
            raise
    first, stop = piece.row_groups or (0, metadata.num_row_groups)
    row = piece.first_row
    for number in range(first, stop):
        group = metadata.row_group(number)
        columns = (group.column(index) for index in range(group.num_columns))
        size = sum(one.total_uncompressed_size for one in columns if one.path_in_schema == piece.text_column)
        part = replace(piece, row_groups=(number, number + 1), first_row=row)
        yield part, group.num_rows, max(0, size - _LENGTH_BYTES * group.num_rows)
        row += group.num_rows


FORMAT = CorpusFormat(name="parquet", suffixes=(".parquet",), read=read, split=split, measure=measure)
