"""Tasks for the tests of the executors; worker processes import this module by their names."""

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from nextlong_hub.core.files import write_bytes, write_json
from nextlong_hub.errors import BadDocumentError
from nextlong_hub.execution.base import InputAddress, InputPath, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A count of one number."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TestTask(Task[Number]):
    """What these tasks have in common."""

    __test__ = False  # its name is no test's
    stage: ClassVar[str] = "test"

    number: int = 0
    marker: InputPath = Path("marker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Square(TestTask):
    """Write the square of a number; when asked to be slow, take long enough for a neighbour to die meanwhile."""

    slow: bool = False

    def run(self) -> Number:
        """See `Task.run`."""
        if self.slow:
            time.sleep(0.8)
        write_json(self.output, {"square": self.number * self.number})
        return Number(number=self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFolder(TestTask):
    """Write a folder of two files."""

    def run(self) -> Number:
        """See `Task.run`."""
        for name in ("a", "b"):
            write_bytes(self.output / name, self.key.encode())
        return Number(number=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellPid(TestTask):
    """Report which process ran the task."""

    def run(self) -> Number:
        """See `Task.run`."""
        write_bytes(self.output, b"")
        return Number(number=os.getpid())


@dataclass(frozen=True, slots=True, kw_only=True)
class TellThreads(TestTask):
    """Report on how many threads matrix products run."""

    def run(self) -> Number:
        """See `Task.run`."""
        write_bytes(self.output, b"")
        return Number(number=int(os.environ["OPENBLAS_NUM_THREADS"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class DieOnce(Square):
    """Kill the worker in the middle of the task, the first time only."""

    def run(self) -> Number:
        """See `Task.run`."""
        write_bytes(self.marker.with_suffix(f".{os.getpid()}"), b"")
        if not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Square.run(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DieAlways(TestTask):
    """Kill the worker every time."""

    def run(self) -> Number:
        """See `Task.run`."""
        os.kill(os.getpid(), signal.SIGKILL)
        return Number(number=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(TestTask):
    """Meet a bad document."""

    def run(self) -> Number:
        """See `Task.run`."""
        raise BadDocumentError("notes.jsonl, line 7", "invalid UTF-8", "mend that line")


class HomelessError(Exception):
    """Cannot be unpickled: `__init__` needs what pickle does not keep."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailStrangely(TestTask):
    """Raise what cannot travel."""

    def run(self) -> Number:
        """See `Task.run`."""
        raise HomelessError(reason="the wheel came off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A record that a task holds."""

    file: InputPath
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMuch(Task[Number]):
    """Names inputs in every way there is."""

    stage: ClassVar[str] = "read much"

    one: InputPath
    address: InputAddress
    several: tuple[InputPath, ...]
    by_name: dict[str, InputPath]
    bundles: tuple[Bundle, ...]
    maybe: Bundle | None = None
    words: tuple[str, ...] = field(default=("no", "path"))

    def run(self) -> Number:
        """See `Task.run`."""
        return Number(number=0)
