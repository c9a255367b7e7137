"""Progress where nothing moves: one plain line for each stage, and one every half minute in between."""

from collections.abc import Callable
from time import monotonic

from nextlong_hub.core.printable import duration, visible_line
from nextlong_hub.errors import on_command_line
from nextlong_hub.execution.forecast import Forecast
from nextlong_hub.execution.progress import StageCount, left_in_words

SECONDS_BETWEEN_LINES = 30.0


class Lines:
    """Plain lines for a file, a pipe or a cluster's log; a stage that comes back in rounds is one line all the same."""

    def __init__(
        self,
        say: Callable[[str], None],
        worded: Callable[[str], str] = on_command_line,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Say nothing yet.

        Args:
            say: takes one line.
            worded: how notes name arguments of the caller: see `errors.argument`.
            clock: seconds.
        """
        self._say_line = say
        self._worded = worded
        self._clock = clock
        self._forecast: Forecast | None = None
        self._open: dict[str, StageCount] = {}
        self._current: StageCount | None = None
        self._last = clock()

    def follow(self, forecast: Forecast) -> None:
        """See `Progress`."""
        self._forecast = forecast
        self._last = self._clock()

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""
        self._current = self._open.setdefault(stage, StageCount(stage, unit, self._clock))
        self._current.start(total)

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""
        if self._current is None:
            return
        self._current.done += amount
        if self._clock() - self._last >= SECONDS_BETWEEN_LINES:
            left = left_in_words(self._forecast)
            self._say(self._current, f"so far; {left}" if left else "so far")

    def stop(self) -> None:
        """See `Progress`."""
        if self._current is not None:
            self._current.stop()

    def finish(self, stage: str) -> None:
        """See `Progress`."""
        count = self._open.pop(stage)
        if count.is_worth_a_line:
            self._say(count, "stopped" if count.failed else "done")

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._say_line(visible_line(self._worded(text)))

    def _say(self, count: StageCount, state: str) -> None:
        self._last = self._clock()
        amount = f"{count.amount}, " if count.amount else ""
        self._say_line(f"{count.stage}: {amount}{duration(count.seconds)} {state}")
