"""Finished rows become a configuration's published files: which row goes where, and what the files then hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.folder import withdraw
from nextlong_hub.dataset.manifest import ConfigRecord, FileRecord, IngredientRecord, PackingRecord, SynthesisRecord
from nextlong_hub.dataset.packing_plan import PackedPlan, Planner
from nextlong_hub.dataset.tally import tally
from nextlong_hub.execution.base import Executor, Receipt, Task
from nextlong_hub.execution.progress import Stages
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.recipe import Recipe

UnitRow = tuple[str, int]
"""A unit's file and a row in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRows:
    """The rows of one configuration, in their published order."""

    rows: tuple[UnitRow, ...]
    mean_row_bytes: Mapping[str, float]
    """By unit file: what a row of it measures in text and tokens."""
    synthesis: SynthesisRecord | None
    mixture: dict[str, IngredientRecord]
    packed: PackedPlan | None = None
    """Of a configuration whose documents were packed as they came; otherwise `rows` are packed when they are filed."""


def mean_row_bytes(receipts: Iterable[Receipt]) -> dict[str, float]:
    """By unit file, from the receipts of the units: what a row measures."""
    return {r.output: r.counts["row_bytes"] / max(1, r.counts["kept"]) for r in receipts}


def file_rows(
    recipe: Recipe,
    chosen: ChosenRows,
    output: Path,
    workspace: Workspace,
    executor: Executor,
    stages: Stages,
    store: ChunkStore | None = None,
) -> ConfigRecord:
    """Write the published files of one configuration and count what is in them; `store` tells negatives' sources.

    When any of them must be written, the manifest is withdrawn first: until the next one is committed, the folder holds
    files that no manifest names, or other files than it names.
    """
    tasks, content = (_packed_shards if recipe.pack else _plain_shards)(recipe, chosen, output, workspace)
    receipts = stages.run(
        f"file {recipe.name}",
        "shards",
        tasks,
        executor,
        workspace.receipts(digest_of([recipe.fingerprint, content])),
        lambda: withdraw(output, workspace),
    )
    files = tuple(_file_record(output, receipt) for receipt in receipts)
    rows, tokens = sum(file.rows for file in files), sum(file.tokens for file in files)
    return ConfigRecord(
        recipe=public_values(recipe),
        fingerprint=recipe.fingerprint,
        rows=rows,
        tokens=tokens,
        segments=tally([output / file.path for file in files], store),
        synthesis=chosen.synthesis,
        mixture=chosen.mixture,
        packing=PackingRecord(
            documents=sum(receipt.counts["documents"] for receipt in receipts),
            continued_documents=sum(receipt.counts["continued_documents"] for receipt in receipts),
            fill=round(tokens / (rows * recipe.target_length), 6),
        )
        if recipe.pack
        else None,
        files=files,
    )


def _plain_shards(
    recipe: Recipe, chosen: ChosenRows, output: Path, workspace: Workspace
) -> tuple[list[Task], list[list[Any]]]:
    """The tasks that copy rows of units, and what decides their content."""
    shards = _split(chosen, recipe.output.shard_bytes)
    tasks = [
        Task(
            stage="file",
            key=f"{recipe.name}-{number:05d}",
            function="nextlong_hub.dataset.write_tasks:copy_rows",
            output=_shard_path(output, recipe, number, len(shards)),
            parameters={"recipe": recipe.model_dump(mode="json"), "rows": _runs(shard)},
        )
        for number, shard in enumerate(shards)
    ]
    return tasks, [[Path(unit).parent.name, Path(unit).name, row] for unit, row in chosen.rows]


def _packed_shards(
    recipe: Recipe, chosen: ChosenRows, output: Path, workspace: Workspace
) -> tuple[list[Task], list[list[Any]]]:
    """The tasks that pack documents of units into rows, and what decides their content.

    The plan lies in a file, so that a task names no more than its range of it, however many documents there are.
    """
    packed = chosen.packed or plan_rows(recipe, chosen)
    content = [[Path(unit).parent.name, Path(unit).name, packed.digest] for unit in packed.units]
    places = workspace.units(recipe.name, digest_of([recipe.fingerprint, content])) / "places.npy"
    packed.write_places(places)
    ranges, row_group_bytes = packed.shards(recipe.output.shard_bytes), recipe.output.row_group_bytes
    tasks = [
        Task(
            stage="file",
            key=f"{recipe.name}-{number:05d}",
            function="nextlong_hub.dataset.write_tasks:pack_rows",
            inputs={"places": str(places), **packed.units_of(start, stop)},
            output=_shard_path(output, recipe, number, len(ranges)),
            parameters={"recipe": recipe.model_dump(mode="json"), **packed.range(start, stop, row_group_bytes)},
        )
        for number, (start, stop) in enumerate(ranges)
    ]
    return tasks, content


def plan_rows(recipe: Recipe, chosen: ChosenRows) -> PackedPlan:
    """Pack the rows that were chosen for a mixture, each a document of its own."""
    planner = Planner(recipe)
    for unit, rows in _runs(chosen.rows):
        planner.add_rows(unit, rows, chosen.mean_row_bytes[unit])
    return planner.finish()


def _shard_path(output: Path, recipe: Recipe, number: int, count: int) -> str:
    return str(output / "data" / recipe.name / f"train-{number:05d}-of-{count:05d}.parquet")


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


def _runs(rows: Iterable[UnitRow]) -> list[tuple[str, list[int]]]:
    """Neighbouring rows of the same unit together, so that a unit's file is read once."""
    return [(unit, [row for _, row in run]) for unit, run in groupby(rows, key=itemgetter(0))]


def public_values(recipe: Recipe) -> dict[str, Any]:
    """A recipe without the paths of somebody's corpus; the manifest names the sources elsewhere."""
    return recipe.model_dump(mode="json", exclude={"corpus"})


def _file_record(output: Path, receipt: Receipt) -> FileRecord:
    return FileRecord(
        path=Path(receipt.output).relative_to(output).as_posix(),
        sha256=receipt.sha256,
        bytes=receipt.bytes,
        rows=receipt.counts["rows"],
        tokens=receipt.counts["tokens"],
    )


def kept_rows(receipts: Iterable[Receipt]) -> list[UnitRow]:
    """Every row of finished units, in order."""
    return [(receipt.output, row) for receipt in receipts for row in range(receipt.counts["kept"])]
