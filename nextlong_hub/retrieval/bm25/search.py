"""Exact top-k search over the shards: bounds for all chunks, exact scores for few, and a proof that these suffice.

For each query `kernels.collect` keeps the chunks with the highest bounds and a *floor*, which no chunk left out passes.
The k best of them are scored exactly; then every candidate whose bound reaches the k-th score found. The answer is
certified when the floor lies below that score: no chunk left out can then belong to it. A query that is not certified
is searched again with room for four times as many candidates, in the end for all chunks.

Scores are summed in float64 and returned as float32; the order is decided on what is returned. As it is a total order
and idf and mean length are those of the corpus, the answers of disjoint sets of shards merge into the answer of the
whole.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.method.order import seeded_keys
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.bm25 import kernels, scoring_kernels
from nextlong_hub.retrieval.bm25.formulas import gain, length_norms
from nextlong_hub.retrieval.bm25.index import Index
from nextlong_hub.retrieval.bm25.queries import Candidates, QueryBatch, no_candidates, row_starts
from nextlong_hub.retrieval.ranking import no_hits, ordered, share_found, stacked
from nextlong_hub.retrieval.settings import RetrievalSettings

_QUERIES_TOGETHER = 64
"""Queries in one kernel call: enough to drown the cost of calling, few enough to spread over threads."""
_SUMS_TOGETHER = 8
"""Queries whose sums are held at once; see `kernels`."""
_CANDIDATES_AT_ONCE = 1 << 22
"""Candidates held at once, at 12 bytes each."""
_FEWEST_KEPT = 64
_FEWEST_KEPT_APPROXIMATE = 256
"""With terms left out bounds say less, so more candidates are scored."""
_GROWTH = 4
_GROUP = 8
"""Chunks looked at together when candidates are collected; the width of a dense column is a multiple of it."""
_LARGEST_SHORT = 0xFFFF
_BELOW = 1 - 1e-6
"""Factor that makes a bound too low rather than too high: float32 rounds by up to 6e-8."""


@dataclass(slots=True, kw_only=True)
class SearchCounts:
    """What the searches of one opened index have cost so far."""

    queries: int = 0
    repeated: int = 0
    """Queries searched again because an answer was not certified."""
    wide: int = 0
    """(Query, shard) pairs that needed 32-bit sums."""
    scored: int = 0
    """Chunks scored exactly."""


class Bm25Searcher:
    """Searches one opened index; safe to share between threads."""

    def __init__(self, index: Index, store: ChunkStore, settings: RetrievalSettings, *, spare: float = 1.25) -> None:
        """Prepare the norm of each length there is; what is larger stays mapped.

        Args:
            index: The opened index.
            store: The store it was built from.
            settings: The settings it was built with.
            spare: Candidates kept for each of the k chunks wanted; fewer cost less and certify fewer answers.
        """
        self.index = index
        self.counts = SearchCounts()
        self._settings = settings
        self._spare = spare
        self._store = store
        self._lock = threading.Lock()
        self._gain = gain(settings)
        longest = max((int(shard.lengths.max(initial=0)) for shard in index.shards), default=0)
        every_length = np.arange(longest + 1, dtype=np.uint32)
        self._norms = length_norms(settings, every_length, index.statistics["mean_length"])
        rows = [np.diff(shard.forward.row_starts).max(initial=0) for shard in index.shards]
        self._widest_row = int(max(rows, default=0))

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Searcher.search`."""
        together = max(1, min(_QUERIES_TOGETHER, -(-len(queries) // max(1, threads))))
        slices = [queries[first : first + together] for first in range(0, len(queries), together)]

        def answer(some: NDArray[np.int64]) -> Hits:
            return self.search_shards(self.query_batch(some), k, range(len(self.index.shards)))

        if threads <= 1 or len(slices) <= 1:
            return stacked([answer(some) for some in slices], k)
        with ThreadPoolExecutor(threads) as pool:
            return stacked(list(pool.map(answer, slices)), k)

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> float | None:
        """See `Searcher.recall`."""
        if not self._settings.postings_budget and not self._settings.pool_chunks:
            return None
        exact_settings = self._settings.model_copy(update={"postings_budget": 0.0, "pool_chunks": 0})
        exact = Bm25Searcher(self.index, self._store, exact_settings).search(queries, hits.chunks.shape[1])
        return share_found(hits, exact)

    def score(self, queries: NDArray[np.int64], chunks: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Scorer.score`."""
        candidates = no_candidates(*chunks.shape)
        candidates.sizes[:] = chunks.shape[1]
        candidates.chunks[:] = np.maximum(chunks, 0)
        candidates.bounds[:] = chunks >= 0
        every = np.ones(len(queries), np.uint32)
        shards = np.unique(np.searchsorted(self.index.first_chunk, chunks[chunks >= 0], side="right") - 1).tolist()
        self._score(self.query_batch(queries), shards, candidates, every, every + np.uint32(1))
        return np.where(candidates.scores > 0, candidates.scores, np.float32(-np.inf))

    def query_batch(self, queries: NDArray[np.int64]) -> QueryBatch:
        """Look the queries up in the forward index."""
        queries = np.asarray(queries, np.int64)
        if len(queries) and not 0 <= queries.min() <= queries.max() < self._store.chunks:
            raise ValueError(
                f"queries are chunk numbers from 0 to {self._store.chunks - 1:,}, but {queries.min():,} to "
                f"{queries.max():,} came"
            )
        shard_of = np.searchsorted(self.index.first_chunk, queries, side="right") - 1
        sizes = np.zeros(len(queries), np.int64)
        groups = []
        for number in np.unique(shard_of).tolist():
            forward = self.index.shards[number].forward
            places = np.flatnonzero(shard_of == number)
            rows = queries[places] - self.index.first_chunk[number]
            sizes[places] = forward.row_starts[rows + 1] - forward.row_starts[rows]
            groups.append((forward, rows, places))
        starts = row_starts(sizes)
        documents = self._store.document_of(queries)
        batch = QueryBatch(
            numbers=queries,
            own_starts=self._store.first_chunk[documents],
            own_stops=self._store.first_chunk[documents + 1],
            starts=starts,
            terms=np.zeros(starts[-1], np.uint32),
            counts=np.zeros(starts[-1], np.uint32),
        )
        for forward, rows, places in groups:
            scoring_kernels.gather_rows(forward, rows, places, batch)
        return batch

    def search_shards(self, batch: QueryBatch, k: int, shards: Sequence[int]) -> Hits:
        """The exact top k of some shards only, so that an index can be spread over machines.

        `ranking.merge_hits` makes the answer of all shards from those of disjoint sets of them.
        """
        hits = no_hits(len(batch.numbers), k)
        chunks = sum(self.index.shards[number].chunks for number in shards)
        fewest = _FEWEST_KEPT_APPROXIMATE if self._settings.postings_budget else _FEWEST_KEPT
        keep = int(self._spare * k) + fewest
        pending = np.arange(len(batch.numbers))
        self._add_counts(queries=len(pending))
        while len(pending) and chunks:
            capacity = min(2 * keep, chunks) + _GROUP
            together = max(1, _CANDIDATES_AT_ONCE // capacity)
            uncertain = []
            for first in range(0, len(pending), together):
                rows = pending[first : first + together]
                candidates = no_candidates(len(rows), capacity)
                certified = self._attempt(batch.take(rows), k, keep, shards, candidates)
                for query, row in enumerate(rows.tolist()):
                    found = np.flatnonzero(candidates.scores[query, : candidates.sizes[query]] > 0)
                    best = ordered(candidates.chunks[query, found], candidates.scores[query, found], k)
                    hits.chunks[row], hits.scores[row] = best
                uncertain.append(rows[~certified])
            pending = np.concatenate(uncertain)
            self._add_counts(repeated=len(pending))
            keep *= _GROWTH
        return hits

    def _attempt(
        self, batch: QueryBatch, k: int, keep: int, shards: Sequence[int], candidates: Candidates
    ) -> NDArray[np.bool_]:
        """Fill in candidates and scores; return which queries' answers are proven. Shape: (queries,)."""
        budget = self._settings.postings_budget * self.index.statistics["chunks"]
        reduced, partial = batch, np.zeros(len(batch.numbers), np.bool_)
        if budget:
            reduced, partial = batch.within_budget(budget, self.index.idf, self.index.frequencies)
        self._collect(reduced, keep, shards, candidates)
        lowest = np.zeros(len(partial), np.uint32)
        kernels.rank_floors(candidates.bounds, candidates.sizes, k, lowest)
        self._score(batch, shards, candidates, lowest, np.full(len(lowest), np.iinfo(np.uint32).max, np.uint32))
        reaching = self._reaching(candidates, k)
        if partial.any():
            kept = np.zeros(len(partial), np.uint32)
            kernels.rank_floors(candidates.bounds, candidates.sizes, keep, kept)
            reaching = np.where(partial, np.minimum(kept, lowest), reaching)
        self._score(batch, shards, candidates, reaching, lowest)
        proven = (candidates.floors == 0) | (candidates.floors < self._reaching(candidates, k))
        return np.asarray(partial | proven)

    def _collect(self, batch: QueryBatch, keep: int, shards: Sequence[int], candidates: Candidates) -> None:
        """Run every shard's bounds into the candidates."""
        visible = self._visible(batch.numbers)
        places = np.zeros(len(batch.terms), np.int64)
        largest = np.zeros(len(batch.numbers), np.int64)
        for number in shards:
            postings = self.index.shards[number].postings
            first_chunk = int(self.index.first_chunk[number])
            active = np.flatnonzero(visible[:, number])
            kernels.locate(postings, self.index.buckets[number], active, batch, places, largest)
            is_wide = largest[active] > _LARGEST_SHORT
            self._add_counts(wide=int(is_wide.sum()))
            width = postings.dense.shape[1]
            groups = width // _GROUP
            for queries, integer in ((active[~is_wide], np.uint16), (active[is_wide], np.uint32)):
                if len(queries):
                    sums = np.zeros((min(len(queries), _SUMS_TOGETHER), width), integer)
                    peaks = np.zeros(groups, integer)
                    kernels.collect(postings, first_chunk, queries, batch, places, keep, sums, peaks, candidates)

    def _score(
        self,
        batch: QueryBatch,
        shards: Sequence[int],
        candidates: Candidates,
        lowest: NDArray[np.uint32],
        above: NDArray[np.uint32],
    ) -> None:
        """Score exactly the candidates with `lowest <= bound < above`."""
        matches = np.zeros((2, self._widest_row + 1), np.uint32)
        for number in shards:
            shard = self.index.shards[number]
            scored, _ = scoring_kernels.rescore(
                shard.forward, shard.lengths, self._norms, self._gain, int(self.index.first_chunk[number]),
                self.index.idf, batch, candidates, lowest, above, matches,
            )  # fmt: skip
            self._add_counts(scored=scored)

    def _reaching(self, candidates: Candidates, k: int) -> NDArray[np.uint32]:
        """The lowest bound that can hide a score as high as the k-th found so far; 0 while there are fewer than k."""
        last = np.zeros(len(candidates.sizes), np.uint32)
        kernels.rank_floors(candidates.scores.view(np.uint32), candidates.sizes, k, last)
        steps = last.view(np.float32).astype(np.float64) * _BELOW / self.index.statistics["step"]
        return np.asarray(np.ceil(steps), np.uint32)

    def _visible(self, queries: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which shards each query sees. Shape: (queries, shards)."""
        shards = len(self.index.shards)
        wanted = max(1, round(self._settings.pool_chunks / self._settings.shard_chunks))
        if not self._settings.pool_chunks or wanted >= shards:
            return np.ones((len(queries), shards), np.bool_)
        lots = _lots(queries, shards)
        return np.asarray(lots <= np.sort(lots, axis=1)[:, wanted - 1 : wanted])

    def _add_counts(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)


def _lots(queries: NDArray[np.int64], shards: int) -> NDArray[np.uint64]:
    """A number drawn for each (query, shard) by hashing the two. Shape: (queries, shards)."""
    return seeded_keys((queries.astype(np.int64)[:, None] << 24) + np.arange(shards), seed=0)
