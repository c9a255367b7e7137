"""Memory: how much was used at most, and freed memory back to the system."""

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import cache


def collect_seldom() -> None:
    """Look for cycles of dead objects seldom, in a process that is ours alone.

    A build makes millions of objects and hardly a cycle. At Python's own thresholds one second in eight goes into
    looking for them; at these, no more than 50,000 objects wait to be looked at.
    """
    gc.set_threshold(50_000, 20, 50)


def release_memory() -> bool:
    """Return freed memory to the system; False where the C library has no call for it, or had none to return.

    glibc keeps freed blocks below the topmost one in use, and encoding a long text makes and frees millions of small
    ones: a worker that has done one long row would hold several hundred megabytes while it waits, reads and writes.
    Arrow has an allocator of its own, which keeps as much of one long cell.
    """
    if (arrow := sys.modules.get("pyarrow")) is not None:  # never loaded for this: what is not loaded keeps nothing
        arrow.default_memory_pool().release_unused()
    trim = _malloc_trim()
    return trim is not None and trim(0) == 1


def peak_bytes() -> dict[str, int]:
    """Peak resident bytes of this process, and of the largest one it started: mapped files in use included.

    Empty on Windows, which counts otherwise.
    """
    if sys.platform == "win32":
        return {}
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "driver": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        "largest_worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit,
    }


def address_space_bytes() -> int | None:
    """Most bytes that this process may map, as `ulimit -v` sets it; None where there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def driver_peak_bytes() -> int:
    """Peak resident bytes of this process so far; 0 where that cannot be known."""
    return peak_bytes().get("driver", 0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """`malloc_trim` of glibc; macOS, Windows and musl have none."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # no such function, no such library, no library without a name
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim
