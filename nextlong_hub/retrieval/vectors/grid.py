"""Vectors of length 1 as whole numbers, so that inner products are exact and the same on every machine.

A product of floats depends on the order in which its terms are added, and so on threads, block sizes, the processor and
the library. Here a component is a multiple of 2^-11.5. All terms of a product and all sums of them are then multiples
of 2^-23, and since vectors have length 1 they stay below 2: float32 holds each of them without rounding. What rounding
the components costs is about 2e-4 of a score, less than what encoders differ by from one machine to another.
"""

import numpy as np
from numpy.typing import NDArray

STEPS = 2.0**11.5
"""Steps from 0 to 1."""
SCORE_STEP = np.float32(2.0**-23)
"""A product of two vectors in steps, times this, is their cosine."""
MOST_COMPONENTS = 1 << 20
"""Rounding makes a vector longer by up to half a step a component; with more components sums could pass 2."""


def to_grid(vectors: NDArray[np.floating]) -> NDArray[np.int16]:
    """Vectors scaled to length 1, in steps; a vector of zeros stays one. Shape: as `vectors`, (vectors, dimension)."""
    wide = vectors.astype(np.float64)
    wide /= np.maximum(np.abs(wide).max(axis=1, keepdims=True, initial=0), np.finfo(np.float64).tiny)
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return np.rint(wide / np.where(lengths > 0, lengths, 1) * STEPS).astype(np.int16)


def products(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of each vector of `one` with each of `other`, both in steps. Shape: (one, other)."""
    scores: NDArray[np.float32] = one @ other.T
    scores *= SCORE_STEP
    return scores


def is_cosine(score: float) -> bool:
    """Whether two vectors can have this product: rounding makes a vector a little longer than 1."""
    return -1.05 < score < 1.05
