"""Units are run until there are rows enough."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nextlong_hub.dataset.manifest import SynthesisRecord
from nextlong_hub.dataset.write import UnitRow, kept_rows
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.base import Executor, Receipt
from nextlong_hub.execution.progress import Stages
from nextlong_hub.execution.receipts import count_discards, listed
from nextlong_hub.retrieval.tasks import likely_chunks
from nextlong_hub.synthesis import sampling as plan
from nextlong_hub.synthesis.prepare import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The rows of one configuration, in finished units."""

    prepared: Prepared
    receipts: tuple[Receipt, ...]
    """Of the synthesis of each unit, in order."""
    rows: tuple[UnitRow, ...]
    """(unit file, row) of each row, in order."""
    answers: tuple[Receipt, ...]
    """Of the retrieval for each unit."""

    def record(self) -> SynthesisRecord:
        """What the manifest tells about it."""
        return SynthesisRecord(
            eligible_documents=self.prepared.eligible_documents,
            not_eligible=self.prepared.not_eligible,
            candidates=self._total("candidates"),
            kept=self._total("kept"),
            discarded=count_discards(self.receipts),
            truncated=self._total("truncated"),
            truncated_tokens=self._total("truncated_tokens"),
            queries=sum(receipt.counts["queries"] for receipt in self.answers),
            unanswered=sum(receipt.counts["unanswered"] for receipt in self.answers),
            recall=self._recall(),
            near_duplicates=self._total("near_duplicates"),
        )

    def _recall(self) -> float | None:
        """Mean over one query of each unit; None when retrieval is exact."""
        measured = [receipt.counts["recall"] for receipt in self.answers if receipt.counts["recall"] is not None]
        return round(sum(measured) / len(measured), 4) if measured else None

    def _total(self, count: str) -> int:
        return sum(receipt.counts[count] for receipt in self.receipts)


def synthesise(prepared: Prepared, rows: int | None, executor: Executor, stages: Stages) -> Made:
    """Run units until there are `rows` rows: a discarded candidate is replaced by the next one in the seeded order.

    Args:
        prepared: the configuration.
        rows: how many to make; None makes about as many tokens as the corpus holds.
        executor: where the units run.
        stages: hears about them.

    Raises:
        CorpusTooSmallError: fewer documents can be extended than rows were asked for, or no candidate became a sample.
    """
    recipe = prepared.recipe
    if rows is not None and rows > prepared.eligible_documents:
        raise CorpusTooSmallError(
            f"recipe {recipe.name}: {rows:,} samples were asked for, but only {prepared.eligible_documents:,} "
            f"documents can be extended (not eligible: {listed(prepared.not_eligible)}); ask for at most "
            f"{prepared.eligible_documents:,} samples or add documents"
        )
    wanted = plan.wanted_rows(recipe, prepared.store, prepared.characters_per_token, rows)
    wanted = min(wanted, prepared.eligible_documents)
    answers: list[Receipt] = []

    def run(units: range) -> list[Receipt]:
        asked = [prepared.retrieve_task(unit) for unit in units]
        answered = stages.run(f"retrieve {recipe.name}", "units", asked, executor, prepared.receipts_folder)
        answers.extend(answered)
        wanted_chunks = np.concatenate(
            [prepared.meta_chunks(units), *(likely_chunks(Path(receipt.output)) for receipt in answered)]
        )
        for tokenising in prepared.tokenising:
            tokenising.run(wanted_chunks, executor, stages)
        made = [prepared.synthesise_task(unit) for unit in units]
        return stages.run(f"synthesise {recipe.name}", "units", made, executor, prepared.receipts_folder)

    receipts = units_until(wanted, prepared.units, recipe.output.unit_documents, run)
    kept = kept_rows(receipts)
    if not kept:
        discarded = count_discards(receipts)
        raise CorpusTooSmallError(
            f"recipe {recipe.name}: none of {sum(discarded.values()):,} candidates became a sample "
            f"({listed(discarded)}); {prepared.store.documents:,} documents are too few or too alike for rows of "
            f"{recipe.target_length:,} tokens: add documents or build a shorter recipe"
        )
    return Made(
        prepared=prepared,
        receipts=tuple(receipts),
        rows=tuple(kept[:wanted]),
        answers=tuple(answers),
    )


def units_until(rows: int, units: int, unit_documents: int, run: Callable[[range], list[Receipt]]) -> list[Receipt]:
    """Run units in order, as many as it takes to have `rows` rows: a candidate that is discarded costs another one.

    Args:
        rows: how many are wanted.
        units: how many units there are.
        unit_documents: candidates in a unit.
        run: runs a range of units and gives their receipts in order.
    """
    receipts: list[Receipt] = []
    while len(receipts) < units and (missing := rows - len(kept_rows(receipts))) > 0:
        more = -(-missing // unit_documents)
        receipts += run(range(len(receipts), min(len(receipts) + more, units)))
    return receipts
