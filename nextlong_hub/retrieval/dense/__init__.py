"""Embeddings, as in the paper: the chunks whose vectors are nearest, by an encoder or by vectors that the user brings.

Up to a million chunks each query is compared with all of them; beyond that, or when asked for, faiss looks into the
nearest clusters only, and how much of the exact answer it finds is measured.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.base import Executor
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.base import Description, IndexSample, OnReceipt, Retriever, SearchCost
from nextlong_hub.retrieval.ranking import share_found
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.vectors import clusters
from nextlong_hub.retrieval.vectors.grid import is_cosine
from nextlong_hub.retrieval.vectors.index import (
    CHUNKS_IN_A_PART,
    Building,
    Vectors,
    fill_vectors,
    identity_of,
    on_sample_with,
    pin_with,
    settled,
)
from nextlong_hub.retrieval.vectors.options import DenseOptions
from nextlong_hub.retrieval.vectors.search import nearest
from nextlong_hub.retrieval.vectors.wording import advice_on, name_of, vectors_of

MOST_EXACT_CHUNKS = 1_000_000


class DenseSearcher:
    """Searches one opened index."""

    def __init__(self, folder: Path, store: ChunkStore, settings: RetrievalSettings) -> None:
        """Open the index of `store` in `folder`.

        Raises:
            DataError: there is none, or it was made from another store or with other settings.
            RecipeError: faiss is needed, and not installed.
        """
        options = settled(settings, DenseOptions)
        is_exact = _is_exact(options, store.chunks)
        self._store = store
        self._probes = options.probes
        self._vectors = Vectors(folder, _identity(store, options))
        self._clusters = None if is_exact else clusters.Clusters(self._vectors.home)

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Searcher.search`."""
        if self._clusters is not None:
            return self._clusters.nearest(self._vectors, self._store, queries, k, self._probes)
        return nearest(self._vectors, self._store, queries, k, threads)

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> float | None:
        """See `Searcher.recall`."""
        if self._clusters is None:
            return None
        return share_found(hits, nearest(self._vectors, self._store, queries, hits.chunks.shape[1]))


def _is_exact(options: DenseOptions, chunks: int) -> bool:
    """Whether every chunk is compared.

    Raises:
        RecipeError: not, and faiss is not installed.
    """
    if options.search == "exact" or (options.search == "auto" and chunks <= MOST_EXACT_CHUNKS):
        return True
    if find_spec("faiss") is None:
        raise RecipeError(
            f"{chunks:,} chunks are searched with faiss (retrieval.options.search = {options.search!r}), which is not "
            'installed; run pip install "nextlong-hub[dense]", or set retrieval.options.search = "exact"'
        )
    return False


def _identity(store: ChunkStore, options: DenseOptions) -> str:
    return identity_of(store, options, ["exact" if _is_exact(options, store.chunks) else "faiss"])


def _build(
    store: ChunkStore, settings: RetrievalSettings, folder: Path, executor: Executor, on_receipt: OnReceipt | None
) -> None:
    options = settled(settings, DenseOptions)
    is_exact = _is_exact(options, store.chunks)
    building = Building(folder=folder, identity=_identity(store, options), executor=executor, on_receipt=on_receipt)
    if building.is_done:
        return
    receipts = fill_vectors(store, options, building)
    if not is_exact:
        home, files = building.home, tuple(receipt.output for receipt in receipts)
        centres = home / clusters.CENTRES_FILE
        receipts += building.run([clusters.FitCentres(key="centres", output=centres, vectors=files)])
        filling = clusters.FillClusters(
            key="clusters", output=home / clusters.CLUSTERS_FILE, vectors=files, centres=centres
        )
        receipts += building.run([filling])
    building.finish(store, receipts)


def _open(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> DenseSearcher:
    return DenseSearcher(folder, store, settings)


def _describe(settings: RetrievalSettings) -> Description:
    options = DenseOptions.model_validate(settings.options)
    return Description(
        method=vectors_of(options),
        ranking=f"the cosine of its vector and theirs ranked all chunks of the corpus ({name_of(options)})",
        nature="Negatives are those of one model of meaning",
        advice=advice_on(options),
    )


def _estimate(settings: RetrievalSettings, sample: IndexSample, chunks: int) -> SearchCost:
    options = DenseOptions.model_validate(settings.options)
    growth = chunks / sample.chunks
    is_exact = options.search == "exact" or (options.search == "auto" and chunks <= MOST_EXACT_CHUNKS)
    size = sample.bytes * growth * (1 if is_exact or options.search == "faiss" else 3)
    return SearchCost(
        index_bytes=round(size),
        index_tasks=-(-chunks // CHUNKS_IN_A_PART),
        query_growth=growth if is_exact else max(1.0, growth**0.5),
    )


RETRIEVER = Retriever(
    score_name="cosine",
    build=_build,
    open=_open,
    describe=_describe,
    accepts_score=is_cosine,
    estimate=_estimate,
    options=DenseOptions,
    pin=pin_with(DenseOptions),
    on_sample=on_sample_with(DenseOptions),
)
