"""The first stage of a build: a corpus is found, read and cut, and kept in a `ChunkStore`.

    find_corpus    sources ▶ pieces, and the digest that identifies them
    read_corpus    pieces ▶ documents ▶ chunks: one `IngestPiece` task, and one part of the store, for each piece

Two parts may hold documents of one id. That is an error, or, with `on_bad_document = "skip"`, the later part is read a
second time without the repeated documents.

A source with a limit is read piece by piece in an order of its own (`limits`) until there is enough.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from nextlong_hub import corpus
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.printable import listed
from nextlong_hub.core.settings import BYTES_FORMAT
from nextlong_hub.corpus.evidence import Evidence, Example, evidence_of, merged
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.in_memory import MemorySource, Source, as_files
from nextlong_hub.corpus.left_out import FilesLeftOut
from nextlong_hub.corpus.licences import Statements, statements_of
from nextlong_hub.corpus.limits import pieces_for, reading_order, rest_of
from nextlong_hub.corpus.origins import Origins, merged_origins
from nextlong_hub.corpus.pieces import add_named
from nextlong_hub.corpus.secrets import (
    SECRET_REASON,
    SecretCounts,
    identity_of_scan,
    merged_secrets,
    scanned,
)
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.corpus.store import (
    ChunkStore,
    OriginCounts,
    PartCounts,
    PartWriter,
    SourceCounts,
    document_ids,
    finish_store,
)
from nextlong_hub.corpus.telling import not_read, notes_of
from nextlong_hub.errors import CorpusTooSmallError, argument
from nextlong_hub.execution.base import Task
from nextlong_hub.execution.run import Run
from nextlong_hub.method.chunking import cut


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCorpus:
    """A corpus that is listed and identified, but not yet read."""

    sources: tuple[SourceSettings, ...]
    """In the order of their names, which is that of the pieces."""
    pieces: tuple[corpus.Piece, ...]
    digest: str
    held: Mapping[str, str] = field(default_factory=dict)
    """What the rows were that the caller held in memory, by the name of their source."""
    left_out: Mapping[str, tuple[FilesLeftOut, ...]] = field(default_factory=dict)
    """Files that are not read, by the name of their source."""
    stated: Mapping[str, Statements] = field(default_factory=dict)
    """What is stated for the whole of a source, by its name."""


def find_corpus(run: Run, sources: Sequence[Source], *, trusts_cache: bool = True) -> FoundCorpus:
    """List the pieces of all sources and compute their digest.

    Args:
        run: Where the work runs.
        sources: The corpus.
        trusts_cache: Whether files that look as they did when they were hashed last are not hashed again.

    Raises:
        RecipeError: see `discover`.
        DataError, StorageError, AuthError, NetworkError: a source cannot be found or reached.
    """
    with run.stage("find corpus", None, "pieces"):
        files, held = as_files(sources, run.workspace.memory)
        found = corpus.find(files)
        identified = corpus.identify(found.pieces, run.workspace.file_digests if trusts_cache else None)
        in_memory = [source for source in sources if isinstance(source, MemorySource)]
        whole: list[Source] = [one.settings for one in found.sources if one.settings.name not in held]
        stated = {source.name: statements_of(source) for source in [*whole, *in_memory]}
    left_out = {one.settings.name: one.left_out for one in found.sources}
    asked = {source.name: source.config for source in files}
    for one in found.sources:
        if one.settings.config and asked.get(one.settings.name) is None:
            run.note(
                f"{one.settings.name}: its configuration {one.settings.config} is read, the default of its card; "
                f"{argument('config')} names another"
            )
    for one in found.sources:
        if one.remark:
            run.note(f"{one.settings.name}: {one.remark}")
    for name, others in sorted(left_out.items()):
        if others:
            run.note(f"{name}: {not_read(others)}")
    return FoundCorpus(
        sources=tuple(one.settings for one in found.sources),
        pieces=identified.pieces,
        digest=identified.digest,
        held=held,
        left_out=left_out,
        stated=stated,
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
    with run.progress.rounds():
        counts = _read_whole(run, found, settings, identity)
        for source in found.sources:
            if source.most is not None:
                counts |= _read_to_limit(run, found, settings, identity, source)
        again = _without_repeats(folder, settings, found, counts)
        for number, recount in zip(again, _ingest(run, list(again.values()), identity), strict=True):
            counts[number] = recount
    store = _finish(folder, identity, found, counts)
    for one in store.summary.sources:
        for sentence in notes_of(one, settings.on_secret):
            run.note(f"{one.name}: {sentence}")
    return store


def _read_whole(run: Run, found: FoundCorpus, settings: ReadingSettings, identity: str) -> dict[int, "IngestCounts"]:
    """The counts of all pieces without a limit, by their numbers."""
    folder = run.workspace.store(identity)
    tasks = {
        number: IngestPiece.of(folder, settings, piece, number)
        for number, piece in enumerate(found.pieces)
        if piece.most is None
    }
    return dict(zip(tasks, _ingest(run, list(tasks.values()), identity), strict=True))


def _read_to_limit(
    run: Run, found: FoundCorpus, settings: ReadingSettings, identity: str, source: SourceSettings
) -> dict[int, "IngestCounts"]:
    """The counts of the pieces that are needed of one source, by their numbers; the last one is read up to the limit.

    As many pieces are read at a time as seem to be needed; which ones count does not depend on that.
    """
    folder = run.workspace.store(identity)
    waiting = reading_order(found.pieces, source.name)
    counts: dict[int, IngestCounts] = {}
    left = source.most
    size = run.executor.workers
    while waiting and left is not None:
        wave, waiting = waiting[:size], waiting[size:]
        tasks = [IngestPiece.of(folder, settings, found.pieces[number], number) for number in wave]
        for number, one in zip(wave, _ingest(run, tasks, identity), strict=True):
            most, left = left, rest_of(left, one.read_documents, one.read_bytes)
            if left is None and most != source.most:
                piece = replace(found.pieces[number], most=most)
                [one] = _ingest(run, [IngestPiece.of(folder, settings, piece, number)], identity)
            counts[number] = one
            if left is None:
                break
        size = max(size, pieces_for(source.most, left, len(counts)))
    return counts


def store_identity(corpus_digest: str, source_names: Iterable[str], settings: ReadingSettings) -> str:
    """Digest of everything that decides the content of the chunk store; it names the store's folder."""
    return digest_of(
        [
            BYTES_FORMAT,
            corpus_digest,
            list(source_names),
            settings.chunking.model_dump(mode="json"),
            settings.on_bad_document,
            *(["segments"] if settings.keep_segments else []),
            identity_of_scan(settings.on_secret),
            *open_filters(settings.filters).identity,
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestCounts:
    """What one piece gave."""

    part: PartCounts
    skipped: dict[str, int]
    """Documents left out, by reason."""
    columns: dict[str, int] = field(default_factory=dict)
    """See `ReadingNotes`, as the two below."""
    members: dict[str, int] = field(default_factory=dict)
    numbered: int = 0
    origins: tuple[OriginCounts, ...] = ()
    """Empty where no row says where it comes from."""
    languages: dict[str, int] = field(default_factory=dict)
    """Documents by the language that their rows say they are in; those that say nothing are in none."""
    evidence: Evidence = field(default_factory=Evidence)
    read_documents: int = 0
    """Documents that were read, filtered out or not."""
    read_bytes: int = 0
    """Of their UTF-8; counted where reading has a limit."""
    barred: dict[str, int] = field(default_factory=dict)
    """Chunks that no row may hold, by reason."""
    secrets: SecretCounts = field(default_factory=SecretCounts)
    """In the documents of the part, and in those that were left out for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPiece(Task[IngestCounts]):
    """Read one piece of a corpus; mask, filter and cut its documents; write one part of the chunk store."""

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
        bound = f"-{piece.most.documents or piece.most.text_bytes}" if piece.most else ""
        key = f"part-{number:05d}{bound}{'-unique' if ids else ''}"
        piece = replace(piece, keeps_segments=settings.keep_segments)
        return cls(key=key, output=folder / key, piece=piece, settings=settings, held=ids)

    def run(self) -> IngestCounts:
        """See `Task.run`."""
        filters = open_filters(self.settings.filters)
        held = set(self.held)
        skipped: Counter[str] = Counter()
        barred: Counter[str] = Counter()
        notes = corpus.ReadingNotes()
        origins = Origins(self.piece.source)
        languages: Counter[str] = Counter()
        examples: list[Example] = []
        secrets: list[SecretCounts] = []
        documents = text_bytes = 0
        with PartWriter(self.output, segments=self.settings.keep_segments) as part:
            for document in corpus.read(self.piece, self.settings.on_bad_document, notes):
                if isinstance(document, corpus.Skipped):
                    skipped[document.reason] += 1
                    continue
                documents += 1
                text_bytes += len(document.text.encode()) if self.piece.most else 0
                scan = scanned(document, self.settings.on_secret, self.piece.location)
                document = scan.document
                if (reason := filters.reject(document)) is not None:
                    skipped[reason] += 1
                    examples += [found] if (found := filters.example(document)) else []
                elif document.id in held:
                    skipped["duplicate_id"] += 1
                elif scan.is_left_out:
                    skipped[SECRET_REASON] += 1
                    secrets.append(SecretCounts(kinds=scan.kinds, documents=1))
                else:
                    if self.settings.on_bad_document == "skip":
                        held.add(document.id)
                    chunks = cut(document.text, self.settings.chunking)
                    found_chunks = filters.bar(document, chunks)
                    examples += found_chunks.examples
                    if found_chunks.reasons and len(found_chunks.reasons) == len(chunks):
                        skipped[found_chunks.reasons[0]] += 1
                        continue
                    barred.update(found_chunks.reasons.values())
                    part.add(document, chunks, found_chunks.reasons)
                    origins.add(document)
                    if said := document.metadata.get("language"):
                        add_named(languages, {said: 1})
                    secrets += [SecretCounts(kinds=scan.kinds, documents=1)] if scan.kinds else []
        return IngestCounts(
            part=part.counts,
            skipped=dict(sorted(skipped.items())),
            columns=dict(sorted(notes.columns.items())),
            members=dict(sorted(notes.members.items())),
            numbered=notes.numbered,
            origins=origins.counts(),
            languages=dict(sorted(languages.items())),
            evidence=evidence_of(examples, filters.remarks()),
            read_documents=documents,
            read_bytes=text_bytes,
            barred=dict(sorted(barred.items())),
            secrets=merged_secrets(secrets),
        )


def _ingest(run: Run, tasks: Sequence[IngestPiece], identity: str) -> list[IngestCounts]:
    """The counts of each task, in order."""
    return [receipt.counts for receipt in run.map("read and cut", tasks, identity)] if tasks else []


def _without_repeats(
    folder: Path, settings: ReadingSettings, found: FoundCorpus, counts: Mapping[int, IngestCounts]
) -> dict[int, IngestPiece]:
    """For each part that repeats ids of earlier parts, by its number, the task that reads it again without them.

    Raises:
        BadDocumentError: an id comes twice, and bad documents are not skipped.
    """
    numbers = sorted(counts)
    ids = [document_ids(folder / counts[number].part.name) for number in numbers]
    if settings.on_bad_document == "fail":
        corpus.require_unique_ids([found.pieces[number].place for number in numbers], ids)
        return {}
    held: dict[int, list[str]] = {}
    for repeated in corpus.repeated_ids(ids):
        held.setdefault(numbers[repeated.part], []).append(repeated.id)
    return {
        part: IngestPiece.of(folder, settings, found.pieces[part], part, repeats)
        for part, repeats in sorted(held.items())
    }


def _finish(folder: Path, identity: str, found: FoundCorpus, counts: Mapping[int, IngestCounts]) -> ChunkStore:
    """Add the counts of all parts up and declare the store complete."""
    parts = {number: counts[number].part for number in sorted(counts)}
    skipped: Counter[str] = Counter()
    for one in counts.values():
        skipped.update(one.skipped)
    if not sum(part.chunks for part in parts.values()):
        raise CorpusTooSmallError(
            f"the corpus has no document with text (left out: {listed(dict(sorted(skipped.items())))}); check the "
            "paths and text_column"
        )
    sources = [
        _counts_of(source.name, [counts[number] for number in parts if found.pieces[number].source == source.name])
        for source in found.sources
    ]
    return finish_store(folder, list(parts.values()), identity, skipped, sources)


def _counts_of(name: str, parts: Sequence[IngestCounts]) -> SourceCounts:
    """The counts of one source, added up.

    Raises:
        DataError: it gave no document, and its rows have no text where it was looked for.
    """
    notes = corpus.ReadingNotes()
    skipped, barred, languages = Counter[str](), Counter[str](), Counter[str]()
    for one in parts:
        add_named(languages, one.languages)
        notes.add(one.columns, one.members, one.numbered)
        skipped.update(one.skipped)
        barred.update(one.barred)
    documents = sum(one.part.documents for one in parts)
    if not documents and skipped["missing_text"] + skipped["wrong_type"]:
        raise CorpusTooSmallError(
            f"no row of source {name!r} has a text (left out: {listed(dict(sorted(skipped.items())))}); check its "
            f"{argument('text-column')}"
        )
    return SourceCounts(
        name=name,
        documents=documents,
        characters=sum(one.part.characters for one in parts),
        numbered=notes.numbered,
        unused=dict(sorted(notes.columns.items())),
        members=dict(sorted(notes.members.items())),
        evidence=merged(one.evidence for one in parts),
        barred=dict(sorted(barred.items())),
        origins=merged_origins(name, [one.origins for one in parts]),
        languages=dict(sorted(languages.items())),
        secrets=merged_secrets(one.secrets for one in parts),
    )
