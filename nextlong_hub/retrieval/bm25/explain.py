"""Explains a score: the terms that two chunks share, and what each adds to it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.code_points import normalise
from nextlong_hub.core.words import word_spans
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.retrieval.bm25.build import identity_of
from nextlong_hub.retrieval.bm25.formulas import gain, length_norms
from nextlong_hub.retrieval.bm25.index import Index, open_index
from nextlong_hub.retrieval.explanation import Explanation, SharedTerm
from nextlong_hub.retrieval.settings import RetrievalSettings


def explain(folder: Path, store: ChunkStore, settings: RetrievalSettings, query: int, chunk: int) -> Explanation:
    """Take the score of `chunk`, found for `query`, apart; both are chunk numbers of the store.

    The weights are those of `formulas`, added up in the order of the search: the sum is the score to the last bit,
    with nothing below 0.

    Args:
        folder: The finished index of `store` under `settings`.
        store: The chunks.
        settings: The recipe's retrieval section.
        query: The query chunk.
        chunk: The chunk that was found.

    Raises:
        DataError: there is no index in `folder`, or it was made from another store or with other settings.
    """
    index = open_index(folder, identity_of(store, settings))
    query_terms, query_counts, _ = _row(index, query)
    chunk_terms, chunk_counts, words = _row(index, chunk)
    shared, in_query, in_chunk = np.intersect1d(query_terms, chunk_terms, assume_unique=True, return_indices=True)
    mean_words = float(index.statistics["mean_length"])
    norm = float(length_norms(settings, np.array([words], np.uint32), mean_words)[0])
    factor = gain(settings)
    terms = []
    total = 0.0
    for term, query_count, chunk_count in zip(
        shared.tolist(), query_counts[in_query].tolist(), chunk_counts[in_chunk].tolist(), strict=True
    ):
        idf = float(index.idf[term])
        weight = query_count * idf * (chunk_count * factor / (chunk_count + norm))
        total += weight
        terms.append(
            SharedTerm(
                term=_spelling(index, term),
                in_query=query_count,
                in_chunk=chunk_count,
                frequency=int(index.frequencies[term]),
                idf=idf,
                weight=weight,
            )
        )
    return Explanation(
        terms=tuple(terms),
        score=float(np.float32(max(total, 0.0))),
        chunks=int(index.statistics["chunks"]),
        chunk_words=words,
        mean_words=mean_words,
    )


def passage(text: str, weights: Mapping[str, float], characters: int) -> list[tuple[str, float]]:
    """The stretch of a text in which the heaviest terms come together, cut at words.

    Args:
        text: A chunk's text.
        weights: What each term weighs.
        characters: Longest stretch.

    Returns:
        Pieces of text, back to back, each with the weight of the term that it is; 0 for what lies between. Of scripts
        that put no space between words, whose terms are pairs of characters, no piece has a weight.
    """
    words = [(start, end, normalise(text[start:end])) for start, end in word_spans(text)]
    best, chosen = -1.0, (0, 0)
    first, value = 0, 0.0
    inside: Counter[str] = Counter()
    for last, (_, end, word) in enumerate(words):
        inside[word] += 1
        value += weights.get(word, 0.0) * (inside[word] == 1)
        while end - words[first][0] > characters and first < last:
            left = words[first][2]
            inside[left] -= 1
            value -= weights.get(left, 0.0) * (inside[left] == 0)
            first += 1
        if value > best or (value == best and first == chosen[0]):  # of equals the longest
            best, chosen = value, (first, last + 1)
    pieces: list[tuple[str, float]] = []
    at = words[chosen[0]][0] if words else 0
    for start, end, word in words[slice(*chosen)]:
        if word in weights:
            pieces += [(text[at:start], 0.0), (text[start:end], weights[word])]
            at = end
    stop = words[chosen[1] - 1][1] if words else min(len(text), characters)
    return [(piece, weight) for piece, weight in (*pieces, (text[at:stop], 0.0)) if piece]


def _row(index: Index, chunk: int) -> tuple[NDArray[np.uint32], NDArray[np.int64], int]:
    """The terms of one chunk, ascending, their occurrences, and the words of the chunk."""
    number = int(np.searchsorted(index.first_chunk, chunk, side="right")) - 1
    shard, place = index.shards[number], chunk - int(index.first_chunk[number])
    forward = shard.forward
    start, stop = forward.row_starts[place : place + 2].tolist()
    counts = forward.counts[start:stop].astype(np.int64)
    low, high = np.searchsorted(forward.large_places, (start, stop))
    counts[forward.large_places[low:high] - start] = forward.large_counts[low:high]
    return forward.terms[start:stop], counts, int(shard.lengths[place])


def _spelling(index: Index, term: int) -> str:
    start, stop = index.term_starts[term : term + 2].tolist()
    return index.term_bytes[start:stop].tobytes().decode()
