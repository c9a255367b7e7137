"""The report of `stats`: a table with a column for each configuration, then scores, sources, reuse and tokenizers."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.left_out import repeat_rows, selection_rows
from nextlong_hub.cli.reports.wording import LINE, count, show_controls, words
from nextlong_hub.core.printable import NOTHING, compact, size, visible_line
from nextlong_hub.stats.shape import score_names
from nextlong_hub.terminal import Rows, show_line, show_table

if TYPE_CHECKING:
    from nextlong_hub.stats import (
        ConfigStats,
        DatasetStats,
        Distribution,
        OutcomeStats,
        RankScores,
        SegmentStats,
        TokenizerStats,
    )

_HUBS = 5
_SOURCES = 12
_BAR_WIDTH = 24
_LONGEST_NAME = 32
_REACHED = {"65536": "64K", "131072": "128K", "524288": "512K"}


def show_stats(stats: "DatasetStats") -> None:
    """Print the statistics of a card as tables; for a single configuration also the distribution of its scores."""
    configs = stats.configs
    parts = (
        *(_size_rows, _packing_rows, _mix_rows, _conversation_rows),
        *(_segment_rows, _link_rows, _chunk_rows, _repeat_rows, _outcome_rows),
    )
    blocks = [rows for part in parts if (rows := part(configs))]
    show_table([row for block in blocks for row in (LINE, *block)][1:], [config.config for config in configs])
    show_controls([config.config for config in configs if config.is_control])
    show_line("x (y-z): the median, and between what nine tenths of all lie.", "dim")
    if any(config.links and config.links.difficulty for config in configs):
        show_line("Difficulty: chunks that rank above the best other one of the document.", "dim")
    for config in configs:
        if config.mix and config.mix.reason:
            show_line(
                f"{config.config}: {config.mix.share:.1%} of the tokens are ordinary documents, not "
                f"{config.mix.wanted_share:.1%}: {config.mix.reason}.",
                "bold yellow",
            )
    if len(configs) == 1:
        _show_scores(configs[0])
        _show_sources(configs[0])
        _show_hubs(configs[0])
    else:
        _show_overlaps(stats)
        _compare_scores(configs)
        _compare_sources(configs)
    _show_tokenizers(stats.portability)
    if len(configs) > 1 and any(config.segments and config.segments.negatives for config in configs):
        show_line("Name one CONFIG to see how its scores are spread, and its most used negatives.", "dim")


def _size_rows(configs: "Sequence[ConfigStats]") -> Rows:
    return [
        ("rows", [count(config.rows) for config in configs]),
        *_if_any(("  on target", [count(config.on_target) for config in configs])),
        *_if_any(("  over target", [count(config.over_target or None) for config in configs])),
        *_if_any(("  spell special tokens", [count(config.spelled_rows or None) for config in configs])),
        ("tokens", [count(config.tokens) for config in configs]),
        *_if_any(("  target of a row", [count(config.target_length) for config in configs])),
        ("  shortest row", [count(int(config.lengths.minimum) if config.lengths else None) for config in configs]),
        ("  longest row", [count(int(config.lengths.maximum) if config.lengths else None) for config in configs]),
        *_if_any(("  filled", [NOTHING if config.fill is None else f"{config.fill:.1%}" for config in configs])),
        *_if_any(("  with loss", [_share(config.learnt_tokens, config.tokens) for config in configs])),
        ("characters", [count(config.characters or None) for config in configs]),
        ("  a token", [f"{config.characters_per_token:.2f}" if config.characters else NOTHING for config in configs]),
        *_if_any(("on disk", [NOTHING if config.bytes is None else size(config.bytes) for config in configs])),
    ]


def _packing_rows(configs: "Sequence[ConfigStats]") -> Rows:
    packed = [config.packing for config in configs]
    if not any(packed):
        return []
    return [
        ("packed documents", [count(one.documents) if one else NOTHING for one in packed]),
        ("  in a row", [_spread(one.documents_per_row) if one else NOTHING for one in packed]),
        ("  tokens of one", [_spread(one.document_tokens) if one else NOTHING for one in packed]),
        *_if_any(("  padding", [count(one.padding_tokens or None) if one else NOTHING for one in packed])),
    ]


def _mix_rows(configs: "Sequence[ConfigStats]") -> Rows:
    mixes = [config.mix for config in configs]
    if not any(mixes):
        return []
    return [
        ("samples", [count(one.samples) if one else NOTHING for one in mixes]),
        ("ordinary documents", [count(one.documents) if one else NOTHING for one in mixes]),
        ("  share of tokens", [f"{one.share:.1%}" if one else NOTHING for one in mixes]),
        ("    asked for", [f"{one.wanted_share:.1%}" if one else NOTHING for one in mixes]),
    ]


def _conversation_rows(configs: "Sequence[ConfigStats]") -> Rows:
    conversations = [config.conversations for config in configs]
    if not any(conversations):
        return []
    roles = sorted({role for one in conversations if one for role in one.messages})
    return [
        ("messages", [count(sum(one.messages.values())) if one else NOTHING for one in conversations]),
        *(
            (f"  {role}", [count(one.messages.get(role, 0)) if one else NOTHING for one in conversations])
            for role in roles
        ),
        (
            "  share of tokens",
            [
                _share(sum(one.message_tokens.values()), config.tokens) if one else NOTHING
                for one, config in zip(conversations, configs, strict=True)
            ],
        ),
        *(
            (
                f"    {role}",
                [
                    _share(one.message_tokens.get(role, 0), config.tokens) if one else NOTHING
                    for one, config in zip(conversations, configs, strict=True)
                ],
            )
            for role in roles
        ),
    ]


def _segment_rows(configs: "Sequence[ConfigStats]") -> Rows:
    segments = [config.segments for config in configs]
    if not any(one and one.negatives for one in segments):
        return []

    def row(label: str, value: "Callable[[SegmentStats], str]") -> tuple[str, Sequence[str]]:
        return label, [NOTHING if one is None else value(one) for one in segments]

    def share(label: str, value: "Callable[[SegmentStats], int]") -> tuple[str, Sequence[str]]:
        return label, [
            NOTHING if one is None else _share(value(one), config.tokens)
            for one, config in zip(segments, configs, strict=True)
        ]

    def scores(name: str) -> tuple[str, Sequence[str]]:
        return row(f"  {_name(name)}", lambda one: _spread(one.scores if one.score_name == name else None))

    return [
        row("meta-chunks", lambda one: count(one.meta_chunks)),
        share("  share of tokens", lambda one: one.meta_tokens),
        row("  tokens to the next", lambda one: _spread(one.distance_tokens)),
        row("  characters to it", lambda one: _spread(one.distance_characters)),
        row("hard negatives", lambda one: count(one.negatives)),
        share("  share of tokens", lambda one: one.negative_tokens),
        row("  after a meta-chunk", lambda one: _spread(one.negatives_per_meta_chunk)),
        *(scores(name) for name in score_names(configs)),
        row("  different ones", lambda one: count(one.reuse.distinct)),
        row("  most uses of one", lambda one: count(one.reuse.largest)),
        row("  uneven use (Gini)", lambda one: f"{one.reuse.gini:.2f}"),
        row("tokens between segments", lambda one: count(one.other_tokens)),
        share("  share of tokens", lambda one: one.other_tokens),
    ]


def _chunk_rows(configs: "Sequence[ConfigStats]") -> Rows:
    chunks = [config.chunks for config in configs]
    if not any(chunks):
        return []
    return [
        ("different chunks", [count(one.different) if one else NOTHING for one in chunks]),
        ("  unique tokens", [count(one.unique_tokens) if one else NOTHING for one in chunks]),
        ("  tokens repeated", [f"{one.repeated_share:.1%}" if one else NOTHING for one in chunks]),
        *_if_any(
            (
                "  elsewhere, too",
                [NOTHING if one is None or one.shared_share is None else f"{one.shared_share:.1%}" for one in chunks],
            )
        ),
    ]


def _show_overlaps(stats: "DatasetStats") -> None:
    if not stats.overlaps:
        return
    _show_heading("What configurations have in common, but for rows of the same recipe")
    rows = [
        (
            f"{_name(pair.one)}, {_name(pair.other)}",
            [count(pair.documents), count(pair.chunks), f"{pair.one_share:.1%}", f"{pair.other_share:.1%}"],
        )
        for pair in stats.overlaps
    ]
    show_table(rows, ["documents", "chunks", "tokens of one", "of the other"])
    show_line(f"Unique tokens of all together: {stats.unique_tokens:,}. Documents: extended, or there whole.", "dim")


def _link_rows(configs: "Sequence[ConfigStats]") -> Rows:
    links = [config.links for config in configs]
    if not any(links):
        return []
    return [
        ("links in a sample", [_spread(one.links if one else None) for one in links]),
        ("  % meta-document", [_spread(one.meta_percent if one else None) for one in links]),
        *_if_any(("  difficulty", [_spread(one.difficulty if one else None) for one in links])),
    ]


def _repeat_rows(configs: "Sequence[ConfigStats]") -> Rows:
    return repeat_rows([config.repeats for config in configs])


def _outcome_rows(configs: "Sequence[ConfigStats]") -> Rows:
    outcomes = [config.outcome for config in configs]
    if not any(outcomes):
        return []

    def row(label: str, value: "Callable[[OutcomeStats], int]") -> tuple[str, Sequence[str]]:
        return label, [NOTHING if one is None else count(value(one)) for one in outcomes]

    def reasons(of: "Callable[[OutcomeStats], Mapping[str, int]]") -> Rows:
        names = sorted({reason for one in outcomes if one for reason, number in of(one).items() if number})
        return [
            (f"    {words(name)}", [NOTHING if one is None else count(of(one).get(name, 0)) for one in outcomes])
            for name in names
        ]

    unfit = reasons(lambda one: one.not_eligible)
    searched = any(one and one.queries for one in outcomes)
    return [
        row("candidates", lambda one: one.candidates),
        row("  kept", lambda one: one.kept),
        row("    cut to length", lambda one: one.truncated),
        row("    tokens cut", lambda one: one.truncated_tokens),
        row("  discarded", lambda one: sum(one.discarded.values())),
        *reasons(lambda one: one.discarded),
        *([row("no candidates", lambda one: sum(one.not_eligible.values())), *unfit] if unfit else []),
        *([row("near-duplicates not taken", lambda one: one.near_duplicates)] if searched else []),
        *selection_rows([one.selection if one else None for one in outcomes]),
    ]


def _show_scores(config: "ConfigStats") -> None:
    bands = config.segments.scores_by_rank if config.segments else ()
    if not bands:
        return
    _show_heading(f"{_score_title([config])} by rank")
    medians = [band.scores.median for band in bands]
    lowest = min(0.0, *medians)
    span = max(0.0, *medians) - lowest or 1.0
    rows = [
        (_ranks([band]), [_bar((band.scores.median - lowest) / span), _spread(band.scores), count(band.scores.count)])
        for band in bands
    ]
    show_table(rows, ["median", "score", "negatives"])


def _score_title(configs: "Sequence[ConfigStats]") -> str:
    names = _name(" or ".join(score_names(configs)))
    return names[:1].upper() + names[1:]


def _compare_scores(configs: "Sequence[ConfigStats]") -> None:
    bands: dict[int, dict[str, RankScores]] = {}
    for config in configs:
        for band in config.segments.scores_by_rank if config.segments else ():
            bands.setdefault(band.first_rank, {})[config.config] = band
    if not bands:
        return
    _show_heading(f"{_score_title(configs)} by rank, the median")
    rows = [
        (
            _ranks(list(those.values())),
            [_short(those[c.config].scores.median) if c.config in those else NOTHING for c in configs],
        )
        for _, those in sorted(bands.items())
    ]
    show_table(rows, [config.config for config in configs])


def _show_sources(config: "ConfigStats") -> None:
    if len(config.sources) < 2:
        return
    _show_heading(_sources_heading([config]))
    whole = max(1, sum(source.meta_tokens for source in config.sources))
    negatives = sum(source.negative_tokens or 0 for source in config.sources)
    rows = [
        (
            _name(source.name),
            [
                _bar(source.meta_tokens / whole),
                f"{source.meta_tokens / whole:.1%}",
                *([_share(source.negative_tokens, negatives)] if negatives else []),
                count(source.rows),
            ],
        )
        for source in config.sources[:_SOURCES]
    ]
    show_table(rows, ["", "tokens", *(["negatives"] if negatives else []), "rows"])
    _show_left_out(len(config.sources) - _SOURCES)


def _compare_sources(configs: "Sequence[ConfigStats]") -> None:
    tokens = [{source.name: source.meta_tokens for source in config.sources} for config in configs]
    names = sorted({name for those in tokens for name in those}, key=lambda n: (-sum(t.get(n, 0) for t in tokens), n))
    if len(names) < 2:
        return
    _show_heading(_sources_heading(configs))
    rows = [
        (_name(name), [_share(those.get(name, 0), sum(those.values())) for those in tokens])
        for name in names[:_SOURCES]
    ]
    show_table(rows, [config.config for config in configs])
    _show_left_out(len(names) - _SOURCES)


def _sources_heading(configs: "Sequence[ConfigStats]") -> str:
    is_synthesised = any(config.segments and config.segments.negatives for config in configs)
    return "Sources, by the tokens of meta-chunks" if is_synthesised else "Sources, by tokens"


def _show_left_out(number: int) -> None:
    if number > 0:
        show_line(f"{number:,} more sources; --json has them all.", "dim")


def _show_hubs(config: "ConfigStats") -> None:
    hubs = [hub for hub in (config.segments.reuse.hubs if config.segments else ()) if hub.rows > 1]
    if not hubs:
        return
    _show_heading("Most used negatives")
    show_table([(_name(hub.document), [str(hub.chunk), count(hub.rows)]) for hub in hubs[:_HUBS]], ["chunk", "uses"])


def _show_tokenizers(tokenizers: "Sequence[TokenizerStats]") -> None:
    if not tokenizers:
        return
    _show_heading("Samples by tokenizer, of all configurations")
    rows = [
        (
            _name(one.name),
            [
                f"{one.characters_per_token:.2f}",
                *(count(one.rows_reaching.get(length, 0)) for length in _REACHED),
                f"{one.truncated_share:.2%}",
            ],
        )
        for one in tokenizers
    ]
    show_table(rows, ["characters a token", *(f"≥ {name}" for name in _REACHED.values()), "tokens over target"])


def _show_heading(heading: str) -> None:
    show_line()
    show_line(heading, "bold")


def _if_any(row: tuple[str, Sequence[str]]) -> Rows:
    """A row, unless none of its cells has a value."""
    return [row] if any(cell != NOTHING for cell in row[1]) else []


def _ranks(bands: "Sequence[RankScores]") -> str:
    first, last = bands[0].first_rank, max(band.last_rank for band in bands)
    return f"{first}" if first == last else f"{first}-{last}"


def _share(part: int | None, whole: int) -> str:
    return NOTHING if part is None or not whole else f"{part / whole:.1%}"


def _spread(distribution: "Distribution | None") -> str:
    if distribution is None:
        return NOTHING
    low, high = distribution.quantiles["5%"], distribution.quantiles["95%"]
    if low == high:
        return _short(low)
    return f"{_short(distribution.median)} ({_short(low)}-{_short(high)})"


def _short(value: float) -> str:
    return compact(value) if value >= 10_000 else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _bar(share: float) -> str:
    return "█" * (filled := round(share * _BAR_WIDTH)) + "░" * (_BAR_WIDTH - filled)


def _name(name: str) -> str:
    shown = visible_line(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"
