"""BM25 and embeddings: BM25 puts chunks forward, and the cosine of their vectors puts them in order.

The vectors of all chunks are made once, with the index. A build of usual size asks for each chunk several times, so
that is less work than to encode what each query found; only a build of a few rows would encode less.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.base import Executor
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import bm25
from nextlong_hub.retrieval.base import Description, OnReceipt, Retriever, Searcher
from nextlong_hub.retrieval.ranking import no_hits, ordered, share_found
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.vectors.grid import is_cosine, products
from nextlong_hub.retrieval.vectors.index import (
    Building,
    Vectors,
    fill_vectors,
    identity_of,
    on_sample_with,
    pin_with,
    settled,
)
from nextlong_hub.retrieval.vectors.options import HybridOptions
from nextlong_hub.retrieval.vectors.wording import advice_on, name_of, vectors_of

_LEXICAL = "bm25"
_VECTORS = "vectors"


class HybridSearcher:
    """Ranks the answers of BM25 again; the scores are cosines.

    A longer answer need not begin with a shorter one, for BM25 then puts more chunks forward.
    """

    def __init__(self, folder: Path, store: ChunkStore, settings: RetrievalSettings) -> None:
        """Open the index of `store` in `folder`.

        Raises:
            DataError: there is none, or it was made from another store or with other settings.
        """
        options = settled(settings, HybridOptions)
        self._folder = folder
        self._settings = settings
        self._depth = options.depth
        self._store = store
        self._lexical = bm25.RETRIEVER.open(folder / _LEXICAL, store, lexical(settings))
        self._vectors = Vectors(folder / _VECTORS, identity_of(store, options))

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Searcher.search`."""
        found = self._lexical.search(queries, min(self._store.chunks, self._depth * k), threads=threads)
        return self._ranked(queries, found, k)

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> float | None:
        """See `Searcher.recall`; where BM25 is approximate, by what it would put forward if it were exact."""
        if not self._settings.postings_budget and not self._settings.pool_chunks:
            return None
        exact = self._settings.model_copy(update={"postings_budget": 0.0, "pool_chunks": 0})
        return share_found(hits, HybridSearcher(self._folder, self._store, exact).search(queries, hits.chunks.shape[1]))

    def _ranked(self, queries: NDArray[np.int64], found: Hits, k: int) -> Hits:
        hits = no_hits(len(queries), k)
        for row, asked in enumerate(self._vectors.of(queries)):
            chunks = found.chunks[row, found.chunks[row] >= 0]
            vectors = self._vectors.of(chunks)
            has_vector = vectors.any(axis=1) & bool(asked.any())
            scores = products(asked[None], vectors[has_vector])[0]
            hits.chunks[row], hits.scores[row] = ordered(chunks[has_vector], scores, k)
        return hits


def lexical(settings: RetrievalSettings) -> RetrievalSettings:
    """The settings of the BM25 that puts chunks forward."""
    return settings.model_copy(update={"retriever": "bm25", "options": {}})


def _build(
    store: ChunkStore, settings: RetrievalSettings, folder: Path, executor: Executor, on_receipt: OnReceipt | None
) -> None:
    options = settled(settings, HybridOptions)
    building = Building(
        folder=folder / _VECTORS, identity=identity_of(store, options), executor=executor, on_receipt=on_receipt
    )
    if not building.is_done:
        building.finish(store, fill_vectors(store, options, building))
    bm25.RETRIEVER.build(store, lexical(settings), folder / _LEXICAL, executor, on_receipt)


def _open(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> Searcher:
    return HybridSearcher(folder, store, settings)


def _describe(settings: RetrievalSettings) -> Description:
    options = HybridOptions.model_validate(settings.options)
    words = bm25.describe(settings)
    return Description(
        method=f"BM25 and {vectors_of(options)}",
        ranking=(
            f"{words.ranking}; its best {options.depth} for each one wanted were ranked again by the cosine of their "
            f"vectors and its own ({name_of(options)}), which is the score of a negative"
        ),
        nature="Negatives are lexical and alike in meaning",
        advice=f"BM25 found chunks that share rare words. {advice_on(options)}",
    )


RETRIEVER = Retriever(
    score_name="cosine",
    build=_build,
    open=_open,
    describe=_describe,
    accepts_score=is_cosine,
    estimate=bm25.RETRIEVER.estimate,
    find_languages=bm25.find_languages,
    options=HybridOptions,
    pin=pin_with(HybridOptions),
    on_sample=on_sample_with(HybridOptions),
)
