"""…"""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nextlong_hub.core.files import sha256_of, sha256_of_folder
from nextlong_hub.core.memory import release_memory


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
