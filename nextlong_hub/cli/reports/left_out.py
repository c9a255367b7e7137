"""Rows of the report of `stats`: what rows repeat of themselves, and what selection and cut left out of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import count, words
from nextlong_hub.core.printable import NOTHING
from nextlong_hub.terminal import Rows

if TYPE_CHECKING:
    from nextlong_hub.stats import OnEndStats, RepeatStats, SelectionStats


def repeat_rows(repeats: "Sequence[Sequence[RepeatStats]]") -> Rows:
    """Shares of the runs of tokens that occurred before in their document, by the distance to the last time.

    Args:
        repeats: of each configuration.
    """
    by_run = [{one.run_tokens: one for one in those} for those in repeats]
    lengths = sorted({run_tokens for those in by_run for run_tokens in those})
    return [row for length in lengths for row in _run_rows(length, [those.get(length) for those in by_run])]


def on_end_rows(stats: "Sequence[OnEndStats | None]") -> Rows:
    """How often on end a few tokens stand in a row at the most, and the rows that some trainers mask for it.

    Args:
        stats: of each configuration.
    """
    if not any(stats):
        return []
    return [
        ("times a few tokens stand on end", [NOTHING if one is None else count(one.most_times) for one in stats]),
        ("  rows masked by OLMo-core, MaxText", [NOTHING if one is None else count(one.masked_rows) for one in stats]),
    ]


def selection_rows(selections: "Sequence[SelectionStats | None]") -> Rows:
    """What choices of a recipe passed over, and what a cut took of meta-chunks; nothing where nothing was.

    Args:
        selections: of each configuration.
    """

    def row(label: str, value: "Callable[[SelectionStats], int]") -> tuple[str, Sequence[str]]:
        return label, [NOTHING if one is None else count(value(one)) for one in selections]

    def passed_over(reason: str) -> tuple[str, Sequence[str]]:
        return row(f"{words(reason)}, not taken", lambda one: one.passed_over.get(reason, 0))

    reasons = sorted({reason for one in selections if one for reason in one.passed_over})
    further = [
        row("rows with a relaxed guard", lambda one: one.relaxed),
        row("rows cut in a meta-chunk", lambda one: one.cut_samples),
        row("  meta-chunks cut off", lambda one: one.cut_meta_chunks),
    ]
    return [*map(passed_over, reasons), *(one for one in further if any(cell not in (NOTHING, "0") for cell in one[1]))]


def _run_rows(run_tokens: int, repeats: "Sequence[RepeatStats | None]") -> Rows:
    def row(label: str, value: "Callable[[RepeatStats], float]") -> tuple[str, Sequence[str]]:
        return label, [NOTHING if one is None else f"{value(one):.2%}" for one in repeats]

    return [
        row(f"runs of {run_tokens} tokens repeated", lambda one: one.near + one.farther + one.far),
        row("  from under 1K back", lambda one: one.near),
        row("  from 1K to 4K back", lambda one: one.farther),
        row("  from 4K back or more", lambda one: one.far),
    ]
