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


_arrived: list[BaseException] = []
"""The exception of the signal that ends this run. Handlers are those of the process, so this is, too."""


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
        _arrived.append(KeyboardInterrupt() if number == signal.SIGINT else SigtermReceived())
        raise _arrived[-1]

    handled = [signal.SIGINT, signal.SIGTERM, *filter(None, [getattr(signal, _CTRL_BREAK, None)])]
    before = {number: signal.signal(number, leave) for number in handled}
    try:
        yield
    finally:
        _arrived.clear()
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
        signalled = signal_behind(error)
        if signalled is None:
            raise
        tell()
        raise signalled from None


def signal_behind(error: BaseException) -> BaseException | None:
    """The signal's exception, if `error` is it or came after it.

    A compiled library that a signal meets in a callback may raise an error of its own and keep no word of the cause,
    so what arrived counts, not what `error` says of its context.
    """
    if isinstance(error, KeyboardInterrupt | SigtermReceived):
        return error
    return _arrived[-1] if _arrived else None
