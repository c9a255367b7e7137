"""Tasks in this process, one after the other."""

from collections.abc import Iterator, Sequence

from nextlong_hub.execution.base import Counts, Receipt, Task, perform
from nextlong_hub.execution.open import ExecutorKind


class InlineExecutor:
    """Runs every task in this process, one after the other."""

    workers = 1

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`; never raises `WorkerError`, because a task that is killed takes this process with it."""
        return map(perform, tasks)

    def close(self) -> None:
        """Nothing to release."""


EXECUTOR = ExecutorKind(name="inline", summary="in this process", open=lambda _: InlineExecutor())
