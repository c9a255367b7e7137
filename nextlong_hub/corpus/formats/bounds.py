"""What one document, one batch of a table and one packed file may be, so that memory and time are bounded by them.

A file of any size is read; what is bounded is the part of it that has to be held at once, and how far a packed file
may expand.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

LONGEST_DOCUMENT_BYTES = 128 << 20
"""A document, or the line, row or object that holds it, beyond this is refused: it is parsed as a whole, which takes
several times its size in memory."""

MOST_BATCH_BYTES = 2 << 30
"""A record batch of Arrow beyond this is refused: it can only be read as a whole."""

MOST_PAGE_BYTES = 256 << 20
"""A page of Parquet beyond this is refused, for the same reason. Writers close one at a megabyte, so one that is longer
holds one long document."""

_MOST_VALUES = 4_000_000
"""Values in one JSON object; each takes up to a hundred bytes in memory, and two in the file."""
TOO_MANY_VALUES = f"more than {_MOST_VALUES:,} values"
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)

_FREE_BYTES = 256 << 20
"""What any packed file may give."""
_MOST_TIMES = 250
"""Text is packed to a tenth of its size or, with much that repeats, to a hundredth."""


def more_than(most_bytes: int) -> str:
    """How a fault says that something is longer than it may be."""
    return f"more than {most_bytes / (1 << 20):,.0f} MiB"


def has_too_many_values(text: str) -> bool:
    """Whether JSON holds more values than are parsed: each but the first has a comma or a bracket before it."""
    if len(text) <= _MOST_VALUES or _signs(text) <= _MOST_VALUES:
        return False
    return _signs(_STRING.sub("", text)) > _MOST_VALUES


def _signs(text: str) -> int:
    return sum(map(text.count, ",[{"))


class TooLarge(Exception):
    """A part of a file that can only be read as a whole is too large for it; the message says how large."""


class ExpandsTooFar(pa.ArrowInvalid):  # type: ignore[misc]
    """A packed file gives so much more than it takes that it holds no text: a decompression bomb."""


class Unpacked:
    """Counts what a packed file has given, and compares it with what was taken of it."""

    def __init__(self, taken: Callable[[], int]) -> None:
        """Begin to count.

        Args:
            taken: Gives the bytes of the file that were read so far, or all that it has.
        """
        self._taken = taken
        self._given = 0

    def add(self, given: int) -> None:
        """Count so many bytes more.

        Raises:
            ExpandsTooFar: it was too much.
        """
        self._given += given
        if self._given > _FREE_BYTES and self._given > _MOST_TIMES * self._taken():
            raise ExpandsTooFar(
                f"{self._taken():,} bytes expand to more than {self._given:,}, and at most {_MOST_TIMES} times as many "
                f"are read beyond the first {_FREE_BYTES >> 20} MiB"
            )


class Counted(io.RawIOBase):
    """A stream of what is unpacked, counted as it is read."""

    def __init__(self, stream: Any, unpacked: Unpacked) -> None:
        self._stream = stream
        self._unpacked = unpacked
        self._place = 0

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def tell(self) -> int:
        """How many bytes were read."""
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; none at the end.

        Raises:
            ExpandsTooFar: see `Unpacked.add`.
        """
        content = bytes(self._stream.read(size))
        self._place += len(content)
        self._unpacked.add(len(content))
        return content

    def close(self) -> None:
        """Close it, and the stream."""
        self._stream.close()
        super().close()
