"""Zip archives of texts, JSON or tables."""

import bz2
import zipfile
import zlib
from typing import NamedTuple

from nextlong_hub.corpus.formats.archives import Readers, member_readers, read_member
from nextlong_hub.corpus.formats.base import CorpusFormat, Results
from nextlong_hub.corpus.formats.bounds import Counted, Unpacked
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.reading import open_any

_STEP_BYTES = 1 << 20


def read(piece: Piece) -> Results:
    """Read the files of an archive in their order; a document without an id is called by its file."""
    notes = ReadingNotes()
    yield notes
    with open_any(piece.address) as handle:
        try:
            with zipfile.ZipFile(handle) as archive:
                readers = member_readers()
                size = handle.seek(0, 2)
                unpacked = Unpacked(lambda: size)  # of all: the same bytes may be listed as many files
                for entry in archive.infolist():
                    if not entry.is_dir():
                        yield from _read_entry(_Entry(archive, entry, readers, unpacked), piece, notes)
        except zipfile.BadZipFile as error:
            yield BadDocument(BadReason.CORRUPT, piece.location, str(error))


class _Entry(NamedTuple):
    """One file of an archive."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    readers: Readers
    unpacked: Unpacked


class _Gradual:
    """What unpacks bzip2 for `zipfile`, which asks for all that four kilobytes give: it may be gigabytes."""

    def __init__(self, unpacked: Unpacked) -> None:
        self._decompressor = bz2.BZ2Decompressor()
        self._unpacked = unpacked

    @property
    def eof(self) -> bool:
        """Whether the end is reached."""
        return self._decompressor.eof

    def decompress(self, content: bytes) -> bytes:
        """All that the bytes give.

        Raises:
            ExpandsTooFar: it is too much.
        """
        parts = [self._decompressor.decompress(content, _STEP_BYTES)]
        while not (self._decompressor.eof or self._decompressor.needs_input):
            self._unpacked.add(len(parts[-1]))
            parts.append(self._decompressor.decompress(b"", _STEP_BYTES))
        return b"".join(parts)


def _read_entry(entry: _Entry, piece: Piece, notes: ReadingNotes) -> Results:
    name = entry.info.filename
    place = f"{piece.location}, {name}"
    try:
        with entry.archive.open(entry.info) as opened:
            if entry.info.compress_type == zipfile.ZIP_BZIP2:
                opened._decompressor = _Gradual(entry.unpacked)  # type: ignore[attr-defined]
            stream = Counted(opened, entry.unpacked)
            yield from read_member(stream, name, piece, notes, entry.readers)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        yield BadDocument(BadReason.CORRUPT, place, str(error))
    except (RuntimeError, NotImplementedError) as error:  # a password, or a compression that zipfile does not know
        yield BadDocument(BadReason.CORRUPT, place, f"it cannot be unpacked: {error}")


FORMAT = CorpusFormat(name="zip", suffixes=(".zip",), read=read)
