"""What can go wrong, and the exit code each fault gives the command line.

    NextLongError                     1  base class: everything below is a known fault, shown without a traceback
    ├── DataError                     1  an input holds something that cannot be used
    │   ├── BadDocumentError          1  one document of a corpus: names file, line or row
    │   └── CorpusTooSmallError       1  the corpus cannot give what was asked for
    ├── WorkerError                   1  a task kept killing its worker process
    ├── RecipeError                   2  a recipe, setting or option is wrong
    ├── VerificationError             3  a finished dataset is not what its manifest says
    ├── AuthError                     4  the Hub refused the credentials
    ├── NetworkError                  5  a remote source could not be reached
    ├── ConflictError                 6  an output folder holds something else, or another process is writing it
    └── StorageError                  7  no space left, or no permission

A message says what came, what was needed and what to do next, in that order. Where it names an argument of the caller,
it says so with `argument`: a Python caller is told of `output=`, a user of the command line of `--output`.
"""

import re
import shlex
from collections.abc import Container, Iterable, Iterator

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # noncharacters, which Unicode gives to programs for their own use
_ARGUMENT = re.compile(f"{_OPEN}([a-z-]+) ?([^{_CLOSE}]*){_CLOSE}")


def argument(name: str, value: str | int | None = None) -> str:
    """An argument of the caller in a message, which is worded when the message is shown.

    Args:
        name: as the command line has it: `num-proc`.
        value: what to give; True for a switch; for `set` a key and its value, `retrieval.k1=1.2`.
    """
    return f"{_OPEN}{name} {'' if value is None else repr(value)}{_CLOSE}"


def in_python(message: str) -> str:
    """The message with arguments as a Python caller writes them: `output=`, `num_proc=1`."""

    def worded(match: re.Match[str]) -> str:
        name, value = match[1].replace("-", "_"), match[2]
        if name == "set":
            key, _, choice = value.strip("'\"").partition("=")
            return f"settings={{{key!r}: {choice!r}}}" if key else "settings="
        return f"{name}={value}"

    return _ARGUMENT.sub(worded, message)


def on_command_line(message: str) -> str:
    """The message with arguments as options: `--output`, `--num-proc 1`."""

    def worded(match: re.Match[str]) -> str:
        value = match[2].strip("'\"")
        return f"--{match[1]}" if value in ("", "True") else f"--{match[1]} {shlex.quote(value)}"

    return _ARGUMENT.sub(worded, message)


class NextLongError(Exception):
    """A known fault. The command line prints its message and leaves with `exit_code`."""

    exit_code = 1

    @property
    def message(self) -> str:
        """What it says, with arguments as `argument` gives them: to be part of another message, or worded."""
        return super().__str__()

    def __str__(self) -> str:
        return in_python(self.message)


class DataError(NextLongError):
    """An input holds something that cannot be used."""


class BadDocumentError(DataError):
    """One document of a corpus cannot be read; the message names its file and its line or row.

    With `on_bad_document = "skip"` the document is counted under `reason` and left out instead.
    """

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        super().__init__(f"{place}: {reason}; {remedy}")
        self.place = place
        """File and line or row: `notes.jsonl, line 7`."""
        self.reason = reason
        """What is wrong; the same words for every fault of that kind."""
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["BadDocumentError"], tuple[str, str, str]]:
        """Pickle all three arguments: the default would call `__init__` with the message alone."""
        return type(self), (self.place, self.reason, self.remedy)


class CorpusTooSmallError(DataError):
    """The corpus cannot give the samples asked for."""


class WorkerError(NextLongError):
    """A task ended its worker process several times, most often for want of memory; or none may be started."""


class OutOfMemoryError(WorkerError):
    """The system gave this process no more memory, or no more threads, or too little to begin with."""

    exit_code = 8


class RecipeError(NextLongError):
    """A recipe, a setting or an option is wrong."""

    exit_code = 2


class VerificationError(NextLongError):
    """A finished dataset is not what its manifest says."""

    exit_code = 3


class AuthError(NextLongError):
    """The Hub refused the credentials."""

    exit_code = 4


class NetworkError(NextLongError):
    """A remote source could not be reached."""

    exit_code = 5


class ConflictError(NextLongError):
    """An output folder holds something else, or another process is writing it."""

    exit_code = 6


class StorageError(NextLongError):
    """No space is left, or the permission to write is missing."""

    exit_code = 7


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on; each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def come_from(libraries: Container[str], errors: Iterable[BaseException]) -> bool:
    """Whether one of `errors` is of a class that one of `libraries` defines; none needs to be imported for it."""
    return any(kind.__module__.partition(".")[0] in libraries for error in errors for kind in type(error).__mro__)
