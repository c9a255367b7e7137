"""Which chunks the negatives of a row must be: they are taken again, turn by turn, from the order of all chunks.

`even`: in each turn every meta-chunk, from the last to the first, takes the best chunk that may still serve it; what
follows is the last one's. `reference`: every meta-chunk in order takes as many as the paper's formula gives.

A chunk is passed over for one of the documented reasons alone, and each of them is found out here. How many negatives
each meta-chunk has is taken from the row; that they are spread as they must be is checked by `uneven`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

from nextlong_hub.proof.choices import Choices
from nextlong_hub.proof.copies import Shingles, is_copy

GUARD_STEPS = (1.0, 5 / 3, 8 / 3)
"""Multiples of the guard's limit that are tried where the answers end before a row is full; then it is lifted."""


class Objection(StrEnum):
    """Why a chunk may not serve where it would be its turn."""

    BARRED = "barred by a filter"
    HIGH_RANK = "ranked before negatives.first_rank"
    IN_ROW = "in the row already"
    ON_END = "repeated on end"
    COPY = "near-copy of a meta-chunk"
    LIKE_NEGATIVE = "near-copy of another negative"
    NO_CUT = "no exact length where the row would end in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """The first turn in which a row has another chunk than it must."""

    meta_chunk: int
    place: int
    """Number of the negative among those of the meta-chunk, from 0."""
    wanted: int | None
    """The chunk that it must be; None where none of those ranked as high may serve."""
    objection: Objection | None
    """What speaks against the one that is there; None where only a better one does."""


@dataclass(slots=True, kw_only=True)
class Taken:
    """What came of taking the negatives of a row again."""

    surprise: Surprise | None = None
    passed_over: dict[int, Objection] = field(default_factory=dict)
    """Chunks that were better placed than one that was taken, and why they did not serve."""
    used: set[int] = field(default_factory=set)


class Rules:
    """What may serve in one row."""

    def __init__(
        self,
        choices: Choices,
        barred: frozenset[int] | set[int],
        meta_chunks: Sequence[Shingles],
        shingles: Callable[[int], Shingles],
        repeats_on_end: Callable[[int], bool],
    ) -> None:
        """Take the rules of a recipe.

        Args:
            choices: those of the recipe.
            barred: chunks that no row may hold.
            meta_chunks: the shingles of all chunks of the meta-document.
            shingles: gives those of any chunk.
            repeats_on_end: whether a chunk is known to hold what no row may hold on end.
        """
        self._choices = choices
        self._barred = barred
        self._meta_chunks = meta_chunks
        self._shingles = shingles
        self._repeats_on_end = repeats_on_end
        self._copies: dict[int, bool] = {}
        self.unfit: dict[int, Objection] = {}
        """Chunks that cannot serve beside those that the row has, and why."""

    def objection(self, chunk: int, rank: int, used: set[int]) -> Objection | None:
        """What speaks against a chunk of that rank, whatever the guard says."""
        if chunk in self._barred:
            return Objection.BARRED
        if rank < self._choices.first_rank:
            return Objection.HIGH_RANK
        if chunk in used:
            return Objection.IN_ROW
        if chunk in self.unfit:
            return self.unfit[chunk]
        if self._repeats_on_end(chunk):
            return Objection.ON_END
        if chunk not in self._copies:
            self._copies[chunk] = is_copy(self._shingles(chunk), self._meta_chunks, self._choices.copy_share)
        return Objection.COPY if self._copies[chunk] else None

    def repeats(self, chunk: int, used: set[int], limit: float | None) -> bool:
        """Whether the guard passes over a chunk, at one of its limits; None where it is lifted."""
        return limit is not None and is_copy(self._shingles(chunk), map(self._shingles, used), limit)

    @property
    def guard_limits(self) -> list[float | None]:
        """The limits of the guard, one after the other."""
        limits = [self._choices.guard_shingles * step for step in GUARD_STEPS] if self._choices.guard != "off" else []
        return [*(limit for limit in limits if limit <= 1), None]


def take_again(orders: Sequence[Sequence[int]], chosen: Sequence[Sequence[int]], rules: Rules, fill: str) -> Taken:
    """Take the negatives of a row again, under each limit of the guard until the row is what it must be.

    Args:
        orders: for each meta-chunk all chunks down to the worst that it has, best first.
        chosen: the negatives that it has, in the order of the row.
        rules: what may serve.
        fill: `even` or `reference`.
    """
    outcomes = []
    for limit in rules.guard_limits:
        outcomes.append(_take(orders, chosen, rules, limit, list(turns(list(map(len, chosen)), fill))))
        if outcomes[-1].surprise is None:
            return outcomes[-1]
    return outcomes[0]


def turns(counts: Sequence[int], fill: str) -> Iterator[int]:
    """The meta-chunks in the order in which they take their negatives, so many each."""
    last = len(counts) - 1
    if fill == "reference":
        for number, count in enumerate(counts):
            yield from [number] * count
        return
    rounds = max(counts[:last], default=0)
    for turn in range(rounds):
        yield from (number for number in range(last, -1, -1) if turn < counts[number])
    yield from [last] * (counts[last] - rounds)


def uneven(counts: Sequence[int]) -> list[int]:
    """Meta-chunks that have fewer negatives than their share, so that no chunk may have been left for them.

    The last one that is not behind takes the last turn: those behind it in the text have one more than those before
    it. What the last meta-chunk has beyond them does not count.
    """
    before = list(counts[:-1])
    most = max(before, default=0)
    begun = next((number for number, count in enumerate(before) if count == most), 0)
    wanted = [most - (number < begun) for number in range(len(before))] + [most]
    return [number for number, count in enumerate(counts) if count < wanted[number]]


def reference_count(choices: Choices, meta_characters: int, meta_chunks: int) -> int:
    """Negatives of each meta-chunk by the paper: k = (T E w - S) / (p s), rounded up."""
    wanted = choices.target_tokens * choices.characters_per_token * choices.adjustment - meta_characters
    return max(0, ceil(wanted / (meta_chunks * choices.cutting.longest)))


def _take(
    orders: Sequence[Sequence[int]],
    chosen: Sequence[Sequence[int]],
    rules: Rules,
    limit: float | None,
    order_of_turns: Sequence[int],
) -> Taken:
    taken = Taken()
    places = [0] * len(orders)
    done = [0] * len(orders)
    for number in order_of_turns:
        there = chosen[number][done[number]]
        objections: dict[int, Objection] = {}
        found: int | None = None
        while found is None and places[number] < len(orders[number]):
            chunk = orders[number][places[number]]
            places[number] += 1
            objection = rules.objection(chunk, places[number], taken.used)
            if objection is None and rules.repeats(chunk, taken.used, limit):
                objection = Objection.LIKE_NEGATIVE
            if objection is None:
                found = chunk
            else:
                objections[chunk] = objection
        if found != there:
            taken.surprise = Surprise(
                meta_chunk=number, place=done[number], wanted=found, objection=objections.get(there)
            )
            return taken
        taken.passed_over |= objections
        taken.used.add(there)
        done[number] += 1
    return taken


def passed_over(taken: Taken) -> Mapping[Objection, int]:
    """Different chunks that were passed over for good, by reason; those that the row has elsewhere are counted, too."""
    counts = dict.fromkeys(Objection, 0)
    for objection in taken.passed_over.values():
        counts[objection] += 1
    return {objection: count for objection, count in counts.items() if count}
