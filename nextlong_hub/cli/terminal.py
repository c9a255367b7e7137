"""Terminal output: progress on stderr during a run, tables on stdout after it.

Results go to stdout, everything else to stderr, so that a pipe carries results only. Progress bars need a terminal;
elsewhere (a file, a cluster's log, `HF_HUB_DISABLE_PROGRESS_BARS`) a stage is one plain line, and a long one a line
every half minute. rich handles `NO_COLOR`.

Printed text may come from a corpus, a card, a manifest or a server. Every way out of here makes it visible, whatever
the caller has done: the console as it lays text out, JSON by its escapes, click's messages in their stream.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Literal

import click
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as LiveDisplay
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from nextlong_hub.core.printable import duration, visible, visible_json, visible_line
from nextlong_hub.execution.progress import NullProgress, Progress

SECONDS_BETWEEN_LINES = 30.0
"""Interval between lines of a long stage where there are no bars."""

_WORTH_A_LINE = 0.5
"""Duration in seconds from which a stage that had nothing to do is printed."""
_NARROWEST_COLUMN = 7
_WIDTH_OF_PIPES = 120
_GAP = 2
_NARROWEST_WORDS = 10
_ENOUGH_FOR_WORDS = 32
_NARROWEST_LAST = 24
"""Width that a last column of words gets before other columns are made narrower."""

Rows = Sequence[tuple[str, Sequence[str]]]
"""A label and one value for each column; an empty label draws a line."""

StyledText = tuple[str, str]
"""Text and its rich style."""

Column = tuple[str, Literal["left", "right"]]
"""A heading and the alignment of its column."""


@contextmanager
def watching(*, quiet: bool) -> Iterator[Progress]:
    """Show the stages of a run on stderr, as bars or as lines, for as long as the block lasts."""
    console = _console(sys.stderr.isatty(), stderr=True)
    if quiet:
        yield NullProgress()
    elif console.is_terminal and not console.is_dumb_terminal and not _is_set("HF_HUB_DISABLE_PROGRESS_BARS"):
        with Bars(console) as bars:
            yield bars
    else:
        yield Lines(console)


class Bars:
    """One live bar for the current stage; each finished stage leaves a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = LiveDisplay(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
        )
        self._task: TaskID | None = None
        self._count = _Count()

    def __enter__(self) -> "Bars":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()
        self._console.print()

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""
        self._count = _Count(stage, total, unit)
        self._task = self._live.add_task(self._count.stage, total=total, amount=self._count.amount)

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""
        if self._task is not None:
            self._count.done += amount
            self._live.update(self._task, advance=amount, amount=self._count.amount)

    def finish(self) -> None:
        """See `Progress`."""
        if self._task is None:
            return
        self._live.remove_task(self._task)
        self._task = None
        failed = sys.exc_info()[0] is not None
        if not (failed or self._count.is_worth_a_line):
            return
        mark = Text("✗ ", "red") if failed else Text("✓ ", "green")
        line = f"{self._count.stage:<22} {self._count.amount:>16} {duration(self._count.seconds):>11}"
        self._console.print(mark + Text(line), soft_wrap=True)

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._console.print(Text("  ") + Text(visible_line(text), "yellow"), soft_wrap=True)


class Lines:
    """One plain line for each stage, and one every half minute in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._count = _Count()
        self._last = 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""
        self._count = _Count(stage, total, unit)
        self._last = monotonic()

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""
        self._count.done += amount
        if monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = monotonic()
            self._say("so far")

    def finish(self) -> None:
        """See `Progress`."""
        failed = sys.exc_info()[0] is not None
        if failed or self._count.is_worth_a_line:
            self._say("stopped" if failed else "done")

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._console.print(visible_line(text), soft_wrap=True, markup=False)

    def _say(self, state: str) -> None:
        amount = f"{self._count.amount}, " if self._count.amount else ""
        line = f"{self._count.stage}: {amount}{duration(self._count.seconds)} {state}"
        self._console.print(line, soft_wrap=True, markup=False)


class _Count:
    """The progress of a stage."""

    def __init__(self, stage: str = "", total: int | None = None, unit: str = "") -> None:
        self.stage = visible_line(stage)
        self.done = 0
        self._total = total
        self._unit = visible_line(unit)
        self._started = monotonic()

    @property
    def amount(self) -> str:
        if self._total is None:
            return f"{self.done:,} {self._unit}" if self.done else ""
        return f"{self.done:,} of {self._total:,} {self._unit}"

    @property
    def seconds(self) -> float:
        return monotonic() - self._started

    @property
    def is_worth_a_line(self) -> bool:
        return self.done > 0 or self.seconds > _WORTH_A_LINE


def show_error(message: str) -> None:
    """Print a known error on stderr, without line breaks: it may hold a path or a command to copy."""
    console = _console(sys.stderr.isatty(), stderr=True)
    console.print(Text("Error: ", "bold red") + Text(visible(message)), soft_wrap=True)


def show_usage_error(error: click.ClickException) -> None:
    """Print what click says of wrong arguments on stderr."""
    error.show(file=_VisibleStream())


def show_interruption(message: str) -> None:
    """Print on stderr what became of a run that a signal ended."""
    _console(sys.stderr.isatty(), stderr=True).print(Text(visible(message)), soft_wrap=True)


def show_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    click.echo(visible_json(json.dumps(value, indent=2, ensure_ascii=False, default=str)))


def show_note(message: str) -> None:
    """Print a warning on stderr."""
    console = _console(sys.stderr.isatty(), stderr=True)
    console.print(Text("Note: ", "bold yellow") + Text(visible(message)), soft_wrap=True)


def show_line(line: str = "", style: str = "") -> None:
    """Print a sentence of the result on stdout, wrapped on a terminal, on one line in a pipe."""
    console = _console(sys.stdout.isatty())
    console.print(Text(visible(line), style), soft_wrap=not console.is_terminal)


def show_verbatim(line: str, style: str = "") -> None:
    """Print one line of the result on stdout without wrapping: a command to copy, or one fault of many."""
    show_pieces([(line, style)])


def show_pieces(pieces: Sequence[StyledText], *, indent: int | None = None) -> None:
    """Print one line of the result, made of differently styled pieces.

    Args:
        pieces: The parts of the line.
        indent: Wrap the line and indent all of it by this many columns; None does not wrap it.
    """
    line = Text.assemble(*((visible(text), style) for text, style in pieces))
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
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    cells = [[Text(visible_line(text), style) for text, style in row] for row in rows]
    widths = _listing_widths(columns, cells)
    for (name, justify), width in zip(columns, widths, strict=False):
        table.add_column(Text(name), justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        table.add_row(*row[: len(widths)])
    _print_filling(table)


def _listing_widths(columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> list[int]:
    """The width of each column; a last column without room is left out."""
    natural = [max((row[place].cell_len for row in cells), default=0) for place in range(len(columns))]
    widths = [max(wanted, len(name)) for wanted, (name, _) in zip(natural, columns, strict=True)]

    def room() -> int:
        return line_width() - sum(widths[:-1]) - _GAP * (len(widths) - 1)

    for justified, fewest in (("left", _ENOUGH_FOR_WORDS), ("right", 1), ("left", _NARROWEST_WORDS)):
        for place, (_, justify) in enumerate(columns[:-1]):
            lacking = _NARROWEST_LAST - room()
            if lacking > 0 and justify == justified:
                least = (
                    max(fewest, natural[place]) if justify == "right" else fewest
                )  # of numbers only the heading is cut
                widths[place] = max(min(widths[place], least), widths[place] - lacking)
    return [*widths[:-1], min(widths[-1], room())] if room() >= _NARROWEST_WORDS // 2 else widths[:-1]


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
            table.add_column(Text(visible_line(name)), justify="right", no_wrap=True, min_width=width - 2)
        for label, values in rows:
            if label:
                table.add_row(*(Text(visible_line(value)) for value in (label, *values[first:last])))
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
            yield segment if segment.control else segment._replace(text=visible(segment.text))


class _VisibleStream(io.StringIO):
    """Takes text for stderr and makes it visible."""

    def write(self, text: str) -> int:
        """Write it to stderr."""
        return sys.stderr.write(visible(text))


def _console(is_terminal: bool, *, stderr: bool = False) -> Console:
    return _VisibleConsole(stderr=stderr, force_terminal=None if is_terminal else False, highlight=False)


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().upper() in ("1", "ON", "YES", "TRUE")
