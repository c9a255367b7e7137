"""Questions that the package makes: held-out documents, blocked, riffled and detached; see `nextlong-hub riffle`.

Each row is a question: its targets are scored, the document's last chunk and the answer about a planted fact. Rows are
kept as the package wrote them; the rows of a pair hold the same tokens, so that they take little room.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.teaches.settings import Preset
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError
from nextlong_hub.evaluation.make import riffle
from nextlong_hub.evaluation.settings import RiffleRequest, RiffleSettings
from nextlong_hub.recipe import load_recipe

_COLUMNS = ("input_ids", "item", "condition", "distance", "interferers", "targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Riffled:
    """The rows, and what is known of each."""

    rows: NDArray[np.int64]
    """Shape: (rows, target length)."""
    about: tuple[dict[str, Any], ...]
    """Of each: item, condition, distance, interferers and targets."""

    def cells(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Each condition and the numbers of its rows, one an item, in the order of the items.

        They are called CONDITION/INTERFERERS/DISTANCE.
        """
        names = [f"{one['condition']}/{one['interferers']}/{one['distance']}" for one in self.about]
        for name in dict.fromkeys(names):
            yield name, np.flatnonzero([name == own for own in names])


def make_riffle(held: Path, rows: Path, preset: Preset, tokenizer: Path, folder: Path) -> Path:
    """Make the questions, of documents that do not stand in the rows that are trained on.

    Args:
        held: the held-out documents.
        rows: the dataset of all arms made from samples.
        preset: how many, and how long.
        tokenizer: its folder.
        folder: where they are made.

    Returns:
        One file of all rows.

    Raises:
        CorpusTooSmallError: the corpus gives none.
        DataError, RecipeError, StorageError, WorkerError: see `evaluation.make.riffle`.
    """
    asked = preset.questions
    request = RiffleRequest(
        settings=RiffleSettings(
            target_length=preset.target_length,
            items=asked.riffle_items,
            chunks=asked.riffle_chunks,
            distances=asked.riffle_distances,
            interferers=asked.riffle_interferers,
        ),
        recipe=load_recipe(str(preset.recipe_file)),
        sources=[SourceSettings(name="corpus", path=str(held))],
        tokenizer=str(tokenizer),
        apart_from=(str(rows),),
    )
    riffle(request, folder)
    file = folder / "rows.parquet"
    pq.write_table(
        pq.read_table(folder / "data", columns=list(_COLUMNS)), file, compression="zstd", use_dictionary=False
    )
    return file


def read_riffle(file: Path) -> Riffled:
    """Read what `make_riffle` made.

    Raises:
        DataError: there is no such file.
    """
    if not file.is_file():
        raise DataError(f"there are no riffled questions {file}; run `prepare` first")
    table = pq.read_table(file)
    about = tuple(table.drop_columns(["input_ids"]).to_pylist())
    ids = table["input_ids"].combine_chunks().flatten().to_numpy().astype(np.int64)
    return Riffled(rows=ids.reshape(table.num_rows, -1), about=about)
