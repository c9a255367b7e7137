"""The figure: recall by distance, and the price on short documents, as SVG."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.teaches import statistics
from benchmarks.teaches.arms import ARMS
from benchmarks.teaches.plan import Measure
from benchmarks.teaches.results import Results
from benchmarks.teaches.statistics import Estimate
from benchmarks.teaches.verdicts import difference, values

_LOOKS = {
    "A": ("#888888", "o--"),
    "S": ("#b5b5b5", "v:"),
    "B": ("#1f5fbf", "o-"),
    "C": ("#c2862b", "s--"),
    "D": ("#7a4fbf", "^-"),
    "E": ("#2b8a6e", "D-"),
    "M": ("#c0392b", "o-"),
}
"""Colour and line of the arms that are drawn; others are only in the tables."""
_CHANCE = 0.125
_SHORT = Measure(name="short documents", pool=("short/held", "short/other"))
_STYLE: dict[Any, Any] = {"font.size": 8, "svg.fonttype": "none", "svg.hashsalt": "teaches"}


def write_figure(results: Results, file: Path) -> None:
    """Draw the arms that are there; equal results give equal bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.2, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_recall(left, results)
        _draw_price(right, results)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, format="svg", metadata={"Date": None})


def _draw_recall(axes: Axes, results: Results) -> None:
    prefix = next(
        name for name in ("recall", "recall-8") if any(name == score.split("/")[0] for score in _scores(results))
    )
    distances = sorted({int(name.rsplit("/", 1)[1]) for name in _scores(results) if name.startswith(f"{prefix}/")})
    for arm, (colour, line) in _LOOKS.items():
        if not results.seeds(arm):
            continue
        found = [_estimate(results, arm, f"{prefix}/adjacent/*/{distance}") for distance in distances]
        label = f"{arm}: {ARMS[arm].words}"
        axes.plot(distances, [one.value for one in found], line, color=colour, label=label, markersize=4)
        axes.fill_between(
            distances, [one.low for one in found], [one.high for one in found], color=colour, alpha=0.1, linewidth=0
        )
    axes.axhline(_CHANCE, color="black", linewidth=0.6, linestyle=":")
    axes.text(distances[-1], _CHANCE + 0.01, "chance", ha="right")
    axes.set(
        title="Recall of a statement among distractors",
        xlabel="distance of the statement, tokens",
        xticks=distances,
        ylabel="right of eight words",
        ylim=(0, 1),
    )
    axes.legend(frameon=False)


def _draw_price(axes: Axes, results: Results) -> None:
    arms = [arm for arm in _LOOKS if arm != "S" and results.seeds(arm) and results.seeds("S")]
    found = [(arm, own.estimate) for arm in arms if (own := difference(results, arm, "S", _SHORT)) is not None]
    places = np.arange(len(found))[::-1]
    for place, (arm, estimate) in zip(places, found, strict=True):
        axes.barh(place, estimate.value, color=_LOOKS[arm][0], height=0.6)
        axes.plot([estimate.low, estimate.high], [place, place], color="black", linewidth=1)
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set(
        title="Price on short documents",
        xlabel="loss above S, nats a token (0: no price)",
        yticks=places,
        yticklabels=[arm for arm, _ in found],
    )


def _scores(results: Results) -> list[str]:
    return [name for one in results.answers.values() for name in one.scores]


def _estimate(results: Results, arm: str, pattern: str) -> Estimate:
    found = values(results, arm, Measure(name=pattern, mean=(pattern,)))
    return statistics.mean(np.zeros(1) if found is None else found)
