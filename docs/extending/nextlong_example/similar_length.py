"""A retriever: the chunks most like another one are those of nearly the same length, which makes poor negatives."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import Description, Retriever
from nextlong_hub.retrieval.ranking import no_hits, ordered
from nextlong_hub.retrieval.settings import RetrievalSettings


class Searcher:
    """Compares a chunk with all others."""

    def __init__(self, folder: Path, store: ChunkStore, settings: RetrievalSettings) -> None:
        chunks = np.arange(store.chunks)
        self._documents = store.document_of(chunks)
        self._characters = store.characters_of_each(chunks)

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `nextlong_hub.retrieval.Searcher.search`."""
        hits = no_hits(len(queries), k)
        for row, query in enumerate(queries.tolist()):
            others = np.flatnonzero(self._documents != self._documents[query])
            differences = np.abs(self._characters[others] - self._characters[query])
            hits.chunks[row], hits.scores[row] = ordered(others, -differences.astype(np.float32), k)
        return hits

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> None:
        """Nothing is approximate."""


WORDS = Description(
    method="lengths of chunks in place of embeddings",
    ranking="the difference in characters ranked all chunks of the corpus",
)

RETRIEVER = Retriever(
    score_name="length score",
    build=lambda *_: None,  # there is no index
    open=Searcher,
    describe=lambda _: WORDS,
    accepts_score=lambda score: score <= 0,
)
