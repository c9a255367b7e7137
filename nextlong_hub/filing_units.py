"""What a worker does when rows are published: rows of finished units become one Parquet shard.

    copy_rows    rows of finished units                      ▶  the same rows
    pack_rows    rows of finished units, a document in each  ▶  rows of several documents

Each is pure: its output depends on the task's inputs and parameters and on nothing else.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub import shards
from nextlong_hub.engine import Task
from nextlong_hub.packed_tables import as_documents, merge
from nextlong_hub.recipe import Recipe


def copy_rows(task: Task) -> dict[str, Any]:
    """Copy rows of finished units into one published shard.

    Parameters: `recipe` and `rows`, a list of [unit file, [row, …]].
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    tables = [shards.read_table(Path(path)).take(rows) for path, rows in task.parameters["rows"]]
    table = pa.concat_tables(tables).select(shards.schema(tokens=recipe.tokens).names)
    shards.write_table(Path(task.output), table, recipe.output)
    return {"rows": table.num_rows, "tokens": sum(table["token_count"].to_pylist())}


def pack_rows(task: Task) -> dict[str, Any]:
    """Put the documents of finished units into the rows they were planned for.

    Inputs: `places`, and each unit's file by its number. Parameters: `recipe`, and what `packed_table` takes.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    inputs, parameters = dict(task.inputs), dict(task.parameters)
    places = np.load(inputs.pop("places"), mmap_mode="r")
    del parameters["recipe"]
    table = packed_table(recipe, inputs, places, **parameters)
    shards.write_table(Path(task.output), table, recipe.output)
    documents = pc.list_flatten(table["documents"].combine_chunks())
    return {
        "rows": table.num_rows,
        "tokens": sum(table["token_count"].to_pylist()),
        "documents": len(documents),
        "continued_documents": int((pc.struct_field(documents, "offset").to_numpy() > 0).sum()),
    }


def packed_table(
    recipe: Recipe,
    units: Mapping[str, str],
    places: NDArray[np.int32],
    *,
    start: int,
    documents: Sequence[int],
    first_row: int,
) -> pa.Table:
    """Read documents of finished units and put them together into rows.

    Args:
        recipe: names the rows.
        units: each unit's file by its number.
        places: the number of its unit, and its row there, of each document. Shape: (all documents, 2).
        start: the first document of these rows in `places`.
        documents: how many each row takes, one after the other.
        first_row: the number of the first row.
    """
    counts = np.array(documents, np.int64)
    own = np.array(places[start : start + int(counts.sum())])
    numbers, unit_of = np.unique(own[:, 0], return_inverse=True)
    tables = []
    for number, unit in enumerate(numbers.tolist()):
        table = shards.read_table(Path(units[str(unit)])).take(own[unit_of == number, 1])
        tables.append(as_documents(table, tokens=recipe.tokens))
    by_unit = np.argsort(unit_of, kind="stable")  # how `tables` have them; its inverse is the planned order
    ordered = pa.concat_tables(tables).take(np.argsort(by_unit, kind="stable"))
    del tables
    return merge(ordered, counts, [f"{recipe.name}/{first_row + row:06d}" for row in range(len(counts))])
