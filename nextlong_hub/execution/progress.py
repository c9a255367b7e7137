"""How a long run reports its stages, how long each took, and what is left."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Protocol

from nextlong_hub.core.printable import duration, visible_line
from nextlong_hub.execution.forecast import ExpectedStage, Forecast

_WORTH_A_LINE = 0.5
"""Duration in seconds from which a stage that had nothing to do is shown."""
STAGE_NOTE = "at the stage "
"""Begins the note that an exception gets on its way out of a stage."""


class Progress(Protocol):
    """Receives reports about stages: the command line draws bars, `NullProgress` shows nothing."""

    def follow(self, forecast: Forecast) -> None:
        """A run begins, and `forecast` knows at any time what is left of it."""
        ...

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins with `total` units of work, None where that is not known; `unit` is their plural noun.

        A stage that stopped and is not finished may be started again: it goes on with `total` more units.
        """
        ...

    def advance(self, amount: int = 1) -> None:
        """`amount` more units of the current stage are done."""
        ...

    def stop(self) -> None:
        """The current stage ends; it may go on in another round unless `finish` follows."""
        ...

    def finish(self, stage: str) -> None:
        """A stage that has stopped does not go on."""
        ...

    def note(self, text: str) -> None:
        """Something about the inputs that people would not expect."""
        ...


class NullProgress:
    """Shows nothing."""

    def follow(self, forecast: Forecast) -> None:
        """See `Progress`."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""

    def stop(self) -> None:
        """See `Progress`."""

    def finish(self, stage: str) -> None:
        """See `Progress`."""

    def note(self, text: str) -> None:
        """See `Progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """How long one stage took."""

    stage: str
    seconds: float
    """Wall time."""


class ProgressTracker:
    """Reports each stage to a `Progress`, keeps its time, and forecasts what is left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._seconds: dict[str, float] = {}
        self._notes: set[str] = set()
        self._turns: list[str] | None = None
        self._forecast = Forecast()
        progress.follow(self._forecast)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """One stage; the block gets a function to call with the number of units just done."""
        started = perf_counter()
        self._forecast.start(name, total)
        self._progress.start(name, total, unit)
        try:
            yield self._advance
        except BaseException as error:
            error.add_note(f"{STAGE_NOTE}{name!r}")  # for whoever tells of it
            raise
        finally:
            self._forecast.stop()
            self._progress.stop()
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - started
            if self._turns is None:
                self._progress.finish(name)
            elif name not in self._turns:
                self._turns.append(name)

    @contextmanager
    def rounds(self) -> Iterator[None]:
        """Stages of the same name within the block are one stage, which others interrupt."""
        if self._turns is not None:
            yield
            return
        self._turns = []
        self._forecast.rounds(begin=True)
        try:
            yield
        finally:
            over, self._turns = self._turns, None
            self._forecast.rounds(begin=False)
            for name in over:
                self._progress.finish(name)

    def wave(self, share: float | None) -> None:
        """A round of stages begins that does so much of what they do in all; see `Forecast.wave`."""
        self._forecast.wave(share)

    def expect(self, stages: Sequence[ExpectedStage]) -> None:
        """Say which stages the run will have, in order, those that are over included; see `Forecast.expect`."""
        self._forecast.expect(stages)

    def skip(self) -> None:
        """What is done of the current stage was done by an earlier run, and says nothing of how fast it goes."""
        self._forecast.skip()

    def note(self, text: str) -> None:
        """Report a note, each once a run."""
        if text not in self._notes:
            self._notes.add(text)
            self._progress.note(text)

    @property
    def times(self) -> tuple[StageTime, ...]:
        """Every stage so far, in order of first appearance."""
        return tuple(StageTime(stage=stage, seconds=seconds) for stage, seconds in self._seconds.items())

    def _advance(self, amount: int = 1) -> None:
        self._forecast.advance(amount)
        self._progress.advance(amount)


class StageCount:
    """How far one stage is, in words."""

    def __init__(self, stage: str, unit: str, clock: Callable[[], float] = monotonic) -> None:
        self.stage = visible_line(stage)
        self.done = 0
        self.total: int | None = 0
        self.failed = False
        """It was stopped by an error."""
        self._unit = visible_line(unit)
        self._clock = clock
        self._seconds = 0.0
        self._started: float | None = None

    def start(self, total: int | None) -> None:
        """It begins or goes on, with so many more units."""
        self.total = None if total is None or self.total is None else self.total + total
        self._started = self._clock()

    def stop(self) -> None:
        """It stops; an error that is on its way is the cause."""
        self._seconds, self._started = self.seconds, None
        self.failed = sys.exc_info()[0] is not None

    @property
    def amount(self) -> str:
        """`3 of 8 units`; empty where there is nothing to say."""
        if self.total is None:
            return f"{self.done:,} {self._unit}" if self.done else ""
        return f"{self.done:,} of {self.total:,} {self._unit}"

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return self._seconds + (0.0 if self._started is None else self._clock() - self._started)

    @property
    def is_worth_a_line(self) -> bool:
        """Whether it did anything that people want to know of."""
        return self.failed or self.done > 0 or self.seconds > _WORTH_A_LINE


def about(seconds: float) -> str:
    """A forecast as a person says it, no more exact than it is: `40 s`, `3 min`, `2 h 10 min`."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 55:
        return f"{round(seconds / 5) * 5} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    return duration(round(minutes / 10) * 600 if minutes > 100 else minutes * 60)


def left_in_words(forecast: Forecast | None) -> str:
    """What is left of the stage and of all: `about 40 s, all about 3 min`; empty where neither is known."""
    if forecast is None:
        return ""
    stage, whole = forecast.stage_left, forecast.whole_left
    parts = [] if stage is None else [f"about {about(stage)} left"]
    if whole is not None:
        parts.append(f"{about(whole)} in all" if parts else f"about {about(whole)} left in all")
    return ", ".join(parts)
