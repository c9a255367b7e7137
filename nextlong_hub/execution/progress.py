"""How a long run tells what it is doing, without knowing who listens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

from nextlong_hub.execution.base import Executor, Receipt, Task
from nextlong_hub.execution.receipts import run_missing


class Progress(Protocol):
    """Hears about stages; the command line draws bars, a library caller hears nothing."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins; `total` units of work are known to be ahead, or None."""
        ...

    def advance(self, amount: int = 1) -> None:
        """So many units of the current stage are done."""
        ...

    def finish(self) -> None:
        """The current stage has ended."""
        ...


class NullProgress:
    """Does nothing with what it hears: the progress of a caller that gives none."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""

    def finish(self) -> None:
        """See `Progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """How long one stage took."""

    stage: str
    seconds: float
    """By the clock on the wall."""


class Stages:
    """Tells progress about each stage and keeps its time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """One stage; the block calls what it is given for each unit done."""
        started = perf_counter()
        self._progress.start(name, total, unit)
        try:
            yield self._progress.advance
        finally:
            self._progress.finish()
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - started

    @property
    def times(self) -> tuple[StageTime, ...]:
        """Every stage so far, in order of first appearance."""
        return tuple(StageTime(stage=stage, seconds=seconds) for stage, seconds in self._seconds.items())

    def run(
        self,
        name: str,
        unit: str,
        tasks: Sequence[Task],
        executor: Executor,
        receipts_folder: Path,
        before_first: Callable[[], None] | None = None,
    ) -> list[Receipt]:
        """One stage made of tasks: run those without a valid receipt, and give all receipts in the tasks' order.

        `before_first` is called once before the first task runs; not when there is nothing to run.

        Raises:
            WorkerError: see `Executor.run`.
        """
        done: dict[str, Receipt] = {}
        with self.stage(name, len(tasks), unit) as advance:
            for receipt in run_missing(executor, tasks, receipts_folder, before_first):
                done[receipt.key] = receipt
                advance(1)
        return [done[task.key] for task in tasks]
