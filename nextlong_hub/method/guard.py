"""The guard among the negatives of a row: what repeats the row already is passed over (`negatives.guard`).

    shingles    near-copies of a negative that the row has
    tokens      chunks whose runs of eight tokens are anywhere in the row

Where the answers run out before the row is full, its selection starts again with a laxer limit, at the end with none:
the guard never costs a row.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.method.near_duplicates import Containment
from nextlong_hub.method.settings import NegativeSettings

GUARD_RUN_TOKENS = 8
"""Length of the runs of the guard on tokens."""

_RELAXED_SHINGLES = (1.0, 5 / 3, 8 / 3)
_RELAXED_TOKENS = (1.0, 5.0, 15.0)
"""Multiples of the limit that are tried one after the other."""

Hashes = NDArray[np.uint64]


class PassedOver(StrEnum):
    """Why a retrieved chunk does not serve as a negative, where it would have been its turn."""

    BARRED = "barred"
    """A filter of the corpus bars it from every row."""
    NEAR_DUPLICATE = "near_duplicate"
    """It is a near-copy of a meta-chunk."""
    HIGH_RANK = "ranked_too_high"
    """The retriever ranks it before `negatives.first_rank`."""
    REPEATED_ON_END = "repeated_on_end"
    """A few tokens stand in it too often on end (`repetition.times`), or would, beside its neighbours."""
    REPEATS_NEGATIVE = "like_another_negative"
    """It is a near-copy of a negative of the row (`guard = "shingles"`)."""
    REPEATS_ROW = "repeats_the_row"
    """The row holds too many of its runs of tokens (`guard = "tokens"`)."""


class Overlap(Protocol):
    """How much of a chunk a row holds."""

    reason: ClassVar[PassedOver]
    """Why a chunk is passed over that overlaps too much."""

    def reaches(self, chunk: int, limit: float) -> bool:
        """Whether it is at least a share of `limit`, which is above 0; once it is, it stays so while the row grows."""
        ...

    def add(self, chunk: int) -> None:
        """The row holds this chunk, too."""
        ...


class ShingleOverlap:
    """Compares with each negative of the row: the largest shingle containment."""

    reason: ClassVar = PassedOver.REPEATS_NEGATIVE

    def __init__(self, shingles: Callable[[int], Hashes]) -> None:
        """Start without a negative; `shingles` gives those of a chunk."""
        self._shingles = shingles
        self._negatives = Containment()

    def reaches(self, chunk: int, limit: float) -> bool:
        """See `Overlap.reaches`."""
        return self._negatives.reaches(self._shingles(chunk), limit)

    def add(self, chunk: int) -> None:
        """See `Overlap.add`."""
        self._negatives.add(self._shingles(chunk))


class TokenOverlap:
    """Compares with the whole row: the share of the chunk's different runs of tokens that it holds."""

    reason: ClassVar = PassedOver.REPEATS_ROW

    def __init__(self, runs: Callable[[int], Hashes], meta_chunks: Iterable[int]) -> None:
        """Start with the meta-chunks; `runs` gives the different runs of a chunk."""
        self._runs = runs
        self._held = _HashSet()
        for chunk in meta_chunks:
            self.add(chunk)

    def reaches(self, chunk: int, limit: float) -> bool:
        """See `Overlap.reaches`."""
        own = self._runs(chunk)
        return len(own) > 0 and self._held.count(own) / len(own) >= limit

    def add(self, chunk: int) -> None:
        """See `Overlap.add`."""
        self._held.add(self._runs(chunk))


class _HashSet:
    """A set of 64-bit hashes in one array: each lies at its upper bits, or in the first free place behind them."""

    def __init__(self) -> None:
        self._bits = 12
        self._places = np.zeros(1 << self._bits, np.uint64)
        self._added = 0

    def count(self, hashes: Hashes) -> int:
        """How many of these, which may repeat, are in the set."""
        found = 0
        place = hashes >> np.uint64(64 - self._bits)
        while len(hashes):
            there = self._places[place]
            is_found = there == hashes
            found += int(np.count_nonzero(is_found))
            goes_on = (there != 0) & ~is_found
            hashes, place = hashes[goes_on], self._next(place[goes_on])
        return found

    def add(self, hashes: Hashes) -> None:
        """Add these, which may repeat."""
        self._added += len(hashes)
        if 4 * self._added > len(self._places):
            held = self._places[self._places != 0]
            self._bits = (8 * self._added).bit_length()
            self._places = np.zeros(1 << self._bits, np.uint64)
            self._put(held)
        self._put(hashes)

    def _put(self, hashes: Hashes) -> None:
        place = hashes >> np.uint64(64 - self._bits)
        while len(hashes):
            is_free = self._places[place] == 0
            self._places[place[is_free]] = hashes[is_free]
            goes_on = self._places[place] != hashes
            hashes, place = hashes[goes_on], self._next(place[goes_on])

    def _next(self, place: Hashes) -> Hashes:
        return (place + np.uint64(1)) & np.uint64(len(self._places) - 1)


class Guard:
    """Says which chunks repeat a row; a selection that starts again from the beginning costs nothing anew.

    Selection runs in rounds. A round repeats the one before it up to the first chunk that had not been read, so that
    what was decided up to there holds. Chunks that are taken behind it are not added: they are a guess.
    """

    def __init__(self, overlap: Overlap, limit: float) -> None:
        """Start with an empty row.

        Args:
            overlap: of chunks and the row.
            limit: share from which a chunk repeats the row.
        """
        self._overlap = overlap
        self._limit = limit
        self._taken: list[int] = []
        self._passed: dict[int, int] = {}
        """How many negatives the row had when a chunk was found to repeat it; it repeats every longer row, too."""
        self._guessed: set[int] = set()
        """Chunks that did not repeat the row when they were first met behind a chunk that had not been read."""
        self._place = 0

    @property
    def reason(self) -> PassedOver:
        """Why a chunk is passed over that repeats the row."""
        return self._overlap.reason

    def begin(self) -> None:
        """Start a round."""
        self._place = 0

    def repeats(self, chunk: int, *, is_guess: bool) -> bool:
        """Whether a chunk, which has been read, repeats the row as it is.

        Args:
            chunk: its number.
            is_guess: something in this round depends on a chunk that has not been read, so that the row is longer.
        """
        if self._passed.get(chunk, self._place + 1) <= self._place:
            return True
        if self._place < len(self._taken) or (is_guess and chunk in self._guessed):
            return False
        if self._overlap.reaches(chunk, self._limit):
            self._passed[chunk] = self._place
            return True
        if is_guess:
            self._guessed.add(chunk)
        return False

    def take(self, chunk: int) -> None:
        """The row holds this chunk, too; every decision before this one was made on chunks that have been read."""
        if self._place == len(self._taken):
            self._taken.append(chunk)
            self._overlap.add(chunk)
        self._place += 1


def guard_limits(settings: NegativeSettings) -> tuple[float, ...]:
    """The limits of the guard, the strictest first; behind the last one there is no guard. Empty where it is off."""
    limits = {
        "off": (),
        "shingles": [settings.guard_shingles * factor for factor in _RELAXED_SHINGLES],
        "tokens": [settings.guard_tokens * factor for factor in _RELAXED_TOKENS],
    }[settings.guard]
    return tuple(limit for limit in limits if limit <= 1)
