"""What a corpus format defines for discovery, reading and the dry run: the endings of its files, and three functions.

    FORMATS.names()       ("arrow", "hub", "jsonl", …): no format is imported
    FORMATS["parquet"]    its `CorpusFormat`

Importing this module costs nothing, so that `--help` can list the names.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nextlong_hub.core.registry import Registry
from nextlong_hub.corpus.pieces import BadDocument, Piece, ReadingNotes
from nextlong_hub.records import Document

Results = Iterator[Document | BadDocument | ReadingNotes]
"""The documents of a piece in order, a `BadDocument` in place of each bad one, and `ReadingNotes` of what is not used:
they may be given early and filled until the end."""

Read = Callable[[Piece], Results]
"""Read a piece, in bounded memory."""

ReadBlocks = Callable[[Iterator[bytes], Piece], Results]
"""Read the bytes of one file, decompressed, as they come; the piece says where they lie and how rows are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceLimits:
    """Limits of a piece where a format can split or group files."""

    bytes: int
    """Bytes on disk of what is read of one piece."""
    texts: int
    """Files of one piece that holds several."""


Split = Callable[[Sequence[Piece], Mapping[str, int], PieceLimits], Iterable[Piece]]
"""From one piece for each file of a source, in the order of their names, and the bytes of each file by its name, to the
pieces that are read: ranges of a large file, groups of small ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A part of a corpus whose size is known or estimated."""

    documents: float
    text_bytes: float
    """Of UTF-8."""
    draw: Callable[[int], Iterable[str | None]]
    """About so many of its texts, spread over it; None for a document that is left out."""


TextsOf = Callable[[Piece], Iterator[str | None]]
"""Read the texts of a piece, None for each document that is left out; fails where a build would."""

Measure = Callable[[Sequence[Piece], TextsOf], Iterable[Stratum]]
"""From pieces of one source to strata, without reading them through."""


def one_piece_a_file(files: Sequence[Piece], bytes_of: Mapping[str, int], limits: PieceLimits) -> Iterable[Piece]:
    """Leave files whole."""
    return files


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFormat:
    """One form in which a corpus is stored."""

    name: str
    """As its file or entry point is called. It is part of the identity of every corpus of this format: it must not
    change."""
    suffixes: tuple[str, ...]
    """Endings of its files, in lower case: `.jsonl.gz`. None for a format whose pieces are no files."""
    suffixes_when_named: tuple[str, ...] = ()
    """Endings that are its own only where a path or glob names the file, or a folder holds nothing else to read: beside
    other data such files mostly hold something else."""
    read: Read
    read_blocks: ReadBlocks | None = None
    """Reads files within archives; None: files of this format are not read there."""
    split: Split = one_piece_a_file
    measure: Measure | None = None
    """None: the first documents of a file stand for the rest of it."""


FORMATS: Registry[CorpusFormat] = Registry(
    kind="corpus format", files="corpus/formats/*.py", constant="FORMAT", group="nextlong_hub.corpus_formats"
)
