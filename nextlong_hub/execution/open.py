"""An executor by its address: `inline`, `local`, `local:8`."""

from collections.abc import Callable
from dataclasses import dataclass

from nextlong_hub.core.registry import Registry
from nextlong_hub.execution.base import Executor


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
