"""Compiled kernels of the search's second pass: the exact score of the few chunks whose bound is high enough.

gather_rows  the words of some chunks, as queries
rescore      exact scores of collected chunks through the forward index
"""

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.compiling import kernel
from nextlong_hub.retrieval.bm25.building_kernels import COUNT_ESCAPE
from nextlong_hub.retrieval.bm25.index import Forward
from nextlong_hub.retrieval.bm25.queries import Candidates, QueryBatch

_ROWS_TOGETHER = 64
"""Chunks whose rows are fetched at once: 25 KB or so, which the first level of cache holds."""
_TERMS_IN_LINE = 16
_EMPTY = np.uint32(0xFFFFFFFF)
_WORD = np.uint64(0xFFFFFFFF)
_FEWEST_BITS = 12
"""A table of a query's terms has 2^12 slots or more: 16 KB."""
_TRIES = 64
"""Multipliers tried before a table grows."""
_MULTIPLIER = np.uint64(2654435769)
_NEXT, _STEP = np.uint64(1664525), np.uint64(1013904224)
"""Of a generator of further odd multipliers."""


@kernel
def gather_rows(forward: Forward, rows: NDArray[np.int64], places: NDArray[np.int64], queries: QueryBatch) -> None:
    """Copy the forward rows of chunks `rows` of this shard to queries `places` of a batch."""
    for number in range(len(rows)):
        target = queries.starts[places[number]]
        for entry in range(forward.row_starts[rows[number]], forward.row_starts[rows[number] + 1]):
            queries.terms[target] = forward.terms[entry]
            queries.counts[target] = _count_at(forward, entry)
            target += 1


@kernel
def _count_at(forward, entry):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    count = np.int64(forward.counts[entry])
    if count < COUNT_ESCAPE:
        return count
    low, high = 0, len(forward.large_places) - 1
    while low < high:
        middle = (low + high) >> 1
        if forward.large_places[middle] < entry:
            low = middle + 1
        else:
            high = middle
    return np.int64(forward.large_counts[low])


@kernel
def _touch_rows(forward, lengths, chunks, rows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Find where some chunks' rows begin and end, and read a byte of each of their cache lines.

    Where rows lie is read before any of them, as the processor cannot run ahead of a loop whose end it does not know.
    What is returned keeps the reads from being compiled away and says nothing.
    """
    touched = np.uint64(0)
    for place in range(len(chunks)):
        rows[0, place] = forward.row_starts[chunks[place]]
        rows[1, place] = forward.row_starts[chunks[place] + 1]
        touched += lengths[chunks[place]]
    for place in range(len(chunks)):
        first, last = rows[0, place], rows[1, place]
        for entry in range(first, last, _TERMS_IN_LINE):
            touched += forward.terms[entry]
        for entry in range(first, last, 4 * _TERMS_IN_LINE):
            touched += forward.counts[entry]
    return touched


@kernel
def _slot(term, multiplier, shift):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return ((np.uint64(term) * multiplier) & _WORD) >> shift


@kernel
def _seat(terms, slots, multiplier, shift):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put each term into its slot; whether every one got a slot of its own."""
    slots[:] = _EMPTY
    for term in terms:
        slot = _slot(term, multiplier, shift)
        if slots[slot] != _EMPTY:
            return False
        slots[slot] = term
    return True


@kernel
def _seated(terms, vocabulary):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """A table of the query's terms in which no two share a slot, and the multiplier and shift that find a slot.

    With a square of the terms over six slots, a multiplier serves with a chance of one in twenty or more; the table
    grows where many do not. One as large as the vocabulary needs none: it has a slot for each term.
    """
    bits, wanted = _FEWEST_BITS, min(vocabulary, len(terms) * len(terms) // 6)
    while 1 << bits < wanted:
        bits += 1
    multiplier = _MULTIPLIER
    while 1 << bits < vocabulary:
        slots, shift = np.empty(1 << bits, np.uint32), np.uint64(32 - bits)
        for _ in range(_TRIES):
            if _seat(terms, slots, multiplier, shift):
                return slots, multiplier, shift
            multiplier = (multiplier * _NEXT + _STEP) & _WORD | np.uint64(1)
        bits += 1
    slots, multiplier, shift = np.empty(1 << bits, np.uint32), np.uint64(1), np.uint64(0)
    _seat(terms, slots, multiplier, shift)
    return slots, multiplier, shift


@kernel
def rescore(
    forward: Forward,
    lengths: NDArray[np.uint32],
    norms: NDArray[np.float64],
    gain: float,
    first_chunk: int,
    idf: NDArray[np.float64],
    queries: QueryBatch,
    candidates: Candidates,
    lowest: NDArray[np.uint32],
    above: NDArray[np.uint32],
    matches: NDArray[np.uint32],
) -> tuple[int, np.uint64]:
    """Score exactly the candidates of this shard with `lowest <= bound < above`.

    Candidates lie anywhere, so their rows come from memory. Read one by one, each would be waited for; so the rows of
    `_ROWS_TOGETHER` are touched first. Then a chunk's terms are looked up in a table of the query's, where one look
    decides. Which of them the query has cannot be predicted: they are first gathered without a branch and then summed;
    a branch for each would cost three times as much. A chunk's terms ascend, so the order of the sum is fixed.

    Args:
        forward: The shard's.
        lengths: Words of each chunk. Shape: (chunks of the shard,).
        norms: See `formulas.length_norms`, for every length. Shape: (longest + 1,).
        gain: See `formulas.gain`.
        first_chunk: Number of the shard's first chunk.
        idf: Shape: (terms of the index,).
        queries: The batch.
        candidates: Of all queries; their scores are filled in where scored, those below 0 as 0.
        lowest: Shape: (queries,).
        above: Shape: (queries,).
        matches: Room for the entries of a chunk that the query has, and for their slots. Shape: (2, widest row + 1).

    Returns:
        How many candidates were scored, and what `_touch_rows` returned.
    """
    last_chunk = first_chunk + len(lengths)
    wanted = np.zeros(candidates.chunks.shape[1] + 1, np.int64)
    chunks, rows = np.zeros(_ROWS_TOGETHER, np.int64), np.zeros((2, _ROWS_TOGETHER), np.int64)
    weights = np.zeros(0, np.float64)
    scored, touched = 0, np.uint64(0)
    for query in range(len(lowest)):
        size = 0
        for place in range(candidates.sizes[query]):
            chunk, bound = np.int64(candidates.chunks[query, place]), candidates.bounds[query, place]
            wanted[size] = place
            size += (chunk >= first_chunk) & (chunk < last_chunk) & (bound >= lowest[query]) & (bound < above[query])
        if size == 0:
            continue
        scored += size
        first_entry, last_entry = queries.starts[query], queries.starts[query + 1]
        slots, multiplier, shift = _seated(queries.terms[first_entry:last_entry], len(idf))
        if len(weights) < len(slots):
            weights = np.zeros(len(slots), np.float64)
        for entry in range(first_entry, last_entry):
            term = queries.terms[entry]
            weights[_slot(term, multiplier, shift)] = queries.counts[entry] * idf[term]
        for first in range(0, size, _ROWS_TOGETHER):
            together = min(_ROWS_TOGETHER, size - first)
            for row in range(together):
                chunks[row] = np.int64(candidates.chunks[query, wanted[first + row]]) - first_chunk
            touched += _touch_rows(forward, lengths, chunks[:together], rows)
            for row in range(together):
                chunk = chunks[row]
                start = rows[0, row]
                terms = forward.terms[start : rows[1, row]]
                matched = 0
                for entry in range(len(terms)):
                    slot = _slot(terms[entry], multiplier, shift)
                    matches[0, matched] = entry
                    matches[1, matched] = slot
                    matched += slots[slot] == terms[entry]
                norm = norms[lengths[chunk]]
                score = 0.0
                for match in range(matched):
                    count = _count_at(forward, start + np.int64(matches[0, match]))
                    score += weights[matches[1, match]] * (count * gain / (count + norm))
                candidates.scores[query, wanted[first + row]] = max(score, 0.0)
    return scored, touched
