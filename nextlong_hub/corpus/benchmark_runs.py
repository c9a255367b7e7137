"""The runs of words of benchmarks, and whether a text holds one of them.

    find_benchmarks    files and datasets ▶ pieces, and the digest of their content
    open_runs          every string of every column of every row ▶ `BenchmarkRuns`, read once a process

A text is looked up by digests of its runs: a bitmap of their top bits refuses nearly all, a sorted array the rest, and
what is found is compared word by word. No false alarm comes of a digest.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.words import run_digests, word_digests, words_of
from nextlong_hub.corpus.discovery import find
from nextlong_hub.corpus.identity import identify
from nextlong_hub.corpus.naming import default_name
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.reading import file_errors, read
from nextlong_hub.corpus.settings import EVERY_COLUMN, SourceSettings
from nextlong_hub.records import Document

_SMALLEST_BITS, _LARGEST_BITS = 24, 28
"""Of the bitmap's addresses: 2 MiB, and 32 MiB where there are many runs."""
_ROWS_AT_ONCE = 1 << 16
_NO_COLUMN = ""
"""Where ids are looked for: rows are called by their place, so that no two have one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRules:
    """What counts as a run."""

    words: int
    """Words of one run."""
    distinct: int
    """Fewest different words in it that are no numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkText:
    """One string of a benchmark."""

    item: str
    """File and row, or file, that it stands in."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRun:
    """A run of words that a text shares with a benchmark."""

    item: str
    """The first item that has it."""
    words: str
    """In their normal form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBenchmarks:
    """Benchmarks that are listed and identified, but not yet read."""

    pieces: tuple[Piece, ...]
    digest: str
    stamps: tuple[tuple[str, int, int], ...]
    """Path, bytes and time of change of each local file."""


class BenchmarkRuns:
    """The runs of words of some texts."""

    def __init__(self, texts: Sequence[BenchmarkText], rules: RunRules) -> None:
        self._texts = texts
        self._length = rules.words
        self._words_of = lru_cache(maxsize=64)(lambda number: words_of(texts[number].text))
        parts = [_runs_of(one.text, rules) for one in texts]
        digests = np.concatenate([np.zeros(0, np.uint64), *(part[0] for part in parts)])
        places = np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)])
        numbers = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        self._digests, first = np.unique(digests, return_index=True)
        self._places, self._numbers = places[first], numbers[first]
        bits = min(_LARGEST_BITS, max(_SMALLEST_BITS, len(first).bit_length() + 4))
        self._shift = np.uint64(64 - bits)
        self._bitmap = np.zeros(1 << (bits - 3), np.uint8)
        addresses = self._digests >> self._shift
        np.bitwise_or.at(self._bitmap, addresses >> np.uint64(3), _bit_of(addresses))
        self.too_short = len({one.item for one in texts} - {texts[number].item for number in np.unique(numbers)})
        """Items without a run, against which nothing can be checked."""
        self.items = len({one.item for one in texts})

    def shared_with(self, text: str) -> SharedRun | None:
        """The first run of words that a text shares with one of the benchmarks; None where there is none.

        Of a record, such as a conversation, every string is a text.
        """
        return next((one for part in _strings_of(_value_of(text)) if (one := self._in_text(part)) is not None), None)

    def _in_text(self, text: str) -> SharedRun | None:
        digests = run_digests(word_digests(text), self._length)
        addresses = digests >> self._shift
        maybe = np.flatnonzero(self._bitmap[addresses >> np.uint64(3)] & _bit_of(addresses))
        if not len(maybe) or not len(self._digests):
            return None
        entries = np.minimum(np.searchsorted(self._digests, digests[maybe]), len(self._digests) - 1)
        is_found = self._digests[entries] == digests[maybe]
        if not is_found.any():
            return None
        words = words_of(text)
        for start, entry in zip(maybe[is_found].tolist(), entries[is_found].tolist(), strict=True):
            run = words[start : start + self._length]
            place, number = int(self._places[entry]), int(self._numbers[entry])
            if self._words_of(number)[place : place + self._length] == run:
                return SharedRun(item=self._texts[number].item, words=" ".join(run))
        return None


def find_benchmarks(against: Sequence[str]) -> FoundBenchmarks:
    """List the files and datasets, and compute the digest of their content.

    It is done once a process, and again when a local file has changed.

    Raises:
        RecipeError, DataError, StorageError, AuthError, NetworkError: see `corpus.find`.
    """
    known = _found.get(tuple(against))
    if known is not None and all(_stamp(path) == (path, *rest) for path, *rest in known.stamps):
        return known
    sources = [
        SourceSettings(
            name=f"{number}.{default_name(path)}", path=path, record_columns=(EVERY_COLUMN,), id_column=_NO_COLUMN
        )
        for number, path in enumerate(dict.fromkeys(against), 1)
    ]
    pieces = find(sources).pieces
    local = sorted({path for piece in pieces if piece.revision is None for path in piece.files})
    stamps = tuple(_stamp(path) for path in local)
    found = FoundBenchmarks(pieces=pieces, digest=identify(pieces).digest, stamps=stamps)
    _found[tuple(against)] = found
    return found


def open_runs(against: Sequence[str], rules: RunRules) -> BenchmarkRuns:
    """The runs of words of the benchmarks, read once a process.

    Raises:
        BadDocumentError: a row cannot be read: a benchmark must not be checked in part.
        RecipeError, DataError, StorageError, AuthError, NetworkError: see `find_benchmarks`.
    """
    found = find_benchmarks(against)
    key = (found.digest, rules)
    if key not in _opened:
        _opened.clear()
        _opened[key] = BenchmarkRuns(list(_texts_of(found.pieces)), rules)
    return _opened[key]


_found: dict[tuple[str, ...], FoundBenchmarks] = {}
_opened: dict[tuple[str, RunRules], BenchmarkRuns] = {}


def _stamp(path: str) -> tuple[str, int, int]:
    with file_errors(path):
        status = Path(path).stat()
    return path, status.st_size, status.st_mtime_ns


def _texts_of(pieces: Sequence[Piece]) -> Iterator[BenchmarkText]:
    for piece in pieces:
        for document in read(piece, "fail"):
            if isinstance(document, Document):
                for text in _strings_of(_value_of(document.text)):
                    yield BenchmarkText(item=document.id, text=text)


def _value_of(text: str) -> Any:
    """The row that a record is; a plain text is itself."""
    try:
        value = json.loads(text) if text.startswith("{") else text
    except (ValueError, RecursionError):
        return text
    return value


def _strings_of(value: Any) -> Iterator[str]:
    """Every string in a value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings_of(one)


def _runs_of(text: str, rules: RunRules) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The digests of the runs that count, and the number of the word at which each starts. Shapes: (runs,)."""
    words = word_digests(text)
    digests = run_digests(words, rules.words)
    if not len(digests):
        return digests, np.zeros(0, np.int64)
    _, first, numbers = np.unique(words, return_index=True, return_inverse=True)
    spelled = words_of(text)
    is_number = np.array([spelled[place].isnumeric() for place in first.tolist()])
    kinds = np.where(is_number, 0, np.arange(1, len(first) + 1))[numbers]
    windows = np.lib.stride_tricks.sliding_window_view(kinds, rules.words)
    starts = range(0, len(windows), _ROWS_AT_ONCE)
    distinct = np.concatenate([_distinct(windows[start : start + _ROWS_AT_ONCE]) for start in starts])
    places = np.flatnonzero(distinct >= rules.distinct)
    return digests[places], places


def _distinct(windows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many different numbers above 0 each row has. Shape: (rows,)."""
    rows = np.sort(windows, axis=1)
    is_new = np.concatenate([rows[:, :1] > 0, rows[:, 1:] > rows[:, :-1]], axis=1)
    counts: NDArray[np.int64] = is_new.sum(axis=1)
    return counts


def _bit_of(addresses: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (addresses & np.uint64(7)).astype(np.uint8))
