"""The pictures of a card: drawn from the statistics, and found again in the text that shows them."""

import re

from nextlong_hub.stats import DatasetStats

ASSETS = "assets"
"""Folder of a card's pictures."""
PLOT_NAMES = ("lengths", "discards", "scores", "distances", "reuse", "sources")
"""Pictures that we draw, in the order of the card; `plots.PLOTS` has the functions."""
OUR_PICTURES = frozenset(f"{ASSETS}/{name}.png" for name in PLOT_NAMES)
"""Their paths in a dataset."""

_SHOWN = re.compile(rf"(?<![\w/.-])(?:\./)?{ASSETS}/((?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:png|jpe?g|gif|svg|webp))")


def draw_pictures(stats: DatasetStats) -> dict[str, bytes]:
    """Every picture there is something to draw for, as PNG by its path in the dataset."""
    from nextlong_hub import plots  # half a second, and only a card needs it

    figures = {name: plots.PLOTS[name](stats) for name in PLOT_NAMES}
    return {f"{ASSETS}/{name}.png": plots.png(figure) for name, figure in figures.items() if figure is not None}


def pictures_of(card: str) -> list[str]:
    """The files of `assets/` that a card shows, each once, in order."""
    return list(dict.fromkeys(f"{ASSETS}/{name}" for name in _SHOWN.findall(card)))
