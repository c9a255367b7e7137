"""A negative control: the document's own other chunks, again and again (the self-repeat of NExtLong §5.4)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.base import Description, Retriever
from nextlong_hub.retrieval.ranking import no_hits
from nextlong_hub.retrieval.settings import RetrievalSettings


class SelfSearcher:
    """Goes through the other chunks of the query's document in their order, as often as it takes.

    The n-th time a chunk scores 1 / n, so that an answer is in the order of its scores.
    """

    def __init__(self, store: ChunkStore) -> None:
        self._store = store

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Searcher.search`; a document of one chunk has no other one, and its answer is empty."""
        hits = no_hits(len(queries), k)
        places = np.arange(k)
        documents = self._store.document_of(queries)
        for row, (query, document) in enumerate(zip(queries.tolist(), documents.tolist(), strict=True)):
            own = np.arange(*self._store.first_chunk[document : document + 2].tolist())
            others = own[own != query]
            if len(others):
                hits.chunks[row] = others[places % len(others)]
                hits.scores[row] = 1 / (1 + places // len(others))
        return hits

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> None:
        """See `Searcher.recall`: nothing is approximate."""


def _open(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> SelfSearcher:
    return SelfSearcher(store)


_WORDS = Description(
    method="the other chunks of the document itself in place of those of others",
    ranking="the other chunks of the same document followed in their order, again and again",
    nature="A negative control, not for training: the negatives are repeats of the document itself",
    advice=(
        "Repeats of its own document are false negatives; in the paper (§5.4) a model trained on such rows did worse. "
        "They are there to compare others with. The score of a chunk is 1 / n where it comes the n-th time."
    ),
)

RETRIEVER = Retriever(
    score_name="repeat score",
    build=lambda *_: None,  # there is no index
    open=_open,
    describe=lambda _: _WORDS,
    accepts_score=lambda score: 0 < score <= 1,
    is_control=True,
    repeats_own=True,
)
