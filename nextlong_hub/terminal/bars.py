"""Live bars on a terminal: the stages that are at work, and below them the whole run."""

from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from nextlong_hub.core.printable import duration
from nextlong_hub.errors import on_command_line
from nextlong_hub.execution.forecast import Forecast
from nextlong_hub.execution.progress import StageCount, about
from nextlong_hub.terminal.safe import shown_line

_REFRESHES = 8
"""In a second."""
_BAR_WIDTH = 22
_NEARLY = 0.5
"""Seconds below which nothing more is counted."""
_NAME_WIDTH = 15
_AMOUNT_WIDTH = 15


class Bars:
    """A live bar for each stage at work and one for the whole; each finished stage leaves a line."""

    def __init__(self, console: Console, worded: Callable[[str], str] = on_command_line) -> None:
        self._console = console
        self._worded = worded
        self._spinner = Spinner("dots")
        self._run = StageCount("all", "")
        self._forecast: Forecast | None = None
        self._open: dict[str, StageCount] = {}
        self._current: StageCount | None = None
        self._live = Live(console=console, get_renderable=self._picture, refresh_per_second=_REFRESHES, transient=True)

    def __enter__(self) -> "Bars":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()
        self._console.print()

    def follow(self, forecast: Forecast) -> None:
        """See `Progress`."""
        self._run = StageCount("all", "")
        self._run.start(None)
        self._forecast = forecast

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""
        self._current = self._open.setdefault(stage, StageCount(stage, unit))
        self._current.start(total)

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""
        if self._current is not None:
            self._current.done += amount

    def stop(self) -> None:
        """See `Progress`."""
        if self._current is not None:
            self._current.stop()
            self._current = None

    def finish(self, stage: str) -> None:
        """See `Progress`."""
        count = self._open.pop(stage)
        if count.is_worth_a_line:
            mark = Text("✗ ", "red") if count.failed else Text("✓ ", "green")
            line = f"{count.stage:<22} {count.amount:>16} {duration(count.seconds):>11}"
            self._console.print(mark + Text(line), soft_wrap=True)

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._console.print(Text("  ") + Text(shown_line(self._worded(text)), "yellow"), soft_wrap=True)

    def _picture(self) -> Table:
        """What is drawn now; another thread asks for it."""
        grid = Table.grid(padding=(0, 1))
        for _ in range(2):
            grid.add_column(no_wrap=True)
        grid.add_column(width=_BAR_WIDTH)
        grid.add_column(no_wrap=True, min_width=_AMOUNT_WIDTH)
        for _ in range(2):
            grid.add_column(no_wrap=True)
        for count in tuple(self._open.values()):
            is_current = count is self._current
            left = self._forecast.stage_left if is_current and self._forecast else None
            bar = ProgressBar(
                total=count.total, completed=count.done, pulse=count.total is None, animation_time=count.seconds
            )
            amount = Text(count.amount, no_wrap=True, overflow="ellipsis")
            self._add(grid, count, self._spinner if is_current else Text(" "), bar, (amount, left))
        whole = self._forecast.whole_left if self._forecast else None
        if whole is not None:
            bar = ProgressBar(total=self._run.seconds + whole, completed=self._run.seconds)
            self._add(grid, self._run, Text(" "), bar, (Text(""), whole))
        return grid

    @staticmethod
    def _add(
        grid: Table, count: StageCount, mark: Spinner | Text, bar: ProgressBar, end: tuple[Text, float | None]
    ) -> None:
        amount, left = end
        name = Text(f"{count.stage:<{_NAME_WIDTH}}", no_wrap=True, overflow="ellipsis")
        words = "" if left is None else f"about {about(left)} left" if left >= _NEARLY else "nearly done"
        grid.add_row(mark, name, bar, amount, Text(_clock(count.seconds), "yellow"), Text(words, "cyan"))


def _clock(seconds: float) -> str:
    """Time that has passed, always moving: `0:07`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
