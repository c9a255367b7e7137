"""Receipts of finished tasks, kept on disk, so that finished work is not done again."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from nextlong_hub.core.files import read_checked_json, write_checked_json
from nextlong_hub.execution.base import Counts, Executor, Receipt, Task, measure, receipt_from_json


@runtime_checkable
class ReceiptKeeper(Protocol):
    """An executor whose workers write the receipts themselves, where every machine finds them."""

    def run_missing(
        self, tasks: Sequence[Task[Counts]], receipts_folder: Path, before_first: Callable[[], None] | None
    ) -> Iterator[Receipt[Counts]]:
        """See `run_missing`."""
        ...


def run_missing(
    executor: Executor,
    tasks: Sequence[Task[Counts]],
    receipts_folder: Path,
    before_first: Callable[[], None] | None = None,
) -> Iterator[Receipt[Counts]]:
    """Yield the receipt of every task, running only those without a kept receipt that still matches their output.

    A receipt is written after its output is complete, so a crash between the two repeats one task and an unfinished
    output is never trusted. Kept outputs are read again and compared with their digests: a damaged one is made anew.

    Args:
        executor: where the work runs.
        tasks: all tasks of the stage, finished or not.
        receipts_folder: where receipts are kept.
        before_first: called once before the first task is run; not when there is nothing to run.

    Raises:
        WorkerError: see `Executor.run`.
    """
    if isinstance(executor, ReceiptKeeper):
        yield from executor.run_missing(tasks, receipts_folder, before_first)
        return
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
        write_checked_json(_receipt_path(receipts_folder, receipt), receipt.to_json())
        yield receipt


def receipt_name(done: Task[Any] | Receipt[Any]) -> str:
    """The file of a receipt in the folder of its identity."""
    return f"{done.stage}/{done.key}.json"


def _receipt_path(folder: Path, done: Task[Any] | Receipt[Any]) -> Path:
    return folder / receipt_name(done)


def _kept_receipt(folder: Path, task: Task[Counts]) -> Receipt[Counts] | None:
    receipt = receipt_from_json(read_checked_json(_receipt_path(folder, task)), task)
    if receipt is None or not task.output.exists() or measure(task.output) != (receipt.sha256, receipt.bytes):
        return None
    return receipt
