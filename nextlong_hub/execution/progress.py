"""How a long run reports its stages, and how long each took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

STAGE_NOTE = "at the stage "
"""Begins the note that an exception gets on its way out of a stage."""


class Progress(Protocol):
    """Receives reports about stages: the command line draws bars, `NullProgress` shows nothing."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins with `total` units of work, None where that is not known; `unit` is their plural noun."""
        ...

    def advance(self, amount: int = 1) -> None:
        """`amount` more units of the current stage are done."""
        ...

    def finish(self) -> None:
        """The current stage has ended."""
        ...

    def note(self, text: str) -> None:
        """Something about the inputs that people would not expect."""
        ...


class NullProgress:
    """Shows nothing."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""

    def finish(self) -> None:
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
    """Reports each stage to a `Progress` and keeps its time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._seconds: dict[str, float] = {}
        self._notes: set[str] = set()

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """One stage; the block gets a function to call with the number of units just done."""
        started = perf_counter()
        self._progress.start(name, total, unit)
        try:
            yield self._progress.advance
        except BaseException as error:
            error.add_note(f"{STAGE_NOTE}{name!r}")  # for whoever tells of it
            raise
        finally:
            self._progress.finish()
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - started

    def note(self, text: str) -> None:
        """Report a note, each once a run."""
        if text not in self._notes:
            self._notes.add(text)
            self._progress.note(text)

    @property
    def times(self) -> tuple[StageTime, ...]:
        """Every stage so far, in order of first appearance."""
        return tuple(StageTime(stage=stage, seconds=seconds) for stage, seconds in self._seconds.items())
