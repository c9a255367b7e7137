"""Tasks on processes of this machine."""

import errno
import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.connection import wait as wait_for_any
from typing import Any

from nextlong_hub.errors import RecipeError, WorkerError, argument
from nextlong_hub.execution.base import Counts, Receipt, Task, perform, perform_away
from nextlong_hub.execution.open import ExecutorKind

_log = logging.getLogger(__name__)

_DEATHS_ALLOWED = 3
_WINDOW_PER_WORKER = 2
_THREADS_OF_A_WORKER = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_MOST_WORKERS = 8
"""Each worker holds its own tokenizer and compiled kernels, so a large machine is not filled unasked."""


def default_workers() -> int:
    """How many worker processes there are when no number is given: the processors of this process, 8 at most."""
    may_use = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(may_use, _MOST_WORKERS)


def no_workers() -> str:
    """Why this system lends worker processes nothing to talk through; empty where it does."""
    try:
        get_context("spawn").Lock()
    except (OSError, ImportError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        return f"{error}; is there no /dev/shm?"
    return ""


def _leave_with_parent() -> None:
    """End this worker when the process that started it ends, even by SIGKILL.

    Workers hold both ends of the pool's pipes, so they never see a closed pipe and would wait for ever.
    """
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=lambda: (wait_for_any([sentinel]), os._exit(1)), daemon=True).start()


class LocalExecutor:
    """Runs tasks on several processes of this machine, and survives the death of any of them.

    `multiprocessing.Pool` waits for ever for the answer of a worker that was killed (python/cpython#96062);
    `ProcessPoolExecutor` notices and breaks. A new pool is then built, and all tasks that had not finished run again.

    Where the system lends no means for it (no `/dev/shm`, as in some sandboxes), all tasks run in this process, and
    it is told; the bytes are the same.

    Sets the variables that give workers one thread each for matrix products, unless they are set: processes share out
    the cores.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        for name in _THREADS_OF_A_WORKER:
            os.environ.setdefault(name, "1")
        self._pool: ProcessPoolExecutor | None = None
        self._inline = False

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`."""
        if not self._has_workers():
            yield from map(perform, tasks)
            return
        waiting: deque[Task[Any]] = deque(tasks)
        running: dict[Future[Receipt[Any]], Task[Any]] = {}
        deaths: Counter[tuple[str, str]] = Counter()
        try:
            while waiting or running:
                lost: list[Task[Any]] = []
                pool_works = self._fill_window(waiting, running, deaths)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    task = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        lost.append(task)
                if lost or not pool_works:
                    lost += running.values()
                    running.clear()
                    self._discard_pool()
                    self._count_deaths(lost, deaths)
                    waiting.extendleft(reversed(lost))
        finally:
            for future in running:
                future.cancel()

    def close(self) -> None:
        """Stop the workers; tasks that still wait are abandoned, those that run are waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _fill_window(
        self,
        waiting: deque[Task[Any]],
        running: dict[Future[Receipt[Any]], Task[Any]],
        deaths: Counter[tuple[str, str]],
    ) -> bool:
        """Submit tasks up to the window; False when the pool is broken, which an idle worker's death causes too.

        A broken pool does not say which task's worker died, so every task in flight is charged with the death. A task
        with one charge less than allowed runs alone: if a worker dies once more, that task is the cause.
        """
        while waiting and len(running) < _WINDOW_PER_WORKER * self.workers:
            if running and any(
                deaths[task.stage, task.key] >= _DEATHS_ALLOWED - 1 for task in (waiting[0], *running.values())
            ):
                break
            try:
                running[self._workers().submit(perform_away, waiting[0].to_json())] = waiting[0]
            except BrokenProcessPool:
                return False
            waiting.popleft()
        return True

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            if current_process().daemon:
                raise WorkerError(
                    "this process is daemonic, as those of a pool or of a data loader are, and may not start worker "
                    f'processes; take executor="inline" ({argument("num-proc", 1)}), which makes the same bytes'
                )
            # spawn, not fork: the libraries beneath keep threads, and a forked copy of a held lock never opens.
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=_leave_with_parent
            )
        return self._pool

    def _has_workers(self) -> bool:
        """Whether this system has what worker processes talk through; told once where it has not."""
        if self._pool is None and not self._inline and (reason := no_workers()):
            _log.warning(
                "no worker processes can be started here (%s): all work is done in this process, and the bytes are the "
                "same; --num-proc 1 leaves this note out",
                reason,
            )
            self.workers, self._inline = 1, True
        return not self._inline

    def _discard_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _count_deaths(self, lost: list[Task[Any]], deaths: Counter[tuple[str, str]]) -> None:
        """Charge each task in flight. Three charges, the last one to a task that ran alone, end the run."""
        for task in lost:
            deaths[task.stage, task.key] += 1
            if deaths[task.stage, task.key] >= _DEATHS_ALLOWED:
                raise WorkerError(
                    f"{task.label}: its worker process was killed {_DEATHS_ALLOWED} times, most often a "
                    f"sign of too little memory; run again with a smaller {argument('num-proc')} (now {self.workers}): "
                    "finished work is kept. A script of your own must call us under if __name__ == '__main__':"
                )


def _open(argument: str) -> LocalExecutor:
    if argument and not (argument.isdecimal() and int(argument)):
        raise RecipeError(f"the executor local:{argument} has no number of processes; write local:8, or local alone")
    return LocalExecutor(int(argument) if argument else default_workers())


EXECUTOR = ExecutorKind(name="local", summary="on processes of this machine: local:8", open=_open)
