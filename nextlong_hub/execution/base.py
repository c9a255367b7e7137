"""What travels between the driver and its workers: a `Task` goes out, a `Receipt` comes back.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class CountWords(Task[WordCounts]):
        stage: ClassVar[str] = "count"
        text: InputPath
        def run(self) -> WordCounts: ...

A task is data: typed fields, and one method, `run`. Its name and its JSON form come from its class, so it can be sent
to any process that can import that class. Files and folders that it reads are fields marked `InputPath` (or
`InputAddress`), in the task itself or in a record that it holds; `inputs` collects them. Its results are one file or
folder and a small receipt. The output counts as finished only when a receipt with its digest has been kept; see
`receipts`.
"""

import importlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from nextlong_hub.core.files import sha256_of, sha256_of_folder
from nextlong_hub.core.memory import release_memory

Counts = TypeVar("Counts")
"""A frozen dataclass: the numbers that a task reports."""

_INPUT = "read by the task"

InputPath = Annotated[Path, _INPUT]
"""A file or folder that a task reads."""

InputAddress = Annotated[str, _INPUT]
"""A path, a URL or the name of a repository that a task reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(ABC, Generic[Counts]):
    """One piece of work, identified by (stage, key) within the receipts of one identity."""

    stage: ClassVar[str]
    """Name of the kind of work: `retrieve`."""
    noun: ClassVar[str] = "units"
    """Plural noun for tasks of this class in progress reports."""

    key: str
    """Unique within the stage and safe as a file name: `unit-00007`."""
    output: Path
    """What is written: one file, whole or absent, or a folder that is complete once `run` returns."""

    @abstractmethod
    def run(self) -> Counts:
        """Do the work: write `output`, and report what was counted.

        The output depends on the fields and on the content of `inputs` only; it may be written more than once.
        """

    @property
    def inputs(self) -> dict[str, str]:
        """Every path or URL that the task reads, by the path of its field: `tokenizers.0.cache`.

        A task that reads what no field names overrides this.
        """
        return dict(_inputs(type(self), self, ""))

    def to_json(self) -> str:
        """The task as JSON, for `task_from_json` in another process."""
        kind = type(self)
        fields_json = json.loads(_adapter(kind).dump_json(self))
        return json.dumps({"task": f"{kind.__module__}:{kind.__qualname__}", "fields": fields_json})


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Generic[Counts]):
    """Proof that a task was done: the digest of its output, and what it counted."""

    stage: str
    key: str
    output: Path
    sha256: str
    """Of the output file's bytes; of a folder, over the names and bytes of its files."""
    bytes: int
    """Size of the output."""
    seconds: float
    """Wall time of the task, digest included."""
    counts: Counts

    def to_json(self) -> dict[str, Any]:
        """The receipt as JSON values."""
        return {
            **{name: getattr(self, name) for name in ("stage", "key", "sha256", "bytes", "seconds")},
            "counts": json.loads(_adapter(cast("type", self.counts.__class__)).dump_json(self.counts)),
        }


class Executor(Protocol):
    """Runs tasks somewhere."""

    @property
    def workers(self) -> int:
        """How many tasks run at the same time."""
        ...

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """Yield one receipt for each task, in any order; a task may run more than once.

        Raises:
            WorkerError: a task ended its worker three times.
        """
        ...

    def close(self) -> None:
        """Release the workers; the receipts of tasks that still run are lost."""
        ...


def perform(task: Task[Counts]) -> Receipt[Counts]:
    """Run one task in this process and measure its output."""
    started = time.perf_counter()
    counts = task.run()
    sha256, size = measure(task.output)
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


def measure(output: Path) -> tuple[str, int]:
    """Digest and size in bytes of what a task wrote, a file or a folder."""
    return sha256_of_folder(output) if output.is_dir() else (sha256_of(output), output.stat().st_size)


def task_from_json(content: str) -> Task[Any]:
    """The task that `Task.to_json` wrote; its module is imported.

    Raises:
        TypeError: the name is not that of a task.
        pydantic.ValidationError: the fields are not those of the task.
    """
    values = json.loads(content)
    module, _, name = values["task"].partition(":")
    kind = importlib.import_module(module)
    for part in name.split("."):
        kind = getattr(kind, part)
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise TypeError(f"{values['task']} is no task")
    task: Task[Any] = _adapter(kind).validate_json(json.dumps(values["fields"]))
    return task


def receipt_from_json(values: Any, task: Task[Counts]) -> Receipt[Counts] | None:
    """The receipt of `task` that `Receipt.to_json` gave; None when it is of another task or another version."""
    try:
        counts = _adapter(get_type_hints(type(task).run)["return"]).validate_json(json.dumps(values["counts"]))
        return Receipt(output=task.output, **{**values, "counts": counts})
    except (KeyError, TypeError, ValueError):
        return None


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _inputs(hint: Any, value: Any, name: str) -> Iterator[tuple[str, str]]:
    """The marked paths below one value, each with the names that lead to it."""
    if get_origin(hint) is Annotated and _INPUT in get_args(hint)[1:]:
        yield name, str(value)
    elif isinstance(value, tuple | list):
        inner = (*get_args(hint), Any)[0]
        for number, item in enumerate(value):
            yield from _inputs(inner, item, f"{name}.{number}")
    elif isinstance(value, dict):
        inner = (*get_args(hint), Any, Any)[1]
        for key, item in value.items():
            yield from _inputs(inner, item, f"{name}.{key}")
    elif is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        for field in fields(value):
            below = f"{name}.{field.name}" if name else field.name
            yield from _inputs(hints[field.name], getattr(value, field.name), below)
