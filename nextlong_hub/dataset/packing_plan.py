"""Which documents of finished units share which packed row: planned from their lengths alone, before a text is read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import write_array
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.best_fit import WindowPacker
from nextlong_hub.recipe import PackingSettings

_FULL_GROUP = 0.9
"""Bytes are estimated: a group that turns out too large would be written as two, the second one tiny."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRange:
    """Consecutive rows of a plan, as a task names them."""

    start: int
    """Their first document in the places of the plan."""
    groups: tuple[tuple[int, ...], ...]
    """How many documents each row takes, row by row, group by group: a group is written at once."""
    first_row: int
    """The number of the first row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedPlan:
    """The packed rows of one configuration, in their published order."""

    units: tuple[Path, ...]
    """Unit files, by number."""
    places: NDArray[np.int32]
    """The number of its unit, and its row there, of each document, row by row. Shape: (documents, 2)."""
    borders: NDArray[np.int64]
    """Row r takes documents `borders[r]` up to `borders[r + 1]` of `places`. Shape: (rows + 1,)."""
    row_bytes: NDArray[np.float64]
    """About what each row measures in text and tokens. Shape: (rows,)."""

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits over which document goes where; the units have names of their own."""
        return hashlib.sha256(self.places.tobytes() + self.borders.tobytes()).hexdigest()[:12]

    def shards(self, shard_bytes: int) -> list[tuple[int, int]]:
        """Ranges of rows of at most about so many bytes each, one row at least."""
        return self._ranges(0, len(self.row_bytes), shard_bytes)

    def _ranges(self, start: int, stop: int, most_bytes: float) -> list[tuple[int, int]]:
        """Rows `start` up to `stop` in ranges of at most about so many bytes each, one row at least."""
        ranges = []
        ends = np.cumsum(self.row_bytes[start:stop])
        first = 0
        while first < len(ends):
            before = ends[first - 1] if first else 0.0
            last = max(first + 1, int(np.searchsorted(ends, before + most_bytes, side="right")))
            ranges.append((start + first, start + last))
            first = last
        return ranges

    def write_places(self, path: Path) -> None:
        """Write `places` for the tasks that pack.

        Raises:
            StorageError: the disk is full or cannot be written.
        """
        write_array(path, self.places)

    def units_of(self, start: int, stop: int) -> dict[int, Path]:
        """The unit files that rows `start` up to `stop` take documents from, by number."""
        numbers = np.unique(self.places[self.borders[start] : self.borders[stop], 0])
        return {number: self.units[number] for number in numbers.tolist()}

    def range(self, start: int, stop: int, row_group_bytes: int) -> PackedRange:
        """Rows `start` up to `stop`, in groups of so many bytes."""
        counts = np.diff(self.borders)
        groups = self._ranges(start, stop, row_group_bytes * _FULL_GROUP)
        return PackedRange(
            start=int(self.borders[start]),
            groups=tuple(tuple(counts[first:last].tolist()) for first, last in groups),
            first_row=start,
        )


class DocumentList:
    """Documents of finished units, numbered from 0 as they are added."""

    def __init__(self) -> None:
        self._units: dict[Path, int] = {}
        self._lengths: dict[Path, NDArray[np.int32]] = {}
        self._places: list[NDArray[np.int32]] = []
        self._bytes: list[NDArray[np.float32]] = []

    def add_unit(self, unit: Path, unit_bytes: int) -> NDArray[np.int32]:
        """Add every document of a unit, in order.

        Args:
            unit: its file.
            unit_bytes: what its rows measure together in text and tokens.

        Returns:
            Their tokens. Shape: (documents of the unit,).
        """
        lengths = _token_counts(unit)
        return self._add(unit, np.arange(len(lengths)), lengths, unit_bytes / max(1, int(lengths.sum())))

    def add_rows(self, unit: Path, rows: Sequence[int], row_bytes: float) -> NDArray[np.int32]:
        """Add some documents of a unit.

        Args:
            unit: its file.
            rows: their rows in it.
            row_bytes: what a row of the unit measures on average.

        Returns:
            Their tokens. Shape: (rows,).
        """
        if unit not in self._lengths:
            self._lengths[unit] = _token_counts(unit)
        lengths, taken = self._lengths[unit], np.array(rows, np.int64)
        return self._add(unit, taken, lengths[taken], row_bytes / max(1.0, float(lengths.mean())))

    def plan(self, rows: Sequence[NDArray[np.int64]]) -> PackedPlan:
        """The plan by which each row takes the documents of these numbers, in their order."""
        order = np.concatenate([np.zeros(0, np.int64), *rows])
        borders = np.cumsum([0, *map(len, rows)])
        sizes = np.concatenate([np.zeros(0, np.float32), *self._bytes])[order]
        return PackedPlan(
            units=tuple(self._units),
            places=np.concatenate([np.zeros((0, 2), np.int32), *self._places])[order],
            borders=borders,
            row_bytes=np.add.reduceat(sizes, borders[:-1], dtype=np.float64) if len(rows) else np.zeros(0),
        )

    def _add(
        self, unit: Path, rows: NDArray[np.int64], lengths: NDArray[np.int32], bytes_per_token: float
    ) -> NDArray[np.int32]:
        number = self._units.setdefault(unit, len(self._units))
        self._places.append(np.stack([np.full(len(rows), number), rows], axis=1).astype(np.int32))
        self._bytes.append((lengths * bytes_per_token).astype(np.float32))
        return lengths


class Planner:
    """Takes the documents of units in their published order and packs them as they come."""

    def __init__(self, target_length: int, settings: PackingSettings) -> None:
        """Start an empty plan.

        Args:
            target_length: most tokens of a row.
            settings: how far documents may be moved.
        """
        self._packer = WindowPacker(target_length, settings.window_tokens)
        self._documents = DocumentList()
        self._rows: list[NDArray[np.int64]] = []

    @property
    def rows(self) -> int:
        """Rows that are complete: a build of so many needs no further document."""
        return len(self._rows) + self._packer.complete()

    def add_unit(self, unit: Path, unit_bytes: int) -> None:
        """See `DocumentList.add_unit`."""
        self._rows += self._packer.add(self._documents.add_unit(unit, unit_bytes))

    def add_rows(self, unit: Path, rows: Sequence[int], row_bytes: float) -> None:
        """See `DocumentList.add_rows`."""
        self._rows += self._packer.add(self._documents.add_rows(unit, rows, row_bytes))

    def finish(self, most_rows: int | None = None) -> PackedPlan:
        """The plan: all rows, or the first so many."""
        return self._documents.plan([*self._rows, *self._packer.finish()][:most_rows])


def _token_counts(unit: Path) -> NDArray[np.int32]:
    counts: NDArray[np.int32] = shards.read_table(unit, ["token_count"])["token_count"].to_numpy()
    return counts
