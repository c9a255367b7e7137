"""A sample as a strip of terminal cells that shows the role and rank of each segment.

Glyph and colour both encode role and rank, for terminals without colour. A meta-chunk is a full block with its number
above, in blue; a negative is a lower block, lower the worse its rank, from orange to grey.
"""

import math
from collections.abc import Iterator, Sequence

from nextlong_hub.explore.strip import SHADES, StripBar

Glyphs = tuple[str, str]
"""Some glyphs and their style: a colour as `rich` names it."""

META = "█"
NEGATIVES = "▆▅▄▃▂"
"""By shade, the best rank first."""
META_STYLE = "bold #3b82c4"
NEGATIVE_STYLES = ("#d9730d", "#c67a35", "#b0804f", "#998063", "#857e78")

_MARK = "▼"
_MOST_LINES = 4
_FEWEST_CELLS = 20


def strip_lines(bars: Sequence[StripBar], width: int) -> Iterator[list[Glyphs]]:
    """The strip on as many lines as its segments need, four at most, each below the numbers of its meta-chunks.

    A cell stands for the same number of tokens everywhere. It shows a meta-chunk when one begins in it or fills half
    of it, so that each is visible; else its shade is the mean of the negatives in it.

    Args:
        bars: What `strip.bars` gave.
        width: Cells in a line, at most.
    """
    if not any(bar.tokens for bar in bars):
        return
    width = max(_FEWEST_CELLS, width)
    cells = width * min(_MOST_LINES, math.ceil(len(bars) / width))
    glyphs, starts = _cells(bars, cells)
    for first in range(0, cells, width):
        yield [(_marks(starts, first, width), META_STYLE)]
        yield glyphs[first : first + width]


def strip_line(bars: Sequence[StripBar], width: int) -> str:
    """The whole strip on one line, without colour and numbers."""
    return "".join(glyph for glyph, _ in _cells(bars, width)[0]) if any(bar.tokens for bar in bars) else ""


def _cells(bars: Sequence[StripBar], cells: int) -> tuple[list[Glyphs], dict[int, int]]:
    """Glyph and style of each cell, and the cells in which meta-chunks begin with the number of the first."""
    per_cell = sum(bar.tokens for bar in bars) / cells
    meta, negative, shade = [0.0] * cells, [0.0] * cells, [0.0] * cells
    starts: dict[int, int] = {}
    before = 0.0
    for bar in bars:
        begin, end = before / per_cell, (before + bar.tokens) / per_cell
        before += bar.tokens
        first = min(cells - 1, int(begin))
        if bar.is_meta:
            starts.setdefault(first, bar.number)
        for cell in range(first, min(cells, math.ceil(end))):
            share = min(end, cell + 1) - max(begin, cell)
            meta[cell] += share * bar.is_meta
            negative[cell] += share * (not bar.is_meta)
            shade[cell] += share * bar.shade * (not bar.is_meta)
    pieces = []
    for cell in range(cells):
        if cell in starts or meta[cell] > negative[cell]:
            pieces.append((META, META_STYLE))
        else:
            step = min(SHADES - 1, round(shade[cell] / negative[cell])) if negative[cell] else SHADES - 1
            pieces.append((NEGATIVES[step], NEGATIVE_STYLES[step]))
    return pieces, starts


def _marks(starts: dict[int, int], first: int, width: int) -> str:
    """The line above one line of cells: a mark where a meta-chunk begins, and its number where there is room."""
    line = [" "] * width
    free = 0
    for cell, number in sorted(starts.items()):
        place = cell - first
        if 0 <= place < width:
            label = f"{_MARK}{number}"
            text = label if place >= free and place + len(label) <= width else _MARK
            line[place : place + len(text)] = text
            free = place + len(text) + 1
    return "".join(line).rstrip()
