"""Files within an archive: each is read by the format that its name says, without being unpacked onto the disk."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from nextlong_hub.corpus.endings import names_by_suffix, suffix_of
from nextlong_hub.corpus.formats.base import FORMATS, ReadBlocks, Results
from nextlong_hub.corpus.formats.blocks import decompressed
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.records import Document

_BLOCK_BYTES = 1 << 18
_OBJECT = ".json"
_HIDDEN = re.compile(r"(?:^|/)(?:\.(?!/)|__MACOSX)")
"""A part of a name that is hidden, or what macOS adds to an archive."""

Readers = Mapping[str, ReadBlocks]
"""What reads files within archives, by their ending."""


def member_readers() -> Readers:
    """The formats that read files within archives, by ending."""
    return {
        suffix: read for suffix, name in names_by_suffix(are_named=True).items() if (read := FORMATS[name].read_blocks)
    }


def read_member(handle: Any, name: str, piece: Piece, notes: ReadingNotes, readers: Readers) -> Results:
    """The documents of one file of an archive; one that no format reads there is noted by its ending.

    In archives of samples (WebDataset) the `.json` of a sample holds what is known of its text: it is a document only
    where it has one itself.
    """
    suffix = suffix_of(name, readers)
    if not suffix or _HIDDEN.search(name):
        path = PurePosixPath(name)
        notes.add({}, {f"*{path.suffix}" if path.suffix else path.name: 1}, 0)
        return
    inner = replace(
        piece,
        location=f"{piece.location}, {name}",
        name=f"{piece.id_prefix}{name}",
        id_prefix=f"{piece.id_prefix}{name[: len(name) - len(suffix)]}/",
    )
    results = readers[suffix](_blocks(decompressed(handle, suffix)), inner)
    yield from results if suffix != _OBJECT else _only_texts(results, suffix, notes)


def _only_texts(results: Results, suffix: str, notes: ReadingNotes) -> Results:
    for result in results:
        if isinstance(result, BadDocument) and result.reason is BadReason.MISSING_TEXT:
            notes.add({}, {f"*{suffix}": 1}, 0)
        elif isinstance(result, Document | BadDocument | ReadingNotes):
            yield result


def _blocks(stream: Any) -> Iterator[bytes]:
    while block := stream.read(_BLOCK_BYTES):
        yield block
