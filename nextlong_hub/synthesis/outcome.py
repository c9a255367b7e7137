"""What became of candidates, in words: why hardly any or none of them gave a row, and what helps."""

from collections import Counter
from collections.abc import Mapping, Sequence

from nextlong_hub.dataset.config_record import SynthesisRecord
from nextlong_hub.dataset.write_tasks import UnitCounts
from nextlong_hub.execution.run import Run
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Reason

_TRIED_BEFORE_A_NOTE = 256
_POOR_YIELD = 0.1

_REMEDIES = {
    Reason.NEAR_DUPLICATES: "what is found for a document are copies of it: remove copies from the corpus",
    Reason.TOO_FEW_NEGATIVES: "{documents:,} documents are too few or too alike for rows of {target:,} tokens: add "
    "documents or build a shorter recipe",
    Reason.BELOW_TARGET: 'raise interleave.adjustment, or set interleave.fill = "even"',
    Reason.NO_EXACT_CUT: "choose another target_length",
}
"""What helps where candidates are discarded, by the reason why."""


def why_none(recipe: Recipe, outcome: SynthesisRecord, documents: int) -> str:
    """Why no candidate gave a row, and what to do; `documents` are those of the corpus."""
    return (
        f"recipe {recipe.name}: none of {outcome.candidates:,} candidates became a sample "
        f"({_reasons(outcome.discarded)}){_not_tried(outcome)}; {_remedies(recipe, outcome, documents)}"
    )


def why_so_few(recipe: Recipe, outcome: SynthesisRecord, documents: int) -> str:
    """Why the configuration was given up with the rows that it has, and what to do; see `why_none`."""
    return (
        f"{recipe.name}: only {outcome.kept:,} of {outcome.candidates:,} candidates became a sample "
        f"({_reasons(outcome.discarded)}){_not_tried(outcome)}; {_remedies(recipe, outcome, documents)}"
    )


class PoorYield:
    """Tells, once, of a configuration whose candidates hardly ever give a row, while it is made."""

    def __init__(self, recipe: Recipe) -> None:
        """Nothing was tried yet."""
        self._recipe = recipe
        self._candidates = self._kept = 0
        self._discarded = Counter[str]()
        self._is_told = False

    def look(self, run: Run, counts: Sequence[UnitCounts], wanted: int) -> None:
        """Count the candidates of some more units; `wanted` rows end it."""
        for one in counts:
            self._candidates += one.candidates
            self._kept += one.kept
            self._discarded.update(one.discarded)
        is_poor = self._candidates >= _TRIED_BEFORE_A_NOTE and self._kept < _POOR_YIELD * self._candidates
        if is_poor and self._kept < wanted and not self._is_told:
            self._is_told = True
            run.note(
                f"{self._recipe.name}: {self._kept:,} of {self._candidates:,} candidates became a sample so far "
                f"({_reasons(self._discarded)}); others are tried until there are enough rows, or until fewer than "
                f"one in {self._recipe.meta_documents.tries_for_a_row:,} gave one"
            )


def _not_tried(outcome: SynthesisRecord) -> str:
    if not outcome.given_up:
        return ""
    return f", and the other {outcome.given_up:,} were not tried, which a larger meta_documents.patience would do"


def _remedies(recipe: Recipe, outcome: SynthesisRecord, documents: int) -> str:
    """What helps, the most frequent reason first."""
    found = [_REMEDIES[Reason(reason)] for reason in _by_number(outcome.discarded) if Reason(reason) in _REMEDIES]
    return "; ".join(one.format(documents=documents, target=recipe.target_length) for one in found)


def _reasons(discarded: Mapping[str, int]) -> str:
    """Reasons with their numbers, the most frequent first."""
    words = {reason: reason.replace("_", " ") for reason in _by_number(discarded)}
    return ", ".join(f"{discarded[reason]:,} {said}" for reason, said in words.items())


def _by_number(discarded: Mapping[str, int]) -> list[str]:
    return sorted(discarded, key=lambda reason: (-discarded[reason], reason))
