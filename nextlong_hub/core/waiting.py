"""Work of a compiled library that is waited for so long and no longer.

Such work holds neither the interpreter nor a way to end it: a signal is seen when it is over. So another thread does
it, and this one waits, and can be interrupted meanwhile. Work that took too long is left behind with its thread, which
ends with the process at the latest.
"""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

Made = TypeVar("Made")

_SLICE_SECONDS = 1.0
"""A process that was stopped, or a machine that slept, has waited one of these and not the whole night."""


class TookTooLongError(Exception):
    """The work was not done in time."""


class _Helper:
    """A thread that does the work of one other."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def do(self, work: Callable[[], None]) -> None:
        self._work.put(work)

    def _serve(self) -> None:
        while True:
            self._work.get()()


class _Own(threading.local):
    helper: _Helper | None = None


_own = _Own()


def within(seconds: float, work: Callable[[], Made]) -> Made:
    """What `work` gives, or raises.

    Raises:
        TookTooLongError: it was not done within so many seconds.
    """
    done = threading.Lock()
    done.acquire()
    outcome: list[Any] = []

    def perform() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:  # compiled libraries raise what is no Exception
            outcome.append((None, error))
        finally:
            done.release()

    helper, _own.helper = _own.helper, None  # one that is not done, or interrupted, is not used again
    if helper is None or helper.process != os.getpid():  # a fork copies what is known of a thread, and not the thread
        helper = _Helper()
    helper.do(perform)
    waited = 0.0
    while not done.acquire(timeout=min(_SLICE_SECONDS, seconds)):
        waited += _SLICE_SECONDS
        if waited >= seconds:
            raise TookTooLongError
    _own.helper = helper
    value, error = outcome[0]
    if error is not None:
        raise error
    made: Made = value
    return made
