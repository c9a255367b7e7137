"""Tar archives of texts, JSON or tables, compressed or not, such as WebDataset's; read from beginning to end, once."""

import tarfile

from nextlong_hub.corpus.formats.archives import member_readers, read_member
from nextlong_hub.corpus.formats.base import CorpusFormat, Results
from nextlong_hub.corpus.formats.blocks import ByteStream, blocks
from nextlong_hub.corpus.formats.bounds import Counted, Unpacked
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes

_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
"""Types of members that say something of the next one, and are held as a whole."""
_MOST_HEADER_BYTES = 1 << 20


def read(piece: Piece) -> Results:
    """Read the files of an archive in their order; a document without an id is called by its file."""
    notes = ReadingNotes()
    yield notes
    readers = member_readers()
    stream = ByteStream(blocks(piece.address))
    unpacked = Unpacked(lambda: stream.given)  # a sparse file within gives more than the archive holds
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened is None and not member.isdir():
                    notes.add({}, {"links and devices": 1}, 0)
                if opened is not None:
                    counted = Counted(opened, unpacked)
                    yield from read_member(counted, member.name.removeprefix("./"), piece, notes, readers)
                if stream.is_broken:  # the reader of the file has told it
                    return
    except tarfile.ReadError as error:
        reason = BadReason.TRUNCATED if "unexpected end" in str(error) else BadReason.CORRUPT
        yield BadDocument(reason, piece.location, str(error))
    except RecursionError:
        yield BadDocument(BadReason.CORRUPT, piece.location, "its headers have no end")
    except READ_ERRORS as error:
        yield damage_fault(error, piece.location)


class _Member(tarfile.TarInfo):
    """A file of an archive; a header that says more of it than any name is long is damage."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and self.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


FORMAT = CorpusFormat(
    name="tar",
    suffixes=(".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tar.bz2", ".tar.xz"),
    read=read,
)
