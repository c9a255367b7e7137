"""How kernels are compiled: free of Python's lock, so that threads run beside each other, and kept for later runs."""

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` when it is first called, and keep the machine code for later processes.

    Numba keeps it beside the module, else in the user's cache, or where `NUMBA_CACHE_DIR` says. A container that runs
    as a user without a home may have no such place: every process then compiles anew, some ten seconds of CPU.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # what numba raises when it may write nowhere
        return njit(nogil=True)(function)


def kernels_kept_in() -> str | None:
    """The folder where compiled kernels are kept for later processes; None when there is no place for them."""

    def probe() -> None:
        """A function that is inspected and never compiled."""

    path = getattr(getattr(kernel(probe), "stats", None), "cache_path", None)
    return None if path is None else str(path)
