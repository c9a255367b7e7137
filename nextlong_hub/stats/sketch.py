"""Counting values as they stream by: exactly while there are few different ones, in narrow bins beyond that.

The result depends on the values alone, not on their order or on how they were cut into batches.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.stats.shape import Bar, Distribution

EXACT_VALUES = 4096
"""Different values that are counted one by one."""

_GROWTH = math.log(1.005)
"""Bins grow by 0.5 %, so that the middle of one is within 0.25 % of all that it holds."""
_SMALLEST = 1e-6
"""What is nearer to 0 than this is 0 in bins."""
_LARGEST = 1e12
"""Nothing that is counted here comes near it; what lies beyond it, in a damaged row, is no number."""
_MOST_BARS = 48
_QUANTILES = (5, 25, 50, 75, 95)
_SCALE = 1_000_000
"""Sums are kept in millionths, as whole numbers: they come out the same in any order."""


class Sketch:
    """How often each value was seen. At most a few thousand numbers are kept, however many values come."""

    def __init__(self) -> None:
        self._values: NDArray[np.float64] = np.zeros(0)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._is_exact = True
        self._sum = 0
        self._minimum = math.inf
        self._maximum = -math.inf

    def add(self, values: NDArray[np.generic], counts: NDArray[np.int64] | None = None) -> None:
        """Count `values`, each as often as `counts` says, or once; what is no number is left out."""
        seen = values.astype(np.float64)
        times = np.ones(len(seen), np.int64) if counts is None else counts
        is_number = np.abs(seen) <= _LARGEST
        seen, times = seen[is_number], times[is_number]
        if not len(seen):
            return
        self._sum += _sum(np.round(seen * _SCALE).astype(np.int64), times)
        self._minimum = min(self._minimum, float(seen.min()))
        self._maximum = max(self._maximum, float(seen.max()))
        if not self._is_exact:
            seen = _bins(seen)
        self._merge(seen, times)
        if self._is_exact and len(self._values) > EXACT_VALUES:
            self._is_exact = False
            held, self._values = self._values, np.zeros(0)
            times, self._counts = self._counts, np.zeros(0, np.int64)
            self._merge(_bins(held), times)

    def distribution(self) -> Distribution | None:
        """What was seen; None when nothing was."""
        if not len(self._values):
            return None
        values = self._values if self._is_exact else _middles(self._values)
        values = np.clip(values, self._minimum, self._maximum)
        count = int(self._counts.sum())
        # The smallest value that at least this share of all values do not exceed.
        places = np.searchsorted(np.cumsum(self._counts), [-(-count * q // 100) for q in _QUANTILES])
        return Distribution(
            count=count,
            minimum=_plain(self._minimum),
            mean=_plain(self._sum / _SCALE / count),
            maximum=_plain(self._maximum),
            quantiles={f"{q}%": _plain(float(values[place])) for q, place in zip(_QUANTILES, places, strict=True)},
            histogram=self._histogram(values),
        )

    def _merge(self, values: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        together = np.concatenate([self._values, values])
        self._values, where = np.unique(together, return_inverse=True)
        summed = np.zeros(len(self._values), np.int64)
        np.add.at(summed, where, np.concatenate([self._counts, counts]))
        self._counts = summed

    def _histogram(self, values: NDArray[np.float64]) -> tuple[Bar, ...]:
        """A bar for each value while there are few, else bars of equal and round width."""
        if len(values) <= _MOST_BARS:
            pairs = zip(values.tolist(), self._counts.tolist(), strict=True)
            return tuple(Bar(lower=_plain(value), upper=_plain(value), count=count) for value, count in pairs)
        width = _round_width((self._maximum - self._minimum) / (_MOST_BARS - 1))
        numbers = np.floor(values / width).astype(np.int64)
        bars, where = np.unique(numbers, return_inverse=True)
        counts = np.zeros(len(bars), np.int64)
        np.add.at(counts, where, self._counts)
        return tuple(
            Bar(lower=_plain(number * width), upper=_plain((number + 1) * width), count=count)
            for number, count in zip(bars.tolist(), counts.tolist(), strict=True)
        )


def _sum(values: NDArray[np.int64], times: NDArray[np.int64]) -> int:
    """Σ values x times, of halves that cannot overflow."""
    return (int((values >> 31) @ times) << 31) + int((values & 0x7FFFFFFF) @ times)


def _bins(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The number of each value's bin, in the order of the values: 0 is a bin by itself, and negative ones mirror it."""
    sizes = np.floor(np.log(np.maximum(np.abs(values), _SMALLEST) / _SMALLEST) / _GROWTH) + 1
    return np.where(np.abs(values) < _SMALLEST, 0.0, np.sign(values) * sizes)


def _middles(bins: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sign(bins) * _SMALLEST * np.exp((np.abs(bins) - 0.5) * _GROWTH)


def _round_width(least: float) -> float:
    """The next of 1, 2, 5, 10, … from `least` on, upwards and downwards."""
    scale = 10.0 ** math.floor(math.log10(least))
    return next(scale * step for step in (1, 2, 5, 10) if scale * step >= least * (1 - 1e-9))


def _plain(value: float) -> float:
    """Four places are enough for a reader, and a whole number stays one."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded
