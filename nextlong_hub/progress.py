"""How a long run tells what it is doing, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Hears about stages; the command line draws bars, a library caller hears nothing."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins; `total` units of work are known to be ahead, or None."""
        ...

    def advance(self, amount: int = 1) -> None:
        """So many units of the current stage are done."""
        ...

    def finish(self) -> None:
        """The current stage has ended."""
        ...


class Silence:
    """Nobody listens."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""

    def advance(self, amount: int = 1) -> None:
        """See `Progress`."""

    def finish(self) -> None:
        """See `Progress`."""
