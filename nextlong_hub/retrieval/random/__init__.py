"""A control: chunks of other documents, drawn at random. What the layout does by itself, without hard negatives."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nextlong_hub.core.settings import Section
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.method.order import seeded_keys
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.base import Description, Retriever
from nextlong_hub.retrieval.ranking import no_hits, ordered
from nextlong_hub.retrieval.settings import RetrievalSettings

_QUERY_BITS = 32
_DROPPED_BITS = np.uint64(40)
_STEP = np.float32(2.0**-24)
"""A draw has the 24 bits that a float32 holds exactly."""


class RandomOptions(Section):
    """The choices of `random`."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Another seed draws other chunks."""


class RandomSearcher:
    """Draws a number from 0 to below 1 for each pair of a query and a chunk; that is the score."""

    def __init__(self, store: ChunkStore, settings: RetrievalSettings) -> None:
        self._store = store
        self._seed = RandomOptions.model_validate(settings.options).seed

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Searcher.search`; runs on one thread for any number of `threads`."""
        hits = no_hits(len(queries), k)
        every = np.arange(self._store.chunks)
        documents = self._store.document_of(queries)
        for row, (query, document) in enumerate(zip(queries.tolist(), documents.tolist(), strict=True)):
            keys = seeded_keys((query << _QUERY_BITS) + every, self._seed)
            draws = (keys >> _DROPPED_BITS).astype(np.float32) * _STEP
            own = slice(*self._store.first_chunk[document : document + 2].tolist())
            others = np.delete(every, own)
            drawn = np.delete(draws, own)
            best = drawn >= np.partition(drawn, -k)[-k] if 0 < k < len(drawn) else slice(None)
            hits.chunks[row], hits.scores[row] = ordered(others[best], drawn[best], k)
        return hits

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> None:
        """See `Searcher.recall`: nothing is approximate."""


def _open(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> RandomSearcher:
    return RandomSearcher(store, settings)


_WORDS = Description(
    method="random chunks in place of similar ones",
    ranking="all chunks of other documents were put into a seeded random order, the same for no two meta-chunks",
    nature="A control, not for training: the negatives are random",
    advice=(
        "They were drawn from the whole corpus and are like nothing in particular, so that what hard negatives add can "
        "be measured against these rows. In the one measurement at hand (34M parameters, 8K tokens) random negatives "
        "were the worst choice nearly everywhere. Their score is the number that was drawn, from 0 to 1."
    ),
)

RETRIEVER = Retriever(
    score_name="random number",
    build=lambda *_: None,  # there is no index
    open=_open,
    describe=lambda _: _WORDS,
    accepts_score=lambda score: 0 <= score < 1,
    options=RandomOptions,
    is_control=True,
)
