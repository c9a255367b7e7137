"""Scores of hard negatives by their rank, in bands that get wider."""

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.stats.shape import RankScores
from nextlong_hub.stats.sketch import Sketch

_RANK_BANDS = np.array([1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 95, 142, 213, 320, 480, 720, 1080, 1620, 2430, 3645])
"""First rank of each band: every rank by itself at first, then half as many again in each."""


class RankCounter:
    """Scores of hard negatives by rank."""

    def __init__(self) -> None:
        self._bands = [Sketch() for _ in _RANK_BANDS]
        self._last_rank = 0

    def add(self, scores: NDArray[np.float64], ranks: NDArray[np.int64]) -> None:
        """Count some negatives. Shape of both: (negatives,)."""
        bands = np.searchsorted(_RANK_BANDS, ranks, side="right") - 1
        for band in np.unique(bands[bands >= 0]).tolist():
            self._bands[band].add(scores[bands == band])
        self._last_rank = max(self._last_rank, int(ranks.max(initial=0)))

    def result(self) -> tuple[RankScores, ...]:
        """The bands that hold any, in ascending order."""
        firsts = _RANK_BANDS.tolist()
        lasts = [*(first - 1 for first in firsts[1:]), self._last_rank]
        return tuple(
            RankScores(first_rank=first, last_rank=min(last, self._last_rank), scores=scores)
            for first, last, band in zip(firsts, lasts, self._bands, strict=True)
            if (scores := band.distribution()) is not None
        )
