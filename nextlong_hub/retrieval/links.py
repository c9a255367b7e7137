"""How much the chunks of one document resemble each other, by the retriever that finds the negatives between them.

A link is what a sample teaches: a meta-chunk that another one before it helps to predict. It is hard to find where the
retriever ranks many chunks of other documents above those of the document itself.

own_ranks      where the best other chunk of its document would stand in the answer to each meta-chunk
"""

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.base import Scorer, Searcher


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
