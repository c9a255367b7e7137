"""What a text repeats of itself: runs of 8 and of 32 tokens that occurred in it before, and how far back.

A run is known by a 64-bit rolling hash. To find its last occurrence, as many bits of the hash as fit are packed with
the run's place into one number, and the numbers are sorted: equal runs then are neighbours, in the order of the text.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

RUN_TOKENS = (8, 32)
"""Lengths of the runs, powers of two."""
FARTHER_TOKENS = (1_024, 4_096)
"""Distances from which a repeat counts as farther: nearer than the first, between them, or from the second on."""
COUNTS = (len(RUN_TOKENS), 2 + len(FARTHER_TOKENS))
"""Shape of the counts of one text: for each length of run all runs, and repeats from near, from farther, from far."""

_SHORT_BITS = 12
"""Texts of fewer than 2^12 tokens are counted together."""
_TOGETHER_BITS = 10
"""So many of them at most: 2^10."""
_TOGETHER_TOKENS = 1 << 17
_MIX = np.uint64(0x9E3779B97F4A7C15)
_STEP = 0xD6E8FEB86659FD93
"""Odd: the hash of a run is a polynomial in it, modulo 2^64, of its tokens' own hashes."""


def count_repeats(texts: Sequence[NDArray[np.integer]]) -> NDArray[np.int64]:
    """Count the runs of each text, and those that occurred in the same text before, by the distance to the last time.

    What is counted of a text does not depend on the others. Among its L runs, L² / 2^(64 - b) may be expected to be
    taken for others, 2^b the next power of two: one in 65,536 texts of 65,536 tokens, one in 128 of 524,288, and one
    in 500,000 of fewer than 4,096.

    Args:
        texts: the tokens of each. Shape of each: (tokens,).

    Returns:
        Shape: (texts, *COUNTS).
    """
    counts = np.zeros((len(texts), *COUNTS), np.int64)
    for first, last in _groups([len(text) for text in texts]):
        counts[first:last] = _count(texts[first:last])
    return counts


def different(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each value once, ascending: `np.unique` for short arrays, in a third of its time. Shape: (values,)."""
    ordered = np.sort(hashes)
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]


def _groups(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of texts that are counted together: consecutive short ones, or one that is long."""
    start = tokens = 0
    for number, length in enumerate(lengths):
        is_long = length >> _SHORT_BITS > 0
        is_full = number - start >> _TOGETHER_BITS > 0 or tokens + length > _TOGETHER_TOKENS
        if number > start and (is_long or is_full):
            yield start, number
            start, tokens = number, 0
        tokens += length
        if is_long:
            yield number, number + 1
            start, tokens = number + 1, 0
    if start < len(lengths):
        yield start, len(lengths)


def _count(texts: Sequence[NDArray[np.integer]]) -> NDArray[np.int64]:
    """The counts of a group of texts. Shape: (texts, *COUNTS)."""
    lengths = np.array([len(text) for text in texts])
    text_of = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)
    place = np.arange(len(text_of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    # A key is the number of the text, bits of the run's hash, and the run's place: sorted, equal runs are neighbours.
    is_long = lengths[0] >> _SHORT_BITS > 0
    place_bits = int(lengths[0]).bit_length() if is_long else _SHORT_BITS
    text_bits = 1 if is_long else _TOGETHER_BITS
    text_shift, place_shift = np.uint64(64 - text_bits), np.uint64(place_bits)
    ends = (text_of << text_shift) | place.astype(np.uint64)
    places = np.uint64((1 << place_bits) - 1)
    counts = np.zeros((len(texts), *COUNTS), np.int64)
    bands = COUNTS[1] - 1
    hashes, size = _number_hashes(np.concatenate(texts)), 1
    for number, run_tokens in enumerate(RUN_TOKENS):
        hashes, size = _lengthened(hashes, size, run_tokens), run_tokens
        keys = (hashes >> np.uint64(text_bits + place_bits) << place_shift) | ends[: len(hashes)]
        is_inside = place[: len(hashes)] <= np.repeat(lengths - run_tokens, lengths)[: len(hashes)]
        keys = np.sort(keys[is_inside])
        again = np.flatnonzero((keys[1:] ^ keys[:-1]) <= places) + 1
        distances = (keys[again] & places) - (keys[again - 1] & places)
        band = np.searchsorted(np.array(FARTHER_TOKENS, np.uint64), distances, side="right")
        text = (keys[again] >> text_shift).astype(np.int64)
        counts[:, number, 0] = np.maximum(0, lengths - run_tokens + 1)
        counts[:, number, 1:] = np.bincount(text * bands + band, minlength=len(texts) * bands).reshape(-1, bands)
    return counts


def _number_hashes(numbers: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Spread neighbouring numbers over all 64 bits."""
    hashes = (numbers.astype(np.uint64) + np.uint64(1)) * _MIX
    hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return hashes ^ (hashes >> np.uint64(32))


def _lengthened(hashes: NDArray[np.uint64], size: int, run_tokens: int) -> NDArray[np.uint64]:
    """Hashes of runs of `run_tokens` from those of runs of `size`, both powers of two."""
    while size < run_tokens:
        step = np.uint64(pow(_STEP, size, 1 << 64))
        hashes = hashes[: max(0, len(hashes) - size)] * step + hashes[size:]
        size *= 2
    return hashes
