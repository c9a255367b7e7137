"""…"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from nextlong_hub.core.files import read_checked_json, write_checked_json
from nextlong_hub.execution.base import Executor, Receipt, Task, _measure


def count_discards(receipts: Iterable[Receipt]) -> dict[str, int]:
    """Discarded candidates of all units, by reason."""
    total: Counter[str] = Counter()
    for receipt in receipts:
        total.update(receipt.counts["discarded"])
    return dict(sorted(total.items()))


def listed(counts: Mapping[str, int]) -> str:
    """Counts as a person would say them."""
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items()) or "none"


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
