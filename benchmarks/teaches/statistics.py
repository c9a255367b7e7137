"""Paired bootstrap over items, and Holm's correction for the number of tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
_TAIL = 0.025
_DIGITS = 10
"""The last bits of a sum differ between machines, and must not decide what is printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over items, or a ratio of two, with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of being 0; never below one draw."""

    @property
    def half_width(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2

    @property
    def is_off_zero(self) -> bool:
        """The interval does not hold 0."""
        return self.low > 0 or self.high < 0


def mean(values: NDArray[np.float64]) -> Estimate:
    """The mean of one number an item. Shape: (items,)."""
    return _estimate(average(values), _drawn(values))


def average(values: NDArray[np.float64]) -> float:
    """The mean, in as many digits as every machine gives alike."""
    return round(float(values.mean()), _DIGITS)


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> Estimate:
    """The mean of one number an item over the mean of another, drawn together. Shapes: (items,)."""
    # A draw whose whole is 0 tells nothing of the ratio; where there are such, the interval has no end.
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = _drawn(part) / _drawn(whole)
        value = float(np.divide(average(part), average(whole)))
    return _estimate(value, np.nan_to_num(drawn, nan=0.0))


def holm(values: Sequence[float], tests: int) -> list[float]:
    """Each p value, corrected for that many tests (Holm 1979), of which some may not have been run."""
    corrected = [0.0] * len(values)
    worst = 0.0
    for place, number in enumerate(sorted(range(len(values)), key=lambda number: values[number])):
        worst = max(worst, min(1.0, values[number] * (tests - place)))
        corrected[number] = worst
    return corrected


def _drawn(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each draw. Shape: (draws,)."""
    sums = np.einsum("ij,j->i", _draws(len(values)), values)  # not BLAS, whose threads would wait for busy cores
    return np.asarray(np.round(sums / len(values), _DIGITS), np.float64)


@lru_cache(maxsize=8)
def _draws(items: int) -> NDArray[np.float64]:
    """How often each item is in each draw; the same draws for all values of as many items. Shape: (draws, items)."""
    chosen = np.random.default_rng(0).integers(items, size=(DRAWS, items)) + items * np.arange(DRAWS)[:, None]
    return np.bincount(chosen.ravel(), minlength=DRAWS * items).reshape(DRAWS, items).astype(np.float64)


def _estimate(value: float, drawn: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(drawn, (_TAIL, 1 - _TAIL))
    p = 2 * min(float((drawn <= 0).mean()), float((drawn >= 0).mean()))
    return Estimate(value=value, low=float(low), high=float(high), p=min(1.0, max(p, 1 / DRAWS)))
