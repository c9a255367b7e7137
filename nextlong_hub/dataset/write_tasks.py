"""What a worker does when rows are published: rows of finished units become one Parquet shard.

    copy_rows    rows of finished units                      ▶  the same rows
    pack_rows    rows of finished units, a document in each  ▶  rows of several documents

Each is pure: its output depends on the task's inputs and parameters and on nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset import shards
from nextlong_hub.dataset.packing_tables import as_documents, merge
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.execution.base import Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, PackedRow, Sample


def copy_rows(task: Task) -> dict[str, Any]:
    """Copy rows of finished units into one published shard.

    Parameters: `recipe` and `rows`, a list of [unit file, [row, …]].
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    tables = [shards.read_table(Path(path)).take(rows) for path, rows in task.parameters["rows"]]
    table = pa.concat_tables(tables).select(row_schema(tokens=recipe.tokens).names)
    shards.write_table(Path(task.output), table, recipe.output)
    return {"rows": table.num_rows, "tokens": sum(table["token_count"].to_pylist())}


def pack_rows(task: Task) -> dict[str, Any]:
    """Put the documents of finished units into the rows they were planned for.

    Inputs: `places`, and each unit's file by its number. Parameters: `recipe`, and what `packed_tables` takes.
    """
    inputs, parameters = dict(task.inputs), dict(task.parameters)
    recipe = Recipe.model_validate(parameters.pop("recipe"))
    places = np.load(inputs.pop("places"), mmap_mode="r")
    counts: Counter[str] = Counter()

    def counted() -> Iterator[pa.Table]:
        for table in packed_tables(recipe, inputs, places, **parameters):
            documents = pc.list_flatten(table["documents"].combine_chunks())
            counts["rows"] += table.num_rows
            counts["tokens"] += sum(table["token_count"].to_pylist())
            counts["documents"] += len(documents)
            counts["continued_documents"] += int((pc.struct_field(documents, "offset").to_numpy() > 0).sum())
            yield table

    tables = counted()
    first = next(tables)
    shards.write_tables(Path(task.output), chain([first], tables), first.schema, recipe.output)
    return dict(counts)


def packed_tables(
    recipe: Recipe,
    units: Mapping[str, str],
    places: NDArray[np.int32],
    *,
    start: int,
    groups: Sequence[Sequence[int]],
    first_row: int,
) -> Iterator[pa.Table]:
    """Read documents of finished units and put them together into rows, one group of rows after the other.

    A unit is held from the first group that takes something of it to the last: memory is bounded by the window that
    rows are packed in.

    Args:
        recipe: names the rows.
        units: each unit's file by its number.
        places: the number of its unit, and its row there, of each document. Shape: (all documents, 2).
        start: the first document of these rows in `places`.
        groups: how many documents each row takes, row by row, group by group.
        first_row: the number of the first row.
    """
    own = np.array(places[start : start + sum(map(sum, groups))])
    borders = np.cumsum([0, *map(sum, groups)])
    last_use = {unit: int(np.flatnonzero(own[:, 0] == unit)[-1]) for unit in np.unique(own[:, 0]).tolist()}
    held: dict[int, pa.Table] = {}
    for group, (begin, end) in zip(groups, pairwise(borders.tolist()), strict=True):
        numbers, unit_of = np.unique(own[begin:end, 0], return_inverse=True)
        taken = []
        for number, unit in enumerate(numbers.tolist()):
            table = held.pop(unit, None)
            if table is None:
                table = as_documents(shards.read_table(Path(units[str(unit)])), tokens=recipe.tokens)
            if last_use[unit] >= end:
                held[unit] = table
            taken.append(table.take(own[begin:end][unit_of == number, 1]))
        by_unit = np.argsort(unit_of, kind="stable")  # how they were taken; its inverse is the planned order
        documents = pa.concat_tables(taken).take(np.argsort(by_unit, kind="stable"))
        yield merge(
            documents, np.array(group, np.int64), [f"{recipe.name}/{first_row + n:06d}" for n in range(len(group))]
        )
        first_row += len(group)


def write_samples(task: Task, recipe: Recipe, outcomes: Sequence[Sample | Discarded]) -> dict[str, Any]:
    """Write a unit's rows and count what became of its candidates."""
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    discarded = [outcome for outcome in outcomes if isinstance(outcome, Discarded)]
    table = shards.to_table(samples, tokens=recipe.tokens)
    shards.write_table(Path(task.output), table, recipe.output)
    return {
        "candidates": len(outcomes),
        "kept": len(samples),
        "discarded": dict(sorted(Counter(d.reason.value for d in discarded).items())),
        "truncated": sum(sample.truncated_tokens > 0 for sample in samples),
        "truncated_tokens": sum(sample.truncated_tokens for sample in samples),
        "row_bytes": sum(shards.row_sizes(table)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """What became of a document that is to share rows with others."""

    rows: tuple[PackedRow, ...]
    """Of one document each, none longer than a row; several when it was split."""
    truncated_tokens: int
    """Tokens that were cut off."""


def write_documents(
    task: Task, recipe: Recipe, outcomes: Sequence[Pieces | Discarded], *, masked: bool = False
) -> dict[str, Any]:
    """Write a unit's documents, a row each, for `filing` to pack, and count what became of its candidates."""
    kept = [outcome for outcome in outcomes if isinstance(outcome, Pieces)]
    discarded = [outcome for outcome in outcomes if isinstance(outcome, Discarded)]
    rows = [row for pieces in kept for row in pieces.rows]
    table = shards.to_packed_table(rows, tokens=recipe.tokens, masked=masked)
    shards.write_table(Path(task.output), table, recipe.output)
    return {
        "candidates": len(outcomes),
        "kept": len(kept),
        "discarded": dict(sorted(Counter(d.reason.value for d in discarded).items())),
        "truncated": sum(pieces.truncated_tokens > 0 for pieces in kept),
        "truncated_tokens": sum(pieces.truncated_tokens for pieces in kept),
        "split": sum(len(pieces.rows) > 1 for pieces in kept),
        "tokens": sum(len(row.input_ids) for row in rows),
        "row_bytes": sum(shards.row_sizes(table)),
    }
