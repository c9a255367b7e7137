"""Compiled kernels of `words`: where the words of a text stand, and digests of words and of runs of them.

A digest is a polynomial modulo 2^64, sum of value * base^place, with its bits spread.
"""

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.code_points import CLASS_MASK, MARK, NORMALISE, SEPARATOR, UNSPACED, WORD
from nextlong_hub.core.compiling import kernel_in_place

_CAPITAL_A, _LETTERS, _LOWER = np.uint32(ord("A")), np.uint32(26), np.uint32(0x20)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_HALF, _SPREAD = np.uint64(32), np.uint64(0xD6E8FEB86659FD93)


@kernel_in_place
def _spread(digest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Let every bit depend on all others."""
    digest = (digest ^ (digest >> _HALF)) * _SPREAD
    return digest ^ (digest >> _HALF)


@kernel_in_place
def needs_normalising(points: NDArray[np.uint32], classes: NDArray[np.uint8]) -> bool:
    """Whether a text holds a code point that must be normalised. Shapes: (characters,) and (code points,)."""
    found = np.uint8(0)
    for point in points:
        found |= classes[point]
    return bool(found & NORMALISE)


@kernel_in_place
def find_words(
    points: NDArray[np.uint32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    digests: NDArray[np.uint64],
) -> int:
    """Find the words of a text; return how many there are.

    A mark is what it stands on; one that stands on no letter is no part of a word. ASCII capitals count as small.

    Args:
        points: The text. Shape: (characters,).
        classes: See `words.code_point_classes`.
        starts: Filled with the first character of each word. Shape: at least (words,), (characters,) is enough.
        ends: Filled with one past its last.
        digests: Filled with the digest of each.
    """
    words = -1
    carrier = SEPARATOR
    digest, power = np.uint64(0), np.uint64(1)
    for place in range(len(points)):
        point = points[place]
        before, kind = carrier, classes[point] & CLASS_MASK
        if kind != MARK:
            carrier = kind
        if kind == UNSPACED or (kind == WORD and before != WORD):
            if words >= 0:
                digests[words] = _spread(digest)
            words += 1
            starts[words] = place
            digest, power = np.uint64(0), np.uint64(1)
        if carrier != SEPARATOR:
            if point - _CAPITAL_A < _LETTERS:
                point |= _LOWER
            digest += np.uint64(point) * power
            power *= _BASE
            ends[words] = place + 1
    if words >= 0:
        digests[words] = _spread(digest)
    return words + 1


@kernel_in_place
def digest_runs(values: NDArray[np.uint64], length: int, digests: NDArray[np.uint64]) -> None:
    """Fill in the digest of each run of `length` neighbouring values. Shapes: (values,), (values - length + 1,)."""
    highest = np.uint64(1)
    for _ in range(length - 1):
        highest *= _BASE
    digest, power = np.uint64(0), np.uint64(1)
    for place in range(length - 1):
        digest += values[place] * power
        power *= _BASE
    for run in range(len(digests)):
        digest += values[run + length - 1] * highest
        digests[run] = _spread(digest)
        digest = (digest - values[run]) * _INVERSE
