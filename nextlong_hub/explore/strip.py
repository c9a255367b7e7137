"""A sample as a strip of bars: one bar a segment, as wide as its tokens.

Hue (blue and orange, distinguishable with every kind of colour vision) and height both encode the role. The shade of a
hard negative encodes its rank, strongest for the best.
"""

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from nextlong_hub.core.printable import visible_line
from nextlong_hub.records import Segment

SHADES = 5
"""Steps of shade for hard negatives; `palette.css` has a colour for each, in light and in dark."""

_WIDTH = 1000
_LINE_HEIGHT = 34
_LINE_GAP = 8
_NEGATIVE_INSET = 6
_SEGMENTS_PER_LINE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class StripBar:
    """One segment on the strip."""

    number: int
    """The segment's place in the sample, from 0."""
    first_token: int
    """Tokens of the sample before it; the tokens between segments are spread evenly."""
    tokens: int
    is_meta: bool
    shade: int
    """0 for the best rank, `SHADES` - 1 for the last ones; 0 for a meta-chunk."""


def bars(segments: Sequence[Segment], token_count: int) -> tuple[StripBar, ...]:
    """The bars of a sample.

    Args:
        segments: the segments of a row, in order.
        token_count: tokens of the row.
    """
    between = max(0, token_count - sum(segment.tokens for segment in segments)) / max(1, len(segments) - 1)
    last_rank = max((segment.rank for segment in segments), default=0)
    found = []
    first_token = 0
    for number, segment in enumerate(segments):
        found.append(
            StripBar(
                number=number,
                first_token=first_token + round(between * number),
                tokens=segment.tokens,
                is_meta=segment.role == "meta",
                shade=_shade(segment.rank, last_rank),
            )
        )
        first_token += segment.tokens
    return tuple(found)


def strip_svg(bars: Sequence[StripBar], *, label: str, lines: int | None = None, selected: int | None = None) -> str:
    """The strip as a standalone SVG document: no script, nothing to load, colours for light and dark.

    Args:
        bars: what `bars` gave.
        label: alternative text; it may come from a corpus.
        lines: number of lines; None takes one for every 300 bars.
        selected: number of a segment to mark.
    """
    rows = list(_lines(bars, lines or math.ceil(len(bars) / _SEGMENTS_PER_LINE)))
    longest = max((sum(bar.tokens for bar in row) for row in rows), default=1)
    height = max(1, len(rows)) * (_LINE_HEIGHT + _LINE_GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(visible_line(label))}">',
        f"<title>{escape(visible_line(label))}</title>",
        f"<style>{palette()}{_SVG_STYLE}</style>",
    ]
    for line, row in enumerate(rows):
        left = 0
        for bar in row:
            parts.append(_rectangle(bar, left, line, _WIDTH / max(1, longest), is_selected=bar.number == selected))
            left += bar.tokens
    return "".join([*parts, "</svg>"])


def strip_data_uri(
    bars: Sequence[StripBar], *, label: str, lines: int | None = None, selected: int | None = None
) -> str:
    """`strip_svg` as the `src` of an `<img>`, where it can neither run scripts nor load anything."""
    svg = strip_svg(bars, label=label, lines=lines, selected=selected)
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def palette() -> str:
    """The colours of page and strip, as CSS custom properties of the root element."""
    return files("nextlong_hub.explore.page").joinpath("palette.css").read_text(encoding="utf-8")


_SVG_STYLE = (
    ".meta{fill:var(--meta)}"
    + "".join(f".shade-{shade}{{fill:var(--shade-{shade})}}" for shade in range(SHADES))
    + ".selected{stroke:var(--ink);stroke-width:2}"
)


def _shade(rank: int, last_rank: int) -> int:
    """Shade of a rank; the square root gives the first ranks more shades than the last ones."""
    if rank <= 0 or last_rank <= 0:
        return 0
    return min(SHADES - 1, int(SHADES * math.sqrt((rank - 1) / last_rank)))


def _lines(bars: Sequence[StripBar], lines: int) -> Iterator[list[StripBar]]:
    """Cut the bars into lines of about the same number of tokens, each bar whole."""
    length = sum(bar.tokens for bar in bars) / max(1, lines)
    row: list[StripBar] = []
    before = 0
    number = 1
    for bar in bars:
        if row and before + bar.tokens / 2 > number * length:
            yield row
            row, number = [], number + 1
        row.append(bar)
        before += bar.tokens
    if row:
        yield row


def _rectangle(bar: StripBar, left: int, line: int, scale: float, *, is_selected: bool) -> str:
    inset = 0 if bar.is_meta else _NEGATIVE_INSET
    width = bar.tokens * scale
    hair = min(0.8, width / 4)  # the gap to the next bar
    top = line * (_LINE_HEIGHT + _LINE_GAP) + inset
    name = "meta" if bar.is_meta else f"shade-{bar.shade}"
    return (
        f'<rect class="{name}{" selected" if is_selected else ""}" x="{left * scale:.2f}" y="{top}" '
        f'width="{width - hair:.2f}" height="{_LINE_HEIGHT - 2 * inset}"/>'
    )
