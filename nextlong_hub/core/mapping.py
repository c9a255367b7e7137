"""Files read in place: mapped into memory, with no file left open.

A mapping keeps its content readable after the file is closed. `np.memmap` and an open `pyarrow.memory_map` each hold a
descriptor for as long as they live, so a corpus of many files would meet the system's limit on open files.

The system reads ahead of whoever touches a mapping: right for one pass over a file, and many times too much for a few
chunks here and there, of which it reads their surroundings each time. `map_scattered` asks it not to.
"""

import ctypes
import mmap
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def map_bytes(path: Path) -> NDArray[np.uint8]:
    """A file's bytes, mapped read-only. Shape: (bytes,).

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    return np.frombuffer(_mapped(path), np.uint8)


def map_scattered(path: Path) -> NDArray[np.uint8]:
    """As `map_bytes`, for reading at scattered places: from a disk no more than the pages that are touched.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    mapped = _mapped(path)
    advise, advice = _madvise(), getattr(mmap, "MADV_RANDOM", None)
    if advise is not None and advice is not None and mapped.size:
        advise(mapped.address, mapped.size, advice)  # advice: nothing is lost where it is not taken
    return np.frombuffer(mapped, np.uint8)


def map_array(path: Path) -> NDArray[Any]:
    """The array of a `.npy` file that `np.save` wrote, mapped read-only.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no such file, or is cut short.
    """
    return array_of(map_bytes(path))


def array_of(content: NDArray[np.uint8]) -> NDArray[Any]:
    """The array whose `.npy` file has these bytes, read in place.

    Raises:
        ValueError: they are no such file, or cut short.
    """
    stream = pa.BufferReader(content)
    shape, fortran_order, dtype = _NPY_HEADERS[np.lib.format.read_magic(stream)](stream)
    count = int(np.prod(shape, dtype=np.int64))
    start = stream.tell()
    if len(content) < start + count * dtype.itemsize:
        raise ValueError(f"cut short: {len(content)} bytes, and the array needs {start + count * dtype.itemsize}")
    values = content[start : start + count * dtype.itemsize].view(dtype)
    return values.reshape(shape, order="F" if fortran_order else "C")


def map_table(path: Path) -> pa.Table:
    """The table of an Arrow IPC file, mapped read-only.

    Raises:
        OSError: there is no such file, or it cannot be read.
        pyarrow.ArrowInvalid: it is no such file, or is cut short.
    """
    return pa.ipc.open_file(pa.BufferReader(_mapped(path))).read_all()


def _mapped(path: Path) -> pa.Buffer:
    # Arrow's buffer holds the mapping by itself: closing the file gives the descriptor back and nothing else.
    with pa.memory_map(str(path)) as file:
        return file.read_buffer()


@cache
def _madvise() -> Any:
    """`madvise` of the C library; None where it has none, as on Windows."""
    try:
        advise = ctypes.CDLL(None).madvise
    except (AttributeError, OSError, TypeError):  # no such function, no such library, no library without a name
        return None
    advise.argtypes, advise.restype = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int], ctypes.c_int
    return advise
