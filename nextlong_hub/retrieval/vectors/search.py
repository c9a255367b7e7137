"""Exact search: a query is compared with every chunk, block by block, by products that are exact in any order."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.ranking import no_hits, ordered, stacked
from nextlong_hub.retrieval.vectors.grid import products
from nextlong_hub.retrieval.vectors.index import Vectors

_QUERIES_TOGETHER = 256


def nearest(vectors: Vectors, store: ChunkStore, queries: NDArray[np.int64], k: int, threads: int = 1) -> Hits:
    """The k chunks of other documents with the highest cosine; a vector of zeros is like no other.

    See `Searcher.search`.
    """
    if len(queries) and not 0 <= queries.min() <= queries.max() < store.chunks:
        raise ValueError(
            f"queries are chunk numbers from 0 to {store.chunks - 1:,}, but {queries.min():,} to {queries.max():,} came"
        )
    together = max(1, min(_QUERIES_TOGETHER, -(-len(queries) // max(1, threads))))
    slices = [queries[first : first + together] for first in range(0, len(queries), together)]
    if threads <= 1 or len(slices) <= 1:
        return stacked([_nearest(vectors, store, some, k) for some in slices], k)
    with ThreadPoolExecutor(threads) as pool:
        return stacked(list(pool.map(lambda some: _nearest(vectors, store, some, k), slices)), k)


def _nearest(vectors: Vectors, store: ChunkStore, queries: NDArray[np.int64], k: int) -> Hits:
    asked = vectors.of(queries)
    documents = store.document_of(queries)
    own = np.stack([store.first_chunk[documents], store.first_chunk[documents + 1]], axis=1)
    best = [_Best(k) for _ in queries]
    for number in np.flatnonzero(~asked.any(axis=1)).tolist():
        best[number].lowest = np.inf
    for first, block in vectors.blocks():
        scores = products(asked, block)
        lowest = np.array([one.lowest for one in best], np.float32)
        for row, (start, stop) in enumerate((own - first).clip(0, len(block)).tolist()):
            scores[row, start:stop] = -np.inf
        for row in np.flatnonzero((scores > lowest[:, None]).any(axis=1)).tolist():
            found = np.flatnonzero(scores[row] > lowest[row])
            is_empty = scores[row, found] == 0
            if is_empty.any():
                is_empty &= ~block[found].any(axis=1)
                found = found[~is_empty]
            best[row].add(found + first, scores[row, found])
    hits = no_hits(len(queries), k)
    for row, one in enumerate(best):
        hits.chunks[row], hits.scores[row] = ordered(one.chunks, one.scores, k)
    return hits


class _Best:
    """The best chunks of a query so far; blocks come by ascending chunks, so a later tie never gets in."""

    def __init__(self, k: int) -> None:
        self._k = k
        self.chunks = np.zeros(0, np.int64)
        self.scores = np.zeros(0, np.float32)
        self.lowest = -np.inf
        """A chunk gets in with a score above it."""

    def add(self, chunks: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        self.chunks = np.concatenate([self.chunks, chunks])
        self.scores = np.concatenate([self.scores, scores])
        if len(self.chunks) >= max(1, self._k):
            self.chunks, self.scores = ordered(self.chunks, self.scores, self._k)
            self.lowest = float(self.scores[-1]) if self._k else np.inf
