"""Finished rows become a configuration's published files: which row goes where, and what the files then hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from nextlong_hub import plan
from nextlong_hub.engine import Executor, Receipt, Task
from nextlong_hub.files import digest_of
from nextlong_hub.filing.packed_plan import PackedPlan, Planner
from nextlong_hub.filing.tally import tally
from nextlong_hub.manifest import ConfigRecord, FileRecord, IngredientRecord, PackingRecord, SynthesisRecord
from nextlong_hub.progress import Stages
from nextlong_hub.recipe import Recipe
from nextlong_hub.store import ChunkStore
from nextlong_hub.synthesis import Made, Row
from nextlong_hub.workspace import Workspace, withdraw


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRows:
    """The rows of one configuration, in their published order."""

    rows: tuple[Row, ...]
    mean_row_bytes: Mapping[str, float]
    """By unit file: what a row of it measures in text and tokens."""
    synthesis: SynthesisRecord | None
    mixture: dict[str, IngredientRecord]
    packed: PackedPlan | None = None
    """Of a configuration whose documents were packed as they came; otherwise `rows` are packed when they are filed."""


def choose_rows(recipe: Recipe, made: Mapping[str, Made], rows: int | None, seed: int) -> ChosenRows:
    """All rows made for a recipe or, for a mixture, a seeded choice of its ingredients' rows."""
    if not recipe.mixture:
        own = made[recipe.name]
        return ChosenRows(
            rows=own.rows,
            mean_row_bytes=mean_row_bytes(own.receipts),
            synthesis=own.record(),
            mixture={},
        )
    parts = [made[part.recipe] for part in recipe.mixture]
    counts = plan.mixture_rows(
        recipe,
        {part.prepared.recipe.name: part.prepared.recipe.target_length for part in parts},
        {part.prepared.recipe.name: len(part.rows) for part in parts},
        rows,
    )
    return ChosenRows(
        rows=tuple(_mix([part.rows for part in parts], counts, seed)),
        mean_row_bytes={unit: size for part in parts for unit, size in mean_row_bytes(part.receipts).items()},
        synthesis=None,
        mixture={
            part.prepared.recipe.name: IngredientRecord(rows=count, recipe=_public(part.prepared.recipe))
            for part, count in zip(parts, counts, strict=True)
        },
    )


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
        recipe=_public(recipe),
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
            function="nextlong_hub.filing.units:copy_rows",
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
            function="nextlong_hub.filing.units:pack_rows",
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


def _mix(parts: Sequence[Sequence[Row]], counts: Sequence[int], seed: int) -> list[Row]:
    """A seeded choice of `counts[i]` rows of each part, merged so that every stretch has them in proportion."""
    chosen = []
    for number, (rows, count) in enumerate(zip(parts, counts, strict=True)):
        keys = plan.seeded_keys(np.arange(len(rows)), seed + number)
        chosen.append(iter([rows[row] for row in sorted(np.argsort(keys, kind="stable")[:count].tolist())]))
    return [next(chosen[part]) for part in plan.merge_in_proportion(counts, counts).tolist()]


def _split(chosen: ChosenRows, shard_bytes: int) -> list[list[Row]]:
    """Cut the rows into shards of about `shard_bytes`, by the mean row size of each unit."""
    shards: list[list[Row]] = [[]]
    size = 0.0
    for row in chosen.rows:
        if shards[-1] and size + chosen.mean_row_bytes[row[0]] > shard_bytes:
            shards.append([])
            size = 0.0
        shards[-1].append(row)
        size += chosen.mean_row_bytes[row[0]]
    return shards


def _runs(rows: Iterable[Row]) -> list[tuple[str, list[int]]]:
    """Neighbouring rows of the same unit together, so that a unit's file is read once."""
    return [(unit, [row for _, row in run]) for unit, run in groupby(rows, key=itemgetter(0))]


def _public(recipe: Recipe) -> dict[str, Any]:
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
