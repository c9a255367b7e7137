"""How much the chunks of one document resemble each other, by the retriever that finds the negatives between them.

A link is what a sample teaches: a meta-chunk that another one before it helps to predict. It is hard to find where the
retriever ranks many chunks of other documents above those of the document itself.

own_ranks          where the best other chunk of its document would stand in the answer to each meta-chunk
measure_likeness   how much the chunks of each document of the corpus resemble each other, without a search
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import write_array
from nextlong_hub.corpus.store import ChunkStore, open_store
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.execution.run import Run
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.base import Scorer, Searcher, open_retriever
from nextlong_hub.retrieval.settings import RetrievalSettings

_DOCUMENTS_TOGETHER = 16_384
"""Documents compared by one task: a second or two."""
_MOST_COMPARED = 32
"""Chunks of a document that are compared, so that a book costs no more than 32² scores."""


def own_ranks(searcher: Searcher, store: ChunkStore, documents: NDArray[np.int64], hits: Hits) -> NDArray[np.int32]:
    """For each chunk, the place that the best other chunk of its document would have in the answer, from 1.

    One more than the hits that come before it in the total order of `Searcher.search`; one more than all hits where the
    retriever does not count it as found. So it is at most one more than the answer is long.

    Args:
        searcher: gave the hits.
        store: the chunks.
        documents: whose chunks were the queries, all of them, in order. Shape: (documents,).
        hits: the answers.

    Returns:
        0 where there is no other chunk, and everywhere if the searcher is no `Scorer`. Shape: (queries,).
    """
    ranks = np.zeros(len(hits.chunks), np.int32)
    if not isinstance(searcher, Scorer):
        return ranks
    done = 0
    for document in documents.tolist():
        own = np.arange(store.first_chunk[document], store.first_chunk[document + 1])
        rows = slice(done, done + len(own))
        done += len(own)
        if len(own) > 1:
            ranks[rows] = 1 + _before(searcher.score(own, _others(own)), own, hits.chunks[rows], hits.scores[rows])
    return ranks


def _others(own: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each chunk all chunks, but -1 for itself. Shape: (chunks, chunks)."""
    return np.where(np.eye(len(own), dtype=bool), -1, own)


def _before(
    scores: NDArray[np.float32], own: NDArray[np.int64], chunks: NDArray[np.int64], hit_scores: NDArray[np.float32]
) -> NDArray[np.int64]:
    """How many hits come before the best of a document's chunks, by score and then chunk number. Shape: (queries,)."""
    best = scores.argmax(axis=1)  # of equals the first, which has the lowest number
    best_scores = np.take_along_axis(scores, best[:, None], axis=1)
    ties_before = (hit_scores == best_scores) & (chunks < own[best][:, None])
    return np.asarray(((chunks >= 0) & ((hit_scores > best_scores) | ties_before)).sum(axis=1))


def measure_likeness(
    run: Run, store: ChunkStore, index: Path, settings: RetrievalSettings, identity: str
) -> NDArray[np.float32]:
    """How much the chunks of each document resemble each other: see `likeness`. Shape: (documents,).

    It is measured once a run, for all documents of the corpus: so it depends on no recipe, and no number of rows.

    Args:
        run: where finished work lies.
        store: the chunks.
        index: the folder of their index.
        settings: the recipe's retrieval section.
        identity: of the index.

    Raises:
        RecipeError: the retriever cannot compare given chunks.
        WorkerError: see `Executor.run`.
    """
    folder = run.workspace.likeness(identity)
    tasks = [
        CompareChunks(
            key=f"documents-{start:09d}",
            output=folder / f"documents-{start:09d}.npy",
            store=store.folder,
            index=index,
            settings=settings,
            start=start,
            stop=min(start + _DOCUMENTS_TOGETHER, store.documents),
        )
        for start in range(0, store.documents, _DOCUMENTS_TOGETHER)
    ]

    def measure() -> NDArray[np.float32]:
        return np.concatenate([np.load(made.output) for made in run.map("compare chunks", tasks, identity)])

    return run.once(f"likeness-{identity}", measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareCounts:
    """What was compared."""

    documents: int
    """Those of two chunks at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareChunks(Task[CompareCounts]):
    """Compare the chunks of each of some documents with each other."""

    stage: ClassVar[str] = "compare"
    noun: ClassVar[str] = "parts"

    store: InputPath
    index: InputPath
    settings: RetrievalSettings
    start: int
    """First document."""
    stop: int

    def run(self) -> CompareCounts:
        """See `Task.run`."""
        store = open_store(self.store)
        searcher = open_retriever(self.index, store, self.settings)
        if not isinstance(searcher, Scorer):
            raise RecipeError(
                f"the retriever {self.settings.retriever} cannot compare chunks that it is given, as "
                'meta_documents = "linked" needs; choose "disjoint", or the retriever bm25'
            )
        borders = store.first_chunk[self.start : self.stop + 1]
        values = [likeness(searcher, np.arange(*own)) for own in pairwise(borders.tolist())]
        write_array(self.output, np.array(values, np.float32))
        return CompareCounts(documents=int((np.diff(borders) > 1).sum()))


def likeness(scorer: Scorer, own: NDArray[np.int64]) -> float:
    """How much the chunks of one document resemble each other, from 0.

    Of each chunk the best score among the others, as a share of its score with itself: the mean. Of a long document 32
    chunks are compared, evenly spaced. A document of one chunk has 0.
    """
    compared = own[np.arange(min(len(own), _MOST_COMPARED)) * len(own) // min(len(own), _MOST_COMPARED)]
    if len(compared) < 2:
        return 0.0
    scores = scorer.score(compared, np.tile(compared, (len(compared), 1))).astype(np.float64)
    with_itself = scores.diagonal().copy()
    np.fill_diagonal(scores, -np.inf)
    best = np.maximum(scores.max(axis=1), 0)
    return float(np.divide(best, with_itself, out=np.zeros_like(best), where=with_itself > 0).mean())
