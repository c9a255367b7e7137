"""HTML for a notebook: a few elements that stay legible where styles, classes and images are stripped, as on GitHub.

Text of a corpus appears only in `<code>` and `<pre>`: escaped, with hidden characters replaced by their names, and
excluded from MathJax.
"""

import re
from collections.abc import Sequence
from html import escape

from nextlong_hub.core.printable import visible, visible_line
from nextlong_hub.explore.terminal_strip import META

META_COLOUR = "#3b82c4"
NEGATIVE_COLOUR = "#c67a35"

_LINE_CHARACTERS = 84
_NAME_CHARACTERS = 56


def notebook(*parts: str) -> str:
    """One output, excluded from MathJax."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'


def words(text: str) -> str:
    """Text of a corpus or a dataset, sanitized, on one line."""
    return f"<code>{escape(visible_line(text))}</code>"


def name(text: str) -> str:
    """A name from a dataset, sanitized, never wrapped, cut when it is long."""
    shown = visible_line(text)
    if len(shown) > _NAME_CHARACTERS:
        shown = f"{shown[:_NAME_CHARACTERS]}…"
    return f'<code style="white-space: nowrap">{escape(shown)}</code>'


def glyphs(strip: str) -> str:
    """A strip on one line, its meta-chunks in colour."""
    runs = re.split(f"({META}+)", strip)
    marked = (coloured(run, META_COLOUR) if run.startswith(META) else coloured(run, NEGATIVE_COLOUR) for run in runs)
    return f'<code style="white-space: nowrap">{"".join(marked)}</code>'


def block(text: str) -> str:
    """Text of a corpus, sanitized, wrapped at the width of the window."""
    return _block(escape(visible(text)))


def marked(pieces: Sequence[tuple[str, bool]]) -> str:
    """Text of a corpus with some words in bold, broken into lines here: GitHub does not wrap `<pre>`."""
    parts = []
    column = 0
    for piece, is_bold in pieces:
        text = ""
        for part in re.findall(r"\s+|\S+", visible(piece)):
            is_break = part.isspace() and column >= _LINE_CHARACTERS
            shown = "\n" if is_break else " " if part.isspace() else part
            text += shown
            column = 0 if is_break else column + len(shown)
        parts.append(f"<b>{escape(text)}</b>" if is_bold else escape(text))
    return _block("".join(parts))


def _block(content: str) -> str:
    return f'<pre style="white-space: pre-wrap; word-break: break-word">{content}</pre>'


def image(uri: str, description: str) -> str:
    """A generated picture; the description replaces it where images are not shown."""
    return f'<img style="width: 100%" alt="{escape(visible_line(description))}" src="{uri}">'


def link(address: str, content: str) -> str:
    """A link around markup."""
    return f'<a href="{escape(address)}">{content}</a>'


def coloured(text: str, colour: str) -> str:
    """Text in one colour."""
    return f'<span style="color: {colour}">{escape(text)}</span>'


def paragraph(*parts: str) -> str:
    """A paragraph of markup."""
    return f"<p>{''.join(parts)}</p>"


def folded(title: str, content: str) -> str:
    """Content that is folded under a title."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """A table of cells that are markup already; the columns in `numbers` are aligned to the right."""
    sides = ["right" if place in numbers else "left" for place in range(len(header))]
    lines = [_line("th", [escape(title) for title in header], sides), *(_line("td", row, sides) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _line(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    """One row of a table: Jupyter's style overrides `align`, and GitHub supports only `align`, so both are set."""
    parts = (
        f'<{tag} align="{side}" style="text-align: {side}">{cell}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(parts)}</tr>"
