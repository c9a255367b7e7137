"""Signal handling: SIGINT and SIGTERM, or what Windows has in its place, end a run as exceptions."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_CTRL_BREAK = "SIGBREAK"
"""What Windows sends where others send SIGTERM, which never arrives there; other systems do not know it."""


class SigtermReceived(BaseException):
    """SIGTERM or Ctrl-Break arrived, for example from a scheduler that needs the machine."""


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Make SIGINT, SIGTERM and SIGBREAK exceptions; kill the workers at once: their outputs are whole or absent."""

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if "multiprocessing" in sys.modules:
            from multiprocessing import active_children

            for worker in active_children():
                with suppress(OSError, ValueError):  # it has ended by itself
                    worker.kill()
        raise KeyboardInterrupt if number == signal.SIGINT else SigtermReceived

    handled = [signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, _CTRL_BREAK, None)])]
    before = {number: signal.signal(number, leave) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def on_signal(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` when a signal ends the block; an exception that took the signal's place becomes the signal again.

    Workers that are killed make the code that waits for them fail in its own way while the signal unwinds it.
    """
    try:
        yield
    except BaseException as error:
        signalled = _signal_behind(error)
        if signalled is None:
            raise
        tell()
        raise signalled from None


def _signal_behind(error: BaseException | None) -> BaseException | None:
    """The signal's exception, if `error` is it or was raised while it was handled."""
    while error is not None and not isinstance(error, KeyboardInterrupt | SigtermReceived):
        error = error.__context__
    return error
