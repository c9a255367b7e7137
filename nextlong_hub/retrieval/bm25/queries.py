"""Input and output of the search kernels: a batch of queries, and candidates.

Both are named tuples of arrays, because compiled code accepts them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class QueryBatch(NamedTuple):
    """Queries as the shards need them: small enough to send to another machine."""

    numbers: NDArray[np.int64]
    """The query chunks. Shape: (queries,)."""
    own_starts: NDArray[np.int64]
    """First chunk of each query's own document, which is never a hit. Shape: (queries,)."""
    own_stops: NDArray[np.int64]
    """One past its last chunk. Shape: (queries,)."""
    starts: NDArray[np.int64]
    """Query q has the entries `starts[q]` up to `starts[q + 1]`. Shape: (queries + 1,)."""
    terms: NDArray[np.uint32]
    """Term numbers, ascending within a query. Shape: (entries,)."""
    counts: NDArray[np.uint32]
    """Occurrences in the query. Shape: (entries,)."""

    def take(self, rows: NDArray[np.int64]) -> "QueryBatch":
        """Some of the queries, in the order of `rows`."""
        sizes = np.diff(self.starts)[rows]
        starts = row_starts(sizes)
        entries = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], sizes)
        return QueryBatch(
            numbers=self.numbers[rows],
            own_starts=self.own_starts[rows],
            own_stops=self.own_stops[rows],
            starts=starts,
            terms=self.terms[entries],
            counts=self.counts[entries],
        )

    def within_budget(
        self, postings: float, idf: NDArray[np.float64], frequencies: NDArray[np.int64]
    ) -> tuple["QueryBatch", NDArray[np.bool_]]:
        """Keep, for each query, the terms of the largest weight for their cost, up to `postings` postings together.

        Returns the reduced batch, and which queries lost a term. Shape: (queries,).
        """
        cost = frequencies[self.terms]
        worth = (self.counts * idf[self.terms]) ** 2 / cost
        sizes = np.diff(self.starts)
        order = np.lexsort((self.terms, -worth, np.repeat(np.arange(len(sizes)), sizes)))
        spent = cost[order].cumsum()
        before = np.concatenate(([0], spent))[self.starts[:-1]]
        chosen = np.zeros(len(order), np.bool_)
        chosen[order] = spent - np.repeat(before, sizes) <= postings
        starts = row_starts(chosen)[self.starts]
        reduced = self._replace(starts=starts, terms=self.terms[chosen], counts=self.counts[chosen])
        return reduced, np.diff(starts) < sizes


class Candidates(NamedTuple):
    """For each query the chunks whose bounds are highest so far."""

    floors: NDArray[np.uint32]
    """Bounds in steps that no chunk left out passes. Shape: (queries,)."""
    sizes: NDArray[np.int64]
    """How many candidates there are. Shape: (queries,)."""
    chunks: NDArray[np.uint32]
    """Their chunk numbers. Shape: (queries, capacity)."""
    bounds: NDArray[np.uint32]
    """Their bounds, in steps. Shape: (queries, capacity)."""
    scores: NDArray[np.float32]
    """Their exact scores, 0 while not computed or not above 0. Shape: (queries, capacity)."""


def no_candidates(queries: int, capacity: int) -> Candidates:
    """Room for candidates."""
    return Candidates(
        floors=np.zeros(queries, np.uint32),
        sizes=np.zeros(queries, np.int64),
        chunks=np.zeros((queries, capacity), np.uint32),
        bounds=np.zeros((queries, capacity), np.uint32),
        scores=np.zeros((queries, capacity), np.float32),
    )


def row_starts(sizes: NDArray[np.generic]) -> NDArray[np.int64]:
    """Where rows of these sizes begin, one after the other, and where the last ends. Shape: (rows + 1,)."""
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts
