"""What is injected, and the classes of what becomes of it."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.faults.trial import Trial


class Outcome(StrEnum):
    """What became of a fault, from the best to the worst: the worst finding of a trial is its outcome."""

    SURVIVED = "survived"
    REPAIRED = "repaired"
    REFUSED = "refused in one line"
    NOT_POSSIBLE = "not possible here"
    UNTOLD = "UNTOLD"
    RAW = "RAW OUTPUT"
    LEFT = "PROCESSES LEFT"
    SECRET = "SECRET OUT"
    MEMORY = "MEMORY WITHOUT BOUND"
    WRONG = "WRONG BYTES"
    TRACEBACK = "TRACEBACK"
    HANG = "HANG"
    HALF = "HALF PUBLISHED"
    LOST = "DATA LOST"

    @property
    def is_bad(self) -> bool:
        """Whether a promise was broken."""
        return list(Outcome).index(self) > list(Outcome).index(Outcome.NOT_POSSIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an oracle saw."""

    outcome: Outcome
    words: str
    """What it saw, in a few words."""


class NotPossible(Exception):
    """This machine does not allow the fault: no right to mount, for example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to disturb the command line."""

    name: str
    """What is disturbed, and how."""
    inject: Callable[["Trial"], None]
    """Does it, and tells the trial what it found."""
    hole: int = 0
    """Number of the hole whose reproduction it is; 0: it never broke anything."""
    draws: bool = False
    """Whether it draws its moment or its place, so that to repeat it tries something else."""
    seconds: float = 90.0
    """A command of it that takes longer hangs."""


def kinds() -> dict[str, tuple[Fault, ...]]:
    """The faults of every kind, by the name of its module."""
    from benchmarks.faults import kinds as package

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        faults = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "FAULTS", None)
        if faults is not None:
            found[module.name] = tuple(faults)
    return found
