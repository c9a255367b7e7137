"""What is injected."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.faults.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to disturb the command line."""

    name: str
    """What is disturbed, and how."""
    inject: Callable[[Trial], None]
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
