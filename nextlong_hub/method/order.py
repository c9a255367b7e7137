"""Orders that depend on a seed only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LOG2_STEPS = 1 << 26
STRONGEST_PREFERENCE = 100.0
_PREFERENCE_STEPS = 1 << 16
_NOTHING = -1024 * LOG2_STEPS
"""In place of the logarithm of 0: low enough, and products with it still fit in 64 bits."""


def seeded_keys(numbers: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A pseudo-random key for each number (splitmix64): no stream, so no number's key depends on another's.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    with np.errstate(over="ignore"):
        state = numbers.astype(np.uint64) + np.uint64(seed % 2**64) * np.uint64(0xD1342543DE82EF95)
        state = (state + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


def merge_in_proportion(counts: Sequence[int], weights: Sequence[float]) -> NDArray[np.int64]:
    """Merge several queues so that every prefix has them in proportion to their weights.

    The i-th item of a queue of weight w is due at (i + ½) / w: stride scheduling (Waldspurger, 1995).

    Returns:
        The number of the queue that comes next, again and again; each queue keeps its own order. Shape: (items,).
    """
    queues = np.repeat(np.arange(len(counts)), counts)
    positions = np.concatenate([np.arange(count) for count in counts])
    due = (positions + 0.5) / np.asarray(weights, float)[queues]
    return queues[np.lexsort((queues, due))]


def favouring(keys: NDArray[np.uint64], sizes: NDArray[np.int64], preference: float) -> NDArray[np.int64]:
    """What items come by so that larger ones come earlier, and each order is as likely as if items were drawn by size.

    Each next item is drawn from the rest with a chance in proportion to size^preference: items come in the order of
    -log(u) / size^preference, where u is uniform in (0, 1) (Efraimidis and Spirakis, "Weighted random sampling with a
    reservoir", 2006). Here both are compared by their logarithms in whole steps, which no platform rounds otherwise:
    lowest first, and of equals the lowest key, so that a preference of 0 leaves the order of the keys. An item of size
    0 comes behind all others unless the preference is as good as 0.

    Args:
        keys: of `seeded_keys`.
        sizes: not below 0; below 2^31.
        preference: from 0 to `STRONGEST_PREFERENCE`.
    """
    uniform = log2_steps(~keys | np.uint64(1))  # falls as the key rises
    race = log2_steps((np.int64(64 * LOG2_STEPS) - uniform).astype(np.uint64))
    logarithms = np.where(sizes > 0, log2_steps(np.maximum(sizes, 1).astype(np.uint64)), _NOTHING)
    return np.asarray(race - round(preference * _PREFERENCE_STEPS) * logarithms // _PREFERENCE_STEPS)


def log2_steps(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The logarithm to base 2 of whole numbers from 1, in steps of 1 / `LOG2_STEPS`, by shifts and squares alone."""
    steps = np.zeros(len(values), np.uint64)
    rest = values
    for bits in (32, 16, 8, 4, 2, 1):
        is_large = rest >> np.uint64(bits) > 0
        steps += np.uint64(bits) * is_large
        rest = np.where(is_large, rest >> np.uint64(bits), rest)
    mantissa = values << (np.uint64(63) - steps) >> np.uint64(32)
    for _ in range(LOG2_STEPS.bit_length() - 1):
        mantissa = mantissa * mantissa >> np.uint64(31)
        carry = mantissa >> np.uint64(32)
        mantissa >>= carry
        steps = steps << np.uint64(1) | carry
    return steps.astype(np.int64)
