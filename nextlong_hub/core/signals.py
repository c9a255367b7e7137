"""Signal handling: SIGINT and SIGTERM end a run as exceptions."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class SigtermReceived(BaseException):
    """SIGTERM arrived, for example from a scheduler that needs the machine."""


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into exceptions, and kill the workers at once: their outputs are whole or absent."""

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if "multiprocessing" in sys.modules:
            from multiprocessing import active_children

            for worker in active_children():
                worker.kill()
        raise SigtermReceived if number == signal.SIGTERM else KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
