"""The six pictures, each from the numbers of one configuration or of several."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nextlong_hub.stats.plots.canvas import (
    COLOURS,
    INK,
    LONGEST_CONFIG,
    META_COLOUR,
    NEGATIVE_COLOUR,
    amount,
    binary,
    draw_shares,
    label_panels,
    make_panels,
    make_strips,
    short_name,
    styled,
)
from nextlong_hub.stats.shape import ConfigStats, DatasetStats, Distribution, RankScores, SegmentStats

_BINS = 90
"""Bars that fit beside each other in a strip."""
_SHORTEST_BAR = 0.06
"""What is there is seen, however rare."""

Statistics = DatasetStats | ConfigStats


def lengths(stats: Statistics) -> Figure | None:
    """Tokens of the rows against the target length, one strip for each configuration."""
    shown = [(config, config.lengths) for config in _configs(stats) if config.lengths is not None]
    if not shown:
        return None
    with styled():
        figure, strips = make_strips(len(shown))
        _tokens_axis(
            strips[-1],
            [d for _, d in shown],
            [c.target_length for c, _ in shown],
            "tokens in a row (128K is 131,072); height: rows",
        )
        for axes, (config, distribution) in zip(strips, shown, strict=True):
            _draw_strip(axes, config.config, distribution)
            _mark_target(axes, config.target_length)
            _note(axes, _length_note(config))
    return figure


def distances(stats: Statistics) -> Figure | None:
    """Tokens of negatives between a meta-chunk and the next one: what a model must bridge to follow its document."""
    shown = [(c, s.distance_tokens) for c, s in _segmented(stats) if s.distance_tokens and s.distance_tokens.maximum]
    if not shown:
        return None
    with styled():
        figure, strips = make_strips(len(shown))
        targets = [config.target_length for config, _ in shown]
        label = "tokens between a meta-chunk and the next one of its document (64K is 65,536); height: pairs"
        _tokens_axis(strips[-1], [d for _, d in shown], targets, label)
        for axes, (config, distribution) in zip(strips, shown, strict=True):
            _draw_strip(axes, config.config, distribution)
            _mark_target(axes, config.target_length)
            axes.axvline(distribution.median, color=NEGATIVE_COLOUR, linewidth=1.6, zorder=4)
            _note(axes, f"median {distribution.median:,.0f}", NEGATIVE_COLOUR)
    return figure


def scores(stats: Statistics) -> Figure | None:
    """Score of a negative by its rank: the median, the middle half, and nine tenths of all.

    Of a mixture the median of each recipe: one curve for all would jump where the rows of the shorter ones end.
    """
    shown = [(config, segments) for config, segments in _segmented(stats) if segments.scores_by_rank]
    if not shown:
        return None
    with styled():
        figure, panels = make_panels(len(shown))
        for axes, (config, segments) in zip(panels, shown, strict=True):
            if segments.scores_by_recipe:
                for (recipe, bands), colour in zip(segments.scores_by_recipe.items(), cycle(COLOURS)):
                    _draw_medians(axes, bands, colour, short_name(recipe, LONGEST_CONFIG))
                axes.legend(fontsize=8)
            else:
                bands = segments.scores_by_rank
                ranks = _middles(bands)
                at = {q: [band.scores.quantiles[q] for band in bands] for q in bands[0].scores.quantiles}
                axes.fill_between(ranks, at["5%"], at["95%"], color=NEGATIVE_COLOUR, alpha=0.22, linewidth=0)
                axes.fill_between(ranks, at["25%"], at["75%"], color=NEGATIVE_COLOUR, alpha=0.35, linewidth=0)
                _draw_medians(axes, bands, NEGATIVE_COLOUR)
            axes.set_xscale("log")
            axes.set_xlim(left=0.9)
            axes.xaxis.set_major_formatter(lambda value, _: amount(value))
            axes.xaxis.set_minor_formatter(lambda value, _: "")
            axes.set_title(short_name(config.config, LONGEST_CONFIG))
        drawn = [edge for _, segments in shown for edge in _score_edges(segments)]
        lowest, highest = min(drawn), max(drawn)
        panels[0].set_ylim(min(0, lowest * 1.05), max(0, highest * 1.05) or -lowest * 0.05 or 1)
        names = dict.fromkeys(segments.score_name for _, segments in shown)
        label_panels(figure, panels, "rank of the negative", " or ".join(names))
    return figure


def reuse(stats: Statistics) -> Figure | None:
    """How many different chunks serve as a negative in so many rows."""
    shown = [(c, s.reuse) for c, s in _segmented(stats) if s.reuse.chunks_by_uses is not None]
    if not shown:
        return None
    with styled():
        figure, panels = make_panels(len(shown))
        for axes, (config, counted) in zip(panels, shown, strict=True):
            if counted.chunks_by_uses is not None:
                _draw_uses(axes, counted.chunks_by_uses)
            axes.set_yscale("log")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=4 if len(shown) > 2 else 9, integer=True))
            axes.yaxis.set_major_formatter(lambda value, _: amount(value))
            axes.set_title(f"{short_name(config.config, LONGEST_CONFIG)}: {counted.distinct:,} chunks")
        highest = max(bar.count for _, c in shown if c.chunks_by_uses for bar in c.chunks_by_uses.histogram)
        panels[0].set_ylim(0.7, highest * 1.5)
        label_panels(figure, panels, "rows that share the same negative", "different chunks")
    return figure


def discards(stats: Statistics) -> Figure | None:
    """What became of the candidates: kept, or discarded for which reason."""
    shown = [(config, config.outcome) for config in _configs(stats) if config.outcome and config.outcome.candidates]
    if not shown:
        return None
    reasons = sorted({reason for _, outcome in shown for reason in outcome.discarded})
    labels = {"": "kept"} | {reason: reason.replace("_", " ") for reason in reasons}
    bars = [
        (config.config, {"": outcome.kept, **outcome.discarded}, f"{outcome.kept:,} of {outcome.candidates:,}")
        for config, outcome in shown
    ]
    with styled():
        return draw_shares(bars, labels, "share of the candidates: kept, and discarded by reason")


def sources(stats: Statistics) -> Figure | None:
    """Which sources the tokens of meta-chunks, or of whole texts, came from and, where it is known, of negatives."""
    shown = [config for config in _configs(stats) if sum(source.meta_tokens for source in config.sources)]
    if not shown:
        return None
    totals: dict[str, int] = {}
    for source in (source for config in shown for source in config.sources):
        totals[source.name] = totals.get(source.name, 0) + source.meta_tokens + (source.negative_tokens or 0)
    names = sorted(totals, key=lambda name: (-totals[name], name))
    bars: list[tuple[str, Mapping[str, int], str]] = []
    for config in shown:
        metas = {source.name: source.meta_tokens for source in config.sources}
        negatives = {source.name: source.negative_tokens or 0 for source in config.sources}
        is_known = any(negatives.values())
        note = f"{amount(sum(metas.values()))} {'of meta-chunks' if is_known else 'tokens'}"
        bars.append((config.config, metas, note))
        if is_known:
            bars.append(("", negatives, f"{amount(sum(negatives.values()))} of negatives"))
    with styled():
        return draw_shares(bars, {name: name for name in names}, "share of the tokens")


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


def tells(name: str, stats: Statistics) -> bool:
    """Whether a picture would say more than one number does: one bar in each of its axes says that all is the same."""
    configs = _configs(stats)
    if name == "lengths":
        return any(one.lengths and one.lengths.minimum < one.lengths.maximum for one in configs)
    if name == "discards":
        return any(one.outcome and one.outcome.discarded for one in configs)
    if name == "distances":
        spreads = [segments.distance_tokens for _, segments in _segmented(stats)]
        return any(spread and spread.minimum < spread.maximum for spread in spreads)
    if name == "reuse":
        return any(segments.reuse.largest > 1 for _, segments in _segmented(stats))
    if name == "sources":
        return len({source.name for one in configs for source in one.sources}) > 1
    return True


def _configs(stats: Statistics) -> Sequence[ConfigStats]:
    return stats.configs if isinstance(stats, DatasetStats) else (stats,)


def _segmented(stats: Statistics) -> list[tuple[ConfigStats, SegmentStats]]:
    return [(config, config.segments) for config in _configs(stats) if config.segments is not None]


def _draw_strip(axes: Axes, name: str, distribution: Distribution) -> None:
    """The histogram, in the logarithmic scale of the strip: the axis must have its limits before."""
    low, high = map(math.log, axes.get_xlim())
    width = (high - low) / _BINS
    anchor = math.log(distribution.median or 1)  # a single value stands exactly where it belongs
    counts: dict[int, int] = {}
    for bar in distribution.histogram:
        middle = (bar.lower + bar.upper) / 2
        number = round((max(low, math.log(middle) if middle else low) - anchor) / width)
        counts[number] = counts.get(number, 0) + bar.count
    lefts = [math.exp(anchor + (number - 0.45) * width) for number in counts]
    rights = [math.exp(anchor + (number + 0.45) * width) for number in counts]
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
    axes.text(
        -0.015, 0.5, short_name(name, LONGEST_CONFIG), transform=axes.transAxes, ha="right", va="center", fontsize=10
    )


def _score_edges(segments: SegmentStats) -> Iterator[float]:
    """The lowest and the highest score that is drawn of each band."""
    for bands in segments.scores_by_recipe.values() or [segments.scores_by_rank]:
        for band in bands:
            spread = band.scores.quantiles
            yield from (spread["50%"],) if segments.scores_by_recipe else (spread["5%"], spread["95%"])


def _middles(bands: Sequence[RankScores]) -> list[float]:
    return [(band.first_rank * band.last_rank) ** 0.5 for band in bands]


def _draw_medians(axes: Axes, bands: Sequence[RankScores], colour: str, label: str = "") -> None:
    medians = [band.scores.median for band in bands]
    axes.plot(_middles(bands), medians, color=colour, linewidth=1.8, marker="o", markersize=2.5, label=label)


def _draw_uses(axes: Axes, distribution: Distribution) -> None:
    bars = distribution.histogram
    widths = [max(bar.upper - bar.lower, 0.8) for bar in bars]
    axes.bar([(bar.lower + bar.upper) / 2 for bar in bars], [bar.count for bar in bars], widths, color=NEGATIVE_COLOUR)


def _tokens_axis(axes: Axes, shown: Sequence[Distribution], targets: Sequence[int | None], label: str) -> None:
    """A scale of tokens by powers of two, two of which are seen at least, with room for every target."""
    limits = [float(target) for target in targets if target is not None]
    smallest = max(1.0, min([d.minimum for d in shown] + limits))
    largest = max([smallest] + [d.maximum for d in shown] + limits)
    axes.set_xlabel(label)
    margin = max(1.25, 2.5 / (largest / smallest))
    axes.set_xscale("log", base=2)
    axes.set_xlim(smallest / margin, largest * margin)
    axes.xaxis.set_major_formatter(lambda value, _: binary(value))


def _mark_target(axes: Axes, target: int | None) -> None:
    if target is not None:
        axes.axvline(target, color=INK, linewidth=1, linestyle=(0, (3, 2)))


def _note(axes: Axes, text: str, colour: str = INK) -> None:
    axes.text(1, 1.06, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color=colour)


def _length_note(config: ConfigStats) -> str:
    if config.on_target is None:
        return f"{config.rows:,} rows" if config.fill is None else f"{config.rows:,} rows, filled {config.fill:.1%}"
    if config.on_target == config.rows:
        return f"all {config.rows:,} rows on target"
    return f"{config.on_target:,} of {config.rows:,} rows on target"
