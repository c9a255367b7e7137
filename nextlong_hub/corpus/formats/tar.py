"""Tar archives of texts, JSON or tables, compressed or not, such as WebDataset's; read from beginning to end, once."""

import tarfile

from nextlong_hub.corpus.formats.archives import member_readers, read_member
from nextlong_hub.corpus.formats.base import CorpusFormat, Results
from nextlong_hub.corpus.formats.blocks import ByteStream, blocks
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes


def read(piece: Piece) -> Results:
    """Read the files of an archive in their order; a document without an id is called by its file."""
    notes = ReadingNotes()
    yield notes
    readers = member_readers()
    stream = ByteStream(blocks(piece.address))
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened is None and not member.isdir():
                    notes.add({}, {"links and devices": 1}, 0)
                if opened is not None:
                    yield from read_member(opened, member.name.removeprefix("./"), piece, notes, readers)
                if stream.is_broken:  # the reader of the file has told it
                    return
    except tarfile.ReadError as error:
        reason = BadReason.TRUNCATED if "unexpected end" in str(error) else BadReason.CORRUPT
        yield BadDocument(reason, piece.location, str(error))
    except READ_ERRORS as error:
        yield damage_fault(error, piece.location)


FORMAT = CorpusFormat(
    name="tar",
    suffixes=(".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tar.bz2", ".tar.xz"),
    read=read,
)
