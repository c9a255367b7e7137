"""Waves decide what runs at the same time: which units count is told by their yield, whatever ran ahead."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.waves import Goal, run_waves

CANDIDATES = 4
"""In every unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a unit counts."""

    kept: int
    candidates: int = CANDIDATES


@dataclass
class World:
    """Units that give so many rows each, and what was asked of them."""

    yields: Sequence[int]
    run: Run
    waves: list[int] = field(default_factory=list)
    """Units of each wave."""
    taken: list[int] = field(default_factory=list)
    """Rows of each unit that counts."""

    def make(self, units: range) -> list[Receipt[Kept]]:
        """Run a wave."""
        assert units.start == sum(self.waves), "waves follow each other without a gap"
        self.waves.append(len(units))
        return [
            Receipt(stage="s", key=str(n), output=Path(), sha256="", bytes=0, seconds=0, counts=Kept(kept=kept))
            for n, kept in zip(units, self.yields[units.start : units.stop], strict=True)
        ]

    def take(self, receipts: Sequence[Receipt[Kept]]) -> int:
        """Add rows."""
        self.taken += [receipt.counts.kept for receipt in receipts]
        return sum(self.taken)

    def until(self, rows: int | None, patience: int | None = None) -> bool:
        """Run them; whether it was given up."""
        goal = Goal(
            rows=rows,
            units=len(self.yields),
            rows_in_unit=CANDIDATES,
            patience=patience,
            unit_candidates=CANDIDATES,
        )
        return run_waves(self.run, goal, self.make, self.take)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that shows nothing."""
    return Run.quiet(tmp_path_factory.mktemp("work"))


def first_units(yields: Sequence[int], rows: int, patience: int | None) -> list[int]:
    """The rule without waves: one unit after the other until there are enough rows, or it is hopeless."""
    taken: list[int] = []
    for kept in yields:
        if sum(taken) >= rows or (patience and len(taken) * CANDIDATES >= patience * (sum(taken) + 1)):
            break
        taken.append(kept)
    return taken


@given(
    yields=st.lists(st.sampled_from([0, 0, 0, 1, 4]), max_size=200),
    rows=st.integers(1, 100),
    patience=st.none() | st.integers(1, 60),
)
def test_the_units_that_count_are_those_of_one_unit_after_the_other(
    run: Run, yields: list[int], rows: int, patience: int | None
) -> None:
    """Whatever ran ahead, exactly the units count that running them one by one would have needed."""
    world = World(yields, run)
    gave_up = world.until(rows, patience)
    assert world.taken == first_units(yields, rows, patience)
    assert gave_up == (sum(world.taken) < rows and len(world.taken) < len(yields))


@given(yields=st.lists(st.sampled_from([0] * 7 + [1, 4]), min_size=1, max_size=2_000), rows=st.integers(1, 8))
def test_waves_are_few_and_little_runs_in_vain(run: Run, yields: list[int], rows: int) -> None:
    """At most three times the units that count run, and no wave is more than twice the largest before it."""
    world = World(yields, run)
    world.until(rows)
    assert sum(world.waves) <= 3 * len(world.taken)
    assert all(later <= 2 * max(world.waves[: place + 1]) for place, later in enumerate(world.waves[1:]))


def test_waves_that_give_nothing_double(run: Run) -> None:
    """Eight rows of a thousand units that give none are looked for in nine waves, not in five hundred."""
    world = World([0] * 1_000, run)
    assert not world.until(8)
    assert world.waves == [2, 4, 8, 16, 32, 64, 128, 256, 490]
    assert len(world.taken) == 1_000


def test_a_wave_is_as_large_as_the_yield_of_the_last_one_asks_for(run: Run) -> None:
    """Ten units gave half of forty rows: as many again are run at once, and nothing beyond."""
    world = World([2] * 100, run)
    world.until(40)
    assert world.waves == [10, 10]
    assert len(world.taken) == 20


def test_where_nothing_is_kept_no_wave_runs_beyond_the_verdict(run: Run) -> None:
    """Of a million rows' units only those run that tell it hopeless: forty candidates, ten units."""
    world = World([0] * 1_000, run)
    assert world.until(1_000_000, patience=40)
    assert world.waves == [10]
    assert world.taken == [0] * 10


def test_a_row_buys_the_patience_for_another(run: Run) -> None:
    """One row within the first forty candidates: given up after eighty."""
    world = World([0, 0, 1] + [0] * 1_000, run)
    assert world.until(5, patience=40)
    assert (len(world.taken), sum(world.taken)) == (20, 1)


def test_the_last_unit_is_no_verdict(run: Run) -> None:
    """When all units have run there is nothing left to give up."""
    assert not World([0] * 10, run).until(5, patience=40)


def test_without_a_number_of_rows_all_units_run_at_once(run: Run) -> None:
    """One wave."""
    world = World([4, 0, 4], run)
    assert not world.until(None)
    assert (world.waves, world.taken) == ([3], [4, 0, 4])
