"""Zip archives of texts, JSON or tables."""

import zipfile
import zlib
from typing import NamedTuple

from nextlong_hub.corpus.formats.archives import Readers, member_readers, read_member
from nextlong_hub.corpus.formats.base import CorpusFormat, Results
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.reading import open_any


def read(piece: Piece) -> Results:
    """Read the files of an archive in their order; a document without an id is called by its file."""
    notes = ReadingNotes()
    yield notes
    with open_any(piece.address) as handle:
        try:
            with zipfile.ZipFile(handle) as archive:
                readers = member_readers()
                for entry in archive.infolist():
                    if not entry.is_dir():
                        yield from _read_entry(_Entry(archive, entry, readers), piece, notes)
        except zipfile.BadZipFile as error:
            yield BadDocument(BadReason.CORRUPT, piece.location, str(error))


class _Entry(NamedTuple):
    """One file of an archive."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    readers: Readers


def _read_entry(entry: _Entry, piece: Piece, notes: ReadingNotes) -> Results:
    name = entry.info.filename
    place = f"{piece.location}, {name}"
    try:
        with entry.archive.open(entry.info) as opened:
            yield from read_member(opened, name, piece, notes, entry.readers)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        yield BadDocument(BadReason.CORRUPT, place, str(error))
    except (RuntimeError, NotImplementedError) as error:  # a password, or a compression that zipfile does not know
        yield BadDocument(BadReason.CORRUPT, place, f"it cannot be unpacked: {error}")


FORMAT = CorpusFormat(name="zip", suffixes=(".zip",), read=read)
