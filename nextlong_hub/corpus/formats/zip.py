"""Zip archives of texts, JSON or tables."""

import zipfile
import zlib

from nextlong_hub.corpus.formats.archives import read_member
from nextlong_hub.corpus.formats.base import CorpusFormat, Held, Results
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.reading import open_any


def read(piece: Piece, held: Held) -> Results:
    """Read the files of an archive in their order; a document without an id is called by its file."""
    notes = ReadingNotes()
    yield notes
    with open_any(piece.location) as handle:
        try:
            with zipfile.ZipFile(handle) as archive:
                for entry in archive.infolist():
                    if not entry.is_dir():
                        yield from _read_entry(archive, entry, piece, notes)
        except zipfile.BadZipFile as error:
            yield BadDocument(BadReason.CORRUPT, piece.location, str(error))


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, piece: Piece, notes: ReadingNotes) -> Results:
    place = f"{piece.location}, {entry.filename}"
    try:
        with archive.open(entry) as opened:
            yield from read_member(opened, entry.filename, piece, notes)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        yield BadDocument(BadReason.CORRUPT, place, str(error))
    except (RuntimeError, NotImplementedError) as error:  # a password, or a compression that zipfile does not know
        yield BadDocument(BadReason.CORRUPT, place, f"it cannot be unpacked: {error}")


FORMAT = CorpusFormat(name="zip", suffixes=(".zip",), read=read)
