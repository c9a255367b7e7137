"""Plain texts: one document a file, decoded strictly as UTF-8. Many small files are read as one piece."""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from nextlong_hub.corpus.formats.base import CorpusFormat, PieceLimits, Results, Stratum, TextsOf
from nextlong_hub.corpus.formats.blocks import COMPRESSED, blocks, is_wide, joined, wide_fault
from nextlong_hub.corpus.formats.bounds import LONGEST_DOCUMENT_BYTES, more_than
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.formats.measuring import evenly, size_of
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece
from nextlong_hub.corpus.reading import source_errors
from nextlong_hub.corpus.remote import without_query
from nextlong_hub.records import Document


def read(piece: Piece, longest_bytes: int = LONGEST_DOCUMENT_BYTES) -> Results:
    """Read one document a file; its id is the file's name within the source."""
    for member, path in zip(piece.members, piece.files, strict=True):
        yield _text_of(blocks(path), piece.id_prefix + member, without_query(path), piece, longest_bytes)


def read_blocks(content: Iterator[bytes], piece: Piece) -> Results:
    """Read a file within an archive; its id is that of the archive, and its name there."""
    yield _text_of(content, piece.name, piece.location, piece, LONGEST_DOCUMENT_BYTES)


def split(files: Sequence[Piece], bytes_of: Mapping[str, int], limits: PieceLimits) -> Iterator[Piece]:
    """Group files in order; a group is closed before it passes either limit."""
    group: list[Piece] = []
    size = 0
    for file in files:
        if group and (len(group) == limits.texts or size + bytes_of[file.name] > limits.bytes):
            yield _joined(group)
            group, size = [], 0
        group.append(file)
        size += bytes_of[file.name]
    if group:
        yield _joined(group)


def measure(pieces: Sequence[Piece], texts_of: TextsOf) -> Iterator[Stratum]:
    """Documents are files, and their bytes those of the files."""
    for piece in pieces:
        with source_errors(piece):
            size = sum(map(size_of, piece.files))
        yield Stratum(documents=len(piece.members), text_bytes=size, draw=partial(_draw, texts_of, piece))


def _joined(files: Sequence[Piece]) -> Piece:
    """One piece of several files, which are called by their names below the folder of the source."""
    first = files[0]
    root = first.location.removesuffix(f"/{first.name}")
    return replace(first, location=root, members=tuple(file.name for file in files), id_prefix="")


def _text_of(
    content: Iterator[bytes], identity: str, path: str, piece: Piece, longest_bytes: int
) -> Document | BadDocument:
    parts: list[bytes] = []
    bytes_held = 0
    try:
        for block in content:
            parts.append(block)
            bytes_held += len(block)
            if bytes_held > longest_bytes:
                return BadDocument(BadReason.TOO_LONG, path, more_than(longest_bytes))
    except READ_ERRORS as error:
        return damage_fault(error, path)
    return _document(joined(parts), identity, path, piece)


def _document(content: bytes, identity: str, path: str, piece: Piece) -> Document | BadDocument:
    if is_wide(content):
        return wide_fault(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0)
        return BadDocument(BadReason.INVALID_UTF8, path, f"byte {offset}: {error.reason}")
    if not text or text.isspace():
        return BadDocument(BadReason.EMPTY, path)
    if "\0" in text:
        return BadDocument(BadReason.NUL_CHARACTER, path, f"character {text.index(chr(0))}")
    return Document(id=identity, text=text, source=piece.source)


def _draw(texts_of: TextsOf, piece: Piece, wanted: int) -> Iterator[str | None]:
    members = tuple(piece.members[number] for number in evenly(len(piece.members), wanted))
    return texts_of(replace(piece, members=members))


FORMAT = CorpusFormat(
    name="text",
    suffixes=tuple(ending + packed for ending in (".txt", ".md") for packed in COMPRESSED),
    read=read,
    read_blocks=read_blocks,
    split=split,
    measure=measure,
)
