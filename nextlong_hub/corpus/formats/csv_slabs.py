"""Bytes of CSV in slabs of whole rows, in which every quotation mark has one meaning only.

A mark opens a field, closes it, or is doubled within. Where all do, rows end at the line ends outside of quotes,
whoever reads them. A mark that stands elsewhere is read in different ways by different libraries: such bytes are given
as irregular, with all that follows, since nobody can tell where their rows end.
"""

from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.formats.bounds import LONGEST_DOCUMENT_BYTES
from nextlong_hub.corpus.formats.damage import READ_ERRORS

SLAB_BYTES = 2 << 20
_QUOTE, _NEWLINE, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]


class Slab(NamedTuple):
    """Some bytes of a file."""

    content: bytes
    """Whole rows, the first slab's with the header."""
    rest: Iterator[bytes] | None
    """All that follows, where this is the last slab, and it is irregular or its reading breaks off; else None."""


def slabs(content: Iterator[bytes], delimiter: str, slab_bytes: int = SLAB_BYTES) -> Iterator[Slab]:
    """Cut a file into slabs of about so many bytes; a row that is longer makes its slab longer."""
    held = b""
    wanted = max(slab_bytes, len(BOM_UTF8))
    is_first = True
    while True:
        parts = [held]
        size = len(held)
        is_over = False
        try:
            while size < wanted and not is_over:
                block = next(content, b"")
                is_over = not block
                parts.append(block)
                size += len(block)
        except READ_ERRORS as error:
            yield Slab(b"".join(parts), _raising(error))
            return
        held = b"".join(parts)
        if is_first:
            held, is_first = held.removeprefix(BOM_UTF8), False
        quotes = np.flatnonzero(np.frombuffer(held, np.uint8) == _QUOTE)
        end = len(held) if is_over else _end_of_rows(held, quotes)
        if not end and not is_over and size <= LONGEST_DOCUMENT_BYTES:  # a row goes on
            wanted = min(2 * size, LONGEST_DOCUMENT_BYTES + 1)
            continue
        if not end and not is_over:  # whoever reads it line by line will say that it is too long
            yield Slab(held, chain(content))
            return
        if not _is_regular(held, end, quotes[quotes < end], delimiter):
            yield Slab(held, chain(content))
            return
        if end:
            yield Slab(held[:end], None)
        if is_over:
            return
        held, wanted = held[end:], slab_bytes


def _raising(error: Exception) -> Iterator[bytes]:
    raise error
    yield b""


def _end_of_rows(held: bytes, quotes: NDArray[np.int64]) -> int:
    """One past the last line end outside of quotes; 0 where there is none."""
    end = len(held)
    while end := held.rfind(b"\n", 0, end) + 1:
        before = int(np.searchsorted(quotes, end))
        if before % 2 == 0:
            return end
        end = int(quotes[before - 1])  # within a field, that begins no later than here
    return 0


def _is_regular(held: bytes, end: int, quotes: NDArray[np.int64], delimiter: str) -> bool:
    """Whether each mark before the end opens a field, closes one, or is doubled; and no line ends in a return alone."""
    content = np.frombuffer(held, np.uint8)
    returns = np.flatnonzero(content[:end] == _RETURN)
    if len(quotes) % 2 or (content[np.minimum(returns + 1, end - 1)] != _NEWLINE).any():
        return False
    if not len(quotes):
        return True
    ends = np.zeros(256, bool)
    ends[[ord(delimiter), _NEWLINE, _RETURN]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    opens = ends[content[opening - 1]] | (opening == 0)
    opens[1:] |= opening[1:] == closing[:-1] + 1
    last = np.minimum(closing + 1, len(held) - 1)
    closes = ends[content[last]] | (closing + 1 == end)
    closes[:-1] |= opening[1:] == closing[:-1] + 1
    return bool(opens.all() and closes.all())
