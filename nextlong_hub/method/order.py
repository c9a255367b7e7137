"""Orders that depend on a seed only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


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
