"""Readers of JSON Lines and of plain text: bytes in, documents out, in time linear in the bytes.

Bytes are decoded strictly as UTF-8, so that no document ever arrives with other characters than were written.
"""

import codecs
import json
from collections.abc import Callable, Iterator
from typing import IO, Any

import pyarrow as pa

from nextlong_hub.corpus.pieces import BadReason, Fault, Piece
from nextlong_hub.corpus.rows import document_of_object, place_of, without_surrogates
from nextlong_hub.records import Document

LONGEST_LINE_BYTES = 1 << 30
"""A line beyond this is refused: a decompression bomb, or no text."""

_BLOCK_BYTES = 1 << 18
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Opener = Callable[[str], IO[bytes]]
"""Opens a path or URL for reading."""


def is_damage(error: BaseException) -> bool:
    """Tell damaged data from a disk or network that failed: only the latter has an errno or a class of its own."""
    return isinstance(error, pa.ArrowInvalid) or (type(error) is OSError and error.errno is None)


def damage_reason(error: BaseException) -> BadReason:
    """Whether damage is a missing end or something else."""
    words = str(error).lower()
    ends_early = ("truncated", "no more data", "unexpected end", "expected to be able to read", "end of stream")
    return BadReason.TRUNCATED if any(sign in words for sign in ends_early) else BadReason.CORRUPT


def read_jsonl(
    piece: Piece, opener: Opener, longest_line_bytes: int = LONGEST_LINE_BYTES
) -> Iterator[Document | Fault]:
    """Read one object a line. Blank lines give nothing; lines are numbered from 1, as editors do."""
    number = 0
    for line, start, is_ended in _lines(_blocks(piece.location, opener), longest_line_bytes):
        number += 1
        if isinstance(line, Exception):
            yield Fault(damage_reason(line), place_of(piece, "line", number), str(line))
            return
        if line is None:
            yield Fault(BadReason.TOO_LONG, place_of(piece, "line", number))
            continue
        if number == 1 and _is_wide(line):
            yield _wide_fault(piece.location)
            return
        result = _document_of_line(line, is_ended, piece, number, start)
        del line  # of a huge document one copy less while its reader works
        if result is not None:
            yield result


def read_texts(piece: Piece, opener: Opener, longest_bytes: int = LONGEST_LINE_BYTES) -> Iterator[Document | Fault]:
    """Read one document a file; its id is the file's name within the source."""
    for member, path in zip(piece.members, piece.files, strict=True):
        parts: list[bytes] = []
        bytes_held = 0
        for block in _blocks(path, opener):
            parts.append(block)
            bytes_held += len(block)
            if bytes_held > longest_bytes:
                break
        yield _document_of_text(_joined(parts), member, path, piece, longest_bytes)


def _document_of_line(line: bytes, is_ended: bool, piece: Piece, number: int, start: int) -> Document | Fault | None:
    """Parse one line that starts at byte `start` of the (decompressed) file."""
    if number == 1 and line.startswith(codecs.BOM_UTF8):
        line = line.removeprefix(codecs.BOM_UTF8)
        start += len(codecs.BOM_UTF8)
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        place = place_of(piece, "line", number)
        if not is_ended and error.end == len(line) and error.reason == "unexpected end of data":
            return Fault(BadReason.TRUNCATED, place, "the last line stops within a character")
        return Fault(BadReason.INVALID_UTF8, place, f"byte {start + error.start} of the file: {error.reason}")
    if not text or text.isspace():
        return None
    has_escapes = "\\u" in text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # A last line without its newline that does not parse is a file cut off, not a line written badly.
        reason = BadReason.INVALID_JSON if is_ended else BadReason.TRUNCATED
        return Fault(reason, place_of(piece, "line", number), str(error))
    del text
    document = document_of_object(value, piece, "line", number)
    return without_surrogates(document, place_of(piece, "line", number)) if has_escapes else document


def _document_of_text(content: bytes, member: str, path: str, piece: Piece, longest_bytes: int) -> Document | Fault:
    if len(content) > longest_bytes:
        return Fault(BadReason.TOO_LONG, path)
    if _is_wide(content):
        return _wide_fault(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0)
        return Fault(BadReason.INVALID_UTF8, path, f"byte {offset}: {error.reason}")
    if not text or text.isspace():
        return Fault(BadReason.EMPTY, path)
    if "\0" in text:
        return Fault(BadReason.NUL_CHARACTER, path, f"character {text.index(chr(0))}")
    return Document(id=piece.id_prefix + member, text=text, source=piece.source)


def _is_wide(content: bytes) -> bool:
    """Whether text starts as UTF-16 does: with its mark, or with every other byte zero."""
    return content.startswith(_WIDE_BOMS) or (len(content) > 3 and content[0:4].count(0) == 2 and 0 in content[0:2])


def _wide_fault(path: str) -> Fault:
    return Fault(BadReason.INVALID_UTF8, path, "byte 0: the file looks like UTF-16")


def _blocks(location: str, opener: Opener) -> Iterator[bytes]:
    """Give the decompressed bytes of a file; whatever precedes a break in it is given before the break is raised."""
    delivered = 0
    with _decompressed(location, opener) as stream:
        try:
            while block := stream.read(_BLOCK_BYTES):
                delivered += len(block)
                yield block
            return
        except (OSError, pa.ArrowInvalid) as error:
            if not is_damage(error):
                raise
    # A failed read keeps to itself what it had decompressed already, so go there again and take the smallest steps.
    with _decompressed(location, opener) as stream:
        while delivered > 0:
            delivered -= len(stream.read(min(delivered, _BLOCK_BYTES)))
        rest = bytearray()
        try:
            while byte := stream.read(1):
                rest += byte
        except (OSError, pa.ArrowInvalid):
            yield bytes(rest)
            raise


def _decompressed(location: str, opener: Opener) -> Any:
    handle = opener(location)
    compression = next((name for suffix, name in _COMPRESSIONS.items() if location.lower().endswith(suffix)), None)
    if compression is None:
        return handle
    native = handle if isinstance(handle, pa.NativeFile) else pa.PythonFile(handle, "r")
    return pa.CompressedInputStream(native, compression)


def _lines(blocks: Iterator[bytes], longest_bytes: int) -> Iterator[tuple[bytes | Exception | None, int, bool]]:
    """Cut blocks at newlines: each line, its first byte's place in the file, and whether a newline ended it.

    None stands for a line that is too long. A break in the blocks ends the lines: the unfinished line is dropped and
    the break itself is given in its place.
    """
    parts: list[bytes] = []
    start = bytes_held = 0
    is_refused = False
    try:
        for block in blocks:
            *ended, rest = block.split(b"\n")
            for end in ended:
                parts.append(end)
                bytes_held += len(end)
                if not is_refused:
                    yield (_joined(parts) if bytes_held <= longest_bytes else None), start, True
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
    except (OSError, pa.ArrowInvalid) as error:
        if not is_damage(error):
            raise
        yield error, start, False
        return
    if bytes_held and not is_refused:
        yield _joined(parts), start, False


def _joined(parts: list[bytes]) -> bytes:
    """Join and empty `parts`, so that nothing but the caller holds the line."""
    whole = parts[0] if len(parts) == 1 else b"".join(parts)
    parts.clear()
    return whole
