"""…"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from nextlong_hub import corpus
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.settings import BYTES_FORMAT
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore, PartCounts, PartWriter, document_ids, finish_store
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.base import Executor, Task
from nextlong_hub.execution.local import InlineExecutor
from nextlong_hub.execution.progress import Stages
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.method import chunking
from nextlong_hub.recipe import Recipe

Source = SourceSettings | corpus.MemorySource
"""One named source: files and Hub datasets by their settings, or a dataset the caller holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCorpus:
    """A corpus, found and identified, but not yet read through."""

    sources: tuple[SourceSettings, ...]
    """In the order of their names, which is that of the pieces."""
    pieces: tuple[corpus.Piece, ...]
    digest: str
    memory: Mapping[str, Any]
    """Datasets held by the caller, by source name."""


def find_corpus(workspace: Workspace, sources: Sequence[Source], stages: Stages) -> FoundCorpus:
    """List everything the sources hold and give it an identity.

    Raises:
        DataError, StorageError, AuthError, NetworkError: a source cannot be found or reached.
    """
    with stages.stage("find corpus", None, "pieces"):
        pieces = corpus.discover(sources)
        digest = corpus.digest(pieces, workspace.file_digests)
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
    return SourceSettings(
        name=source.name,
        path=f"dataset {source.name}",
        text_column=source.text_column,
        id_column=source.id_column,
        record_columns=source.record_columns,
        revision=source.fingerprint,
    )


def store_identity(corpus_digest: str, source_names: Iterable[str], recipe: Recipe) -> str:
    """Digest of all that decides the chunk store: it names the store's folder."""
    return digest_of(
        [
            BYTES_FORMAT,
            corpus_digest,
            list(source_names),
            recipe.chunking.model_dump(mode="json"),
            recipe.on_bad_document,
            *open_filters(recipe.filters).identity,
        ]
    )


def store_identity_of(found: FoundCorpus, recipe: Recipe) -> str:
    return store_identity(found.digest, [source.name for source in found.sources], recipe)


def read_corpus(
    workspace: Workspace, recipe: Recipe, found: FoundCorpus, executor: Executor, stages: Stages
) -> ChunkStore:
    """Read and cut every piece of the corpus, each into one part of the chunk store.

    Parts that are there already are compared with their digests; one that was damaged is read again.

    Raises:
        DataError: a piece cannot be read, or no document has text.
        StorageError: no space, or no permission.
    """
    identity = store_identity_of(found, recipe)
    folder = workspace.store(identity)
    receipts_folder = workspace.receipts(identity)
    tasks = [_ingest_task(folder, recipe, piece, number) for number, piece in enumerate(found.pieces)]
    counts = _ingest(tasks, found, executor, receipts_folder, stages)
    again = _without_repeats(folder, recipe, found)
    if again:
        for number, one in zip(
            again, _ingest(list(again.values()), found, executor, receipts_folder, stages), strict=True
        ):
            counts[number] = one
    return _finish(folder, identity, found, counts)


def _ingest_task(folder: Path, recipe: Recipe, piece: corpus.Piece, number: int, held: Sequence[str] = ()) -> Task:
    """The task that reads one piece; `held` are ids that earlier parts hold already."""
    key = f"part-{number:05d}{'-unique' if held else ''}"
    return Task(
        stage="ingest",
        key=key,
        function="nextlong_hub.corpus.ingest:ingest",
        output=str(folder / key),
        parameters={"recipe": recipe.model_dump(mode="json"), "piece": piece.to_json(), "held": list(held)},
    )


def _ingest(
    tasks: Sequence[Task], found: FoundCorpus, executor: Executor, receipts_folder: Path, stages: Stages
) -> list[dict[str, Any]]:
    """What each task counted; datasets in memory are read here, everything else where the executor runs."""
    here = [task for task in tasks if corpus.Piece.from_json(task.parameters["piece"]).is_local_memory]
    away = [task for task in tasks if task not in here]
    counts: dict[str, dict[str, Any]] = {}
    for runner, own in ((InlineExecutor(memory=found.memory), here), (executor, away)):
        if own:
            for receipt in stages.run("read and cut", "pieces", own, runner, receipts_folder):
                counts[receipt.key] = receipt.counts
    return [counts[task.key] for task in tasks]


def _without_repeats(folder: Path, recipe: Recipe, found: FoundCorpus) -> dict[int, Task]:
    """Tasks that read again, without them, the parts that repeat an id of an earlier part.

    Raises:
        BadDocumentError: there is such a part, and the recipe does not skip bad documents.
    """
    ids = [document_ids(folder / f"part-{number:05d}") for number in range(len(found.pieces))]
    if recipe.on_bad_document == "fail":
        corpus.require_unique_ids([piece.place for piece in found.pieces], ids)
        return {}
    held: dict[int, list[str]] = {}
    for repeated in corpus.repeated_ids(ids):
        held.setdefault(repeated.part, []).append(repeated.id)
    return {
        part: _ingest_task(folder, recipe, found.pieces[part], part, repeats) for part, repeats in sorted(held.items())
    }


def _finish(folder: Path, identity: str, found: FoundCorpus, counts: Sequence[dict[str, Any]]) -> ChunkStore:
    parts = [PartCounts(**{name: part[name] for name in PartCounts.__dataclass_fields__}) for part in counts]
    skipped: Counter[str] = Counter()
    for part in counts:
        skipped.update(part["skipped"])
    if not sum(part.chunks for part in parts):
        left_out = ", ".join(f"{count:,} {reason}" for reason, count in sorted(skipped.items())) or "none"
        raise CorpusTooSmallError(
            f"the corpus has no document with text (left out: {left_out}); check the paths and text_column"
        )
    sources = []
    for source in found.sources:
        own = [part for part, piece in zip(parts, found.pieces, strict=True) if piece.source == source.name]
        totals = {name: sum(getattr(part, name) for part in own) for name in ("documents", "characters")}
        sources.append({"name": source.name, **totals})
    return finish_store(folder, parts, identity, {"skipped": dict(sorted(skipped.items())), "sources": sources})


def ingest(task: Task, memory: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read one piece of a corpus, cut each document, and write one part of the chunk store.

    Parameters: `recipe`, `piece`, and `held`: ids that an earlier part holds already. `memory` holds the datasets of
    sources that are no files.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    piece = corpus.Piece.from_json(task.parameters["piece"])
    filters = open_filters(recipe.filters)
    held = set(task.parameters["held"])
    skipped: Counter[str] = Counter()
    with PartWriter(Path(task.output)) as part:
        for document in corpus.read(piece, recipe.on_bad_document, memory):
            if isinstance(document, corpus.Skipped):
                skipped[document.reason] += 1
            elif (reason := filters.reject(document)) is not None:
                skipped[reason] += 1
            elif document.id in held:
                skipped["duplicate_id"] += 1
            else:
                if recipe.on_bad_document == "skip":
                    held.add(document.id)
                part.add(document, chunking.cut(document.text, recipe.chunking))
    return {**asdict(part.counts), "skipped": dict(sorted(skipped.items()))}
