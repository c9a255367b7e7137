"""Terminal output: progress on stderr during a run, tables on stdout after it.

Results go to stdout, everything else to stderr, so that a pipe carries results only. Progress bars need a terminal;
elsewhere (a file, a cluster's log, `HF_HUB_DISABLE_PROGRESS_BARS`) a stage is one plain line, and a long one a line
every half minute. rich handles `NO_COLOR`.

Printed text may come from a corpus, a card, a manifest or a server. Every way out of here makes it visible and takes
secrets out of it (`shown`), whatever the caller has done: before it is laid out, as a token may be wrapped, and once
more as the console lays it out; JSON by its escapes; click's messages in their stream.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import click
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from nextlong_hub.core.printable import visible_json
from nextlong_hub.errors import on_command_line
from nextlong_hub.execution.lines import Lines
from nextlong_hub.execution.notebook import bars_are_unwanted
from nextlong_hub.execution.progress import NullProgress, Progress
from nextlong_hub.terminal.bars import Bars
from nextlong_hub.terminal.safe import shown, shown_line, told

_NARROWEST_COLUMN = 7
_WIDTH_OF_PIPES = 120
_GAP = 2
_NARROWEST_WORDS = 10
_ENOUGH_FOR_WORDS = 32
_NARROWEST_LAST = 20
"""Width that a last column of words gets before other columns are made narrower."""

Rows = Sequence[tuple[str, Sequence[str]]]
"""A label and one value for each column; an empty label draws a line."""

StyledText = tuple[str, str]
"""Text and its rich style."""

Column = tuple[str, Literal["left", "right"]]
"""A heading and the alignment of its column."""


@contextmanager
def watching(*, quiet: bool, worded: Callable[[str], str] = on_command_line) -> Iterator[Progress]:
    """Show the stages of a run on stderr, as bars or as lines, for as long as the block lasts.

    Args:
        quiet: Show nothing.
        worded: How notes name arguments of the caller: see `errors.argument`.
    """
    console = _console(sys.stderr.isatty(), stderr=True)
    if quiet:
        yield NullProgress()
    elif _can_move(console) and not bars_are_unwanted():
        with Bars(console, worded) as bars:
            yield bars
    else:
        yield Lines(lambda line: console.print(shown(line), soft_wrap=True, markup=False), worded)


def _can_move(console: Console) -> bool:
    """Whether lines that were drawn can be drawn again: not in a log, and not below a cell of a notebook (`!`)."""
    return console.is_terminal and not console.is_dumb_terminal and "JPY_PARENT_PID" not in os.environ


def show_error(message: str) -> None:
    """Print a known error on stderr, without line breaks: it may hold a path or a command to copy."""
    console = _console(sys.stderr.isatty(), stderr=True)
    console.print(Text("Error: ", "bold red") + Text(shown(message)), soft_wrap=True)


def show_usage_error(error: click.ClickException) -> None:
    """Print what click says of wrong arguments on stderr."""
    error.show(file=_VisibleStream())


def show_interruption(message: str) -> None:
    """Print on stderr what became of a run that a signal ended."""
    _console(sys.stderr.isatty(), stderr=True).print(Text(shown(message)), soft_wrap=True)


def show_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    click.echo(visible_json(json.dumps(_told(value), indent=2, ensure_ascii=False)))


def _told(value: Any) -> Any:
    """The same value for JSON, each of its texts as it may be told."""
    if isinstance(value, dict):
        return {told(str(key)): _told(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else told(str(value))


def show_note(message: str) -> None:
    """Print a warning on stderr."""
    console = _console(sys.stderr.isatty(), stderr=True)
    console.print(Text("Note: ", "bold yellow") + Text(shown(message)), soft_wrap=True)


def show_line(line: str = "", style: str = "") -> None:
    """Print a sentence of the result on stdout, wrapped on a terminal, on one line in a pipe."""
    console = _console(sys.stdout.isatty())
    console.print(Text(shown(line), style), soft_wrap=not console.is_terminal)


def show_verbatim(line: str, style: str = "") -> None:
    """Print one line of the result on stdout without wrapping: a command to copy, or one fault of many."""
    show_pieces([(line, style)])


def show_pieces(pieces: Sequence[StyledText], *, indent: int | None = None) -> None:
    """Print one line of the result, made of differently styled pieces.

    Args:
        pieces: The parts of the line.
        indent: Wrap the line and indent all of it by this many columns; None does not wrap it.
    """
    line = Text.assemble(*((shown(text), style) for text, style in pieces))
    if indent is None:
        _console(sys.stdout.isatty()).print(line, soft_wrap=True)
    else:
        _print_filling(Padding(line, (0, 0, 0, indent)))


def line_width() -> int:
    """Width of lines in columns: that of the terminal, else `COLUMNS`, else 120."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return _console(sys.stdout.isatty()).width
    return _WIDTH_OF_PIPES


def show_listing(columns: Sequence[Column], rows: Sequence[Sequence[StyledText]]) -> None:
    """Print rows of cells on stdout, one line each; words that do not fit are cut, numbers are not."""
    cells = [[Text(shown_line(text), style) for text, style in row] for row in rows]
    widths, gap = _listing_widths(columns, cells)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    for (name, justify), width in zip(columns, widths, strict=False):
        table.add_column(Text(name), justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        table.add_row(*row[: len(widths)])
    _print_filling(table)


def _listing_widths(columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> tuple[list[int], int]:
    """The width of each column, and the blanks between them; a last column without room is left out.

    Where there is too little room columns stand closer, then words are cut, and headings only where numbers would be.
    """
    names = [len(name) for name, _ in columns]
    natural = [max((row[place].cell_len for row in cells), default=0) for place in range(len(columns))]
    widths = [max(wanted, name) for wanted, name in zip(natural, names, strict=True)]
    gap = _GAP

    def room() -> int:
        return line_width() - sum(widths[:-1]) - gap * (len(widths) - 1)

    if room() < min(_NARROWEST_LAST, widths[-1]):
        gap = 1
    for fewest in (_ENOUGH_FOR_WORDS, _NARROWEST_WORDS):
        for place, (_, justify) in enumerate(columns[:-1]):
            lacking = _NARROWEST_LAST - room()
            if lacking > 0 and justify == "left":
                least = max(fewest, names[place])
                widths[place] = max(min(widths[place], least), widths[place] - lacking)
    for place, (_, justify) in enumerate(columns[:-1]):
        lacking = -room()
        if lacking > 0 and justify == "right":
            widths[place] = max(min(widths[place], natural[place]), widths[place] - lacking)
    return ([*widths[:-1], min(widths[-1], room())] if room() >= _NARROWEST_WORDS // 2 else widths[:-1]), gap


def show_table(rows: Rows, columns: Sequence[str]) -> None:
    """Print a table on stdout; columns that do not fit side by side are printed below."""
    console = _console(sys.stdout.isatty())
    label_width = max(len(label) for label, _ in rows) + 2
    widths = [
        max(_NARROWEST_COLUMN, len(name), *(len(values[number]) for label, values in rows if label)) + 2
        for number, name in enumerate(columns)
    ]
    first = 0
    while first < len(columns):
        last, used = first + 1, label_width + widths[first]
        while last < len(columns) and used + widths[last] <= console.width:
            used += widths[last]
            last += 1
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True, padding=(0, 1))
        table.add_column("", no_wrap=True, min_width=label_width - 2)
        for name, width in zip(columns[first:last], widths[first:last], strict=True):
            table.add_column(Text(shown_line(name)), justify="right", no_wrap=True, min_width=width - 2)
        for label, values in rows:
            if label:
                table.add_row(*(Text(shown_line(value)) for value in (label, *values[first:last])))
            else:
                table.add_section()
        console.print(table)
        console.print()
        first = last


def _print_filling(content: RenderableType) -> None:
    """Print on stdout, `line_width` wide; lines in a pipe have no trailing blanks."""
    console = _console(sys.stdout.isatty())
    console.width = line_width()
    if console.is_terminal:
        console.print(content)
        return
    with console.capture() as captured:
        console.print(content)
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)


class _VisibleConsole(Console):
    """A console that makes every text visible as it lays it out; only its own codes for colours and cursor are not."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of something printable, their text made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))


class _VisibleStream(io.StringIO):
    """Takes text for stderr and makes it visible."""

    def write(self, text: str) -> int:
        """Write it to stderr."""
        return sys.stderr.write(shown(text))


def _console(is_terminal: bool, *, stderr: bool = False) -> Console:
    return _VisibleConsole(stderr=stderr, force_terminal=None if is_terminal else False, highlight=False)
