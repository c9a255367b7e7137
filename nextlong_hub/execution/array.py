"""Tasks for array jobs: a driver lays them out in the storage, and jobs without a driver of their own do their shares.

    <storage>/tasks/0000007.json        a task of the current stage; job i of n does those whose number is i modulo n
    <storage>/tasks/0000007.tries       how often a job has begun it
    <storage>/tasks/0000007.error       how it failed
    <storage>/tasks/end                 the driver has ended: jobs leave

What is done is known by the receipt that the job writes. Slurm arrays, indexed jobs of Kubernetes and the like start
the jobs, and start them again when they die; nothing is sent between machines but files.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nextlong_hub import errors
from nextlong_hub.core.files import parse_checked_json
from nextlong_hub.errors import NextLongError, RecipeError, WorkerError, argument
from nextlong_hub.execution.base import Counts, Receipt, Task, receipt_from_json, task_from_json
from nextlong_hub.execution.open import ExecutorKind
from nextlong_hub.execution.placed import PlacedTask
from nextlong_hub.execution.receipts import receipt_name
from nextlong_hub.storage import Storage, StorageAddress

_log = logging.getLogger(__name__)

_FOLDER = "tasks"
_END = f"{_FOLDER}/end"
_DEATHS_ALLOWED = 3
_POLL_SECONDS = 2.0
_SILENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one job of an array does."""

    index: int
    """From 0."""
    count: int
    """Jobs in the array."""

    def holds(self, number: int) -> bool:
        """Whether a task of that number is its own."""
        return number % self.count == self.index


class ArrayExecutor:
    """Waits for array jobs to do its tasks; see `open.Travelling` and `work`."""

    workers = 1

    def __init__(self, poll_seconds: float = _POLL_SECONDS) -> None:
        self.log = Path("engine.log")
        self._poll_seconds = poll_seconds
        self._storage: Storage | None = None
        self._next = 0

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`.

        Raises:
            NextLongError: what a task raised in a job.
            WorkerError: a task raised something else, or ended its job three times.
        """
        open_: dict[int, PlacedTask] = {}
        for task in tasks:
            if not isinstance(task, PlacedTask):
                raise TypeError(f"{task.label} has no storage that jobs could find it in")
            self._lay_out(task)
            open_[self._next] = task
            self._next += 1
        last = time.monotonic()
        while open_:
            done = list(self._done(open_))
            for number, receipt in done:
                del open_[number]
                yield receipt
            now = time.monotonic()
            if done:
                last = now
            elif now - last >= _SILENT_SECONDS:
                _log.warning(
                    "%d tasks are open, and no job has finished one for a minute; nextlong-hub work does them",
                    len(open_),
                )
                last = now
            if open_:
                time.sleep(self._poll_seconds)

    def close(self) -> None:
        """Let the jobs leave."""
        if self._storage is not None:
            _clear(self._storage)
            self._storage.write(_END, uuid.uuid4().hex.encode())

    def _lay_out(self, task: PlacedTask) -> None:
        if self._storage is None:
            self._storage = task.storage.open()
            _clear(self._storage)  # of a driver that was lost
        inner = task_from_json(task.task)
        self._storage.remove(f"{task.receipts}/{receipt_name(inner)}")  # of an output that is not there any more
        self._storage.write(_task_name(self._next), task.to_json().encode())

    def _done(self, tasks: dict[int, PlacedTask]) -> Iterator[tuple[int, Receipt[Any]]]:
        """The receipts of those that jobs have finished since."""
        storage = self._storage
        if storage is None:
            return
        for name in storage.list(_FOLDER):
            number, ending = _parsed(name)
            if ending == "error" and number in tasks:
                raise _as_error(storage.read(name), tasks[number])
        known = {folder: storage.list(folder) for folder in sorted({task.receipts for task in tasks.values()})}
        for number, task in list(tasks.items()):
            inner = task_from_json(task.task)
            name = f"{task.receipts}/{receipt_name(inner)}"
            content = storage.read(name) if name in known[task.receipts] else None
            receipt = None if content is None else receipt_from_json(parse_checked_json(content), inner)
            if receipt is not None:
                storage.remove(_task_name(number))
                yield number, receipt


def work(address: StorageAddress, share: Share, idle_seconds: float, wait: Callable[[float], None] = time.sleep) -> int:
    """Do a share of the tasks that a driver has laid out, stage after stage, until it ends.

    A driver that ended before this began is not meant: the next one may not have begun.

    Args:
        address: of the storage where they lie.
        share: which ones.
        idle_seconds: after so long without a task the job leaves, too.
        wait: sleeps.

    Returns:
        How many were done.

    Raises:
        StorageError, AuthError, NetworkError: the storage refuses, or cannot be reached.
    """
    storage = address.open()
    before = storage.read(_END)
    done = 0
    idle = 0.0
    while idle < idle_seconds:
        names = storage.list(_FOLDER)
        if _END in names and storage.read(_END) != before:
            break
        own = [name for name in names if _parsed(name)[1] == "json" and share.holds(_parsed(name)[0])]
        performed = sum(_perform(address, name, names) for name in own)
        done += performed
        idle = 0.0 if performed else idle + _POLL_SECONDS
        if not performed:
            wait(_POLL_SECONDS)
    return done


def _perform(address: StorageAddress, name: str, names: Container[str]) -> bool:
    """Do one task, unless it is done or has failed; whether it was done now."""
    storage = address.open()
    stem = name.removesuffix(".json")
    content = storage.read(name)
    if content is None or f"{stem}.error" in names:
        return False
    task = task_from_json(content.decode())
    if not isinstance(task, PlacedTask):
        raise TypeError(f"{name} is no task of an array")
    if storage.read(f"{task.receipts}/{receipt_name(task_from_json(task.task))}") is not None:
        return False
    tries = int(storage.read(f"{stem}.tries") or b"0")
    if tries >= _DEATHS_ALLOWED:
        failed = {"kind": "WorkerError", "message": f"{task.label}: its job died {tries} times, as for want of memory"}
        storage.write(f"{stem}.error", json.dumps(failed).encode())
        return False
    storage.write(f"{stem}.tries", str(tries + 1).encode())
    try:
        replace(task, storage=address).perform()
    except Exception as error:
        kind, message = type(error).__name__, error.message if isinstance(error, NextLongError) else str(error)
        storage.write(f"{stem}.error", json.dumps({"kind": kind, "message": message}).encode())
        return False
    return True


def _as_error(content: bytes | None, task: PlacedTask) -> NextLongError:
    """What was raised in a job: of its class where that is one of ours."""
    values = json.loads(content or b"{}")
    kind, message = str(values.get("kind")), str(values.get("message"))
    found = getattr(errors, kind, None)
    if kind == "BadDocumentError":
        return errors.DataError(message)
    if isinstance(found, type) and issubclass(found, NextLongError):
        return found(message)
    return WorkerError(f"{task.label}: {kind}: {message}")


def _clear(storage: Storage) -> None:
    """Remove what is laid out, file by file: a job may be writing beside it."""
    for name in storage.list(_FOLDER):
        storage.remove(name)


def _task_name(number: int) -> str:
    return f"{_FOLDER}/{number:07d}.json"


def _parsed(name: str) -> tuple[int, str]:
    """The number and the ending of a file of tasks; -1 of another one."""
    stem, _, ending = name.removeprefix(f"{_FOLDER}/").partition(".")
    return (int(stem), ending) if stem.isdecimal() else (-1, ending)


def _open(address: str) -> ArrayExecutor:
    if address:
        raise RecipeError(f"the executor array:{address} has no address; {argument('work-dir')} says where jobs look")
    return ArrayExecutor()


EXECUTOR = ExecutorKind(name="array", summary="in array jobs that run nextlong-hub work", open=_open)
