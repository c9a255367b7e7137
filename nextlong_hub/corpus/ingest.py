"""The first stage of a build: a corpus is found, read and cut, and kept in a `ChunkStore`.

    find_corpus    sources ▶ pieces, and the digest that identifies them
    read_corpus    pieces ▶ documents ▶ chunks: one `IngestPiece` task, and one part of the store, for each piece

Two parts may hold documents of one id. That is an error, or, with `on_bad_document = "skip"`, the later part is read a
second time without the repeated documents.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from nextlong_hub import corpus
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.printable import listed
from nextlong_hub.core.settings import BYTES_FORMAT
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.corpus.store import ChunkStore, PartCounts, PartWriter, SourceCounts, document_ids, finish_store
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.base import Task
from nextlong_hub.execution.run import Run
from nextlong_hub.method.chunking import cut

Source = SourceSettings | corpus.MemorySource
"""One named source: files or a Hub dataset by their settings, or a dataset in the caller's memory."""

_MEMORY: ContextVar[Mapping[str, Any]] = ContextVar("datasets in memory", default=MappingProxyType({}))
"""Datasets in memory that tasks of this process read, by source name: they cannot be fields of a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCorpus:
    """A corpus that is listed and identified, but not yet read."""

    sources: tuple[SourceSettings, ...]
    """In the order of their names, which is that of the pieces."""
    pieces: tuple[corpus.Piece, ...]
    digest: str
    memory: Mapping[str, Any]
    """Datasets in the caller's memory, by source name."""


def find_corpus(run: Run, sources: Sequence[Source]) -> FoundCorpus:
    """List the pieces of all sources and compute their digest.

    Raises:
        RecipeError: see `discover`.
        DataError, StorageError, AuthError, NetworkError: a source cannot be found or reached.
    """
    with run.stage("find corpus", None, "pieces"):
        pieces = corpus.discover(sources)
        digest = corpus.digest(pieces, run.workspace.file_digests)
    return FoundCorpus(
        sources=tuple(
            source if isinstance(source, SourceSettings) else _as_settings(source)
            for source in sorted(sources, key=attrgetter("name"))
        ),
        pieces=tuple(pieces),
        digest=digest,
        memory={source.name: source.dataset for source in sources if isinstance(source, corpus.MemorySource)},
    )


def _as_settings(source: corpus.MemorySource) -> SourceSettings:
    """How a recipe records a dataset in memory; nothing can be read from these settings."""
    return SourceSettings(
        name=source.name,
        path=f"dataset {source.name}",
        text_column=source.text_column,
        id_column=source.id_column,
        record_columns=source.record_columns,
        revision=source.fingerprint,
    )


def read_corpus(run: Run, found: FoundCorpus, settings: ReadingSettings) -> ChunkStore:
    """Read and cut every piece of the corpus, each into one part of the chunk store.

    Parts that an earlier run finished are kept where their digests still match; the others are read again. The reading
    is done once a run, however many configurations use the store.

    Raises:
        DataError: a piece cannot be read, or no document has text.
        RecipeError: there is no such filter, or it has not such settings.
        StorageError: no space, or no permission.
        AuthError, NetworkError: the Hub refused or could not be reached.
        WorkerError: see `Executor.run`.
    """
    identity = store_identity(found.digest, [source.name for source in found.sources], settings)
    return run.once(f"store-{identity}", lambda: _read(run, found, settings, identity))


def _read(run: Run, found: FoundCorpus, settings: ReadingSettings, identity: str) -> ChunkStore:
    folder = run.workspace.store(identity)
    tasks = [IngestPiece.of(folder, settings, piece, number) for number, piece in enumerate(found.pieces)]
    counts = _ingest(run, tasks, found, identity)
    again = _without_repeats(folder, settings, found)
    for number, recount in zip(again, _ingest(run, list(again.values()), found, identity), strict=True):
        counts[number] = recount
    return _finish(folder, identity, found, counts)


def store_identity(corpus_digest: str, source_names: Iterable[str], settings: ReadingSettings) -> str:
    """Digest of everything that decides the content of the chunk store; it names the store's folder."""
    return digest_of(
        [
            BYTES_FORMAT,
            corpus_digest,
            list(source_names),
            settings.chunking.model_dump(mode="json"),
            settings.on_bad_document,
            *open_filters(settings.filters).identity,
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestCounts:
    """What one piece gave."""

    part: PartCounts
    skipped: dict[str, int]
    """Documents left out, by reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPiece(Task[IngestCounts]):
    """Read one piece of a corpus, filter and cut its documents, and write one part of the chunk store.

    A piece of a dataset in memory can only be read inside `_readable`, in the process that holds the dataset.
    """

    stage: ClassVar[str] = "ingest"
    noun: ClassVar[str] = "pieces"

    piece: corpus.Piece
    settings: ReadingSettings
    held: tuple[str, ...]
    """Ids that an earlier part has already: documents of these are left out as `duplicate_id`."""

    @classmethod
    def of(
        cls, folder: Path, settings: ReadingSettings, piece: corpus.Piece, number: int, held: Iterable[str] = ()
    ) -> "IngestPiece":
        """The task for piece `number` of the store in `folder`."""
        ids = tuple(held)
        key = f"part-{number:05d}{'-unique' if ids else ''}"
        return cls(key=key, output=folder / key, piece=piece, settings=settings, held=ids)

    @property
    def inputs(self) -> dict[str, str]:
        """The files of the piece."""
        return {f"piece.{number}": file for number, file in enumerate(self.piece.files)}

    def run(self) -> IngestCounts:
        """See `Task.run`."""
        filters = open_filters(self.settings.filters)
        held = set(self.held)
        skipped: Counter[str] = Counter()
        with PartWriter(self.output) as part:
            for document in corpus.read(self.piece, self.settings.on_bad_document, _MEMORY.get()):
                if isinstance(document, corpus.Skipped):
                    skipped[document.reason] += 1
                elif (reason := filters.reject(document)) is not None:
                    skipped[reason] += 1
                elif document.id in held:
                    skipped["duplicate_id"] += 1
                else:
                    if self.settings.on_bad_document == "skip":
                        held.add(document.id)
                    part.add(document, cut(document.text, self.settings.chunking))
        return IngestCounts(part=part.counts, skipped=dict(sorted(skipped.items())))


def _ingest(run: Run, tasks: Sequence[IngestPiece], found: FoundCorpus, identity: str) -> list[IngestCounts]:
    """The counts of each task, in order; datasets in memory are read in this process, other pieces by the executor."""
    here = [task for task in tasks if task.piece.is_local_memory]
    away = [task for task in tasks if not task.piece.is_local_memory]
    counts: dict[str, IngestCounts] = {}
    with _readable(found.memory):
        for runner, own in ((run.inline(), here), (run, away)):
            if own:
                for receipt in runner.map("read and cut", own, identity):
                    counts[receipt.key] = receipt.counts
    return [counts[task.key] for task in tasks]


@contextmanager
def _readable(memory: Mapping[str, Any]) -> Iterator[None]:
    """Make the caller's datasets readable for tasks of this process."""
    token = _MEMORY.set(memory)
    try:
        yield
    finally:
        _MEMORY.reset(token)


def _without_repeats(folder: Path, settings: ReadingSettings, found: FoundCorpus) -> dict[int, IngestPiece]:
    """For each part that repeats ids of earlier parts, by its number, the task that reads it again without them.

    Raises:
        BadDocumentError: an id comes twice, and bad documents are not skipped.
    """
    ids = [document_ids(folder / f"part-{number:05d}") for number in range(len(found.pieces))]
    if settings.on_bad_document == "fail":
        corpus.require_unique_ids([piece.place for piece in found.pieces], ids)
        return {}
    held: dict[int, list[str]] = {}
    for repeated in corpus.repeated_ids(ids):
        held.setdefault(repeated.part, []).append(repeated.id)
    return {
        part: IngestPiece.of(folder, settings, found.pieces[part], part, repeats)
        for part, repeats in sorted(held.items())
    }


def _finish(folder: Path, identity: str, found: FoundCorpus, counts: Sequence[IngestCounts]) -> ChunkStore:
    """Add the counts of all parts up and declare the store complete."""
    parts = [one.part for one in counts]
    skipped: Counter[str] = Counter()
    for one in counts:
        skipped.update(one.skipped)
    if not sum(part.chunks for part in parts):
        raise CorpusTooSmallError(
            f"the corpus has no document with text (left out: {listed(dict(sorted(skipped.items())))}); check the "
            "paths and text_column"
        )
    sources = []
    for source in found.sources:
        own = [part for part, piece in zip(parts, found.pieces, strict=True) if piece.source == source.name]
        documents, characters = (sum(part.documents for part in own), sum(part.characters for part in own))
        sources.append(SourceCounts(name=source.name, documents=documents, characters=characters))
    return finish_store(folder, parts, identity, skipped, sources)
