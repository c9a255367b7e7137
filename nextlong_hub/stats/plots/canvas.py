"""What all pictures have in common: colours, type, the places of their axes, and how they become PNG."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nextlong_hub.core.printable import visible_line

META_COLOUR = "#2b8cd6"
"""Of meta-chunks, and of plots with one colour."""
NEGATIVE_COLOUR = "#e08214"
"""Hard negatives."""
INK = "#7d858f"
"""Text and lines: 3.8 to 1 on white, 5 to 1 on near-black."""

COLOURS = ("#1fa187", "#c2589a", "#9a8f2c", "#6a78d1", "#8a4a2f", INK)
"""Told apart by the colour-blind, in this order; the last one is for all others together. The colours of meta-chunks
and of negatives are not among them, as these parts are neither."""
_STYLE = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "text.color": INK,
    "text.parse_math": False,  # a name with dollar signs is a name
    "xtick.color": INK,
    "ytick.color": INK,
}
_DOTS_PER_INCH = 150
_WIDTH = 8.0
_LEFT, _RIGHT = 1.15, 0.25
_TOP, _BOTTOM = 0.05, 0.55
"""Margins around the axes, in inches."""
_PANELS_IN_A_ROW = 4
_LEGEND_COLUMNS = 3
LONGEST_CONFIG = 16
"""Characters of a configuration's name that fit beside its axes."""


class Picture(Figure):
    """A figure that shows itself in a notebook, whether or not pyplot was ever imported there."""

    def _repr_png_(self) -> bytes:
        return png(self)


def png(figure: Figure) -> bytes:
    """A figure as PNG: the same bytes for the same figure."""
    sink = BytesIO()
    with styled(), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; tables beside the picture hold the name itself.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        FigureCanvasAgg(figure).print_figure(sink, format="png", dpi=figure.dpi, metadata={"Software": None})
    return sink.getvalue()


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's own defaults and our look, in place of the user's configuration; it is restored afterwards."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def _figure(height: float) -> Figure:
    figure = Picture(figsize=(_WIDTH, height), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def make_strips(count: int) -> tuple[Figure, list[Axes]]:
    """Flat axes above each other that share what lies from left to right."""
    step = 0.62
    height = _TOP + count * step + _BOTTOM
    figure = _figure(height)
    strips: list[Axes] = []
    for number in range(count):
        bottom = _BOTTOM + (count - 1 - number) * step
        box = (_LEFT / _WIDTH, bottom / height, 1 - (_LEFT + _RIGHT) / _WIDTH, 0.38 / height)
        axes = figure.add_axes(box, sharex=strips[0] if strips else None)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(labelbottom=number == count - 1)
        strips.append(axes)
    return figure, strips


def make_panels(count: int) -> tuple[Figure, list[Axes]]:
    """Axes beside each other, and below where there are many, with the same scale upwards."""
    columns = min(count, _PANELS_IN_A_ROW)
    lines = -(-count // columns)
    height = lines * 2.4
    figure = _figure(height)
    left, gap, bottom, top = 0.75, 0.35, 0.5, 0.35
    width = (_WIDTH - left - _RIGHT - gap * (columns - 1)) / columns
    panels: list[Axes] = []
    for number in range(count):
        line, column = divmod(number, columns)
        x = left + column * (width + gap)
        y = (lines - 1 - line) * 2.4 + bottom
        box = (x / _WIDTH, y / height, width / _WIDTH, (2.4 - bottom - top) / height)
        axes = figure.add_axes(box, sharey=panels[0] if panels else None)
        axes.tick_params(labelleft=column == 0)
        panels.append(axes)
    return figure, panels


def label_panels(figure: Figure, panels: Sequence[Axes], x: str, y: str) -> None:
    """Name the scales of panels, once for all of them."""
    for number, axes in enumerate(panels):
        if number % _PANELS_IN_A_ROW == 0:
            axes.set_ylabel(y)
    figure.text(0.5, 0.06 / figure.get_figheight(), x, ha="center", va="bottom", fontsize=9)


def draw_shares(bars: Sequence[tuple[str, Mapping[str, int], str]], labels: Mapping[str, str], scale: str) -> Figure:
    """Lying bars of parts that fill them, below the names of the parts.

    Args:
        bars: the name of each, its parts by their keys, and what is written behind it.
        labels: the name of each part by its key, in the order to draw them; when there are more than colours, the last
            ones are drawn as one.
        scale: what the shares are of.
    """
    keys = list(labels)
    named, rest = keys[: len(COLOURS) - 1], keys[len(COLOURS) - 1 :]
    legend = [short_name(labels[key]) for key in named] + ([f"{len(rest):,} others"] if rest else [])
    top = 0.12 + 0.19 * -(-len(legend) // _LEGEND_COLUMNS)
    left, right, step = 1.45, 1.55, 0.34
    height = top + len(bars) * step + _BOTTOM
    figure = _figure(height)
    axes = figure.add_axes((left / _WIDTH, _BOTTOM / height, 1 - (left + right) / _WIDTH, len(bars) * step / height))
    for row, (_, parts, note) in enumerate(bars):
        sizes = [parts.get(key, 0) for key in named] + [sum(parts.get(key, 0) for key in rest)]
        whole, start = sum(sizes), 0.0
        for part, colour in zip(sizes, COLOURS, strict=False):
            axes.barh(row, part / whole, 0.66, left=start, color=colour)
            start += part / whole
        axes.text(1.01, row, note, va="center", fontsize=9)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_yticks(range(len(bars)), [short_name(name, LONGEST_CONFIG) for name, _, _ in bars], fontsize=10)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel(scale)
    figure.legend(
        [Patch(color=colour) for colour in COLOURS[: len(legend)]],
        legend,
        loc="upper left",
        bbox_to_anchor=(0.01, 1),
        ncols=_LEGEND_COLUMNS,
        fontsize=8.5,
        handlelength=1.1,
    )
    return figure


def short_name(name: str, characters: int = 32) -> str:
    """A name from a corpus, its hidden characters shown, and no longer than there is room."""
    shown = visible_line(name)
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}…"


def binary(tokens: float) -> str:
    """A length as the field says it: 131,072 is 128K."""
    for suffix, scale in (("M", 1 << 20), ("K", 1 << 10)):
        if tokens >= scale:
            return f"{tokens / scale:.3g}{suffix}"
    return f"{tokens:,.3g}" if tokens < 10 else f"{tokens:,.0f}"


def amount(number: float) -> str:
    """A count in short form: 38.2M."""
    for suffix, scale in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g}{suffix}"
    return f"{number:.3g}"
