"""An executor: threads of this process, as in `build(..., executor="threads:4")`."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.base import Counts, Receipt, Task, perform
from nextlong_hub.execution.open import ExecutorKind


class ThreadExecutor:
    """Runs several tasks at once in this process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers)

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `nextlong_hub.execution.base.Executor.run`: receipts may come in any order."""
        for done in as_completed([self._pool.submit(perform, task) for task in tasks]):
            yield done.result()

    def close(self) -> None:
        """Release the threads."""
        self._pool.shutdown(cancel_futures=True)


def _open(argument: str) -> ThreadExecutor:
    if not argument.isdecimal() or not int(argument):
        raise RecipeError(f"the executor threads:{argument} has no number of threads; write threads:4")
    return ThreadExecutor(int(argument))


EXECUTOR = ExecutorKind(name="threads", summary="on threads of this process: threads:4", open=_open)
