"""Estimates of how much a piece holds, for formats that cannot look it up."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from nextlong_hub.corpus.formats.base import Stratum, TextsOf
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.reading import open_any, source_errors

_SAMPLE = 80
"""Documents from which the length of the others is estimated."""
_READ_FOR_ONE = 8
"""Documents read, at most, for each that is kept: what lies between them is decoded for nothing."""


def measure_by_reading(pieces: Sequence[Piece], texts_of: TextsOf) -> Iterator[Stratum]:
    """The `measure` of formats without one: a file's bytes count as those of its texts."""
    for piece in pieces:
        first = list(islice(texts_of(piece), _SAMPLE))
        text_bytes = _bytes_of(first)
        with source_errors(piece):
            size = sum(map(size_of, piece.files))
        is_whole = len(first) < _SAMPLE
        documents = len(first) if is_whole else len(first) * size / max(1, text_bytes)
        yield stratum_of(piece, documents, text_bytes if is_whole else size, texts_of)


def stratum_of_rows(piece: Piece, rows: float, texts_of: TextsOf) -> Stratum:
    """A piece with a known number of rows and an unknown size of text."""
    sample = list(_spread(texts_of(piece), rows, _SAMPLE))
    mean = _bytes_of(sample) / max(1, sum(text is not None for text in sample))
    return stratum_of(piece, rows, rows * mean, texts_of)


def stratum_of(piece: Piece, documents: float, text_bytes: float, texts_of: TextsOf) -> Stratum:
    """A piece whose texts can only be read one after the other."""
    return Stratum(
        documents=documents,
        text_bytes=text_bytes,
        draw=lambda wanted: _spread(texts_of(piece), documents, wanted),
    )


def evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers below `count`, evenly spaced."""
    return [number * count // min(count, wanted) for number in range(min(count, wanted))]


def usable(text: Any) -> str | None:
    """The value if it is a text with content; None for everything that a build leaves out."""
    return text if isinstance(text, str) and text and not text.isspace() else None


def size_of(location: str) -> int:
    """Bytes of a file, here or on the Hub."""
    with open_any(location) as handle:
        return handle.seek(0, 2)


def _spread(texts: Iterator[str | None], documents: float, wanted: int) -> Iterator[str | None]:
    """Evenly spaced texts: one of every so many read, `_READ_FOR_ONE` at most."""
    step = max(1, min(_READ_FOR_ONE, int(documents / wanted)))
    return islice(texts, 0, wanted * step, step)


def _bytes_of(texts: Sequence[str | None]) -> int:
    return sum(len(text.encode()) for text in texts if text is not None)
