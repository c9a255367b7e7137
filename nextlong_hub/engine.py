"""Where work runs: tasks go in, receipts come out, in any order and at least once.

A `Task` is data (stage, key, function *name*, paths, parameters), never a pickled closure, and its result is one file
that appears whole or not at all plus a `Receipt` below 1 KB. Whoever plans keeps the list: it submits what has no
receipt. A cluster engine needs only another `Executor`.
"""

import importlib
import os
import pickle
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from typing import Any, Protocol

from nextlong_hub.errors import WorkerError
from nextlong_hub.files import read_checked_json, sha256_of, sha256_of_folder, write_checked_json
from nextlong_hub.memory import release_memory

_DEATHS_ALLOWED = 3
_WINDOW_PER_WORKER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One unit of work; its identity is (stage, key) inside one plan."""

    stage: str
    key: str
    """Unique within the stage and safe as a file name: `unit-00007`."""
    function: str
    """`package.module:function`, called as `function(task)`; returns the counts that go into the receipt."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Paths the function reads."""
    output: str = ""
    """The path the function writes: one file, or a folder that is complete once this task returns."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that a task was done: small enough to travel and to keep for ever."""

    stage: str
    key: str
    output: str
    sha256: str
    """Of the output file's bytes; of a folder, over the names and bytes of its files."""
    bytes: int
    seconds: float
    counts: dict[str, Any]
    """What the function reported: JSON values, a handful of them."""


class Executor(Protocol):
    """Runs tasks somewhere."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Receipt]:
        """Yield one receipt for each task, in the order in which they finish.

        Raises:
            WorkerError: a task ended its worker three times.
        """
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


def perform(task: Task, **context: Any) -> Receipt:
    """Run one task here and now; `context` is what only this process can give the function."""
    started = time.perf_counter()
    module, _, name = task.function.partition(":")
    function: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), name)
    counts = function(task, **context)
    sha256, size = _measure(Path(task.output))
    release_memory()
    return Receipt(
        stage=task.stage,
        key=task.key,
        output=task.output,
        sha256=sha256,
        bytes=size,
        seconds=round(time.perf_counter() - started, 3),
        counts=counts,
    )


def _measure(output: Path) -> tuple[str, int]:
    """Digest and size of what a task wrote."""
    return sha256_of_folder(output) if output.is_dir() else (sha256_of(output), output.stat().st_size)


def _perform_away(task: Task) -> Receipt:
    """Run one task in a worker; an exception that cannot travel home would be taken for the worker's death."""
    try:
        return perform(task)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            raise RuntimeError(f"{task.stage} {task.key}: {type(error).__name__}: {error}") from error
        raise


def _leave_with_parent() -> None:
    """End this worker when the process that started it ends, be it by SIGKILL.

    Workers hold both ends of the pool's pipes, so no closed pipe ever tells them: they would wait for ever.
    """
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=lambda: (wait_for_any([sentinel]), os._exit(1)), daemon=True).start()


class InlineExecutor:
    """Runs every task in this process, one after the other."""

    def __init__(self, **context: Any) -> None:
        self._context = context

    def run(self, tasks: Sequence[Task]) -> Iterator[Receipt]:
        """See `Executor.run`; a task that kills its worker kills this process."""
        for task in tasks:
            yield perform(task, **self._context)

    def close(self) -> None:
        """Nothing to let go."""


class LocalExecutor:
    """Runs tasks on `num_proc` processes of this machine, and survives the death of any of them.

    `multiprocessing.Pool` waits for ever for the answer of a worker that was killed (python/cpython#96062);
    `ProcessPoolExecutor` notices and breaks. We then build a new pool and run again whatever had not finished.
    """

    def __init__(self, num_proc: int) -> None:
        self.num_proc = num_proc
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Sequence[Task]) -> Iterator[Receipt]:
        """See `Executor.run`."""
        waiting = deque(tasks)
        running: dict[Future[Receipt], Task] = {}
        deaths: Counter[tuple[str, str]] = Counter()
        try:
            while waiting or running:
                lost: list[Task] = []
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
        """Let the workers go; tasks that still run are abandoned."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _fill_window(
        self, waiting: deque[Task], running: dict[Future[Receipt], Task], deaths: Counter[tuple[str, str]]
    ) -> bool:
        """Submit what may run now; False when the pool turns out to be broken, be it by an idle worker's death.

        A broken pool does not say whose worker died. A task that was in flight at every death but one that it may
        survive therefore runs alone: if a worker dies once more, there is no doubt on whose account.
        """
        while waiting and len(running) < _WINDOW_PER_WORKER * self.num_proc:
            if running and any(
                deaths[task.stage, task.key] >= _DEATHS_ALLOWED - 1 for task in (waiting[0], *running.values())
            ):
                break
            try:
                running[self._workers().submit(_perform_away, waiting[0])] = waiting[0]
            except BrokenProcessPool:
                return False
            waiting.popleft()
        return True

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # spawn, not fork: the libraries beneath keep threads, and a forked copy of a held lock never opens.
            self._pool = ProcessPoolExecutor(
                self.num_proc, mp_context=get_context("spawn"), initializer=_leave_with_parent
            )
        return self._pool

    def _discard_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _count_deaths(self, lost: list[Task], deaths: Counter[tuple[str, str]]) -> None:
        """Charge each task in flight. Three charges, the last one to a task that ran alone, end the run."""
        for task in lost:
            deaths[task.stage, task.key] += 1
            if deaths[task.stage, task.key] >= _DEATHS_ALLOWED:
                raise WorkerError(
                    f"{task.stage} {task.key}: its worker process was killed {_DEATHS_ALLOWED} times, most often a "
                    f"sign of too little memory; run again with a smaller --num-proc (now {self.num_proc}): "
                    "finished work is kept. A script of your own must call us under if __name__ == '__main__':"
                )


def make_executor(num_proc: int) -> Executor:
    """One process: run inline. More: run on local workers."""
    return InlineExecutor() if num_proc <= 1 else LocalExecutor(num_proc)


def run_missing(
    executor: Executor, tasks: Sequence[Task], receipts_folder: Path, before_first: Callable[[], None] | None = None
) -> Iterator[Receipt]:
    """Yield the receipt of every task, running only those whose kept receipt does not match their output any more.

    A receipt is kept in `receipts_folder` after the output has its final name, so a crash between the two costs one
    task and never trusts an unfinished file. Outputs are read again and compared with their digests: what was damaged
    since is made anew.

    Args:
        executor: where the work runs.
        tasks: everything that must be there in the end.
        receipts_folder: where receipts are kept.
        before_first: called once before the first task is run; not when there is nothing to run.

    Raises:
        WorkerError: see `Executor.run`.
    """
    missing = []
    for task in tasks:
        receipt = _kept_receipt(receipts_folder, task)
        if receipt is None:
            missing.append(task)
        else:
            yield receipt
    if missing and before_first is not None:
        before_first()
    for receipt in executor.run(missing):
        write_checked_json(_receipt_path(receipts_folder, receipt.stage, receipt.key), asdict(receipt))
        yield receipt


def _receipt_path(folder: Path, stage: str, key: str) -> Path:
    return folder / stage / f"{key}.json"


def _kept_receipt(folder: Path, task: Task) -> Receipt | None:
    kept = read_checked_json(_receipt_path(folder, task.stage, task.key))
    if not isinstance(kept, dict) or set(kept) != set(Receipt.__dataclass_fields__):
        return None
    output = Path(task.output)
    if not output.exists() or _measure(output) != (kept["sha256"], kept["bytes"]):
        return None
    return Receipt(**{**kept, "output": task.output})
