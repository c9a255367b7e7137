"""An executor by its address: `inline`, `local`, `local:8`, `ray:auto`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from nextlong_hub.core.registry import Registry
from nextlong_hub.execution.base import Executor
from nextlong_hub.storage import StorageAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorKind:
    """One way to run tasks."""

    name: str
    summary: str
    """Where the work runs, for help texts."""
    open: Callable[[str], Executor]
    """Takes the text behind the colon of an address, empty where there is none; raises RecipeError for one that it does
    not understand.
    """


@runtime_checkable
class Travelling(Protocol):
    """An executor whose workers may be on other machines: tasks that it gets name their files in a storage."""

    log: Path
    """Where the driver writes what the engine says; it is set before the first task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run works."""

    executor: Executor | str = "inline"
    """Where tasks run, or the address of an executor that is opened for this run: `local:8`."""
    work_dir: StorageAddress | None = None
    """Where unfinished work lies; None keeps it in the output folder."""


Where = Executor | str | Place
"""Where a run works, in the three ways in which a caller may say it."""

EXECUTORS = Registry[ExecutorKind](
    kind="executor", files="execution/*.py", constant="EXECUTOR", group="nextlong_hub.executors"
)


def open_executor(address: str) -> Executor:
    """The executor that an address names; close it when the work is done.

    Args:
        address: the name of an executor, and behind a colon its argument: `local:8` for eight processes.

    Raises:
        RecipeError: there is no such executor, or it does not understand its argument.
    """
    name, _, argument = address.partition(":")
    return EXECUTORS[name].open(argument)
