"""Progress from Python: tqdm's bars in a notebook or on a terminal, plain lines elsewhere, nothing where unwanted.

`tqdm.auto` draws widgets in a notebook that has ipywidgets, and text elsewhere; it obeys `TQDM_DISABLE`. The variable
of the Hugging Face libraries, `HF_HUB_DISABLE_PROGRESS_BARS`, is obeyed, too.
"""

import os
import sys
from typing import Any

from nextlong_hub.core.printable import visible_line
from nextlong_hub.errors import in_python
from nextlong_hub.execution.forecast import Forecast
from nextlong_hub.execution.lines import Lines
from nextlong_hub.execution.progress import NullProgress, Progress, StageCount, left_in_words


def progress_here() -> Progress:
    """What shows the stages of a run where this process runs."""
    if bars_are_unwanted() or _is_set("TQDM_DISABLE"):
        return NullProgress()
    if _is_notebook() or (sys.stderr is not None and sys.stderr.isatty()):
        return TqdmBars()
    return NullProgress() if sys.stderr is None else Lines(_say, in_python)


def bars_are_unwanted() -> bool:
    """Whether the variable of the Hugging Face libraries says that no bars are wanted."""
    return _is_set("HF_HUB_DISABLE_PROGRESS_BARS")


class TqdmBars:
    """One bar for each stage, which stays when the stage is over; behind it what is left of all."""

    def __init__(self) -> None:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]

        self._bar_of: Any = tqdm
        self._bars: dict[str, Any] = {}
        self._counts: dict[str, StageCount] = {}
        self._current = ""
        self._forecast: Forecast | None = None

    def follow(self, forecast: Forecast) -> None:
        """See `Progress`."""
        self._forecast = forecast

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""
        count = self._counts.setdefault(stage, StageCount(stage, unit))
        count.start(total)
        self._current = stage
        if stage not in self._bars:
            self._bars[stage] = self._bar_of(desc=visible_line(stage), total=total, unit=f" {unit}")
        else:
            self._bars[stage].total = count.total
            self._bars[stage].refresh()

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""
        if self._current:
            self._counts[self._current].done += amount
            self._bars[self._current].set_postfix_str(left_in_words(self._forecast), refresh=False)
            self._bars[self._current].update(amount)

    def stop(self) -> None:
        """See `Progress`."""
        if self._current:
            self._counts[self._current].stop()
            self._bars[self._current].set_postfix_str("", refresh=True)
        self._current = ""

    def finish(self, stage: str) -> None:
        """See `Progress`."""
        bar, count = self._bars.pop(stage), self._counts.pop(stage)
        bar.leave = count.is_worth_a_line
        bar.close()

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._bar_of.write(visible_line(in_python(text)), file=sys.stderr)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _is_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    here = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return here is not None and "IPKernelApp" in here.config


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().upper() in ("1", "ON", "YES", "TRUE")
