"""Approximate search: vectors lie in clusters, and a query is compared with those of the nearest ones only.

faiss keeps the clusters in a file that is mapped into memory, and reads through them. Which cluster a vector is in, and
which ones a query looks at, is decided here: with products that are exact and centres that are rounded like all
vectors, both are the same for any number of threads and any split of the queries, which faiss does not promise.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import written_aside
from nextlong_hub.core.mapping import map_array
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.method.order import seeded_keys
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.ranking import no_hits, ordered
from nextlong_hub.retrieval.vectors.grid import SCORE_STEP, to_grid
from nextlong_hub.retrieval.vectors.index import Vectors

CLUSTERS_FILE = "clusters.faiss"
CENTRES_FILE = "centres.npy"
_CLUSTERS_A_ROOT = 4
_VECTORS_A_CENTRE = 64
"""How many vectors the centres are fitted to, for each of them."""
_ROUNDS = 10
_TOGETHER = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterCounts:
    """How the vectors were clustered."""

    clusters: int
    largest: int
    """Vectors in the largest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCentres(Task[ClusterCounts]):
    """Find the centres of clusters: spherical k-means over a seeded choice of the vectors."""

    stage: ClassVar[str] = "centres"
    noun: ClassVar[str] = "parts"

    vectors: tuple[InputPath, ...]
    """Their files, in order."""

    def run(self) -> ClusterCounts:
        """See `Task.run`."""
        parts = [map_array(file) for file in self.vectors]
        vectors = np.concatenate([np.zeros((0, parts[0].shape[1]), np.int16), *parts])
        vectors = vectors[vectors.any(axis=1)]
        clusters = max(1, min(len(vectors), round(_CLUSTERS_A_ROOT * math.sqrt(len(vectors)))))
        chosen = np.argsort(seeded_keys(np.arange(len(vectors)), 0), kind="stable")[: _VECTORS_A_CENTRE * clusters]
        sample = vectors[chosen]
        centres = sample[:clusters].astype(np.float32)
        sizes = np.zeros(len(centres), np.int64)
        for _ in range(_ROUNDS):
            nearest = nearest_centres(sample, centres, 1)[:, 0]
            order = np.argsort(nearest, kind="stable")
            used, starts, sizes = np.unique(nearest[order], return_index=True, return_counts=True)
            if len(used):
                centres[used] = to_grid(np.add.reduceat(sample[order].astype(np.int64), starts, axis=0).astype(float))
        with written_aside(self.output) as aside, aside.open("wb") as handle:
            np.save(handle, centres.astype(np.int16))
        return ClusterCounts(clusters=len(centres), largest=int(sizes.max(initial=0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FillClusters(Task[ClusterCounts]):
    """Put every vector into the cluster of its nearest centre; vectors of zeros are left out."""

    stage: ClassVar[str] = "clusters"
    noun: ClassVar[str] = "parts"

    vectors: tuple[InputPath, ...]
    centres: InputPath

    def run(self) -> ClusterCounts:
        """See `Task.run`."""
        import faiss

        centres = np.load(self.centres).astype(np.float32)
        quantizer = faiss.IndexFlatIP(centres.shape[1])
        quantizer.add(centres)
        index = faiss.IndexIVFFlat(quantizer, centres.shape[1], len(centres), faiss.METRIC_INNER_PRODUCT)
        index.is_trained = True
        sizes = np.zeros(len(centres), np.int64)
        first = 0
        for file in self.vectors:
            block = np.load(file)
            chunks = np.flatnonzero(block.any(axis=1))
            vectors = block[chunks].astype(np.float32)
            nearest = nearest_centres(vectors, centres, 1)[:, 0]
            sizes += np.bincount(nearest, minlength=len(centres))
            numbers = chunks + first
            index.add_core(len(chunks), *map(faiss.swig_ptr, (vectors, numbers, nearest)))
            first += len(block)
        with written_aside(self.output) as aside:
            faiss.write_index(index, str(aside))
        return ClusterCounts(clusters=len(centres), largest=int(sizes.max(initial=0)))


def nearest_centres(vectors: NDArray[Any], centres: NDArray[np.float32], probes: int) -> NDArray[np.int64]:
    """The nearest centres of each vector, nearest first, the lower number of two that are as near.

    Shape: (vectors, min(probes, centres)).
    """
    probes = min(probes, len(centres))
    found = np.zeros((len(vectors), probes), np.int64)
    for start in range(0, len(vectors), _TOGETHER):
        block = vectors[start : start + _TOGETHER].astype(np.float32)
        scores = block @ centres.T
        if probes == 1:
            found[start : start + len(block), 0] = scores.argmax(axis=1)
        else:
            found[start : start + len(block)] = np.argsort(-scores, axis=1, kind="stable")[:, :probes]
    return found


class Clusters:
    """The clusters of a finished index, mapped into memory."""

    def __init__(self, home: Path) -> None:
        import faiss

        self._centres = np.load(home / CENTRES_FILE).astype(np.float32)
        self._index: Any = faiss.read_index(str(home / CLUSTERS_FILE), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)

    def nearest(self, vectors: Vectors, store: ChunkStore, queries: NDArray[np.int64], k: int, probes: int) -> Hits:
        """The k best chunks of other documents in the `probes` nearest clusters of each query."""
        hits = no_hits(len(queries), k)
        asked = vectors.of(queries)
        documents = store.document_of(queries)
        starts, stops = store.first_chunk[documents], store.first_chunk[documents + 1]
        rows = np.flatnonzero(asked.any(axis=1))
        if not len(rows) or not k:
            return hits
        probed = nearest_centres(asked[rows], self._centres, probes)
        self._index.nprobe = probed.shape[1]
        wanted = min(store.chunks, k + int((stops - starts).max(initial=0)))
        products, chunks = self._index.search_preassigned(
            asked[rows], wanted, probed, np.zeros(probed.shape, np.float32)
        )
        for place, row in enumerate(rows.tolist()):
            found = (chunks[place] >= 0) & ((chunks[place] < starts[row]) | (chunks[place] >= stops[row]))
            best = ordered(chunks[place, found], products[place, found] * SCORE_STEP, k)
            hits.chunks[row], hits.scores[row] = best
        return hits
