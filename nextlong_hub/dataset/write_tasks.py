"""What a worker does with rows: a unit's rows are written and counted; rows of units become one published shard.

write_samples, write_documents   what became of a unit's candidates       ▶  the rows of the unit, and counts
CopyRows                         rows of units                            ▶  a shard of the same rows
PackRows                         rows of units, a document in each        ▶  a shard of rows of several documents
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.core.mapping import map_array
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.on_end import MOST_TIMES, OnEndCounts, times_of_rows, with_most_times
from nextlong_hub.dataset.packing_plan import PackedRange
from nextlong_hub.dataset.packing_tables import Padding, as_documents, merge
from nextlong_hub.dataset.repeats import REPEATS, total_repeats, with_repeats
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.dataset.spelled import SpelledCounts, SpelledShard
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.recipe import OutputSettings, Recipe
from nextlong_hub.records import Discarded, PackedRow, Sample
from nextlong_hub.tokenization.spelled import SpellingFinder
from nextlong_hub.tokenization.tasks import TokenizerReference

MoreCounts = TypeVar("MoreCounts", bound="UnitCounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCounts:
    """What became of the candidates of one unit."""

    candidates: int
    kept: int
    """Candidates that gave a row."""
    discarded: dict[str, int]
    """Candidates that did not, by reason."""
    truncated: int
    """Rows whose text was cut."""
    truncated_tokens: int
    row_bytes: int
    """Of text, tokens and mask, in all rows."""
    split: int = 0
    """Candidates that gave several rows."""

    def extended(self, kind: type[MoreCounts], **more: Any) -> MoreCounts:
        """These counts, and what else a task has counted."""
        return kind(**{field.name: getattr(self, field.name) for field in fields(UnitCounts)}, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackableDocument:
    """A document that is to share rows with others, or the pieces it was split into."""

    rows: tuple[PackedRow, ...]
    """Of one document each, none longer than a row; several when it was split."""
    truncated_tokens: int
    """Tokens that were cut off."""


def write_samples(path: Path, outcomes: Sequence[Sample | Discarded], recipe: Recipe) -> UnitCounts:
    """Write a unit's rows as the recipe says, and count what became of its candidates.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    table = shards.to_table(samples, tokens=recipe.tokens)
    counted = with_most_times(with_repeats(table, samples, recipe), samples)
    shards.write_unit(path, counted, recipe.output)
    return UnitCounts(
        candidates=len(outcomes),
        kept=len(samples),
        discarded=_reasons(outcomes),
        truncated=sum(sample.truncated_tokens > 0 for sample in samples),
        truncated_tokens=sum(sample.truncated_tokens for sample in samples),
        row_bytes=sum(shards.row_sizes(table)),
    )


def write_documents(
    path: Path,
    outcomes: Sequence[PackableDocument | Discarded],
    recipe: Recipe,
    *,
    masked: bool = False,
    inputs: bool = False,
) -> UnitCounts:
    """Write a unit's documents, a row each, to be packed later, and count what became of its candidates.

    Args:
        path: the unit's file.
        outcomes: what became of its candidates, in order.
        recipe: how rows are written, and whether their ids are.
        masked: a loss mask is written.
        inputs: what the chat template was given is written.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    kept = [outcome for outcome in outcomes if isinstance(outcome, PackableDocument)]
    rows = [row for pieces in kept for row in pieces.rows]
    table = shards.to_packed_table(rows, tokens=recipe.tokens, masked=masked, inputs=inputs)
    shards.write_unit(path, with_most_times(with_repeats(table, rows, recipe), rows), recipe.output)
    return UnitCounts(
        candidates=len(outcomes),
        kept=len(kept),
        discarded=_reasons(outcomes),
        truncated=sum(pieces.truncated_tokens > 0 for pieces in kept),
        truncated_tokens=sum(pieces.truncated_tokens for pieces in kept),
        row_bytes=sum(shards.row_sizes(table)),
        split=sum(len(pieces.rows) > 1 for pieces in kept),
    )


def _reasons(outcomes: Sequence[object]) -> dict[str, int]:
    counts = Counter(outcome.reason.value for outcome in outcomes if isinstance(outcome, Discarded))
    return dict(sorted(counts.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCounts:
    """What one published shard holds."""

    rows: int
    tokens: int
    documents: int
    """Documents that share rows; as many as rows where none does."""
    continued_documents: int = 0
    """Later pieces of documents that were split."""
    padding_tokens: int = 0
    """Tokens of padding behind documents."""
    repeats: tuple[int, ...]
    """See `repeats.total_repeats`."""
    on_end: OnEndCounts
    spelled: tuple[SpelledShard, ...]
    """Of each tokenizer that the rows were made for, in their order."""
    rows_sha256: str
    """See `row_digest`."""
    writer: str
    """See `FileRecord`."""
    largest_row_bytes: int
    """Text and tokens of its largest row."""


class _Spelled:
    """Counts the rows of one shard under each tokenizer."""

    def __init__(self, tokenizers: Sequence[TokenizerReference]) -> None:
        self._counted = [(SpelledCounts(), SpellingFinder(one.open())) for one in tokenizers]

    def add_table(self, table: pa.Table, *, conversations: bool = False) -> None:
        for counts, finder in self._counted:
            counts.add_table(table, finder, conversations=conversations)

    def shards(self) -> tuple[SpelledShard, ...]:
        return tuple(SpelledShard.of(counts) for counts, _ in self._counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRows:
    """Some rows of one unit."""

    unit: InputPath
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRows(Task[ShardCounts]):
    """Copy rows of finished units into one published shard."""

    stage: ClassVar[str] = "write"
    noun: ClassVar[str] = "shards"

    rows: tuple[UnitRows, ...]
    tokenizers: tuple[TokenizerReference, ...]
    """Their special tokens are looked for."""
    tokens: bool
    """Write the ids."""
    settings: OutputSettings

    def run(self) -> ShardCounts:
        """See `Task.run`."""
        tables = [shards.read_table(own.unit).take(list(own.rows)) for own in self.rows]
        rows = pa.concat_tables(tables)
        table = rows.select(row_schema(tokens=self.tokens).names)
        rows_sha256 = shards.write_table(self.output, table, self.settings)
        spelled = _Spelled(self.tokenizers)
        spelled.add_table(table)
        return ShardCounts(
            rows=table.num_rows,
            tokens=sum(table["token_count"].to_pylist()),
            documents=table.num_rows,
            rows_sha256=rows_sha256,
            writer=shards.writer_of(self.output),
            largest_row_bytes=max(shards.row_sizes(table), default=0),
            repeats=total_repeats([rows]),
            on_end=OnEndCounts.of(rows[MOST_TIMES.name].to_numpy()),
            spelled=spelled.shards(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRows(Task[ShardCounts]):
    """Put the documents of finished units into the rows they were planned for, as one published shard."""

    stage: ClassVar[str] = "write"
    noun: ClassVar[str] = "shards"

    units: dict[int, InputPath]
    """Each unit's file, by its number in the plan."""
    places: InputPath
    """The number of its unit, and its row there, of each document of the plan."""
    range: PackedRange
    config: str
    """Names the rows."""
    tokenizers: tuple[TokenizerReference, ...]
    """See `CopyRows`."""
    tokens: bool
    """Write the ids."""
    settings: OutputSettings
    left_out: tuple[str, ...] = ()
    """See `ChosenRows.left_out`."""
    padding: Padding | None = None
    """Is put behind each document."""
    conversations: bool = False
    """The documents are texts of a chat template."""

    def run(self) -> ShardCounts:
        """See `Task.run`."""
        places = map_array(self.places)
        counts: Counter[str] = Counter()
        on_end: list[OnEndCounts] = []
        spelled = _Spelled(self.tokenizers)
        largest = 0

        def counted() -> Iterator[pa.Table]:
            wanted = WantedRows(range=self.range, config=self.config, tokens=self.tokens, padding=self.padding)
            for whole in packed_tables(self.units, places, wanted):
                table = whole.select([name for name in whole.column_names if name not in self.left_out])
                documents = pc.list_flatten(table["documents"].combine_chunks())
                nonlocal largest
                largest = max(largest, *shards.row_sizes(table))
                counts["rows"] += table.num_rows
                counts["tokens"] += sum(table["token_count"].to_pylist())
                counts["documents"] += len(documents)
                counts["continued_documents"] += int((pc.struct_field(documents, "offset").to_numpy() > 0).sum())
                counts["padding_tokens"] += int(pc.sum(pc.struct_field(documents, "padding")).as_py() or 0)
                spelled.add_table(table, conversations=self.conversations)
                if self.tokens:
                    on_end.append(OnEndCounts.of(times_of_rows(table)))
                yield table

        tables = counted()
        first = next(tables)
        rows_sha256 = shards.write_tables(self.output, chain([first], tables), first.schema, self.settings)
        return ShardCounts(
            **counts,
            rows_sha256=rows_sha256,
            writer=shards.writer_of(self.output),
            largest_row_bytes=largest,
            repeats=total_repeats([own for _, own in self._counted(places, REPEATS)]),
            on_end=OnEndCounts.total(on_end) if self.tokens else self._most_times(places),
            spelled=spelled.shards(),
        )

    def _counted(self, places: NDArray[np.int32], column: pa.Field) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
        """What was counted of the documents of its rows, unit by unit, with their places among them."""
        own = self.range.of(places)
        for unit in np.unique(own[:, 0]).tolist():
            here = np.flatnonzero(own[:, 0] == unit)
            yield here, shards.read_table(self.units[unit], [column.name]).take(own[here, 1])

    def _most_times(self, places: NDArray[np.int32]) -> OnEndCounts:
        """What each row repeats on end, as far as that is inside one of its documents."""
        times = np.ones(len(self.range.of(places)), np.int32)
        for here, counted in self._counted(places, MOST_TIMES):
            times[here] = counted[MOST_TIMES.name].to_numpy()
        sizes = [size for group in self.range.groups for size in group]
        return OnEndCounts.of(np.maximum.reduceat(times, np.cumsum([0, *sizes[:-1]])))


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRows:
    """Packed rows that are to be made."""

    range: PackedRange
    """Which."""
    config: str
    """Names the rows."""
    tokens: bool
    """The ids are wanted."""
    padding: Padding | None = None
    """Is put behind each document."""


def packed_tables(units: Mapping[int, Path], places: NDArray[np.int32], wanted: WantedRows) -> Iterator[pa.Table]:
    """Read documents of finished units and put them together into rows, one group of rows after the other.

    A unit is held from the first group that takes something of it to the last: memory is bounded by the window that
    rows are packed in.

    Args:
        units: each unit's file by its number.
        places: the number of its unit, and its row there, of each document. Shape: (all documents, 2).
        wanted: which rows, and how.
    """
    groups = wanted.range.groups
    own = wanted.range.of(places)
    borders = np.cumsum([0, *map(sum, groups)])
    last_use = {unit: int(np.flatnonzero(own[:, 0] == unit)[-1]) for unit in np.unique(own[:, 0]).tolist()}
    held: dict[int, pa.Table] = {}
    row = wanted.range.first_row
    for group, (begin, end) in zip(groups, pairwise(borders.tolist()), strict=True):
        numbers, unit_of = np.unique(own[begin:end, 0], return_inverse=True)
        taken = []
        for number, unit in enumerate(numbers.tolist()):
            table = held.pop(unit, None)
            if table is None:
                table = as_documents(shards.read_table(units[unit]), tokens=wanted.tokens, padding=wanted.padding)
            if last_use[unit] >= end:
                held[unit] = table
            taken.append(table.take(own[begin:end][unit_of == number, 1]))
        by_unit = np.argsort(unit_of, kind="stable")  # how they were taken; its inverse is the planned order
        documents = pa.concat_tables(taken).take(np.argsort(by_unit, kind="stable"))
        yield merge(documents, np.array(group, np.int64), [f"{wanted.config}/{row + n:06d}" for n in range(len(group))])
        row += len(group)
