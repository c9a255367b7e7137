"""What is in a dataset: a table with a column for each configuration, then what does not fit into one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nextlong_hub.reports.wording import LINE, NOTHING, count, words
from nextlong_hub.terminal import Rows, compact, show_line, show_table, size

if TYPE_CHECKING:
    from nextlong_hub.stats import ConfigStats, DatasetStats, Distribution, SegmentStats

_HUBS = 5
_BAR_WIDTH = 28
_LONGEST_NAME = 32


def show_stats(stats: "DatasetStats") -> None:
    """Print everything a card shows, as tables."""
    configs = stats.configs
    rows: list[tuple[str, Sequence[str]]] = [*_size_rows(configs)]
    for more in (_packing_rows(configs), _segment_rows(configs), _outcome_rows(configs)):
        if more:
            rows += [LINE, *more]
    show_table(rows, [config.config for config in configs])
    show_line("x (y to z): the median, and between what nine tenths of all lie.", "dim")
    for config in configs:
        _show_scores(config)
        _show_sources(config)
        _show_hubs(config)


def _size_rows(configs: "Sequence[ConfigStats]") -> Rows:
    return [
        ("rows", [count(config.rows) for config in configs]),
        ("tokens", [count(config.tokens) for config in configs]),
        ("characters", [count(config.characters) for config in configs]),
        ("characters a token", [f"{config.characters_per_token:.2f}" for config in configs]),
        ("on disk", [NOTHING if config.bytes is None else size(config.bytes) for config in configs]),
        ("target length", [count(config.target_length) for config in configs]),
        ("rows on target", [count(config.on_target) for config in configs]),
        ("tokens in a row", [_spread(config.lengths) for config in configs]),
    ]


def _packing_rows(configs: "Sequence[ConfigStats]") -> Rows:
    packed = [config.packing for config in configs]
    if not any(packed):
        return []
    return [
        ("documents", [count(one.documents) if one else NOTHING for one in packed]),
        ("documents a row", [_spread(one.documents_per_row) if one else NOTHING for one in packed]),
        ("tokens a document", [_spread(one.document_tokens) if one else NOTHING for one in packed]),
        ("filled", [NOTHING if config.fill is None else f"{config.fill:.1%}" for config in configs]),
    ]


def _segment_rows(configs: "Sequence[ConfigStats]") -> Rows:
    segments = [config.segments for config in configs]
    if not any(one and one.negatives for one in segments):
        return []

    def row(label: str, value: "Callable[[SegmentStats], str]") -> tuple[str, Sequence[str]]:
        return label, [NOTHING if one is None else value(one) for one in segments]

    tokens = [max(1, config.tokens) for config in configs]
    shares = list(zip(segments, tokens, strict=True))
    return [
        row("meta-chunks", lambda one: count(one.meta_chunks)),
        ("  share of tokens", [f"{one.meta_tokens / all_of:.1%}" if one else NOTHING for one, all_of in shares]),
        row("negatives", lambda one: count(one.negatives)),
        ("  share of tokens", [f"{one.negative_tokens / all_of:.1%}" if one else NOTHING for one, all_of in shares]),
        row("  after a meta-chunk", lambda one: _spread(one.negatives_per_meta_chunk)),
        row("  BM25 score", lambda one: _spread(one.scores)),
        row("tokens to next meta-chunk", lambda one: _spread(one.distance_tokens)),
        row("  characters", lambda one: _spread(one.distance_characters)),
        row("different negatives", lambda one: count(one.reuse.distinct)),
        row("  most rows that share one", lambda one: count(one.reuse.largest)),
        row("  inequality (Gini)", lambda one: f"{one.reuse.gini:.2f}"),
    ]


def _outcome_rows(configs: "Sequence[ConfigStats]") -> Rows:
    outcomes = [config.outcome for config in configs]
    if not any(outcomes):
        return []
    reasons = sorted({reason for one in outcomes if one for reason in one.discarded})
    return [
        ("candidates", [count(one.candidates) if one else NOTHING for one in outcomes]),
        ("  kept", [count(one.kept) if one else NOTHING for one in outcomes]),
        *(
            (f"  {words(reason)}", [count(one.discarded.get(reason, 0)) if one else NOTHING for one in outcomes])
            for reason in reasons
        ),
        ("near-duplicates passed over", [count(one.near_duplicates) if one else NOTHING for one in outcomes]),
    ]


def _show_scores(config: "ConfigStats") -> None:
    bands = config.segments.scores_by_rank if config.segments else ()
    if not bands:
        return
    show_line()
    show_line(f"{config.config}: BM25 score by rank", "bold")
    highest = max(band.scores.median for band in bands)
    rows = []
    for band in bands:
        ranks = f"{band.first_rank}" if band.first_rank == band.last_rank else f"{band.first_rank}-{band.last_rank}"
        rows.append((ranks, [_bar(band.scores.median / highest), _spread(band.scores), count(band.scores.count)]))
    show_table(rows, ["", "score", "negatives"])


def _show_sources(config: "ConfigStats") -> None:
    listed = [source for source in config.sources if source.meta_tokens]
    if len(listed) < 2:
        return
    show_line(f"{config.config}: where the meta-chunks came from", "bold")
    whole = sum(source.meta_tokens for source in listed)
    rows = [
        (
            _name(source.name),
            [_bar(source.meta_tokens / whole), f"{source.meta_tokens / whole:.1%}", count(source.rows)],
        )
        for source in listed
    ]
    show_table(rows, ["", "tokens", "rows"])


def _show_hubs(config: "ConfigStats") -> None:
    hubs = [hub for hub in (config.segments.reuse.hubs if config.segments else ()) if hub.rows > 1]
    if not hubs:
        return
    show_line(f"{config.config}: the most used negatives", "bold")
    show_table([(_name(hub.document), [str(hub.chunk), count(hub.rows)]) for hub in hubs[:_HUBS]], ["chunk", "rows"])


def _spread(distribution: "Distribution | None") -> str:
    if distribution is None:
        return NOTHING
    low, high = distribution.quantiles["5%"], distribution.quantiles["95%"]
    if low == high:
        return _short(low)
    return f"{_short(distribution.median)} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    return compact(value) if value >= 10_000 else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _bar(share: float) -> str:
    return "█" * (filled := round(share * _BAR_WIDTH)) + "░" * (_BAR_WIDTH - filled)


def _name(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
