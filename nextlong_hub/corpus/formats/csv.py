"""Tables of text with a header line: CSV, also with semicolons, and TSV; fields may be quoted and hold line breaks."""

import csv
import io
from collections.abc import Iterator, Mapping

from nextlong_hub.corpus.formats.base import CorpusFormat, Results
from nextlong_hub.corpus.formats.blocks import COMPRESSED, LONGEST_TEXT_BYTES, ByteStream, blocks, is_wide, wide_fault
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.formats.json_values import NO_UTF8, begun
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.rows import document_of_object, place_of
from nextlong_hub.records import Document

_BUFFER_BYTES = 1 << 18
_DELIMITERS = ("\t", ";", "|")
"""Looked for in the header in this order where it has no comma."""


def read(piece: Piece) -> Results:
    """Read one document a row; rows are numbered from 0, behind the header."""
    yield from read_blocks(blocks(piece.location), piece)


def read_blocks(content: Iterator[bytes], piece: Piece) -> Results:
    """Read the bytes of a file as they come; see `read`."""
    notes = ReadingNotes()
    yield notes
    head, content = begun(content)
    if is_wide(head):
        yield wide_fault(piece.location)
        return
    csv.field_size_limit(LONGEST_TEXT_BYTES)
    rows = csv.reader(_lines(content), delimiter=_delimiter(head), strict=True)
    number = -1
    header: list[str] | None = None
    while True:
        try:
            fields = next(rows, None)
        except csv.Error as error:
            is_cut = "unexpected end of data" in str(error)
            yield BadDocument(
                BadReason.TRUNCATED if is_cut else BadReason.CORRUPT, _place(piece, number + 1), str(error)
            )
            number += 1
            continue
        except READ_ERRORS as error:
            yield damage_fault(error, _place(piece, number + 1))
            return
        if fields is None:
            return
        if not fields:  # a blank line
            continue
        number += 1
        if header is None:
            header, number = fields, -1
            continue
        yield _document(header, fields, piece, number, notes)


def _document(
    header: list[str], fields: list[str], piece: Piece, number: int, notes: ReadingNotes
) -> Document | BadDocument:
    """The document of one row; a field that the row does not have is null."""
    if len(fields) > len(header):
        detail = f"it has {len(fields)} fields, and the header {len(header)}"
        return BadDocument(BadReason.CORRUPT, _place(piece, number), detail)
    row = dict.fromkeys(header[len(fields) :]) | dict(zip(header, fields, strict=False))
    if (damaged := _first_damaged(row)) is not None:
        return BadDocument(BadReason.INVALID_UTF8, _place(piece, number), f"its {damaged}")
    row_id = row.get(piece.id_column)
    if row_id == "":
        row[piece.id_column] = None
    return document_of_object(row, piece, "row", number, notes)


def _lines(content: Iterator[bytes]) -> Iterator[str]:
    """The lines of a file with their ends, as they are; bytes that are no UTF-8 become halves of surrogate pairs."""
    stream = io.BufferedReader(ByteStream(content), _BUFFER_BYTES)
    return io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")


def _delimiter(head: bytes) -> str:
    """What stands between the fields of the header."""
    line = head.partition(b"\n")[0].decode("utf-8", "replace")
    return next((mark for mark in _DELIMITERS if mark in line and "," not in line), ",")


def _first_damaged(row: Mapping[str, str | None]) -> str | None:
    """The first field that is no UTF-8."""
    return next((name for name, field in row.items() if field and not field.isascii() and NO_UTF8.search(field)), None)


def _place(piece: Piece, number: int) -> str:
    return place_of(piece, "row", number)


FORMAT = CorpusFormat(
    name="csv",
    suffixes=tuple(ending + packed for ending in (".csv", ".tsv") for packed in COMPRESSED),
    read=read,
    read_blocks=read_blocks,
)
