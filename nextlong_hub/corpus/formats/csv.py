"""Tables of text with a header line: CSV, also with semicolons, and TSV; fields may be quoted and hold line breaks.

Rows are read a slab at a time by pyarrow where nothing about them can be read in two ways. They are read one by one
where quotation marks stand in odd places, a row has too few or too many fields, or bytes are no UTF-8. Both ways give
the same documents.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

from nextlong_hub.corpus.columns import Columns, columns_of, values_of
from nextlong_hub.corpus.emptiness import values_there
from nextlong_hub.corpus.formats.base import CorpusFormat, Results
from nextlong_hub.corpus.formats.blocks import COMPRESSED, ByteStream, blocks, is_wide, wide_fault
from nextlong_hub.corpus.formats.bounds import LONGEST_DOCUMENT_BYTES, more_than
from nextlong_hub.corpus.formats.csv_slabs import SLAB_BYTES, slabs
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.formats.json_values import NO_UTF8, begun
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.rows import document_of_object, documents_of_table, place_of
from nextlong_hub.records import Document

_QUOTED = re.compile(r'"[^"]*"')
_BUFFER_BYTES = 1 << 18
_DELIMITERS = (",", "\t", ";", "|")
"""The one that the header has most of is taken; of several, and in a header of one column, the first."""


def read(piece: Piece) -> Results:
    """Read one document a row; rows are numbered from 0, behind the header."""
    yield from read_blocks(blocks(piece.address), piece)


def read_blocks(content: Iterator[bytes], piece: Piece, slab_bytes: int = SLAB_BYTES) -> Results:
    """Read the bytes of a file as they come; see `read`."""
    head, content = begun(content)
    if is_wide(head):
        yield wide_fault(piece.location)
        return
    table = Table(piece, _delimiter(head, piece.name))
    yield table.notes
    for slab in slabs(content, table.delimiter, slab_bytes):
        whole = slab.content if slab.rest else table.behind_header(slab.content)
        rows = None if slab.rest else table.rows_of(whole)
        if rows is None:
            yield from table.one_by_one(chain([whole], slab.rest or ()))
        elif rows.num_rows:
            yield from table.documents_of(rows)


class Table:
    """One file, as far as it is read."""

    def __init__(self, piece: Piece, delimiter: str) -> None:
        self.notes = ReadingNotes()
        self.delimiter = delimiter
        self._piece = piece
        self._header: list[str] | None = None
        self._columns: Columns | BadDocument | None = None
        """Of a header that pyarrow can take."""
        self._row = 0
        """Number of the next row."""

    def behind_header(self, content: bytes) -> bytes:
        """What follows the header, which is read here unless it has been, or has to be read as rows are, one by one."""
        if self._header is not None:
            return content
        content = content.lstrip(b"\r\n")
        end = content.find(b"\n") + 1 or len(content)
        while content.count(b'"', 0, end) % 2:
            end = content.find(b"\n", end) + 1 or len(content)
        try:
            text = content[:end].decode()
        except UnicodeDecodeError:
            return content
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, strict=True), [])
        if not header or len(set(header)) < len(header):
            return content
        self._header = header
        self._columns = columns_of(pa.schema([(name, pa.string()) for name in header]), self._piece)
        return content[end:]

    def rows_of(self, content: bytes) -> pa.Table | None:
        """Whole rows as a table of strings; None where they have to be read one by one."""
        header = self._header
        if not isinstance(self._columns, Columns) or self._columns.record or header is None:
            return None
        if not content.strip(b"\r\n"):
            return pa.schema([(name, pa.string()) for name in header]).empty_table()
        try:
            rows = read_csv(
                pa.BufferReader(content),
                ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=header),
                ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
            )
        except (pa.ArrowInvalid, OverflowError):  # fields are missing, or too many, or no UTF-8; or it is too long
            return None
        has_ids = self._columns.id is None or pc.all(values_there(values_of(rows, self._columns.id))).as_py()
        return rows if has_ids else None

    def documents_of(self, rows: pa.Table) -> Results:
        """The documents of a table that `rows_of` gave."""
        if isinstance(self._columns, Columns):
            there = {name: values_there(rows.column(name)).true_count for name in self._columns.unused}
            yield ReadingNotes(columns=+Counter(there))
            yield from documents_of_table(rows, self._columns, self._piece, self._row)
            self._row += rows.num_rows

    def one_by_one(self, content: Iterable[bytes]) -> Results:
        """The documents of rows that have to be read one by one."""
        csv.field_size_limit(LONGEST_DOCUMENT_BYTES)
        lines = _Lines(iter(content))
        rows = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            place = place_of(self._piece, "row", self._row)
            lines.held = 0
            try:
                fields = next(rows, None)
            except _RowTooLong:
                yield BadDocument(BadReason.TOO_LONG, place, more_than(LONGEST_DOCUMENT_BYTES))
                return
            except csv.Error as error:
                is_cut = "unexpected end of data" in str(error)
                yield BadDocument(BadReason.TRUNCATED if is_cut else BadReason.CORRUPT, place, str(error))
                self._row += 1
                continue
            except READ_ERRORS as error:
                yield damage_fault(error, place)
                return
            if fields is None:
                return
            if not fields:  # a blank line
                continue
            if self._header is None:
                self._header, self._row = fields, 0
                continue
            yield self._document(self._header, fields, place)
            self._row += 1

    def _document(self, header: list[str], fields: list[str], place: str) -> Document | BadDocument:
        """The document of one row; a field that the row does not have is null."""
        if len(fields) > len(header):
            detail = f"it has {len(fields)} fields, and the header {len(header)}"
            return BadDocument(BadReason.CORRUPT, place, detail)
        row = dict.fromkeys(header[len(fields) :]) | dict(zip(header, fields, strict=False))
        if (damaged := _first_damaged(row)) is not None:
            return BadDocument(BadReason.INVALID_UTF8, place, f"its {damaged}")
        if row.get(self._piece.id_column) == "":
            row[self._piece.id_column] = None
        return document_of_object(row, self._piece, "row", self._row, self.notes)


class _RowTooLong(Exception):
    """A row is longer than a document may be."""


class _Lines:
    """The lines of a file with their ends, as they are; bytes that are no UTF-8 become halves of surrogate pairs."""

    def __init__(self, content: Iterator[bytes]) -> None:
        stream = io.BufferedReader(ByteStream(content), _BUFFER_BYTES)
        self._stream = io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
        self.held = 0
        """Characters of the row that is read."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_DOCUMENT_BYTES)
        self.held += len(line)
        if self.held >= LONGEST_DOCUMENT_BYTES:
            raise _RowTooLong
        if not line:
            raise StopIteration
        return line


def _delimiter(head: bytes, name: str) -> str:
    """What stands between the fields of the header; a tab, where the file is called so and has one."""
    line = head.lstrip(b"\r\n").partition(b"\n")[0].decode("utf-8", "replace")
    outside = _QUOTED.sub("", line)
    return "\t" if ".tsv" in name.lower() and "\t" in outside else max(_DELIMITERS, key=outside.count)


def _first_damaged(row: Mapping[str, str | None]) -> str | None:
    """The first field that is no UTF-8."""
    return next((name for name, field in row.items() if field and not field.isascii() and NO_UTF8.search(field)), None)


FORMAT = CorpusFormat(
    name="csv",
    suffixes=tuple(ending + packed for ending in (".csv", ".tsv") for packed in COMPRESSED),
    read=read,
    read_blocks=read_blocks,
)
