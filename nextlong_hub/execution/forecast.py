"""What is left of a run: what its stages usually cost, corrected by what they have cost so far.

    expect                      the stages to come, in order, each with the seconds it usually takes
    start, advance, stop        what happens
    stage_left, whole_left      seconds, or None where nothing is known that an answer could rest on

What a stage usually takes is known for one machine and one corpus, so only the ratios of these numbers are trusted.
How long they last here is measured: by stages of the same kind where there were any, else by all. The kind of a stage
is the first word of its name: `retrieve 64k` and `retrieve 128k` are alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedStage:
    """One stage that a run will come to."""

    stage: str
    seconds: float
    """What it usually takes."""


@dataclass(slots=True)
class _Measured:
    """Work that was done, as it usually lasts and as it lasted."""

    usual: float = 0.0
    seconds: float = 0.0

    @property
    def pace(self) -> float | None:
        return self.seconds / self.usual if self.usual > 0 else None


class Forecast:
    """The seconds that are left of the current stage and of the whole run."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._coming: list[ExpectedStage] = []
        self._is_known = False
        self._paces: dict[str, _Measured] = {}
        self._over: dict[str, float] = {}
        self._unit_seconds: dict[str, float] = {}
        self._in_rounds: set[str] | None = None
        self._share: float | None = 1.0
        self._plans: dict[str, float] = {}
        """What the stages of the current rounds usually take in all of them."""
        self._later: dict[str, float] = {}
        """What of that is left for later rounds."""
        self._stage = ""
        self._usual: float | None = None
        self._total: int | None = None
        self._done = self._kept = 0
        self._started = 0.0

    def expect(self, stages: Sequence[ExpectedStage]) -> None:
        """Name all stages of the run, in order; those of them that are over tell how fast it goes."""
        self._coming = [one for one in stages if one.stage not in self._over]
        self._is_known = True
        for one in stages:
            if self._over.get(one.stage):
                self._measure(one.stage, one.seconds, self._over[one.stage])

    def rounds(self, *, begin: bool) -> None:
        """Several stages take turns from here on, or no longer: one that was there before is no other one."""
        self._in_rounds = set() if begin else None
        self._share, self._plans, self._later = 1.0, {}, {}

    def wave(self, share: float | None) -> None:
        """The next round does so much of what its stages do in all; None: nobody knows how many more will follow."""
        self._share = share

    def start(self, stage: str, total: int | None) -> None:
        """A stage begins, and those that should have come before it are over."""
        self._stage, self._total, self._usual = stage, total, None
        self._done = self._kept = 0
        self._started = self._clock()
        if self._in_rounds is not None and stage in self._in_rounds:
            self._begin_part(stage)
            return
        if self._in_rounds is not None:
            self._in_rounds.add(stage)
        names = [one.stage for one in self._coming]
        if stage in names:
            place = names.index(stage)
            self._plans[stage] = self._later[stage] = self._coming[place].seconds
            self._begin_part(stage)
            del self._coming[: place + 1]

    def advance(self, amount: int) -> None:
        """So many units of the current stage are done."""
        self._done += amount

    def skip(self) -> None:
        """What is done of the current stage was done by an earlier run: the work begins now."""
        self._kept = self._done
        self._started = self._clock()

    def stop(self) -> None:
        """The current stage is over, or others come between."""
        seconds, own = self._clock() - self._started, self._done - self._kept
        self._over[self._stage] = self._over.get(self._stage, 0.0) + (seconds if own else 0.0)
        if own and self._usual is not None:
            self._measure(self._stage, self._usual * (own / self._total if self._total else 1.0), seconds)
        if own:
            self._unit_seconds[self._stage] = seconds / own
        self._stage = ""

    @property
    def stage_left(self) -> float | None:
        """Seconds until the current stage is over."""
        if not self._stage:
            return None
        elapsed, own = self._clock() - self._started, self._done - self._kept
        expected = self._expected()
        if own and self._total is not None:
            share = own / max(1, self._total - self._kept)
            measured = elapsed / share
            whole = measured if expected is None else share * measured + (1 - share) * expected
            return whole - elapsed if whole > elapsed else measured - elapsed
        return expected - elapsed if expected is not None and expected > elapsed else None

    @property
    def whole_left(self) -> float | None:
        """Seconds until the run is over."""
        if not self._is_known:
            return None
        later = [ExpectedStage(stage=stage, seconds=left) for stage, left in self._later.items() if left > 0]
        coming = [*self._coming, *later]
        paces = [self._pace(one.stage) for one in coming]
        own = self.stage_left if self._stage else 0.0
        if own is None or None in paces or self._share is None:
            return None
        return own + sum(one.seconds * (pace or 0.0) for one, pace in zip(coming, paces, strict=True))

    def _begin_part(self, stage: str) -> None:
        """The part of a stage that this round does is no longer to come."""
        part = min(self._later.get(stage, 0.0), self._plans.get(stage, 0.0) * (self._share or 0.0))
        self._usual = part or None
        if part:
            self._later[stage] -= part

    def _expected(self) -> float | None:
        """What the rest of the current stage should take in all, by what is known besides its own units."""
        if self._usual is None:
            each = self._unit_seconds.get(self._stage)
            return each * self._total if each is not None and self._total is not None else None
        pace = self._pace(self._stage)
        share = 1 - self._kept / self._total if self._total else 1.0
        return None if pace is None else self._usual * share * pace

    def _pace(self, stage: str) -> float | None:
        """How long what usually takes a second lasts here; None while nothing was measured."""
        own = self._paces.get(_kind(stage), _Measured()).pace
        if own is not None:
            return own
        every = self._paces.values()
        return _Measured(sum(one.usual for one in every), sum(one.seconds for one in every)).pace

    def _measure(self, stage: str, usual: float, seconds: float) -> None:
        measured = self._paces.setdefault(_kind(stage), _Measured())
        measured.usual += usual
        measured.seconds += seconds


def _kind(stage: str) -> str:
    return stage.partition(" ")[0]
