"""All that must stand before the first unit of a configuration can run: store, index, candidates, measure.

Shared by `pipeline`, which builds a folder, and by the `datasets` builder, which builds into a cache.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub import corpus, plan
from nextlong_hub.engine import Executor, InlineExecutor, Task
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.files import digest_of, read_checked_json, sha256_of_folder, write_checked_json, written_aside
from nextlong_hub.progress import Stages
from nextlong_hub.recipe import BYTES_FORMAT, Recipe, RetrievalSettings, SourceSettings
from nextlong_hub.retrieval import build_index
from nextlong_hub.store import ChunkStore, PartCounts, document_ids, finish_store
from nextlong_hub.tokens import Frame, Tokenizer, find_frame
from nextlong_hub.units.tokenising import Tokenising, shared
from nextlong_hub.workspace import Workspace

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a build is made from."""

    corpus: FoundCorpus
    tokenizer: Tokenizer
    """Ids and token counts of rows are its."""
    seed: int
    more_tokenizers: tuple[Tokenizer, ...] = ()
    """Rows have at least the target length under these, too."""

    @property
    def tokenizers(self) -> tuple[Tokenizer, ...]:
        """All of them, the first-named first."""
        return (self.tokenizer, *self.more_tokenizers)

    @property
    def tokenizer_digests(self) -> list[str]:
        """What tells them apart, in their order."""
        return [tokenizer.digest for tokenizer in self.tokenizers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One configuration, ready for its units."""

    recipe: Recipe
    inputs: Inputs
    store: ChunkStore
    index_folder: Path
    units_folder: Path
    receipts_folder: Path
    characters_per_token: float
    """Of the corpus, under the first tokenizer."""
    tokenising: tuple[Tokenising, ...]
    """For each tokenizer, the chunks it has tokenised."""
    more_characters_per_token: tuple[float, ...]
    """Under the other tokenizers."""
    frame: Frame
    answer_length: int
    """Hits asked for each meta-chunk."""
    eligible_documents: int
    not_eligible: dict[str, int]

    @property
    def units(self) -> int:
        """How many units there are in all."""
        return -(-self.eligible_documents // self.recipe.output.unit_documents)

    def retrieve_task(self, unit: int) -> Task:
        """The task that asks the retriever for unit `unit`."""
        return Task(
            stage="retrieve",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.units.building:retrieve",
            inputs={"store": str(self.store.folder), "index": str(self.index_folder), "order": str(self.order_path)},
            output=str(self.units_folder / f"unit-{unit:05d}.answers.arrow"),
            parameters={
                **self._range(unit),
                "k": self.answer_length,
                "sample_characters": plan.sample_characters(
                    self.recipe, max(self.characters_per_token, *self.more_characters_per_token, 0.0)
                ),
            },
        )

    def synthesise_task(self, unit: int) -> Task:
        """The task that makes the rows of unit `unit` from its answers."""
        return Task(
            stage="synthesise",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.units.building:synthesise",
            inputs={
                "store": str(self.store.folder),
                "order": str(self.order_path),
                "answers": str(self.units_folder / f"unit-{unit:05d}.answers.arrow"),
                **{f"tokens-{number}": str(one.folder) for number, one in enumerate(self.tokenising)},
            },
            output=str(self.units_folder / f"unit-{unit:05d}.parquet"),
            parameters={
                **self._range(unit),
                "frame": [self.frame.bos, self.frame.eos],
                "tokenizers": [
                    {
                        "location": tokenizer.location,
                        "digest": tokenizer.digest,
                        "characters_per_token": characters_per_token,
                        "rounds": tokenising.rounds,
                    }
                    for tokenizer, characters_per_token, tokenising in zip(
                        self.inputs.tokenizers,
                        (self.characters_per_token, *self.more_characters_per_token),
                        self.tokenising,
                        strict=True,
                    )
                ],
            },
        )

    @property
    def order_path(self) -> Path:
        """The candidates in the order in which they are tried."""
        return self.units_folder / "order.npy"

    def meta_chunks(self, units: range) -> NDArray[np.int64]:
        """The chunks of the documents that some units extend."""
        size = self.recipe.output.unit_documents
        order = np.load(self.order_path, mmap_mode="r")[units.start * size : units.stop * size]
        first = self.store.first_chunk
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(first[d], first[d + 1]) for d in order)])

    def _range(self, unit: int) -> dict[str, Any]:
        start = unit * self.recipe.output.unit_documents
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "start": start,
            "stop": min(start + self.recipe.output.unit_documents, self.eligible_documents),
        }


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


def prepare(
    workspace: Workspace,
    recipe: Recipe,
    inputs: Inputs,
    executor: Executor,
    stages: Stages,
    earlier: Sequence[Prepared] = (),
) -> Prepared:
    """Read and cut the corpus, index it, and choose the candidates; whatever is there already is used again.

    Args:
        workspace: where finished work lies.
        recipe: the configuration.
        inputs: what it is made from.
        executor: where the work runs.
        stages: hears about it.
        earlier: configurations of this run that are prepared: what they share with this one is not checked again.

    Raises:
        DataError: the corpus cannot be read, or is too small.
        StorageError: no space, or no permission.
    """
    stores = {other.store.id: other.store for other in earlier}
    identity = _store_identity_of(inputs.corpus, recipe)
    store = stores.get(identity) or read_corpus(workspace, recipe, inputs.corpus, executor, stages)
    index_folder = workspace.index(index_identity(store.id, recipe.retrieval))
    if index_folder not in {other.index_folder for other in earlier}:
        _index(workspace, store, recipe.retrieval, executor, stages)
    characters_per_token = plan.measure_characters_per_token(store, inputs.tokenizer)
    more = tuple(plan.measure_characters_per_token(store, other) for other in inputs.more_tokenizers)
    candidates = plan.choose_candidates(store, recipe, inputs.corpus.sources, characters_per_token, inputs.seed)
    frame = find_frames(recipe, inputs.tokenizers)
    identity = digest_of([recipe.fingerprint, store.id, inputs.tokenizer_digests, frame.bos, frame.eos, inputs.seed])
    before = [tokenising for other in earlier for tokenising in other.tokenising]
    prepared = Prepared(
        recipe=recipe,
        inputs=inputs,
        store=store,
        index_folder=index_folder,
        units_folder=workspace.units(recipe.name, identity),
        receipts_folder=workspace.receipts(identity),
        characters_per_token=characters_per_token,
        more_characters_per_token=more,
        tokenising=tuple(
            shared(Tokenising(workspace, store, tokenizer, recipe.interleave.separator), before)
            for tokenizer in inputs.tokenizers
        ),
        frame=frame,
        answer_length=plan.answer_length(store, recipe, max(characters_per_token, *more, 0.0)),
        eligible_documents=len(candidates.order),
        not_eligible=candidates.not_eligible,
    )
    with written_aside(prepared.order_path) as aside, aside.open("wb") as handle:
        np.save(handle, candidates.order)
    return prepared


def find_frames(recipe: Recipe, tokenizers: Sequence[Tokenizer]) -> Frame:
    """What the ids of rows stand between; every tokenizer must have the tokens that the recipe asks for.

    Raises:
        RecipeError: one has not.
    """
    frames = [find_frame(one, bos=recipe.add_bos_token, eos=recipe.add_eos_token) for one in tokenizers]
    return frames[0]


def index_identity(store_id: str, settings: RetrievalSettings) -> str:
    """Digest of all that decides the index of a store: it names the index's folder."""
    return digest_of([store_id, settings.model_dump(mode="json")])


def _index(
    workspace: Workspace, store: ChunkStore, settings: RetrievalSettings, executor: Executor, stages: Stages
) -> None:
    """Index the store, or find the index again as it was left; one that was damaged since is built anew.

    A damaged index would not fail, it would answer: with other negatives than those of an undisturbed build.
    """
    identity = index_identity(store.id, settings)
    folder = workspace.index(identity)
    seal = workspace.receipts(identity) / "index.json"
    sealed = read_checked_json(seal)
    if sealed is not None and sealed != [*sha256_of_folder(folder)]:
        shutil.rmtree(folder, ignore_errors=True)
        sealed = None
    with stages.stage("index", None, "shards") as advance:
        build_index(store, settings, folder, executor, lambda receipt: advance(1))
    if sealed is None:
        write_checked_json(seal, [*sha256_of_folder(folder)])


def store_identity(corpus_digest: str, source_names: Iterable[str], recipe: Recipe) -> str:
    """Digest of all that decides the chunk store: it names the store's folder."""
    return digest_of(
        [
            BYTES_FORMAT,
            corpus_digest,
            list(source_names),
            recipe.chunking.model_dump(mode="json"),
            recipe.on_bad_document,
        ]
    )


def _store_identity_of(found: FoundCorpus, recipe: Recipe) -> str:
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
    identity = _store_identity_of(found, recipe)
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
        function="nextlong_hub.units.building:ingest",
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
