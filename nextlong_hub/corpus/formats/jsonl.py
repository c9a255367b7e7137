"""JSON, one object a line or several in one array: bytes in, documents out, in time linear in the bytes.

Bytes are decoded strictly as UTF-8, so that no document ever arrives with other characters than were written.
"""

import codecs
import io
import json
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from nextlong_hub.corpus.formats.base import CorpusFormat, Results, Stratum, TextsOf
from nextlong_hub.corpus.formats.blocks import (
    COMPRESSED,
    blocks,
    compression_of,
    decompressed,
    is_wide,
    joined,
    wide_fault,
)
from nextlong_hub.corpus.formats.bounds import LONGEST_DOCUMENT_BYTES, TOO_MANY_VALUES, has_too_many_values, more_than
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_reason, is_damage
from nextlong_hub.corpus.formats.json_values import are_lines, begun, objects_of
from nextlong_hub.corpus.formats.measuring import evenly, measure_by_reading, size_of, usable
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.reading import open_any, source_errors
from nextlong_hub.corpus.rows import document_of_object, field_of, place_of, without_surrogates
from nextlong_hub.records import Document

_MOST_FILES = 16
"""Files that are measured in one source; the others are taken to be like them, byte for byte."""
_FIRST_LINES = 20
"""Lines of each that are read as a build would: they show which fields there are."""
_WINDOW_BYTES = 1 << 16
_WINDOWS = 96
_UNPACKED_BYTES = 256 << 20
"""Decompressed bytes looked at in one source: what is compressed can only be read from its beginning."""
_BLOCK_BYTES = 1 << 20
_KEPT_BYTES = 16_000_000
"""Most bytes of lines kept of one compressed file."""


def read(piece: Piece, longest_line_bytes: int = LONGEST_DOCUMENT_BYTES) -> Results:
    """Read one object a line; or, as the beginning of the file tells, one array of objects, or objects on many lines.

    Blank lines give nothing; lines are numbered from 1, as editors do, and the objects of an array from 0.
    """
    yield from read_blocks(blocks(piece.address), piece, longest_line_bytes)


def read_blocks(content: Iterator[bytes], piece: Piece, longest_line_bytes: int = LONGEST_DOCUMENT_BYTES) -> Results:
    """Read the bytes of a file as they come; see `read`."""
    notes = ReadingNotes()
    yield notes
    head, content = begun(content)
    if not are_lines(head):
        yield from objects_of(content, piece, notes, longest_line_bytes)
        return
    number = 0
    for line, start, is_ended in _lines(content, longest_line_bytes):
        number += 1
        if isinstance(line, Exception):
            yield BadDocument(damage_reason(line), place_of(piece, "line", number), str(line))
            return
        if line is None:
            yield BadDocument(BadReason.TOO_LONG, place_of(piece, "line", number), more_than(longest_line_bytes))
            continue
        if number == 1 and is_wide(line):
            yield wide_fault(piece.location)
            return
        result = _document_of_line(_Line(line, is_ended, start, number), piece, notes)
        del line  # of a huge document one copy less while its reader works
        if result is not None:
            yield result


def measure(pieces: Sequence[Piece], texts_of: TextsOf) -> Iterator[Stratum]:
    """Estimated from some lines of evenly spaced files."""
    step = -(-len(pieces) // _MOST_FILES)
    chosen = pieces[step // 2 :: step]
    with source_errors(chosen[0]):
        sizes = {piece.location: size_of(piece.address) for piece in pieces}
    scale = sum(sizes.values()) / max(1, sum(sizes[piece.location] for piece in chosen))
    for piece in chosen:
        deque(islice(texts_of(piece), _FIRST_LINES), 0)  # raises the reader's own error for a wrong column
        with source_errors(piece):
            head, _ = begun(blocks(piece.address))
        if not are_lines(head):
            yield from measure_by_reading([piece], texts_of)
            continue
        lines, size = _some_lines(piece, sizes[piece.location], len(chosen))
        texts = [_text_of_line(line, piece.text_column) for line in lines]
        growth = scale * size / max(1, sum(len(line) for line in lines))
        yield Stratum(
            documents=growth * len(texts),
            text_bytes=growth * sum(len(text.encode()) for text in texts if text is not None),
            draw=partial(_draw, texts),
        )


class _Line(NamedTuple):
    """One line of a file."""

    content: bytes
    is_ended: bool
    """Whether a newline ended it."""
    start: int
    """Its first byte's place in the (decompressed) file."""
    number: int


def _document_of_line(whole: _Line, piece: Piece, notes: ReadingNotes) -> Document | BadDocument | None:
    """Parse one line."""
    line, is_ended, start, number = whole
    if number == 1 and line.startswith(codecs.BOM_UTF8):
        line = line.removeprefix(codecs.BOM_UTF8)
        start += len(codecs.BOM_UTF8)
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        place = place_of(piece, "line", number)
        if not is_ended and error.end == len(line) and error.reason == "unexpected end of data":
            return BadDocument(BadReason.TRUNCATED, place, "the last line stops within a character")
        return BadDocument(BadReason.INVALID_UTF8, place, f"byte {start + error.start} of the file: {error.reason}")
    if not text or text.isspace():
        return None
    if has_too_many_values(text):
        return BadDocument(BadReason.TOO_LONG, place_of(piece, "line", number), TOO_MANY_VALUES)
    has_escapes = "\\u" in text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # A last line without its newline that does not parse is a file cut off, not a line written badly.
        reason = BadReason.INVALID_JSON if is_ended else BadReason.TRUNCATED
        return BadDocument(reason, place_of(piece, "line", number), str(error))
    del text
    document = document_of_object(value, piece, "line", number, notes)
    return without_surrogates(document, place_of(piece, "line", number)) if has_escapes else document


def _lines(content: Iterator[bytes], longest_bytes: int) -> Iterator[tuple[bytes | Exception | None, int, bool]]:
    """Cut content at newlines: each line, its first byte's place in the file, and whether a newline ended it.

    None stands for a line that is too long. A break in the content ends the lines: the unfinished line is dropped and
    the break itself is given in its place.
    """
    parts: list[bytes] = []
    start = bytes_held = 0
    is_refused = False
    try:
        for block in content:
            *ended, rest = block.split(b"\n")
            for end in ended:
                parts.append(end)
                bytes_held += len(end)
                if not is_refused:
                    yield (joined(parts) if bytes_held <= longest_bytes else None), start, True
                parts.clear()
                start += bytes_held + 1
                bytes_held = 0
                is_refused = False
            bytes_held += len(rest)
            if bytes_held > longest_bytes:
                if not is_refused:
                    yield None, start, False
                parts.clear()
                is_refused = True
            else:
                parts.append(rest)
    except READ_ERRORS as error:
        if not is_damage(error):
            raise
        yield error, start, False
        return
    if bytes_held and not is_refused:
        yield joined(parts), start, False


def _some_lines(piece: Piece, size: int, files: int) -> tuple[list[bytes], int]:
    """Lines spread over a file, one of so many that are measured, and the bytes it has once unpacked."""
    with source_errors(piece), open_any(piece.address) as handle:
        if compression_of(piece.location) is not None:
            stream = decompressed(handle, piece.location)
            return _lines_unpacked(handle, stream, size, _UNPACKED_BYTES // files)
        return _lines_in_windows(io.BufferedReader(handle), size, max(1, _WINDOWS // files)), size  # type: ignore[arg-type]


def _lines_in_windows(handle: io.BufferedReader, size: int, windows: int) -> list[bytes]:
    """Whole lines from evenly spaced places of a file; all of them when it is small."""
    if size <= windows * _WINDOW_BYTES:
        return [line for line in handle if line.strip()]
    lines = []
    for number in range(windows):
        handle.seek(size * number // windows)
        if number:
            handle.readline(LONGEST_DOCUMENT_BYTES)  # the rest of the line we fell into
        taken = 0
        while taken < _WINDOW_BYTES and (line := handle.readline(LONGEST_DOCUMENT_BYTES)):
            taken += len(line)
            if line.strip():
                lines.append(line)
    return lines


def _lines_unpacked(handle: Any, stream: Any, size: int, most_bytes: int) -> tuple[list[bytes], int]:
    """Evenly spaced lines of the beginning of a compressed file, and the estimated bytes of the whole file unpacked."""
    lines: list[bytes] = []
    unpacked = number = 0
    step = 1
    rest: list[bytes] = []
    while unpacked < most_bytes and (block := stream.read(_BLOCK_BYTES)):
        unpacked += len(block)
        *whole, last = block.split(b"\n")
        if whole:
            whole[0] = joined([*rest, whole[0]])
            rest = []
        rest.append(last)
        for line in whole:
            if number % step == 0 and line.strip():
                lines.append(line + b"\n")
            number += 1
        if sum(map(len, lines)) > _KEPT_BYTES:
            lines, step = lines[::2], step * 2
    return lines, size * unpacked // max(1, handle.tell())


def _text_of_line(line: bytes, text_column: str) -> str | None:
    try:
        return usable(field_of(json.loads(line), text_column))
    except (ValueError, TypeError):
        return None


def _draw(texts: Sequence[str | None], wanted: int) -> Iterator[str | None]:
    return (texts[number] for number in evenly(len(texts), wanted))


FORMAT = CorpusFormat(
    name="jsonl",
    suffixes=(
        *(ending + packed for ending in (".jsonl", ".ndjson") for packed in COMPRESSED),
        *(f".json{packed}" for packed in COMPRESSED if packed),
    ),
    suffixes_when_named=(".json",),
    read=read,
    read_blocks=read_blocks,
    measure=measure,
)
