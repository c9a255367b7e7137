"""Tar archives of texts, JSON or tables, compressed or not, such as WebDataset's; read from beginning to end, once."""

import io
import tarfile

from nextlong_hub.corpus.formats.archives import read_member
from nextlong_hub.corpus.formats.base import CorpusFormat, Held, Results
from nextlong_hub.corpus.formats.blocks import blocks
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes


def read(piece: Piece, held: Held) -> Results:
    """Read the files of an archive in their order; a document without an id is called by its file."""
    notes = ReadingNotes()
    yield notes
    stream = _Stream(piece.location)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened is not None:
                    yield from read_member(opened, member.name.removeprefix("./"), piece, notes)
                if stream.is_broken:  # the reader of the file has told it
                    return
    except tarfile.ReadError as error:
        reason = BadReason.TRUNCATED if "unexpected end" in str(error) else BadReason.CORRUPT
        yield BadDocument(reason, piece.location, str(error))
    except READ_ERRORS as error:
        yield damage_fault(error, piece.location)


class _Stream(io.RawIOBase):
    """The decompressed bytes of a file, for a library that reads so many at a time."""

    def __init__(self, location: str) -> None:
        self._blocks = blocks(location)
        self._rest = memoryview(b"")
        self.is_broken = False
        """Whether the file is damaged, and its readable part has been read."""

    def read(self, size: int = -1) -> bytes:
        """So many bytes, and fewer at the end only."""
        parts: list[bytes] = []
        while size > 0:
            if not self._rest:
                try:
                    self._rest = memoryview(next(self._blocks, b""))
                except READ_ERRORS:
                    self.is_broken = True
                    raise
                if not self._rest:
                    break
            parts.append(bytes(self._rest[:size]))
            self._rest = self._rest[size:]
            size -= len(parts[-1])
        return b"".join(parts)


FORMAT = CorpusFormat(
    name="tar",
    suffixes=(".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tar.bz2", ".tar.xz"),
    read=read,
)
