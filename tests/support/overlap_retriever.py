"""A retriever of another package: runs of characters that two chunks share; its scores are never above 0."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nextlong_hub.core.files import read_json, write_json
from nextlong_hub.core.settings import Section
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import DataError
from nextlong_hub.execution.base import Executor, Receipt
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import Description, Retriever
from nextlong_hub.retrieval.ranking import no_hits, ordered
from nextlong_hub.retrieval.settings import RetrievalSettings


class Options(Section):
    """The choices of this retriever."""

    characters: int = Field(3, ge=1)
    """Length of a run."""


class Searcher:
    """Compares a chunk with every other one."""

    def __init__(self, store: ChunkStore, settings: RetrievalSettings) -> None:
        size = Options.model_validate(settings.options).characters
        texts = store.texts(np.arange(store.chunks))
        self._store = store
        self._runs = [
            frozenset(text[at : at + size] for at in range(len(text) - size + 1)) for _, text in sorted(texts.items())
        ]

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `nextlong_hub.retrieval.Searcher.search`."""
        hits = no_hits(len(queries), k)
        documents = self._store.document_of(np.arange(self._store.chunks))
        for row, query in enumerate(queries.tolist()):
            others = np.flatnonzero(documents != documents[query])
            scores = np.array([self._score(query, other) for other in others.tolist()], np.float32)
            hits.chunks[row], hits.scores[row] = ordered(others, scores, k)
        return hits

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> None:
        """Nothing is approximate."""

    def _score(self, one: int, other: int) -> float:
        """Jaccard's index, minus 1."""
        runs = self._runs[one], self._runs[other]
        return len(runs[0] & runs[1]) / max(1, len(runs[0] | runs[1])) - 1


def build(
    store: ChunkStore,
    settings: RetrievalSettings,
    folder: Path,
    executor: Executor,
    on_receipt: Callable[[Receipt], None] | None,
) -> None:
    """Note what would be searched; there is no index."""
    write_json(folder / "index.json", store.id)


def open_searcher(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> Searcher:
    """Search the store."""
    if read_json(folder / "index.json") != store.id:
        raise DataError(f"{folder} holds no index of store {store.id}; run the build again")
    return Searcher(store, settings)


def describe(settings: RetrievalSettings) -> Description:
    """In words."""
    size = Options.model_validate(settings.options).characters
    return Description(
        method="overlap of characters in place of embeddings",
        ranking=f"the overlap of runs of {size} characters ranked all chunks of the corpus",
    )


RETRIEVER = Retriever(
    score_name="overlap",
    build=build,
    open=open_searcher,
    describe=describe,
    accepts_score=lambda score: -1 <= score <= 0,
    options=Options,
)
