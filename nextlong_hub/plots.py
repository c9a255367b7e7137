"""Pictures of what `stats` measured, for a card, a page and a notebook: the same numbers, the same look.

Every function takes the statistics of a dataset, or of one configuration, and returns a matplotlib Figure, or None
where there is nothing to draw. Backgrounds are transparent and the ink is of middling lightness, so that a picture can
be read on white and on near-black; colours are told apart by the colour-blind too. The bytes of `png` are the same for
the same statistics: no date, no version of a program, and no setting of the machine's matplotlib goes into them.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from types import MappingProxyType

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from nextlong_hub.inert import visible_line
from nextlong_hub.stats.shape import ConfigStats, DatasetStats, Distribution, SegmentStats

META_COLOUR = "#2b8cd6"
"""Meta-chunks, and whatever there is only one of."""
NEGATIVE_COLOUR = "#e08214"
"""Hard negatives."""
INK = "#7d858f"
"""Text and lines: 3.8 to 1 on white, 5 to 1 on near-black."""

_COLOURS = (META_COLOUR, NEGATIVE_COLOUR, "#1fa187", "#c2589a", "#9a8f2c", "#6a78d1", "#b5533c", INK)
"""Told apart by the colour-blind, in this order; the last one is for all others together."""
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
_BINS = 90
"""Bars that fit beside each other in a strip."""
_SHORTEST_BAR = 0.06
"""What is there is seen, however rare."""
_LONGEST_NAME = 22
_NAMED_SOURCES = len(_COLOURS) - 1

Statistics = DatasetStats | ConfigStats


class Picture(Figure):
    """A figure that shows itself in a notebook, whether or not pyplot was ever imported there."""

    def _repr_png_(self) -> bytes:
        return png(self)


def lengths(stats: Statistics) -> Figure | None:
    """Tokens of the rows against the target length, one strip for each configuration."""
    shown = [(config, config.lengths) for config in _configs(stats) if config.lengths is not None]
    if not shown:
        return None
    with _style():
        figure, strips = _strips(len(shown))
        _tokens_axis(strips[-1], [d for _, d in shown], [c.target_length for c, _ in shown], "tokens in a row")
        for axes, (config, distribution) in zip(strips, shown, strict=True):
            _draw_strip(axes, config.config, distribution)
            _mark_target(axes, config.target_length)
            _note(axes, _length_note(config))
    return figure


def distances(stats: Statistics) -> Figure | None:
    """Tokens of negatives between a meta-chunk and the next one: what a model must bridge to follow its document."""
    shown = [(c, s.distance_tokens) for c, s in _segmented(stats) if s.distance_tokens is not None]
    if not shown:
        return None
    with _style():
        figure, strips = _strips(len(shown))
        targets = [config.target_length for config, _ in shown]
        label = "tokens between a meta-chunk and the next one of its document"
        _tokens_axis(strips[-1], [d for _, d in shown], targets, label)
        for axes, (config, distribution) in zip(strips, shown, strict=True):
            _draw_strip(axes, config.config, distribution)
            _mark_target(axes, config.target_length)
            axes.axvline(distribution.median, color=NEGATIVE_COLOUR, linewidth=1.6, zorder=4)
            _note(axes, f"median {distribution.median:,.0f}", NEGATIVE_COLOUR)
    return figure


def scores(stats: Statistics) -> Figure | None:
    """BM25 score of a negative by its rank: the median, the middle half, and nine tenths of all."""
    shown = [(config, segments) for config, segments in _segmented(stats) if segments.scores_by_rank]
    if not shown:
        return None
    with _style():
        figure, panels = _panels(len(shown))
        for axes, (config, segments) in zip(panels, shown, strict=True):
            bands = segments.scores_by_rank
            ranks = [(band.first_rank * band.last_rank) ** 0.5 for band in bands]
            at = {q: [band.scores.quantiles[q] for band in bands] for q in bands[0].scores.quantiles}
            axes.fill_between(ranks, at["5%"], at["95%"], color=NEGATIVE_COLOUR, alpha=0.22, linewidth=0)
            axes.fill_between(ranks, at["25%"], at["75%"], color=NEGATIVE_COLOUR, alpha=0.35, linewidth=0)
            axes.plot(ranks, at["50%"], color=NEGATIVE_COLOUR, linewidth=1.8, marker="o", markersize=2.5)
            axes.set_xscale("log")
            axes.set_xlim(left=0.9)
            axes.xaxis.set_major_formatter(lambda value, _: _amount(value))
            axes.xaxis.set_minor_formatter(lambda value, _: "")
            axes.set_title(_name(config.config))
        highest = max(band.scores.quantiles["95%"] for _, segments in shown for band in segments.scores_by_rank)
        panels[0].set_ylim(0, highest * 1.05)
        _label_panels(figure, panels, "rank of the negative", "BM25 score")
    return figure


def reuse(stats: Statistics) -> Figure | None:
    """How many different chunks serve as a negative in so many rows."""
    shown = [(c, s.reuse) for c, s in _segmented(stats) if s.reuse.chunks_by_uses is not None]
    if not shown:
        return None
    with _style():
        figure, panels = _panels(len(shown))
        for axes, (config, counted) in zip(panels, shown, strict=True):
            if counted.chunks_by_uses is not None:
                _draw_uses(axes, counted.chunks_by_uses)
            axes.set_yscale("log")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
            axes.yaxis.set_major_formatter(lambda value, _: _amount(value))
            axes.set_title(f"{_name(config.config)}: {counted.distinct:,} chunks")
        highest = max(bar.count for _, c in shown if c.chunks_by_uses for bar in c.chunks_by_uses.histogram)
        panels[0].set_ylim(0.7, highest * 1.5)
        _label_panels(figure, panels, "rows that share the same negative", "different chunks")
    return figure


def discards(stats: Statistics) -> Figure | None:
    """What became of the candidates: kept, or discarded for which reason."""
    shown = [(config, config.outcome) for config in _configs(stats) if config.outcome and config.outcome.candidates]
    if not shown:
        return None
    reasons = sorted({reason for _, outcome in shown for reason in outcome.discarded})
    with _style():
        figure, axes = _bars_figure(len(shown))
        for row, (_, outcome) in enumerate(shown):
            parts = [outcome.kept, *(outcome.discarded.get(reason, 0) for reason in reasons)]
            _stack(axes, row, parts, outcome.candidates)
            axes.text(1.01, row, f"{outcome.kept:,} of {outcome.candidates:,}", va="center", fontsize=9)
        labels = ["kept", *(f"discarded: {reason.replace('_', ' ')}" for reason in reasons)]
        _finish_bars(figure, axes, [_name(config.config) for config, _ in shown], labels, "share of the candidates")
    return figure


def sources(stats: Statistics) -> Figure | None:
    """Which sources the tokens of meta-chunks came from and, where that is known, those of negatives."""
    shown = [config for config in _configs(stats) if sum(source.meta_tokens for source in config.sources)]
    if not shown:
        return None
    totals: dict[str, int] = {}
    for source in (source for config in shown for source in config.sources):
        totals[source.name] = totals.get(source.name, 0) + source.meta_tokens + (source.negative_tokens or 0)
    names = sorted(totals, key=lambda name: (-totals[name], name))
    bars: list[tuple[str, Mapping[str, int]]] = []
    for config in shown:
        bars.append((f"{_name(config.config)} meta", {s.name: s.meta_tokens for s in config.sources}))
        if any(source.negative_tokens for source in config.sources):
            bars.append(("negatives", {s.name: s.negative_tokens or 0 for s in config.sources}))
    with _style():
        figure, axes = _bars_figure(len(bars))
        for row, (_, tokens) in enumerate(bars):
            parts = [tokens.get(name, 0) for name in names[:_NAMED_SOURCES]]
            rest = sum(tokens.get(name, 0) for name in names[_NAMED_SOURCES:])
            _stack(axes, row, [*parts, rest], sum(tokens.values()))
            axes.text(1.01, row, f"{_amount(sum(tokens.values()))} tokens", va="center", fontsize=9)
        others = [f"{len(names) - _NAMED_SOURCES} others"] if len(names) > _NAMED_SOURCES else []
        labels = [*map(_name, names[:_NAMED_SOURCES]), *others]
        _finish_bars(figure, axes, [label for label, _ in bars], labels, "share of the tokens")
    return figure


PLOTS: Mapping[str, Callable[[Statistics], Figure | None]] = MappingProxyType(
    {
        "lengths": lengths,
        "discards": discards,
        "scores": scores,
        "distances": distances,
        "reuse": reuse,
        "sources": sources,
    }
)
"""By name, in the order in which a card shows them."""


def png(figure: Figure) -> bytes:
    """A figure as PNG: the same bytes for the same figure."""
    sink = BytesIO()
    with _style(), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; tables beside the picture hold the name itself.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        FigureCanvasAgg(figure).print_figure(sink, format="png", dpi=figure.dpi, metadata={"Software": None})
    return sink.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's own defaults and our look, whatever the user has configured; nothing of it stays."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def _configs(stats: Statistics) -> Sequence[ConfigStats]:
    return stats.configs if isinstance(stats, DatasetStats) else (stats,)


def _segmented(stats: Statistics) -> list[tuple[ConfigStats, SegmentStats]]:
    return [(config, config.segments) for config in _configs(stats) if config.segments is not None]


def _figure(height: float) -> Figure:
    figure = Picture(figsize=(_WIDTH, height), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def _strips(count: int) -> tuple[Figure, list[Axes]]:
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


def _draw_strip(axes: Axes, name: str, distribution: Distribution) -> None:
    """The histogram, in the scale of the strip: the axis must have its limits before."""
    is_log = axes.get_xscale() == "log"
    scale, back = (math.log, math.exp) if is_log else (float, float)
    low, high = map(scale, axes.get_xlim())
    width = (high - low) / _BINS
    anchor = scale(distribution.median or 1)  # a single value stands exactly where it belongs
    counts: dict[int, int] = {}
    for bar in distribution.histogram:
        middle = (bar.lower + bar.upper) / 2
        number = round((max(low, scale(middle) if middle else low) - anchor) / width)
        counts[number] = counts.get(number, 0) + bar.count
    lefts = [back(anchor + (number - 0.45) * width) for number in counts]
    rights = [back(anchor + (number + 0.45) * width) for number in counts]
    highest = max(counts.values())
    axes.bar(
        lefts,
        [max(count / highest, _SHORTEST_BAR) for count in counts.values()],
        [right - left for left, right in zip(lefts, rights, strict=True)],
        align="edge",
        color=META_COLOUR,
        zorder=3,
    )
    axes.set_ylim(0, 1.25)
    axes.text(-0.015, 0.5, _name(name), transform=axes.transAxes, ha="right", va="center", fontsize=10)


def _draw_uses(axes: Axes, distribution: Distribution) -> None:
    bars = distribution.histogram
    widths = [max(bar.upper - bar.lower, 0.8) for bar in bars]
    axes.bar([(bar.lower + bar.upper) / 2 for bar in bars], [bar.count for bar in bars], widths, color=NEGATIVE_COLOUR)


def _tokens_axis(axes: Axes, shown: Sequence[Distribution], targets: Sequence[int | None], label: str) -> None:
    """A scale of tokens, by powers of two where lengths differ much, with room for every target."""
    limits = [float(target) for target in targets if target is not None]
    largest = max([d.maximum for d in shown] + limits)
    smallest = max(1.0, min([d.minimum for d in shown] + limits))
    axes.set_xlabel(label)
    if largest / smallest >= 4:
        axes.set_xscale("log", base=2)
        axes.set_xlim(smallest / 1.25, largest * 1.25)
    else:
        axes.set_xlim(smallest - 0.15 * largest, largest * 1.15)
    axes.xaxis.set_major_formatter(lambda value, _: _binary(value))


def _mark_target(axes: Axes, target: int | None) -> None:
    if target is not None:
        axes.axvline(target, color=INK, linewidth=1, linestyle=(0, (3, 2)))


def _note(axes: Axes, text: str, colour: str = INK) -> None:
    axes.text(1, 1.06, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color=colour)


def _length_note(config: ConfigStats) -> str:
    if config.target_length is None or config.on_target is None:
        return f"{config.rows:,} rows"
    if config.on_target == config.rows:
        return f"all {config.rows:,} rows on target"
    return f"{config.on_target:,} of {config.rows:,} rows on target"


def _panels(count: int) -> tuple[Figure, list[Axes]]:
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


def _label_panels(figure: Figure, panels: Sequence[Axes], x: str, y: str) -> None:
    for number, axes in enumerate(panels):
        if number % _PANELS_IN_A_ROW == 0:
            axes.set_ylabel(y)
    figure.text(0.5, 0.06 / figure.get_figheight(), x, ha="center", va="bottom", fontsize=9)


def _bars_figure(count: int) -> tuple[Figure, Axes]:
    """One axes with lying bars, and room for a legend above."""
    height = 0.35 + count * 0.34 + _BOTTOM
    figure = _figure(height)
    left, right = 1.45, 1.3
    box = (left / _WIDTH, _BOTTOM / height, 1 - (left + right) / _WIDTH, count * 0.34 / height)
    return figure, figure.add_axes(box)


def _stack(axes: Axes, row: int, parts: Sequence[int], whole: int) -> None:
    start = 0.0
    for part, colour in zip(parts, _cycle(len(parts)), strict=True):
        share = part / whole if whole else 0.0
        axes.barh(row, share, 0.66, left=start, color=colour)
        start += share


def _cycle(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _finish_bars(figure: Figure, axes: Axes, names: Sequence[str], labels: Sequence[str], label: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, fontsize=10)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel(label)
    handles = [Patch(color=colour) for colour in _cycle(len(labels))]
    # Each name takes the room it needs, so as many go into one line as fit.
    figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.01, 1), ncols=4, fontsize=8.5, handlelength=1.1)


def _name(name: str) -> str:
    shown = visible_line(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _binary(tokens: float) -> str:
    """A length as the field says it: 131,072 is 128K."""
    for suffix, scale in (("M", 1 << 20), ("K", 1 << 10)):
        if tokens >= scale:
            return f"{tokens / scale:.3g}{suffix}"
    return f"{tokens:,.3g}" if tokens < 10 else f"{tokens:,.0f}"


def _amount(number: float) -> str:
    for suffix, scale in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g}{suffix}"
    return f"{number:.3g}"
