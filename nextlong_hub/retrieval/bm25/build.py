"""Builds the index: lex every shard, merge the vocabularies, fill every shard.

    lex    shard-00000 …   a range of chunks      ▶ bags of the shard's own term numbers
    merge  vocabulary      all shards' terms      ▶ one numbering, idf, statistics, and a map for each shard
    fill   shard-00000 …   bags, map, idf         ▶ the shard's index

Terms are numbered by (-frequency, first appearance in the corpus): a total order that depends neither on how the corpus
is cut into shards nor on the workers. `index.json` is written last; until then the folder holds no index.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import sweep, write_json
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.execution.base import Counts, Executor, InputPath, Receipt, Task
from nextlong_hub.execution.receipts import run_missing
from nextlong_hub.retrieval.base import OnReceipt
from nextlong_hub.retrieval.bm25.arrays import map_arrays, write_arrays
from nextlong_hub.retrieval.bm25.building_kernels import COUNT_ESCAPE, IMPACT_LEVELS, fill, transpose
from nextlong_hub.retrieval.bm25.formulas import gain, inverse_document_frequencies, length_norms
from nextlong_hub.retrieval.bm25.index import (
    COLUMN_STEP,
    VOCABULARY,
    Forward,
    IndexShard,
    Postings,
    building_choices,
    index_id,
    read_index_summary,
    save_shard,
)
from nextlong_hub.retrieval.bm25.lexer import LexedChunks, Lexer, TermTable
from nextlong_hub.retrieval.bm25.stop_words import stop_words
from nextlong_hub.retrieval.settings import RetrievalSettings

DENSE_SHARE = 0.1
"""Share of the chunks from which a term is kept as a column: reading it whole is then cheaper than its postings."""
DENSE_CHUNKS = 32
"""Fewest chunks that hold a dense term: below that a column is mostly padding."""
_LEXED = tuple(field.name for field in fields(LexedChunks))


def identity_of(store: ChunkStore, settings: RetrievalSettings) -> str:
    """The id of the index of `store` under `settings`.

    Raises:
        RecipeError: a language has no list of stop words.
    """
    return index_id(store.id, settings, stop_words(settings.stop_word_languages), unicodedata.unidata_version)


_SMALL_SHARD = 1024
_MOST_SMALL_SHARDS = 128
"""More of fewer chunks than that make no end: the work is that of opening and closing them."""


def build(
    store: ChunkStore,
    settings: RetrievalSettings,
    folder: Path,
    executor: Executor,
    on_receipt: OnReceipt | None,
) -> None:
    """Build the index of `store` in `folder`, or return at once when it is there.

    A build that was killed continues where it stopped; an index with another identity is replaced at the end.

    Raises:
        RecipeError: a language has no list of stop words, a chunk is too long, or shards are too small for so many.
        WorkerError: see `Executor.run`.
        StorageError: no space is left.
    """
    identity = identity_of(store, settings)
    summary = read_index_summary(folder)
    if summary is None or summary["id"] != identity:
        plan = _Plan(store, settings, folder / identity)

        def run(tasks: Sequence[Task[Counts]]) -> list[Receipt[Counts]]:
            receipts = []
            for receipt in run_missing(executor, tasks, plan.home / "receipts"):
                receipts.append(receipt)
                if on_receipt is not None:
                    on_receipt(receipt)
            return receipts

        run(plan.lex_tasks())
        statistics = run([plan.merge_task()])[0].counts
        shards = sorted(run(plan.fill_tasks(statistics)), key=lambda receipt: receipt.key)
        merged = map_arrays(plan.merged)
        write_arrays(plan.home / "vocabulary.npz", {name: merged[name] for name in VOCABULARY})
        write_json(
            folder / "index.json",
            {
                "id": identity,
                "store": store.id,
                "settings": building_choices(settings),
                "statistics": asdict(statistics),
                "shards": [{"name": shard.key, "bytes": shard.bytes, "sha256": shard.sha256} for shard in shards],
            },
        )
    _sweep(folder, identity)


class _Plan:
    """The tasks of one build."""

    def __init__(self, store: ChunkStore, settings: RetrievalSettings, home: Path) -> None:
        self.home = home
        self.merged = home / "merged.npz"
        self._store = store
        self._settings = settings
        self._starts = range(0, store.chunks, settings.shard_chunks)
        if settings.shard_chunks < _SMALL_SHARD and len(self._starts) > _MOST_SMALL_SHARDS:
            raise RecipeError(
                f"{argument('set', f'retrieval.shard_chunks={settings.shard_chunks}')} cuts the index of "
                f"{store.chunks:,} chunks into {len(self._starts):,} shards, each of which is a file and is opened for "
                f"every query; set it to {_SMALL_SHARD:,} or more"
            )
        self._keys = [f"shard-{number:05d}" for number in range(len(self._starts))]

    def lex_tasks(self) -> list["LexShard"]:
        return [
            LexShard(
                key=key,
                output=self._lexed(key),
                store=self._store.folder,
                settings=self._settings,
                start=start,
                stop=min(start + self._starts.step, self._store.chunks),
            )
            for key, start in zip(self._keys, self._starts, strict=True)
        ]

    def merge_task(self) -> "MergeVocabularies":
        return MergeVocabularies(
            key="vocabulary",
            output=self.merged,
            lexed={key: self._lexed(key) for key in self._keys},
            settings=self._settings,
        )

    def fill_tasks(self, statistics: "Statistics") -> list["FillShard"]:
        return [
            FillShard(
                key=key,
                output=self.home / f"{key}.npz",
                lexed=self._lexed(key),
                merged=self.merged,
                settings=self._settings,
                statistics=statistics,
            )
            for key in self._keys
        ]

    def _lexed(self, key: str) -> Path:
        return self.home / "lexed" / f"{key}.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class LexCounts:
    """Counts of one lexed shard."""

    chunks: int
    entries: int
    """(chunk, term) pairs."""
    terms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LexShard(Task[LexCounts]):
    """Lex one range of chunks of the store."""

    stage: ClassVar[str] = "lex"
    noun: ClassVar[str] = "shards"

    store: InputPath
    settings: RetrievalSettings
    start: int
    """First chunk."""
    stop: int

    def run(self) -> LexCounts:
        """See `Task.run`."""
        store = ChunkStore(self.store)
        lexed = Lexer(self.settings).lex(store.blocks(self.start, self.stop), self.stop - self.start)
        write_arrays(self.output, {name: getattr(lexed, name) for name in _LEXED})
        return LexCounts(chunks=self.stop - self.start, entries=len(lexed.terms), terms=len(lexed.frequencies))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Statistics of the whole corpus, stored as `index.Index.statistics`."""

    chunks: int
    words: int
    vocabulary: int
    """All terms."""
    terms: int
    """Terms that are indexed: those of two chunks at least."""
    dense_terms: int
    mean_length: float
    """Words in a chunk."""
    step: float
    """Of the quantised impacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeVocabularies(Task[Statistics]):
    """Number the terms of all shards, and weigh them.

    Writes `idf`, `frequencies` and spelling of every indexed term, and for each shard, under its key, the number in the
    index of each of the shard's own terms, or -1.
    """

    stage: ClassVar[str] = "merge"
    noun: ClassVar[str] = "vocabularies"

    lexed: dict[str, InputPath]
    """What was lexed of each shard, by its key."""
    settings: RetrievalSettings

    def run(self) -> Statistics:
        """See `Task.run`."""
        table = TermTable()
        frequencies = np.zeros(0, np.int64)
        numbers: dict[str, NDArray[np.int64]] = {}
        chunks = words = 0
        for key, path in self.lexed.items():
            lexed = _load_lexed(path)
            known = table.terms
            numbers[key] = table.numbers(lexed.term_bytes, lexed.term_starts)
            new = table.terms - known
            frequencies = np.concatenate([frequencies, np.zeros(new, np.int64)])
            here = numbers[key]  # a shard's terms are distinct, so each is written once
            frequencies[here] += lexed.frequencies
            chunks += len(lexed.lengths)
            words += int(lexed.lengths.sum(dtype=np.int64))
        idf = inverse_document_frequencies(self.settings, frequencies, chunks)
        shared = np.flatnonzero(frequencies > 1)
        order = shared[np.argsort(-frequencies[shared], kind="stable")]
        final = np.full(len(frequencies), -1, np.int64)
        final[order] = np.arange(len(order))
        dense = (frequencies[order] > DENSE_SHARE * chunks) & (frequencies[order] >= DENSE_CHUNKS)
        highest = float(idf[order].max(initial=0.0)) * gain(self.settings)
        term_bytes, term_starts = table.spelled(order)
        described = (idf[order], frequencies[order], term_bytes, term_starts)
        arrays: dict[str, NDArray[Any]] = dict(zip(VOCABULARY, described, strict=True))
        write_arrays(self.output, arrays | {key: final[here] for key, here in numbers.items()})
        return Statistics(
            chunks=chunks,
            words=words,
            vocabulary=len(frequencies),
            terms=len(order),
            dense_terms=int(dense.sum()),
            mean_length=words / max(1, chunks),
            step=highest / IMPACT_LEVELS if highest > 0 else 1.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCounts:
    """Counts of one shard of the index."""

    chunks: int
    postings: int
    terms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillShard(Task[FillCounts]):
    """Turn one lexed shard into its index."""

    stage: ClassVar[str] = "fill"
    noun: ClassVar[str] = "shards"

    lexed: InputPath
    merged: InputPath
    settings: RetrievalSettings
    statistics: Statistics

    def run(self) -> FillCounts:
        """See `Task.run`."""
        merged = map_arrays(self.merged)
        shard = _filled(_load_lexed(self.lexed), merged[self.key], merged["idf"], self.settings, self.statistics)
        save_shard(self.output, shard)
        return FillCounts(chunks=shard.chunks, postings=len(shard.forward.terms), terms=len(shard.postings.directory))


def _filled(
    lexed: LexedChunks,
    final: NDArray[np.int64],
    idf: NDArray[np.float64],
    settings: RetrievalSettings,
    statistics: Statistics,
) -> IndexShard:
    indexed = np.flatnonzero(final >= 0)
    own_terms = indexed[np.argsort(final[indexed])]
    directory = final[own_terms].astype(np.uint32)
    places = np.full(len(final), -1, np.int64)
    places[own_terms] = np.arange(len(own_terms))
    starts = np.concatenate(([0], lexed.frequencies[own_terms])).cumsum(dtype=np.int64)
    postings, chunks = int(starts[-1]), len(lexed.lengths)
    posting_chunks, posting_counts = np.zeros(postings, np.uint16), np.zeros(postings, np.uint32)
    row_sizes = np.zeros(chunks, np.int64)
    transpose(
        lexed.row_ends, lexed.terms, lexed.counts, places, starts[:-1].copy(), posting_chunks, posting_counts, row_sizes
    )
    row_starts = np.concatenate(([0], row_sizes)).cumsum(dtype=np.int64)
    forward_terms, forward_counts = np.zeros(postings, np.uint32), np.zeros(postings, np.uint8)
    impacts = np.zeros(postings, np.uint8)
    dense = np.zeros((statistics.dense_terms, -(-chunks // COLUMN_STEP) * COLUMN_STEP), np.uint8)
    peaks = np.zeros(len(directory), np.uint8)
    cursors = row_starts[:-1].copy()
    fill(
        directory, starts, posting_chunks, posting_counts, idf,
        length_norms(settings, lexed.lengths, statistics.mean_length), gain(settings), statistics.step,
        cursors, forward_terms, forward_counts, impacts, dense, peaks,
    )  # fmt: skip
    large_places = np.flatnonzero(forward_counts == COUNT_ESCAPE)
    first_sparse = int(np.searchsorted(directory, len(dense)))
    sparse_from = starts[first_sparse]
    return IndexShard(
        forward=Forward(
            row_starts=row_starts,
            terms=forward_terms,
            counts=forward_counts,
            large_places=large_places,
            large_counts=_large_counts(
                large_places, row_starts, forward_terms, directory, starts, posting_chunks, posting_counts
            ),
        ),
        postings=Postings(
            directory=directory,
            starts=np.maximum(starts - sparse_from, 0),
            peaks=peaks,
            chunks=posting_chunks[sparse_from:],
            impacts=impacts[sparse_from:],
            dense=dense,
        ),
        lengths=lexed.lengths,
    )


def _large_counts(
    large_places: NDArray[np.int64],
    row_starts: NDArray[np.int64],
    forward_terms: NDArray[np.uint32],
    directory: NDArray[np.uint32],
    starts: NDArray[np.int64],
    posting_chunks: NDArray[np.uint16],
    posting_counts: NDArray[np.uint32],
) -> NDArray[np.uint32]:
    """The true counts behind the escapes, found again in the postings: there are a handful in a million."""
    counts = np.zeros(len(large_places), np.uint32)
    chunks = np.searchsorted(row_starts, large_places, side="right") - 1
    places = np.searchsorted(directory, forward_terms[large_places])
    for row, (chunk, place) in enumerate(zip(chunks.tolist(), places.tolist(), strict=True)):
        first, last = starts[place : place + 2].tolist()
        counts[row] = posting_counts[first + np.searchsorted(posting_chunks[first:last], chunk)]
    return counts


def _load_lexed(path: Path) -> LexedChunks:
    return LexedChunks(**map_arrays(path))


def _sweep(folder: Path, identity: str) -> None:
    """Remove what the finished index does not need: other indexes, bags of terms, receipts."""
    for entry in folder.iterdir():
        if re.fullmatch("[0-9a-f]{12}", entry.name) and entry.name != identity:
            sweep(entry)
    for name in ("lexed", "receipts", "merged.npz"):
        sweep(folder / identity / name)
