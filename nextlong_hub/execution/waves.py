"""Units are run in waves until they have given enough rows, or until too many candidates gave none.

A candidate that gives no row costs another one, so nobody knows beforehand how many units it takes. Waves decide what
runs at the same time, and nothing else: the units that count are the first ones in their order, as many as are needed,
whatever ran ahead of them. A wave is as large as the yield of the last one asks for and at most twice as large as it,
so that waves are few and little runs in vain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Generic, Protocol, TypeVar

from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.run import Run


class Tried(Protocol):
    """What a unit counts of its candidates."""

    @property
    def candidates(self) -> int:
        """How many were tried."""
        ...

    @property
    def kept(self) -> int:
        """How many of them gave a row."""
        ...


Counted = TypeVar("Counted", bound=Tried)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """How many rows are wanted, and what they may cost."""

    rows: int | None
    """None runs all units."""
    units: int
    """How many there are."""
    rows_in_unit: float | Fraction
    """About how many rows one gives; where there is patience, the most that one can give."""
    patience: int | None = None
    """Candidates that may be tried for each row; see `Goal.is_hopeless`. None tries all that there are."""
    unit_candidates: int = 1
    """Candidates in a unit: no wave runs far beyond the one at which patience would end."""

    def needs(self, rows: int) -> int:
        """How many more units it takes at least, where there are so many rows."""
        return self.units if self.rows is None else max(1, ceil((self.rows - rows) / self.rows_in_unit))

    def is_hopeless(self, candidates: int, kept: int) -> bool:
        """Whether so many candidates gave so few rows that no more are tried: `patience` for each row and one more."""
        return self.patience is not None and candidates >= self.patience * (kept + 1)

    def bears(self, candidates: int, kept: int) -> int:
        """How many more units run before it is hopeless, even if none of them gives a row."""
        left = None if self.patience is None else self.patience * (kept + 1) - candidates
        return self.units if left is None else max(1, ceil(left / self.unit_candidates))


def run_waves(
    run: Run,
    goal: Goal,
    make: Callable[[range], Sequence[Receipt[Counted]]],
    take: Callable[[Sequence[Receipt[Counted]]], int],
) -> bool:
    """Run units in their order, until they have given enough rows.

    Args:
        run: where progress is reported; the stages of all waves together are one.
        goal: how many.
        make: runs a range of units and returns their receipts, in order. It may run units that nobody takes.
        take: adds the rows of the next units, and returns how many rows there are by then.

    Returns:
        Whether it was given up, for want of patience, before there were enough rows and before all units were run.
    """
    waves = _Waves(run, goal, make)
    rows = taken = candidates = kept = 0
    with run.progress.rounds():
        while taken < goal.units and (goal.rows is None or rows < goal.rows):
            stop = min(goal.units, taken + goal.needs(rows))
            waves.plan(rows, taken)
            own: list[Receipt[Counted]] = []
            while taken + len(own) < stop and not goal.is_hopeless(candidates, kept):
                own.append(waves.unit(taken + len(own), stop, goal.bears(candidates, kept)))
                candidates += own[-1].counts.candidates
                kept += own[-1].counts.kept
            rows = take(own)
            taken += len(own)
            if goal.is_hopeless(candidates, kept):
                return taken < goal.units and (goal.rows is None or rows < goal.rows)
    return False


class _Waves(Generic[Counted]):
    """The units that have run so far, and how many run next."""

    def __init__(self, run: Run, goal: Goal, make: Callable[[range], Sequence[Receipt[Counted]]]) -> None:
        self._run = run
        self._goal = goal
        self._make = make
        self._ready: list[Receipt[Counted]] = []
        self._most: int | None = None
        """Units of the next wave; None before the first."""
        self._planned = min(goal.units, goal.needs(0))
        """Units of the first plan, of which a forecast knows."""
        self._rows = self._taken = 0
        """Rows and units that were taken when the last wave was planned."""
        self._expected: float = 0
        """Units that it takes by the yield of those taken since."""

    def plan(self, rows: int, taken: int) -> None:
        """Say how many units gave so many rows; the next wave follows their yield, where no unit is ahead of them."""
        if self._goal.rows is None or not self._taken < taken == len(self._ready):
            return
        gained = rows - self._rows
        self._expected = (self._goal.rows - rows) * (taken - self._taken) / gained if gained > 0 else self._goal.units
        self._rows, self._taken = rows, taken

    def unit(self, number: int, stop: int, bearable: int) -> Receipt[Counted]:
        """One unit, run now unless it ran before.

        Args:
            number: of the unit.
            stop: units up to this one are needed by now.
            bearable: most units that run before somebody looks at what they gave.
        """
        if number == len(self._ready):
            left = self._goal.units - number
            wanted = max(stop - number, int(self._expected))
            size = min(wanted, left, bearable, self._most or left)
            self._run.progress.wave(size / self._planned if stop <= self._planned else None)
            self._ready += self._make(range(number, number + size))
            self._most = max(2 * size, self._most or 0)
        return self._ready[number]
