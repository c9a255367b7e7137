"""What rows repeat of themselves: from the manifest, or counted from their tokens where no manifest says it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.config_record import ConfigRecord, RepeatRecord
from nextlong_hub.dataset.on_end import OnEndCounts, times_of_rows
from nextlong_hub.dataset.repeats import repeat_records, text_tokens
from nextlong_hub.dataset.schema import DOCUMENT_LENGTHS
from nextlong_hub.method.repeats import COUNTS, count_repeats
from nextlong_hub.recipe import Recipe
from nextlong_hub.stats.shape import OnEndStats, RepeatStats


class RepeatCounter:
    """Counts the repeats of batches that have `input_ids`, unless the manifest has them."""

    def __init__(self, record: ConfigRecord | None) -> None:
        """Start without a row; `record` is what the manifest says of them."""
        self._known = record.repeats if record else ()
        self._known_on_end = record.on_end if record else None
        self._on_end: list[OnEndCounts] = []
        self._recipe = next(iter(record.row_recipes.values())) if record else Recipe(name="unknown")
        self._counts = np.zeros(COUNTS, np.int64)

    def add(self, table: pa.Table | pa.RecordBatch) -> None:
        """Count the rows of one batch."""
        if "input_ids" not in table.column_names:
            return
        if self._known_on_end is None:
            self._on_end.append(OnEndCounts.of(times_of_rows(table)))
        if self._known:
            return
        flat = pc.fill_null(pc.list_flatten(table["input_ids"]), 0)
        ids = np.asarray(flat).astype(np.int64)
        borders = np.cumsum(_text_lengths(table, len(ids)))[:-1]
        texts = [text_tokens(text, self._recipe) for text in np.split(ids, borders)]
        self._counts += count_repeats(texts).sum(axis=0)

    def result(self) -> tuple[RepeatStats, ...]:
        """For each length of run what was counted; empty where nothing was, or rows are too short for any."""
        records = self._known or repeat_records([self._counts.ravel().tolist()])
        return tuple(_stats(record) for record in records if record.runs)

    def on_end(self) -> OnEndStats | None:
        """How often on end a few tokens stand in the rows; None where nothing was counted."""
        if self._known_on_end is None and not self._on_end:
            return None
        record = self._known_on_end or OnEndCounts.total(self._on_end).record()
        return OnEndStats(**record.model_dump())


def _text_lengths(table: pa.Table | pa.RecordBatch, tokens: int) -> NDArray[np.int64]:
    """Tokens of each text: of each document of packed rows where they are told, else of each row. Shape: (texts,)."""
    if DOCUMENT_LENGTHS in table.column_names:
        lengths = np.asarray(pc.list_flatten(table[DOCUMENT_LENGTHS])).astype(np.int64)
        if lengths.sum() == tokens:
            return lengths
    return np.asarray(pc.fill_null(pc.list_value_length(table["input_ids"]), 0)).astype(np.int64)


def _stats(record: RepeatRecord) -> RepeatStats:
    return RepeatStats(
        run_tokens=record.run_tokens,
        runs=record.runs,
        near=round(record.near / record.runs, 6),
        farther=round(record.farther / record.runs, 6),
        far=round(record.far / record.runs, 6),
    )
