"""How large the pages of a Parquet file are, and how many rows of it may be read at once.

A footer tells the size of a row group as it is encoded. A dictionary makes gigabytes of it: one long text that a
million rows share. Only the headers of the pages say how many rows are of which kind, so they are read first, and
nothing between them.
"""

from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextlong_hub.corpus.formats.bounds import MOST_PAGE_BYTES, TooLarge

_MOST_AT_ONCE_BYTES = 128 << 20
"""Bytes of text in a batch of rows; the longest of them may be longer."""
_HEADER_BYTES = 1 << 12
_MOST_HEADER_BYTES = 1 << 24
_DICTIONARY_PAGE, _DATA_PAGE, _DATA_PAGE_V2 = 2, 0, 3
_HEADERS_OF = {_DICTIONARY_PAGE: 7, _DATA_PAGE: 5, _DATA_PAGE_V2: 8}
"""The field of a page's header that describes a page of each type."""
_ENCODING_FIELD = {_DICTIONARY_PAGE: 2, _DATA_PAGE: 2, _DATA_PAGE_V2: 4}
_FIXED_BYTES = {3: 1, 7: 8}
_DICTIONARY_ENCODINGS = (2, 8)


class Page(NamedTuple):
    """What the header of one page says."""

    type: int
    bytes: int
    """Unpacked."""
    values: int
    is_indices: bool
    """Whether it holds places in the dictionary."""


class _Unreadable(Exception):
    """There is no header of a page where one should be."""


def rows_at_once(file: pq.ParquetFile, group: int, paths: Sequence[str], handle: IO[bytes], most: int) -> int:
    """How many rows of a row group may be read at once, `most` or fewer; 1 where the headers cannot be read.

    Args:
        file: What is read.
        group: Number of the row group.
        paths: The columns that are read; those within structs by their dotted names.
        handle: The same file, to be read elsewhere meanwhile.
        most: Rows that are read at once where they are short.

    Raises:
        TooLarge: a page is too large to be read.
        pa.ArrowInvalid, OSError: the file is damaged.
    """
    metadata = file.metadata.row_group(group)
    columns = [
        (number, metadata.column(number))
        for number in range(metadata.num_columns)
        if any(f"{metadata.column(number).path_in_schema}.".startswith(f"{path}.") for path in paths)
    ]
    held = sum(column.total_uncompressed_size for _, column in columns)
    for number, column in columns:
        try:
            pages = list(pages_of(handle, column))
        except _Unreadable:
            return 1
        if (largest := max((page.bytes for page in pages), default=0)) > MOST_PAGE_BYTES:
            raise TooLarge(f"a page of {largest:,} bytes, and at most {MOST_PAGE_BYTES:,} are read at once")
        indices = sum(page.values for page in pages if page.is_indices)
        dictionary = max((page.bytes for page in pages if page.type == _DICTIONARY_PAGE), default=0)
        if held + indices * dictionary <= _MOST_AT_ONCE_BYTES:
            continue
        longest = _longest_entry(file, group, number, handle) if indices * dictionary else 0
        most = _fewer(most, [page for page in pages if page.type != _DICTIONARY_PAGE], longest)
    return most


def _fewer(rows: int, pages: Sequence[Page], longest: int) -> int:
    """So many rows, or as few as keep all that stand together in pages within bounds."""
    ends = np.cumsum([0, *(page.values for page in pages)])
    sizes = np.cumsum([0, *(page.values * longest if page.is_indices else page.bytes for page in pages)])
    while rows > 1 and (np.interp(ends + rows, ends, sizes) - sizes).max() > _MOST_AT_ONCE_BYTES:
        rows //= 2
    return rows


def _longest_entry(file: pq.ParquetFile, group: int, column: int, handle: IO[bytes]) -> int:
    """Bytes of the longest text in a column's dictionary."""
    path = file.metadata.row_group(group).column(column).path_in_schema
    handle.seek(0)
    reader = pq.ParquetFile(handle, metadata=file.metadata, read_dictionary=[path], buffer_size=_HEADER_BYTES)
    batch = next(reader.iter_batches(1, row_groups=[group], columns=[path], use_threads=False), None)
    entry: Any = None if batch is None else batch.column(0)
    if not hasattr(entry, "dictionary"):  # a list or a number: no text by itself
        return 0
    return int(pc.max(pc.binary_length(entry.dictionary)).as_py() or 0)


def pages_of(handle: IO[bytes], column: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """The pages of one column in one row group.

    Raises:
        _Unreadable: there is no header where one should be.
    """
    place = column.data_page_offset
    if column.has_dictionary_page and 0 < (column.dictionary_page_offset or 0) < place:
        place = column.dictionary_page_offset
    stop = place + column.total_compressed_size
    values = 0
    while place < stop and values < column.num_values:
        fields, size = _header(handle, place)
        kind = int(fields.get(1, -1))
        described = fields.get(_HEADERS_OF.get(kind, 0), {})
        encoding = described.get(_ENCODING_FIELD.get(kind, 0))
        page = Page(kind, fields.get(2, 0), described.get(1, 0), encoding in _DICTIONARY_ENCODINGS)
        yield page
        values += page.values if kind != _DICTIONARY_PAGE else 0
        place += size + max(0, fields.get(3, 0))


def _header(handle: IO[bytes], place: int) -> tuple[dict[int, Any], int]:
    """The fields of the header that begins at a place, and its bytes.

    Raises:
        _Unreadable: none begins there.
    """
    size = _HEADER_BYTES
    while size <= _MOST_HEADER_BYTES:
        handle.seek(place)
        content = handle.read(size)
        try:
            return _struct(content, 0)
        except IndexError:
            if len(content) < size:
                break
            size *= 8
        except (ValueError, RecursionError):
            break
    raise _Unreadable


def _struct(content: bytes, place: int) -> tuple[dict[int, Any], int]:
    """A struct in Thrift's compact protocol: its numbers and structs by their fields, and where it ends.

    Raises:
        IndexError: the content ends before it.
        ValueError: it is none.
    """
    fields: dict[int, Any] = {}
    field = 0
    while kind := content[place]:
        place += 1
        step, kind = kind >> 4, kind & 15
        if step:
            field += step
        else:
            field, place = _integer(content, place)
        if kind in (1, 2):  # true and false stand in the type itself
            fields[field] = kind == 1
        elif kind in (4, 5, 6):
            fields[field], place = _integer(content, place)
        elif kind == 12:
            fields[field], place = _struct(content, place)
        else:
            place = _behind(content, place, kind)
    return fields, place + 1


def _behind(content: bytes, place: int, kind: int) -> int:
    """Where a value ends that is no part of what a page says of itself.

    Raises:
        IndexError, ValueError: see `_struct`.
    """
    if kind == 8:
        length, place = _unsigned(content, place)
        place += length
    elif kind in _FIXED_BYTES:
        place += _FIXED_BYTES[kind]
    else:
        raise ValueError(f"a field of type {kind}")
    content[place - 1]  # is it there?
    return place


def _unsigned(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7


def _integer(content: bytes, place: int) -> tuple[int, int]:
    value, place = _unsigned(content, place)
    return (value >> 1) ^ -(value & 1), place
