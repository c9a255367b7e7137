"""The runs of words of benchmarks, and whether a text holds one of them.

    Benchmark          a file, a folder, a dataset: what a recipe and the command line name
    find_benchmarks    benchmarks ▶ pieces, and the digest of the content of each
    open_runs          every string of every column of every row ▶ `BenchmarkRuns`, read once a process

A text is looked up by digests of its runs: a bitmap of their top bits refuses nearly all, a sorted array the rest, and
what is found is compared word by word. No false alarm comes of a digest.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nextlong_hub.core.foreign import parse_json, parse_toml
from nextlong_hub.core.settings import Section
from nextlong_hub.core.words import run_digests, word_digests, words_of
from nextlong_hub.corpus.discovery import find
from nextlong_hub.corpus.identity import identify
from nextlong_hub.corpus.naming import default_name, public_path, split_path
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.reading import file_errors, read
from nextlong_hub.corpus.remote import without_query
from nextlong_hub.corpus.settings import EVERY_COLUMN, EVERY_PART, SourceSettings
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.records import ChunkSpan, Document

_SMALLEST_BITS, _LARGEST_BITS = 24, 28
"""Of the bitmap's addresses: 2 MiB, and 32 MiB where there are many runs."""
_ROWS_AT_ONCE = 1 << 16
_AROUND = 64
"""Characters on each side of a border that tell whether it cuts a word."""
_NO_COLUMN = ""
"""Where ids are looked for: rows are called by their place, so that no two have one name."""


class Benchmark(Section):
    """What a model is evaluated on; a recipe may give the path alone."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"config", "split", "revision", "digest"})

    path: str = Field(min_length=1)
    """As the path of a source, and may be followed by `:config` and `@split`."""
    config: str | None = None
    """None: all that there are, as of `split`."""
    split: str | None = None
    revision: str | None = None
    """Revision of a dataset of the Hub. A build writes the commit here."""
    digest: str | None = None
    """sha256 of what is read of it, names of files included. A build writes it here, and refuses others where it is
    set."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        """A path alone, a table or, as on the command line, a table of TOML as text."""
        if isinstance(value, str) and value.startswith("{"):
            try:
                value = parse_toml(f"value = {value}")["value"]
            except ValueError as error:
                raise ValueError(f"it is no table of TOML ({error})") from error
        values = {"path": value} if isinstance(value, str) else value
        if not isinstance(values, dict) or not isinstance(values.get("path"), str):
            return values
        path, parts = split_path(values["path"])
        for key, said in parts.items():
            if values.get(key, said) != said:
                raise ValueError(f"its path names the {key} {said!r}, and it the {key} {values[key]!r}; name one")
        return {**values, "path": path, **parts}

    @property
    def published(self) -> Self:
        """The same without the folders of this machine."""
        return self.model_copy(update={"path": public_path(without_query(self.path))})

    def __str__(self) -> str:
        """As it is written on a command line; a digest is left out."""
        if self.revision is not None:
            said = self.model_dump(exclude={"digest"}).items()
            return "{" + ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in said) + "}"
        parts = (f":{self.config}" if self.config else "", f"@{self.split}" if self.split else "")
        return self.path + "".join(parts)


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

    start: int
    """Number of its first word in the text."""
    item: str
    """The first item that has it."""
    words: str
    """In their normal form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBenchmarks:
    """Benchmarks that are listed and identified, but not yet read."""

    pieces: tuple[Piece, ...]
    benchmarks: tuple[Benchmark, ...]
    """With the commits that are read, and the digests of their content."""

    @property
    def is_current(self) -> bool:
        """Whether the local files are still what was hashed.

        Raises:
            DataError, StorageError: one has gone, or cannot be read.
        """
        states = {path: state for piece in self.pieces for path, state in zip(piece.files, piece.states, strict=False)}
        for path, state in states.items():
            with file_errors(path):
                if not state.holds_for(Path(path)):
                    return False
        return True


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
        return next((one for part in _strings_of(_value_of(text)) for one in self._in_text(part)), None)

    def chunks_with(self, text: str, chunks: Sequence[ChunkSpan]) -> frozenset[int]:
        """The numbers of the chunks of a text that have any word of a run that it shares with a benchmark.

        Of a record they are all chunks, as a run of its strings has no place in it.
        """
        if isinstance(_value_of(text), dict):
            return frozenset(range(len(chunks)) if self.shared_with(text) else ())
        starts = [run.start for run in self._in_text(text)]
        if not starts:
            return frozenset()
        first_word = _first_words(text, chunks)
        ends = [start + self._length - 1 for start in starts]
        borders = np.searchsorted(first_word, np.array([starts, ends]), side="right") - 1
        return frozenset(number for first, last in borders.T.tolist() for number in range(first, last + 1))

    def _in_text(self, text: str) -> Iterator[SharedRun]:
        """Every run of words that a text shares with one of the benchmarks."""
        digests = run_digests(word_digests(text), self._length)
        addresses = digests >> self._shift
        maybe = np.flatnonzero(self._bitmap[addresses >> np.uint64(3)] & _bit_of(addresses))
        if not len(maybe) or not len(self._digests):
            return
        entries = np.minimum(np.searchsorted(self._digests, digests[maybe]), len(self._digests) - 1)
        is_found = self._digests[entries] == digests[maybe]
        if not is_found.any():
            return
        words = words_of(text)
        for start, entry in zip(maybe[is_found].tolist(), entries[is_found].tolist(), strict=True):
            run = words[start : start + self._length]
            place, number = int(self._places[entry]), int(self._numbers[entry])
            if self._words_of(number)[place : place + self._length] == run:
                yield SharedRun(start=start, item=self._texts[number].item, words=" ".join(run))


def find_benchmarks(against: Sequence[Benchmark]) -> FoundBenchmarks:
    """List the files and datasets, and compute the digests of their content.

    It is done once a process, and again when a local file has changed.

    Raises:
        RecipeError: one has not the digest that it names.
        RecipeError, DataError, StorageError, AuthError, NetworkError: see `corpus.find`.
    """
    known = _found.get(tuple(against))
    if known is not None and known.is_current:
        return known
    sources = [_as_source(number, one) for number, one in enumerate(dict.fromkeys(against), 1)]
    try:
        listed = find(sources)
    except DataError as error:
        raise DataError(f"a benchmark to decontaminate against (--decontaminate): {error}") from error
    settings = {one.settings.name: one.settings for one in listed.sources}
    pieces: list[Piece] = []
    pinned = []
    for source, benchmark in zip(sources, dict.fromkeys(against), strict=True):
        own = [piece for piece in listed.pieces if piece.source == source.name]
        identified = identify([_as_content(piece) for piece in own])
        pieces += [replace(piece, states=one.states) for piece, one in zip(own, identified.pieces, strict=True)]
        content = identified.digest
        if benchmark.digest not in (None, content):
            raise RecipeError(
                f"the benchmark {benchmark.path} has the digest {content}, and the recipe names one with "
                f"{benchmark.digest}; name the file or revision that was meant (--decontaminate), or take the digest "
                "out of the recipe"
            )
        revision = settings[source.name].revision or benchmark.revision
        update = {"digest": content, "revision": revision, "path": settings[source.name].path}
        pinned.append(benchmark.model_copy(update=update))
    found = FoundBenchmarks(pieces=tuple(pieces), benchmarks=tuple(pinned))
    _found[tuple(against)] = found
    return found


def _as_source(number: int, benchmark: Benchmark) -> SourceSettings:
    """How a benchmark is read: all of its columns, and all of its parts unless one is named."""
    return SourceSettings(
        name=f"{number}.{default_name(benchmark.path)}",
        path=benchmark.path,
        config=benchmark.config or EVERY_PART,
        split=benchmark.split or EVERY_PART,
        revision=benchmark.revision,
        record_columns=(EVERY_COLUMN,),
        id_column=_NO_COLUMN,
    )


def _as_content(piece: Piece) -> Piece:
    """What of a piece says which texts it holds, wherever it stands among the benchmarks."""
    return replace(piece, source="", id_prefix="")


def open_runs(against: Sequence[Benchmark], rules: RunRules) -> BenchmarkRuns:
    """The runs of words of the benchmarks, read once a process.

    Raises:
        BadDocumentError: a row cannot be read: a benchmark must not be checked in part.
        RecipeError, DataError, StorageError, AuthError, NetworkError: see `find_benchmarks`.
    """
    found = find_benchmarks(against)
    key = (found.benchmarks, rules)
    if key not in _opened:
        _opened.clear()
        _opened[key] = BenchmarkRuns(list(_texts_of(found.pieces)), rules)
    return _opened[key]


_found: dict[tuple[Benchmark, ...], FoundBenchmarks] = {}
_opened: dict[tuple[tuple[Benchmark, ...], RunRules], BenchmarkRuns] = {}


def _texts_of(pieces: Sequence[Piece]) -> Iterator[BenchmarkText]:
    for piece in pieces:
        for document in read(piece, "fail"):
            if isinstance(document, Document):
                for text in _strings_of(_value_of(document.text)):
                    yield BenchmarkText(item=document.id, text=text)


def _value_of(text: str) -> Any:
    """The row that a record is; a plain text is itself."""
    try:
        value = parse_json(text) if text.startswith("{") else text
    except ValueError:
        return text
    return value


def _strings_of(value: Any) -> Iterator[str]:
    """Every string in a value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings_of(one)


def _first_words(text: str, chunks: Sequence[ChunkSpan]) -> NDArray[np.int64]:
    """How many words of a text start before each of its chunks, which stand in order. Shape: (chunks,).

    Chunks, and what stands between them, are counted one by one.
    """
    counts = [
        _words_starting(text, before.start, before.end) + _words_starting(text, before.end, chunk.start)
        for before, chunk in pairwise([ChunkSpan(0, 0), *chunks])
    ]
    return np.cumsum(np.array(counts, np.int64))


def _words_starting(text: str, start: int, end: int) -> int:
    """How many words of a text start in a stretch of it: what goes on from in front of it does not, and joins there."""
    before, near = text[max(0, start - _AROUND) : start], text[start : min(end, start + _AROUND)]
    return _words(text[start:end]) + _words(before + near) - _words(before) - _words(near)


def _words(text: str) -> int:
    return len(word_digests(text))


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
