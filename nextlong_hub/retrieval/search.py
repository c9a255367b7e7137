"""Exact top-k search over the shards: bounds for all chunks, exact scores for few, and a proof that the few were enough.

For each query `kernels.collect` keeps the chunks with the highest bounds and a *floor*, which no chunk left out passes.
The k best of them are scored exactly; then every candidate whose bound reaches the k-th score found. The answer is
certified when the floor lies below that score: no chunk left out can then belong to it. A query that is not certified
is asked again with room for four times as many candidates, in the end for all chunks.

Scores are summed in float64 and returned as float32; the order is decided on what is returned: score, highest first,
then chunk number. As it is a total order and idf and mean length are the corpus', the answers of disjoint sets of
shards merge into the answer of the whole (`merge_hits`).
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.records import Hits
from nextlong_hub.recipe import RetrievalSettings
from nextlong_hub.retrieval import kernels
from nextlong_hub.retrieval.formulas import gain, length_norms
from nextlong_hub.retrieval.health import health
from nextlong_hub.retrieval.index import GROUP, Index
from nextlong_hub.store import ChunkStore

_QUERIES_TOGETHER = 64
"""Queries in one kernel call: enough to drown the cost of calling, few enough to spread over threads."""
_SUMS_TOGETHER = 8
"""Queries whose sums are held at once; see `kernels`."""
_CANDIDATES_AT_ONCE = 1 << 22
"""Candidates held at once, at 12 bytes each."""
_GROWTH = 4
_SLOTS_PER_TERM = 32
_FEW = 1024
_LARGEST_SHORT = 0xFFFF
_ALL = np.uint32(0xFFFFFFFF)
_CHUNK_BITS = np.uint64(32)
_BELOW = 1 - 1e-6
"""Factor that makes a bound too low rather than too high: float32 rounds by up to 6e-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryBatch:
    """Queries as what the shards need to know of them: small enough to send to wherever a shard lives."""

    numbers: NDArray[np.int64]
    """The chunks that ask. Shape: (queries,)."""
    own_starts: NDArray[np.int64]
    """First chunk of each query's own document. Shape: (queries,)."""
    own_stops: NDArray[np.int64]
    """One past its last chunk. Shape: (queries,)."""
    starts: NDArray[np.int64]
    """Query q has entries `starts[q]` up to `starts[q + 1]`. Shape: (queries + 1,)."""
    terms: NDArray[np.uint32]
    """Term numbers, ascending within a query. Shape: (entries,)."""
    counts: NDArray[np.uint32]
    """Occurrences in the query. Shape: (entries,)."""

    def take(self, rows: NDArray[np.int64]) -> "QueryBatch":
        """Some of the queries, in the order of `rows`."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], sizes)).cumsum(dtype=np.int64)
        entries = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], sizes)
        return QueryBatch(
            numbers=self.numbers[rows],
            own_starts=self.own_starts[rows],
            own_stops=self.own_stops[rows],
            starts=starts,
            terms=self.terms[entries],
            counts=self.counts[entries],
        )


@dataclass(slots=True, kw_only=True)
class SearchCounts:
    """What the searches of one retriever have cost so far."""

    queries: int = 0
    repeated: int = 0
    """Queries asked again because the first answer was not certified."""
    wide: int = 0
    """(Query, shard) pairs that needed 32-bit sums."""
    rescored: int = 0
    """Chunks scored exactly."""


class Bm25Retriever:
    """Searches one opened index; safe to share between threads."""

    def __init__(self, index: Index, store: ChunkStore, settings: RetrievalSettings, *, spare: int = 2) -> None:
        """Prepare the length norms, 8 bytes a chunk.

        Args:
            index: The opened index.
            store: The store it was built from.
            settings: The settings it was built with.
            spare: Candidates kept for each of the k chunks asked for; fewer cost less and are certified less often.
        """
        self.index = index
        self.counts = SearchCounts()
        self._settings = settings
        self._spare = spare
        self._store = store
        self._lock = threading.Lock()
        self._widest_row = max((int(np.diff(shard.row_starts).max(initial=0)) for shard in index.shards), default=0)
        self._norms = [length_norms(settings, shard.lengths, index.statistics["mean_length"]) for shard in index.shards]

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Retriever.search`."""
        together = max(1, min(_QUERIES_TOGETHER, -(-len(queries) // max(1, threads))))
        slices = [queries[first : first + together] for first in range(0, len(queries), together)]

        def answer(some: NDArray[np.int64]) -> Hits:
            return self.search_shards(self.query_batch(some), k, range(len(self.index.shards)))

        if threads <= 1 or len(slices) <= 1:
            return _stacked([answer(some) for some in slices], k)
        with ThreadPoolExecutor(threads) as pool:
            return _stacked(list(pool.map(answer, slices)), k)

    def health(self, queries: NDArray[np.int64], hits: Hits) -> dict[str, Any]:
        """See `Retriever.health`; with an approximation switched on, its recall on a sample of the queries as well."""
        report = health(hits)
        if self._settings.postings_budget or self._settings.pool_chunks:
            report["approximation"] = self.measured_recall(queries, hits)
        return report

    def measured_recall(self, queries: NDArray[np.int64], hits: Hits, sample: int = 32) -> dict[str, Any]:
        """Share of the exact answer's places filled with scores at least as high, over an even sample of the queries.

        A chunk whose score equals the exact answer's last is as good an answer: ties do not count against it.
        """
        rows = np.unique(np.linspace(0, max(0, len(queries) - 1), min(sample, len(queries))).astype(np.int64))
        exact_settings = self._settings.model_copy(update={"postings_budget": 0.0, "pool_chunks": 0})
        exact = Bm25Retriever(self.index, self._store, exact_settings).search(queries[rows], hits.chunks.shape[1])
        wanted = (exact.chunks >= 0).sum(axis=1)
        last = np.where(exact.chunks >= 0, exact.scores, np.inf).min(axis=1, initial=np.inf)
        good = ((hits.scores[rows] >= last[:, None]) & (hits.chunks[rows] >= 0)).sum(axis=1)
        return {
            "postings_budget": self._settings.postings_budget,
            "pool_chunks": self._settings.pool_chunks,
            "sampled_queries": len(rows),
            "recall": float(good.sum() / max(1, wanted.sum())),
        }

    def query_batch(self, queries: NDArray[np.int64]) -> QueryBatch:
        """Look the queries up in the forward index."""
        queries = np.asarray(queries, np.int64)
        shard_of = np.searchsorted(self.index.first_chunk, queries, side="right") - 1
        sizes = np.zeros(len(queries), np.int64)
        groups = []
        for number in np.unique(shard_of).tolist():
            places = np.flatnonzero(shard_of == number)
            rows = queries[places] - self.index.first_chunk[number]
            row_starts = self.index.shards[number].row_starts
            sizes[places] = row_starts[rows + 1] - row_starts[rows]
            groups.append((self.index.shards[number], rows, places))
        starts = np.concatenate(([0], sizes)).cumsum(dtype=np.int64)
        terms, counts = np.zeros(starts[-1], np.uint32), np.zeros(starts[-1], np.uint32)
        for shard, rows, places in groups:
            kernels.gather_rows(
                shard.row_starts, shard.forward_terms, shard.forward_counts, shard.large_places, shard.large_counts,
                rows, places, starts, terms, counts,
            )  # fmt: skip
        documents = self._store.document_of(queries)
        return QueryBatch(
            numbers=queries,
            own_starts=self._store.first_chunk[documents],
            own_stops=self._store.first_chunk[documents + 1],
            starts=starts,
            terms=terms,
            counts=counts,
        )

    def search_shards(self, batch: QueryBatch, k: int, shards: Sequence[int]) -> Hits:
        """The exact top k of some shards only: the seam at which an index can be spread over machines."""
        hits = Hits(
            chunks=np.full((len(batch.numbers), k), -1, np.int64), scores=np.zeros((len(batch.numbers), k), np.float32)
        )
        pending = np.arange(len(batch.numbers))
        chunks = sum(self.index.shards[number].chunks for number in shards)
        keep = self._spare * k + 64
        while len(pending) and chunks:
            capacity = min(2 * keep, chunks)
            uncertain = []
            at_once = max(1, _CANDIDATES_AT_ONCE // capacity)
            for first in range(0, len(pending), at_once):
                rows = pending[first : first + at_once]
                attempt = _Attempt(batch.take(rows), k, keep, capacity)
                self._collect(attempt, shards)
                self._rescore(attempt, shards)
                attempt.write(hits, rows)
                if not self._settings.postings_budget:
                    uncertain.append(rows[~attempt.certified])
            with self._lock:
                self.counts.queries += 0 if keep > self._spare * k + 64 else len(pending)
                self.counts.repeated += sum(map(len, uncertain))
            pending = np.concatenate(uncertain) if uncertain else pending[:0]
            keep *= _GROWTH
        return hits

    def _collect(self, attempt: "_Attempt", shards: Sequence[int]) -> None:
        """Run every shard's bounds into the attempt's candidates."""
        batch = self._within_budget(attempt.batch)
        visible = self._visible(batch, shards)
        places = np.zeros(len(batch.terms), np.int64)
        largest = np.zeros(len(batch.numbers), np.int64)
        for position, number in enumerate(shards):
            shard = self.index.shards[number]
            active = np.flatnonzero(visible[:, position])
            kernels.locate(
                shard.directory, self.index.buckets[number], shard.peaks, active, batch.starts, batch.terms,
                batch.counts, places, largest,
            )  # fmt: skip
            wide = largest[active] > _LARGEST_SHORT
            with self._lock:
                self.counts.wide += int(wide.sum())
            for queries, integer in ((active[~wide], np.uint16), (active[wide], np.uint32)):
                if len(queries):
                    width = shard.dense.shape[1]
                    kernels.collect(
                        shard.dense, shard.posting_starts, shard.posting_chunks, shard.posting_impacts,
                        int(self.index.first_chunk[number]), queries, batch.starts, batch.terms, batch.counts, places,
                        batch.own_starts, batch.own_stops, attempt.keep,
                        np.zeros((min(len(queries), _SUMS_TOGETHER), width), integer),
                        np.zeros(width // self._group(attempt.keep), integer), attempt.floors, attempt.sizes, attempt.chunks,
                        attempt.bounds,
                    )  # fmt: skip

    def _group(self, keep: int) -> int:
        """Chunks looked at together: fewer when many candidates are wanted, for a group speaks for one of its chunks."""
        return GROUP if keep <= _FEW else GROUP // 4

    def _rescore(self, attempt: "_Attempt", shards: Sequence[int]) -> None:
        """Score exactly first the k highest bounds, then all that reach the k-th score among those."""
        batch = attempt.batch
        active = np.arange(len(batch.numbers))
        most_terms = int(np.diff(batch.starts).max(initial=1))
        slots = np.zeros(1 << (_SLOTS_PER_TERM * most_terms - 1).bit_length(), np.uint32)
        weights = np.zeros(len(slots), np.float64)
        matched = np.zeros((2, self._widest_row + 1), np.int64)
        first_wave = np.zeros(len(active), np.uint32)
        kernels.rank_floors(attempt.bounds, attempt.sizes, active, attempt.k, first_wave)
        above = np.full(len(active), _ALL)
        for lowest in (lambda: first_wave, lambda: self._lowest_bound(attempt)):
            needed = lowest()
            scored = 0
            for number in shards:
                shard = self.index.shards[number]
                scored += kernels.rescore(
                    shard.row_starts, shard.forward_terms, shard.forward_counts, shard.large_places,
                    shard.large_counts, self._norms[number], gain(self._settings),
                    int(self.index.first_chunk[number]), self.index.idf, active, batch.starts, batch.terms,
                    batch.counts, attempt.sizes, attempt.chunks, attempt.bounds, needed, above, slots, weights,
                    matched[0], matched[1], attempt.scores,
                )  # fmt: skip
            above = needed
            with self._lock:
                self.counts.rescored += scored
        attempt.certified = (attempt.floors == 0) | (attempt.floors < self._lowest_bound(attempt))

    def _lowest_bound(self, attempt: "_Attempt") -> NDArray[np.uint32]:
        """The lowest bound that can hide a score as high as the k-th found so far; 0 while there are fewer than k."""
        last_bits = np.zeros(len(attempt.batch.numbers), np.uint32)
        rows = np.arange(len(last_bits))
        kernels.rank_floors(attempt.scores.view(np.uint32), attempt.sizes, rows, attempt.k, last_bits)
        if self._settings.postings_budget:
            return np.zeros(len(rows), np.uint32)
        step = self.index.statistics["step"]
        return np.ceil(last_bits.view(np.float32).astype(np.float64) * _BELOW / step).astype(np.uint32)

    def _within_budget(self, batch: QueryBatch) -> QueryBatch:
        """The batch with only the terms the postings budget pays for, the most telling for their length first."""
        budget = self._settings.postings_budget * self.index.statistics["chunks"]
        if not budget:
            return batch
        frequencies = self.index.frequencies[batch.terms]
        worth = (batch.counts * self.index.idf[batch.terms]) ** 2 / frequencies
        owner = np.repeat(np.arange(len(batch.numbers)), np.diff(batch.starts))
        order = np.lexsort((batch.terms, -worth, owner))
        spent = np.cumsum(frequencies[order])
        before = np.concatenate(([0], spent))[batch.starts[:-1]]
        chosen = np.zeros(len(order), np.bool_)
        chosen[order] = spent - np.repeat(before, np.diff(batch.starts)) <= budget
        kept = np.concatenate(([0], chosen)).cumsum(dtype=np.int64)[batch.starts]
        return QueryBatch(
            numbers=batch.numbers,
            own_starts=batch.own_starts,
            own_stops=batch.own_stops,
            starts=kept,
            terms=batch.terms[chosen],
            counts=batch.counts[chosen],
        )

    def _visible(self, batch: QueryBatch, shards: Sequence[int]) -> NDArray[np.bool_]:
        """Which of `shards` each query sees. Shape: (queries, shards)."""
        total = len(self.index.shards)
        wanted = max(1, round(self._settings.pool_chunks / self._settings.shard_chunks))
        if not self._settings.pool_chunks or wanted >= total:
            return np.ones((len(batch.numbers), len(shards)), np.bool_)
        lots = _lots(batch.numbers, total)
        last = np.sort(lots, axis=1)[:, wanted - 1 : wanted]
        return (lots <= last)[:, list(shards)]


class _Attempt:
    """One round over the shards for some queries, with room for a certain number of candidates."""

    def __init__(self, batch: QueryBatch, k: int, keep: int, capacity: int) -> None:
        self.batch = batch
        self.k = k
        self.keep = keep
        queries = len(batch.numbers)
        self.floors = np.zeros(queries, np.uint32)
        self.sizes = np.zeros(queries, np.int64)
        self.chunks = np.zeros((queries, capacity), np.uint32)
        self.bounds = np.zeros((queries, capacity), np.uint32)
        self.scores = np.zeros((queries, capacity), np.float32)
        self.certified = np.zeros(queries, np.bool_)

    def write(self, hits: Hits, rows: NDArray[np.int64]) -> None:
        """Put the k best candidates of each query into its row of `hits`, replacing what is there."""
        for query, row in enumerate(rows.tolist()):
            size = self.sizes[query]
            best = ordered(self.chunks[query, :size].astype(np.int64), self.scores[query, :size], self.k)
            hits.chunks[row], hits.scores[row] = best


def ordered(
    chunks: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k best positive scores in the order (-score, chunk), padded with -1 and 0. Shapes: (k,) and (k,)."""
    found = np.flatnonzero(scores > 0)
    # The bits of positive floats ascend as the floats do, so score and chunk make one integer that sorts as they should.
    keys = ((_ALL - scores[found].view(np.uint32)).astype(np.uint64) << _CHUNK_BITS) | chunks[found].astype(np.uint64)
    best = np.sort(keys)[:k]
    top_chunks, top_scores = np.full(k, -1, np.int64), np.zeros(k, np.float32)
    top_chunks[: len(best)] = (best & np.uint64(_ALL)).astype(np.int64)
    top_scores[: len(best)] = (_ALL - (best >> _CHUNK_BITS).astype(np.uint32)).view(np.float32)
    return top_chunks, top_scores


def merge_hits(parts: Sequence[Hits], k: int) -> Hits:
    """Merge the answers of disjoint sets of shards to the same queries into the answer of all of them."""
    chunks = np.concatenate([part.chunks for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    rows = [ordered(*row, k) for row in zip(chunks, scores, strict=True)]
    return _stacked([Hits(chunks=row[0][None], scores=row[1][None]) for row in rows], k)


def _stacked(parts: Sequence[Hits], k: int) -> Hits:
    """The answers to consecutive slices of queries as one."""
    empty = Hits(chunks=np.zeros((0, k), np.int64), scores=np.zeros((0, k), np.float32))
    return Hits(
        chunks=np.concatenate([empty.chunks, *(part.chunks for part in parts)]),
        scores=np.concatenate([empty.scores, *(part.scores for part in parts)]),
    )


def _lots(queries: NDArray[np.int64], shards: int) -> NDArray[np.uint64]:
    """A number drawn for each (query, shard) by hashing the two (splitmix64). Shape: (queries, shards)."""
    state = (queries.astype(np.uint64)[:, None] << np.uint64(24)) + np.arange(shards, dtype=np.uint64)
    state = (state + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
