"""Rows of finished units become the published files of a configuration: which row goes where, and what they hold.

PlainRows, PackedRows   the rows of units, gathered in their published order
write_rows              the gathered rows ▶ Parquet shards below `data/`, and the configuration's record
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import ConfigRecord, FileRecord, PackingRecord, SynthesisRecord
from nextlong_hub.dataset.folder import invalidate, kept_manifest, own_files
from nextlong_hub.dataset.links import link_record
from nextlong_hub.dataset.on_end import OnEndCounts
from nextlong_hub.dataset.packing_plan import PackedPlan, Planner
from nextlong_hub.dataset.packing_tables import Padding
from nextlong_hub.dataset.preview import write_preview
from nextlong_hub.dataset.repeats import repeat_records
from nextlong_hub.dataset.schema import COLUMNS, row_schema
from nextlong_hub.dataset.shards import read_table
from nextlong_hub.dataset.spelled import spelled_record
from nextlong_hub.dataset.tally import tally
from nextlong_hub.dataset.write_tasks import (
    CopyRows,
    PackRows,
    ShardCounts,
    UnitCounts,
    UnitRows,
    WantedRows,
    packed_tables,
)
from nextlong_hub.execution.base import Receipt, Task
from nextlong_hub.execution.run import Run
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization import Tokenizer, find_padding
from nextlong_hub.tokenization.tasks import TokenizerReference

UnitRow = tuple[Path, int]
"""A unit's file and a row in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRows:
    """The rows of one configuration, in their published order."""

    rows: tuple[UnitRow, ...] = ()
    mean_row_bytes: Mapping[Path, float] = field(default_factory=dict)
    """By unit file: what a row of it measures in text and tokens."""
    packed: PackedPlan | None = None
    """Of documents that were packed as they came; otherwise `rows` are packed when they are written."""
    left_out: tuple[str, ...] = ()
    """Columns of the units that are not written, as they are empty in every row."""

    def places(self) -> list[UnitRow]:
        """Where each row lies or, packed as they came, each document of one."""
        if self.packed is None:
            return list(self.rows)
        return [(self.packed.units[unit], row) for unit, row in self.packed.places.tolist()]


class Gathered(Protocol):
    """Rows of finished units, as they come."""

    @property
    def rows(self) -> int:
        """How many rows there are for certain."""
        ...

    def take(self, receipts: Sequence[Receipt[Any]]) -> None:
        """Add the rows of some units, in order; the counts of each receipt are `UnitCounts`."""
        ...

    def finish(self, most_rows: int | None) -> ChosenRows:
        """All rows, or the first so many."""
        ...


class PlainRows:
    """Each row of a unit is a row of the configuration."""

    def __init__(self) -> None:
        self._rows: list[UnitRow] = []
        self._mean_row_bytes: dict[Path, float] = {}

    @property
    def rows(self) -> int:
        """See `Gathered`."""
        return len(self._rows)

    def take(self, receipts: Sequence[Receipt[Any]]) -> None:
        """See `Gathered`."""
        for receipt in receipts:
            self._rows += [(receipt.output, row) for row in range(receipt.counts.kept)]
            self._mean_row_bytes[receipt.output] = receipt.counts.row_bytes / max(1, receipt.counts.kept)

    def finish(self, most_rows: int | None) -> ChosenRows:
        """See `Gathered`."""
        return ChosenRows(rows=tuple(self._rows[:most_rows]), mean_row_bytes=self._mean_row_bytes)


class PackedRows:
    """Each row of a unit is a document, and documents share rows."""

    def __init__(self, recipe: Recipe) -> None:
        self._planner = Planner(recipe.target_length, recipe.packing)

    @property
    def rows(self) -> int:
        """See `Gathered`."""
        return self._planner.rows

    def take(self, receipts: Sequence[Receipt[Any]]) -> None:
        """See `Gathered`."""
        for receipt in receipts:
            self._planner.add_unit(receipt.output, receipt.counts.row_bytes)

    def finish(self, most_rows: int | None) -> ChosenRows:
        """See `Gathered`."""
        return ChosenRows(packed=self._planner.finish(most_rows))


def outcome_record(counts: Sequence[UnitCounts], eligible: int, **more: Any) -> SynthesisRecord:
    """What the manifest tells of candidates and rows.

    Args:
        counts: of each unit.
        eligible: documents that could be candidates.
        more: what else is known: fields of `SynthesisRecord`.
    """
    discarded: dict[str, int] = {}
    for one in counts:
        for reason, number in one.discarded.items():
            discarded[reason] = discarded.get(reason, 0) + number
    known = {"not_eligible": {}, "queries": 0, "unanswered": 0, "recall": None, "near_duplicates": 0, **more}
    return SynthesisRecord(
        eligible_documents=eligible,
        candidates=sum(one.candidates for one in counts),
        kept=sum(one.kept for one in counts),
        discarded=dict(sorted(discarded.items())),
        truncated=sum(one.truncated for one in counts),
        truncated_tokens=sum(one.truncated_tokens for one in counts),
        **known,
    )


def write_rows(
    run: Run, recipe: Recipe, chosen: ChosenRows, tokenizers: Sequence[Tokenizer], store: ChunkStore | None = None
) -> ConfigRecord:
    """Write the published files of one configuration and count what is in them.

    When any of them must be written, the manifest is invalidated first: until the next one is committed, the folder has
    files that no manifest names, or other files than it names.

    Args:
        run: where they are written.
        recipe: how.
        chosen: the rows.
        tokenizers: what they were made for, first what made their ids; rows that spell special tokens of each are
            counted.
        store: tells the sources of negatives.

    Raises:
        StorageError: no space, or no permission.
        ConflictError: a file that is not ours has the name of one, or a link leads to its folder.
    """
    padding = padding_of(recipe, tokenizers[0])
    references = tuple(map(TokenizerReference.of, tokenizers))
    if recipe.pack:
        tasks, content = _packed_shards(run, recipe, chosen, references, padding)
    else:
        tasks, content = _plain_shards(run, recipe, chosen, references)

    def before_first() -> None:
        own = own_files(run.output, kept_manifest(run.output, run.workspace))
        shards = (task.output.relative_to(run.output).as_posix() for task in tasks)
        own.claim([*shards, f"recipes/{recipe.name}.toml"])
        invalidate(run.output, run.workspace)

    receipts: list[Receipt[ShardCounts]] = run.map(
        f"write {recipe.name}",
        tasks,
        digest_of([recipe.fingerprint, content]),
        before_first,
    )
    files = tuple(_file_record(run.output, receipt) for receipt in receipts)
    rows, tokens = sum(file.rows for file in files), sum(file.tokens for file in files)
    paths = [run.output / file.path for file in files]
    spelled = [
        spelled_record(receipt.counts.spelled[number] for receipt in receipts) for number in range(len(tokenizers))
    ]
    return ConfigRecord(
        recipe=recipe.public_values(),
        fingerprint=recipe.fingerprint,
        rows=rows,
        tokens=tokens,
        segments=tally(paths, store),
        links=link_record(paths, packed=recipe.pack),
        synthesis=None,
        mixture={},
        packing=PackingRecord(
            documents=sum(receipt.counts.documents for receipt in receipts),
            continued_documents=sum(receipt.counts.continued_documents for receipt in receipts),
            fill=round(tokens / (rows * recipe.target_length), 6),
            align=recipe.packing.align,
            padding_tokens=sum(receipt.counts.padding_tokens for receipt in receipts),
            padding_id=None if padding is None else padding.token,
        )
        if recipe.pack
        else None,
        repeats=repeat_records([receipt.counts.repeats for receipt in receipts]),
        on_end=OnEndCounts.total(receipt.counts.on_end for receipt in receipts).record(),
        spelled=spelled[0],
        spelled_elsewhere={one.digest: own for one, own in zip(tokenizers[1:], spelled[1:], strict=True)},
        files=files,
        preview=write_preview(
            run, recipe.name, files, max(receipt.counts.largest_row_bytes for receipt in receipts), recipe.output
        ),
    )


def padding_of(recipe: Recipe, tokenizer: Tokenizer) -> Padding | None:
    """What is put behind the documents of a recipe's rows; None where nothing is.

    Raises:
        RecipeError: the tokenizer has no token for it.
    """
    return Padding(multiple=recipe.packing.align, token=find_padding(tokenizer)) if recipe.pads else None


def with_outcome(record: ConfigRecord, outcome: SynthesisRecord | None) -> ConfigRecord:
    """The record with what became of its candidates, and how many of those that were kept stand in no row."""
    if outcome is None:
        return record
    packing = record.packing
    used = record.rows if packing is None else packing.documents - packing.continued_documents
    return record.model_copy(update={"synthesis": outcome.model_copy(update={"left": max(0, outcome.kept - used)})})


def plan_rows(recipe: Recipe, chosen: ChosenRows) -> PackedPlan:
    """Which documents share a row: as they were packed, or, of chosen rows, each a document of its own, packed now."""
    if chosen.packed is not None:
        return chosen.packed
    planner = Planner(recipe.target_length, recipe.packing)
    for own in _runs(chosen.rows):
        planner.add_rows(own.unit, own.rows, chosen.mean_row_bytes[own.unit])
    return planner.finish()


def chosen_tables(recipe: Recipe, chosen: ChosenRows, tokenizer: Tokenizer) -> Iterator[pa.Table]:
    """The rows as they would be written, without writing them: packed rows in groups, others one by one."""
    if recipe.pack:
        packed = plan_rows(recipe, chosen)
        rows = len(packed.row_bytes)
        units = packed.units_of(0, rows)
        wanted = WantedRows(
            range=packed.range(0, rows, recipe.output.row_group_bytes),
            config=recipe.name,
            tokens=recipe.tokens,
            padding=padding_of(recipe, tokenizer),
        )
        for table in packed_tables(units, packed.places, wanted):
            yield table.select([name for name in table.column_names if name not in chosen.left_out])
        return
    names = row_schema(tokens=recipe.tokens).names
    for unit, row in chosen.rows:
        yield read_table(unit).slice(row, 1).select(names)


def _plain_shards(
    run: Run, recipe: Recipe, chosen: ChosenRows, tokenizers: tuple[TokenizerReference, ...]
) -> tuple[Sequence[Task[ShardCounts]], list[list[str | int]]]:
    """The tasks that copy rows of units, and what decides their content."""
    shards = _split(chosen, recipe.output.shard_bytes)
    tasks = [
        CopyRows(
            key=f"{recipe.name}-{number:05d}",
            output=_shard_path(run.output, recipe, number, len(shards)),
            rows=tuple(_runs(shard)),
            tokenizers=tokenizers,
            tokens=recipe.tokens,
            settings=recipe.output,
        )
        for number, shard in enumerate(shards)
    ]
    return tasks, [[unit.parent.name, unit.name, row] for unit, row in chosen.rows]


def _packed_shards(
    run: Run,
    recipe: Recipe,
    chosen: ChosenRows,
    tokenizers: tuple[TokenizerReference, ...],
    padding: Padding | None,
) -> tuple[Sequence[Task[ShardCounts]], list[list[str | int]]]:
    """The tasks that pack documents of units into rows, and what decides their content.

    The plan lies in a file, so that a task names no more than its range of it, however many documents there are.
    """
    packed = plan_rows(recipe, chosen)
    content: list[list[str | int]] = [[unit.parent.name, unit.name, packed.digest] for unit in packed.units]
    # What was written by earlier names of columns, or with another token of padding, is not done.
    content.append([*(column.name for column in COLUMNS if column.earlier), *([padding.token] if padding else [])])
    places = run.workspace.units(recipe.name, digest_of([recipe.fingerprint, content])) / "places.npy"
    packed.write_places(places)
    ranges = packed.shards(recipe.output.shard_bytes)
    tasks = [
        PackRows(
            key=f"{recipe.name}-{number:05d}",
            output=_shard_path(run.output, recipe, number, len(ranges)),
            units=packed.units_of(start, stop),
            places=places,
            range=packed.range(start, stop, recipe.output.row_group_bytes),
            config=recipe.name,
            tokenizers=tokenizers,
            tokens=recipe.tokens,
            settings=recipe.output,
            left_out=chosen.left_out,
            padding=padding,
            conversations=recipe.conversations is not None,
        )
        for number, (start, stop) in enumerate(ranges)
    ]
    return tasks, content


def _shard_path(output: Path, recipe: Recipe, number: int, count: int) -> Path:
    return output / "data" / recipe.name / f"train-{number:05d}-of-{count:05d}.parquet"


def _split(chosen: ChosenRows, shard_bytes: int) -> list[list[UnitRow]]:
    """Cut the rows into shards of about `shard_bytes`, by the mean row size of each unit."""
    shards: list[list[UnitRow]] = [[]]
    size = 0.0
    for row in chosen.rows:
        if shards[-1] and size + chosen.mean_row_bytes[row[0]] > shard_bytes:
            shards.append([])
            size = 0.0
        shards[-1].append(row)
        size += chosen.mean_row_bytes[row[0]]
    return shards


def _runs(rows: Iterable[UnitRow]) -> list[UnitRows]:
    """Neighbouring rows of the same unit together, so that a unit's file is read once."""
    return [UnitRows(unit=unit, rows=tuple(row for _, row in run)) for unit, run in groupby(rows, key=itemgetter(0))]


def _file_record(output: Path, receipt: Receipt[ShardCounts]) -> FileRecord:
    return FileRecord(
        path=receipt.output.relative_to(output).as_posix(),
        sha256=receipt.sha256,
        bytes=receipt.bytes,
        rows=receipt.counts.rows,
        tokens=receipt.counts.tokens,
        rows_sha256=receipt.counts.rows_sha256,
        writer=receipt.counts.writer,
    )
