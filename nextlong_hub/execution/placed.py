"""Tasks whose files lie in a storage: any executor runs them, on machines that share nothing but that.

A `PlacedTask` carries another task as JSON that names its files. Where it runs, the inputs are brought, the task is
run, its output is published, and last of all its receipt is written: the receipt commits. `PlacedExecutor` stands
between the stages and an executor. It looks for receipts in the storage, so that a driver on any machine goes on where
another one was lost; it lets workers have what the driver wrote, and brings what they wrote to the driver.

A receipt holds what the storage says of the output (`Stat`), so that a driver that goes on reads no output again.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from nextlong_hub.core.files import (
    checked_json_bytes,
    parse_checked_json,
    read_checked_json,
    storage_errors,
    written_aside,
)
from nextlong_hub.errors import StorageError
from nextlong_hub.execution.base import (
    Counts,
    Executor,
    Receipt,
    Task,
    measure,
    receipt_from_json,
    task_from_json,
)
from nextlong_hub.execution.nodes import Clustered, ask_nodes, require_fit
from nextlong_hub.execution.receipts import receipt_name
from nextlong_hub.execution.roots import OUTPUT, Roots
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.storage import Stat, Storage, StorageAddress, open_storage

_PROBE = "probe"
_MOST_BYTES = 1 << 62
"""A driver keeps all that it needs: it comes back to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTask(Task[Any]):
    """A task, and the storage in which its files lie."""

    stage: ClassVar[str] = "placed"

    task: str
    """Its JSON, which names files as they are called in the storage."""
    name: str
    """Its label."""
    storage: StorageAddress
    receipts: str
    """Name of the folder of its receipt."""

    @property
    def label(self) -> str:
        """See `Task.label`."""
        return self.name

    def run(self) -> Any:
        """See `Task.run`."""
        return self.perform().counts

    def perform(self) -> Receipt[Any]:
        """See `Task.perform`: the receipt is that of the task within."""
        storage = self.storage.open()
        roots = Roots.away(storage.local)
        task = task_from_json(self.task, roots)
        with storage.localise(_names(task.inputs.values(), roots)):
            receipt = task.perform()
        output = str(roots.name_of(task.output))
        storage.publish(output)
        _write_receipt(storage, self.receipts, receipt, storage.stat(output))
        return receipt


class PlacedExecutor:
    """Runs tasks whose files lie in a storage; see the module."""

    def __init__(self, executor: Executor, roots: Roots, storage: Storage, address: StorageAddress) -> None:
        """Place the tasks of one run.

        Args:
            executor: runs them.
            roots: where the run has its files on this machine; the work folder is that of `storage`.
            storage: all files of the work folder, opened for this machine.
            address: what workers open.
        """
        self._executor = executor
        self._roots = roots
        self._storage = storage
        self._address = address
        self._published: set[str] = set()
        """Names of what the storage is known to have."""

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return self._executor.workers

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`."""
        return self._run(tasks, "receipts")

    def close(self) -> None:
        """See `Executor.close`."""
        self._executor.close()

    def run_missing(
        self, tasks: Sequence[Task[Counts]], receipts_folder: Path, before_first: Callable[[], None] | None
    ) -> Iterator[Receipt[Counts]]:
        """See `receipts.run_missing`.

        Raises:
            StorageError, AuthError, NetworkError: the storage refuses, or cannot be reached.
        """
        name = self._name(receipts_folder)
        kept = self._kept(tasks, name)
        missing = [task for task in tasks if task.key not in kept]
        if before_first is not None and (missing or any(not task.output.exists() for task in tasks)):
            before_first()
        for task in tasks:
            if task.key in kept:
                yield self._brought(task, kept[task.key])
        yield from self._run(missing, name)

    def _run(self, tasks: Sequence[Task[Counts]], receipts: str) -> Iterator[Receipt[Counts]]:
        by_key = {(task.stage, task.key): task for task in tasks}
        placed = []
        for task in tasks:
            for name in _names(task.inputs.values(), self._roots):
                self._publish(name)
            placed.append(
                PlacedTask(
                    key=f"{task.stage}-{task.key}",
                    output=task.output,
                    task=task.to_json(self._roots),
                    name=task.label,
                    storage=self._address,
                    receipts=receipts,
                )
            )
        for receipt in self._executor.run(placed):
            yield self._brought(by_key[receipt.stage, receipt.key], receipt)

    def _kept(self, tasks: Sequence[Task[Counts]], receipts: str) -> dict[str, Receipt[Counts]]:
        """The receipts of finished tasks, by their keys."""
        known = self._storage.list(receipts)
        stats = self._stats(tasks)
        kept = {}
        for task in tasks:
            path = f"{receipts}/{receipt_name(task)}"
            content = self._storage.read(path) if path in known else None
            values = read_checked_json(self._roots.path_of(path)) if content is None else parse_checked_json(content)
            receipt = receipt_from_json(values, task)
            if receipt is None:
                continue
            stat = stats.get(self._name(task.output))
            if stat is not None and values.get("stat") == [stat.bytes, stat.version]:
                kept[task.key] = receipt
            elif task.output.exists() and measure(task.output) == (receipt.sha256, receipt.bytes):
                self._adopt(task, receipt, receipts)
                kept[task.key] = receipt
        return kept

    def _stats(self, tasks: Sequence[Task[Any]]) -> dict[str, Stat]:
        """What the storage has of the outputs of tasks, by their names: the folders around them are listed once."""
        names = [self._name(task.output) for task in tasks]
        files: dict[str, dict[str, Stat]] = {name: {} for name in names}
        for folder in sorted({str(PurePosixPath(name).parent) for name in names}):
            for file, stat in self._storage.list(folder).items():
                above = next((str(own) for own in (file, *PurePosixPath(file).parents) if str(own) in files), None)
                if above is not None:
                    files[above][file] = stat
        found = {name: own[name] if name in own else Stat.of(own) for name, own in files.items()}
        return {name: stat for name, stat in found.items() if stat is not None}

    def _adopt(self, task: Task[Any], receipt: Receipt[Any], receipts: str) -> None:
        """Let the storage have what was made without it, as by a run on one machine."""
        name = self._name(task.output)
        _take(task.output, self._storage.local / name)
        self._publish(name)
        _write_receipt(self._storage, receipts, receipt, self._storage.stat(name))

    def _brought(self, task: Task[Counts], receipt: Receipt[Counts]) -> Receipt[Counts]:
        """The receipt with its output on this machine."""
        name = self._name(task.output)
        with self._storage.localise([name]):
            if name.startswith(f"{OUTPUT}/"):
                _take(self._storage.local / name, task.output)
                if measure(task.output) != (receipt.sha256, receipt.bytes):
                    raise StorageError(
                        f"{task.output} is not what {task.label} has written; run the same command again, which makes "
                        "it anew"
                    )
        self._published.add(name)
        return replace(receipt, output=task.output)

    def _publish(self, name: str) -> None:
        if name not in self._published and (self._storage.local / name).exists():
            self._storage.publish(name)
            self._published.add(name)

    def _name(self, path: Path) -> str:
        name = self._roots.name_of(path)
        if name is None:
            raise StorageError(f"{path} lies neither in {self._roots.work} nor in {self._roots.output}")
        return name


def placed(executor: Executor, address: StorageAddress | None, work: Path, output: Path) -> tuple[Executor, Workspace]:
    """The executor of a run with its files in a storage, and the paths of the run on this machine.

    Args:
        executor: runs the tasks.
        address: the storage; None takes the folder `work`, which all machines then must see.
        work: the folder for unfinished work in the output folder.
        output: the dataset folder.

    Raises:
        RecipeError: there is no package for such URLs.
        StorageError: the folder cannot be made, or a node of the cluster does not reach it.
        WorkerError: a node has other versions than this machine.
        AuthError, NetworkError: the storage, or the cluster, refuses or cannot be reached.
    """
    address = address or StorageAddress(place=str(work.absolute()))
    storage = open_storage(address.place, work, _MOST_BYTES)
    with storage_errors(storage.local):
        storage.local.mkdir(parents=True, exist_ok=True)
    if isinstance(executor, Clustered):
        require_fit(ask_nodes(executor, storage, address))
    else:
        storage.write(_PROBE, b"")  # hours before the first output would find that it cannot be
        storage.remove(_PROBE)
    workspace = Workspace(work, shared=storage.local)
    roots = Roots(work=workspace.shared, output=output)
    return PlacedExecutor(executor, roots, storage, address), workspace


def _names(paths: Iterable[str], roots: Roots) -> list[str]:
    """What lies in the work folder among the inputs of a task, by name."""
    return [name for path in paths if (name := roots.name_of(path))]


def _write_receipt(storage: Storage, folder: str, receipt: Receipt[Any], stat: Stat | None) -> None:
    known = None if stat is None else [stat.bytes, stat.version]
    content = checked_json_bytes({**receipt.to_json(), "stat": known})
    storage.write(f"{folder}/{receipt_name(receipt)}", content)


def _take(source: Path, target: Path) -> None:
    """Give a file or a folder a second place: the same file where the system can, else a copy."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            _take(path, target / path.relative_to(source))
    elif not (target.exists() and os.path.samefile(source, target)):  # noqa: PTH121
        with written_aside(target) as aside:
            try:
                aside.hardlink_to(source)
            except OSError:
                shutil.copyfile(source, aside)
