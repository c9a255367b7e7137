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

On another machine the work folder lies elsewhere, so a task that goes there says where its files are by their *names*
in that folder: `to_json(roots)` writes them, `task_from_json(content, roots)` turns them into paths there. Only marked
fields are named so, and a path in any other field is refused: where nothing but the named files is brought, nothing
else can be read.
"""

import importlib
import json
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path, PurePath
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import TypeAdapter

from nextlong_hub.core.files import sha256_of, sha256_of_folder
from nextlong_hub.core.memory import release_memory
from nextlong_hub.execution.paths import InputAddress as InputAddress
from nextlong_hub.execution.paths import InputPath as InputPath
from nextlong_hub.execution.paths import OutputPath, is_input
from nextlong_hub.execution.roots import Roots

Counts = TypeVar("Counts")
"""A frozen dataclass: the numbers that a task reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(ABC, Generic[Counts]):
    """One piece of work, identified by (stage, key) within the receipts of one identity."""

    stage: ClassVar[str]
    """Name of the kind of work: `retrieve`."""
    noun: ClassVar[str] = "units"
    """Plural noun for tasks of this class in progress reports."""

    key: str
    """Unique within the stage and safe as a file name: `unit-00007`."""
    output: OutputPath
    """What is written: one file, whole or absent, or a folder that is complete once `run` returns."""

    @abstractmethod
    def run(self) -> Counts:
        """Do the work: write `output`, and report what was counted.

        The output depends on the fields and on the content of `inputs` only; it may be written more than once.
        """

    def perform(self) -> "Receipt[Counts]":
        """Do the work in this process, and measure the output."""
        started = time.perf_counter()
        counts = self.run()
        sha256, size = measure(self.output)
        release_memory()
        return Receipt(
            stage=self.stage,
            key=self.key,
            output=self.output,
            sha256=sha256,
            bytes=size,
            seconds=round(time.perf_counter() - started, 3),
            counts=counts,
        )

    @property
    def label(self) -> str:
        """What people are told that it is called: `retrieve unit-00007`."""
        return f"{self.stage} {self.key}"

    @property
    def inputs(self) -> dict[str, str]:
        """Every path or URL that the task reads, by the path of its field: `tokenizers.0.cache`."""
        return dict(_inputs(type(self), self, ""))

    def to_json(self, roots: Roots | None = None) -> str:
        """The task as JSON, for `task_from_json` in another process.

        Args:
            roots: where the files lie here, for a process that has them elsewhere; None for one that has them here.

        Raises:
            TypeError: a field that is not marked as an input holds a path.
        """
        kind = type(self)
        if hidden := _hidden_paths(kind):
            raise TypeError(f"{kind.__qualname__}: {', '.join(hidden)} hold paths; mark them as InputPath")
        fields_json = json.loads(_adapter(kind).dump_json(self, context=roots))
        content = json.dumps({"task": f"{kind.__module__}:{kind.__qualname__}", "fields": fields_json})
        if roots is not None and (path := roots.first_in(content)):
            raise TypeError(
                f"{self.stage} {self.key} names {path}, where only this machine finds it, in a field that is no input; "
                "mark the field as InputPath or InputAddress"
            )
        return content


_KEPT = ("stage", "key", "sha256", "bytes", "seconds")
"""Of a receipt, besides its counts."""


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
            **{name: getattr(self, name) for name in _KEPT},
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
    return task.perform()


def perform_away(content: str) -> "Receipt[Any]":
    """Run a task in another process, from its JSON; an exception that cannot be pickled becomes a `RuntimeError`."""
    task = task_from_json(content)
    try:
        return task.perform()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a library in another language may raise what is no Exception
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # an executor would take it for the death of the worker
            raise RuntimeError(f"{task.label}: {type(error).__name__}: {error}") from error
        raise


def measure(output: Path) -> tuple[str, int]:
    """Digest and size in bytes of what a task wrote, a file or a folder."""
    return sha256_of_folder(output) if output.is_dir() else (sha256_of(output), output.stat().st_size)


def task_from_json(content: str, roots: Roots | None = None) -> Task[Any]:
    """The task that `Task.to_json` wrote; its module is imported.

    Args:
        content: what it wrote.
        roots: where the files lie here that it names.

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
    task: Task[Any] = _adapter(kind).validate_json(json.dumps(values["fields"]), context=roots)
    return task


def receipt_from_json(values: Any, task: Task[Counts]) -> Receipt[Counts] | None:
    """The receipt of `task` that `Receipt.to_json` gave; None when it is of another task or another version."""
    try:
        counts = _adapter(get_type_hints(type(task).run)["return"]).validate_json(json.dumps(values["counts"]))
        return Receipt(output=task.output, **{**{name: values[name] for name in _KEPT}, "counts": counts})
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
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        hint = next((arm for arm in get_args(hint) if is_input(arm) and value is not None), hint)
    if is_input(hint):
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


@cache
def _hidden_paths(kind: type) -> tuple[str, ...]:
    """The fields of a class, and of the records that it holds, whose paths nobody is told of."""
    return tuple(name for name, hint in _hints(kind).items() if _hides(hint))


def _hides(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return False
    if isinstance(hint, type) and issubclass(hint, PurePath):
        return True
    if is_dataclass(hint):
        return bool(_hidden_paths(cast("type", hint)))
    return any(_hides(part) for part in get_args(hint))
