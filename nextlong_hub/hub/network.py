"""The network under a request: what is waited for is summed up, read by read, and ends with the budget.

A library of HTTP bounds each single wait at most, so that a byte now and then keeps it waiting for ever. Its
connections are wrapped, and know for which request their thread works.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nextlong_hub.hub.answers import AskedFile
from nextlong_hub.hub.budget import Spending

_WRITTEN_AT_ONCE = 1 << 18


class Exchange:
    """One request with its redirects.

    Args:
        spending: What it is part of.
    """

    def __init__(self, spending: Spending) -> None:
        self.spending = spending
        self.file: AskedFile | None = None
        self.api_path: str | None = None
        """Where in the Hub's API it asks; None when it does not."""
        self._waited_seconds = 0.0
        self._moved_bytes = 0

    def left_seconds(self, most: float | None) -> float:
        """How long may be waited for the network now, at most `most`; not above 0 when it has waited enough."""
        budget = self.spending.budget
        left = budget.answer_seconds + self._moved_bytes / budget.least_bytes_a_second - self._waited_seconds
        left = min(left, self.spending.left_seconds)
        return left if most is None else min(left, most)

    def waited(self, seconds: float) -> None:
        """Note time on the network."""
        self._waited_seconds += seconds
        self.spending.waited(seconds)

    def moved(self, number_bytes: int) -> None:
        """Note bytes that came or went."""
        self._moved_bytes += number_bytes
        self.spending.moved(number_bytes)


class _Current(threading.local):
    exchange: Exchange | None = None


_current = _Current()


@contextmanager
def working_for(exchange: Exchange) -> Iterator[None]:
    """Let the network know for which request this thread works."""
    before, _current.exchange = _current.exchange, exchange
    try:
        yield
    finally:
        _current.exchange = before


class Network:
    """Stands for a network of httpcore: the connections that it makes are timed.

    Args:
        inner: The network that does the work.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def connect_tcp(self, *place: Any, timeout: float | None = None, **options: Any) -> "_Connection":
        """Connect."""
        library = sys.modules[type(self._inner).__module__.partition(".")[0]]
        with _timed(timeout, library.ConnectTimeout) as left:
            return _Connection(self._inner.connect_tcp(*place, timeout=left, **options))


class _Connection:
    """Stands for a connection of httpcore: what it waits for is summed up.

    Args:
        inner: The connection that does the work.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._library = sys.modules[type(inner).__module__.partition(".")[0]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def start_tls(self, *more: Any, timeout: float | None = None, **options: Any) -> "_Connection":
        """Encrypt it from now on."""
        with _timed(timeout, self._library.ConnectTimeout) as left:
            return _Connection(self._inner.start_tls(*more, timeout=left, **options))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Wait for bytes."""
        with _timed(timeout, self._library.ReadTimeout) as left:
            block: bytes = self._inner.read(max_bytes, left)
        _count(len(block))
        return block

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        view = memoryview(buffer)
        for start in range(0, len(view), _WRITTEN_AT_ONCE):
            part = view[start : start + _WRITTEN_AT_ONCE]
            with _timed(timeout, self._library.WriteTimeout) as left:
                self._inner.write(part, left)
            _count(len(part))


@contextmanager
def _timed(timeout: float | None, too_late: type[Exception]) -> Iterator[float | None]:
    """Give how long a wait may take, and note how long it took."""
    exchange = _current.exchange
    if exchange is None:
        yield timeout
        return
    left = exchange.left_seconds(timeout)
    if left <= 0:
        raise too_late("the answer came too slowly")
    started = time.monotonic()
    try:
        yield left
    finally:
        exchange.waited(time.monotonic() - started)


def _count(number_bytes: int) -> None:
    if _current.exchange is not None:
        _current.exchange.moved(number_bytes)
