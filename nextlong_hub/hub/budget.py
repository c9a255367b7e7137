"""What talking to the Hub may take: seconds and bytes, of each request and of a whole command.

A server that sends a byte now and then never lets a timeout of a single wait pass, and a listing whose pages lead to
each other has no last one. So the time that is spent on the network is summed up, and bytes that come or go earn more
of it: a large file on a slow line is fine, and a drip is not.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, get_ident

from nextlong_hub.errors import NetworkError


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bounds of what is spent on the Hub."""

    answer_seconds: float = 120.0
    """Waiting on the network in one request, redirects included; the Hub itself gives up on a commit after 60."""
    waiting_seconds: float = 3600.0
    """Waiting in all requests of a command."""
    least_bytes_a_second: int = 10_000
    """Each so many bytes that come or go allow another second of waiting."""
    answer_bytes: int = 64 << 20
    """Of one answer that is no file, such as a page of a listing."""
    answers_bytes: int = 1 << 30
    """Of all such answers of a command; a listing has about 300 bytes for a file."""
    same_requests: int = 100
    """How often a command may ask for one and the same page of a listing."""
    pages: int = 2_000
    """Of one listing in a command; the Hub gives 100 to 1,000 files a page, and keeps 100,000 at most."""


DEFAULT = Budget()
"""What holds where nobody says otherwise."""


class Spending:
    """What has been spent of a budget; several threads may spend it.

    Args:
        budget: The bounds.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._lock = Lock()
        self._waited_seconds = 0.0
        self._moved_bytes = 0
        self._answers_bytes = 0
        self._requests: Counter[str] = Counter()
        self._pages: Counter[str] = Counter()
        self.failed_tries = 0
        """Questions that were asked again, as no answer of the Hub came."""

    @property
    def left_seconds(self) -> float:
        """How long may still be waited for the network.

        Raises:
            NetworkError: no longer.
        """
        earned = self._moved_bytes / self.budget.least_bytes_a_second
        left = self.budget.waiting_seconds + earned - self._waited_seconds
        if left <= 0:
            raise NetworkError(
                f"the Hub, or what is between, was waited for during {self._waited_seconds:,.0f} seconds, and gave "
                f"{self._moved_bytes:,} bytes; check the connection, then run the same command again: finished work is "
                "kept"
            )
        return left

    def waited(self, seconds: float) -> None:
        """Note time that was spent on the network."""
        with self._lock:
            self._waited_seconds += seconds

    def moved(self, number_bytes: int) -> None:
        """Note bytes that came or went."""
        with self._lock:
            self._moved_bytes += number_bytes

    def answered(self, number_bytes: int) -> None:
        """Note bytes of an answer that is no file.

        Raises:
            NetworkError: there were more than a command may need.
        """
        with self._lock:
            self._answers_bytes += number_bytes
        if self._answers_bytes > self.budget.answers_bytes:
            raise NetworkError(
                f"the Hub, or what is between, gave {self._answers_bytes:,} bytes of listings, without an end; check "
                "the connection, and name fewer files"
            )

    def asked(self, request: str) -> None:
        """Note a request that might be made without an end.

        Raises:
            NetworkError: it was made too often.
        """
        with self._lock:
            self._requests[request] += 1
        if self._requests[request] > self.budget.same_requests:
            raise NetworkError(
                f"the Hub, or what is between, had the same request made {self.budget.same_requests} times, as if the "
                "pages of a listing led to each other; check the connection, then run the same command again"
            )

    def asked_page(self, listing: str) -> None:
        """Note a request for a page of a listing, whichever.

        Raises:
            NetworkError: it has more pages than any listing of the Hub.
        """
        with self._lock:
            self._pages[listing] += 1
        if self._pages[listing] > self.budget.pages:
            raise NetworkError(
                f"the Hub, or what is between, gave {self.budget.pages:,} pages of one listing, without an end; check "
                "the connection, then run the same command again"
            )


_spendings: list[tuple[int, Spending]] = []
"""What is being spent, by the thread that does; the newest last."""


@contextmanager
def spending(of: Budget | Spending | None = None) -> Iterator[Spending]:
    """Bound what the requests within the block take; without a budget they are part of the block around, if any.

    Blocks of generators need not end in the order in which they began.

    Args:
        of: The bounds, or what has been spent already.
    """
    own = Spending(of) if isinstance(of, Budget) else of
    entry = (get_ident(), own or _of_this_thread() or Spending(DEFAULT))
    _spendings.append(entry)
    try:
        yield entry[1]
    finally:
        del _spendings[next(place for place, one in enumerate(_spendings) if one is entry)]


def current_spending() -> Spending | None:
    """What this thread is spending; of a thread that a library has started, the newest of all."""
    newest = _spendings[-1:]  # one read: another thread may end its block meanwhile
    return _of_this_thread() or (newest[0][1] if newest else None)


def _of_this_thread() -> Spending | None:
    own = get_ident()
    return next((one for thread, one in reversed(list(_spendings)) if thread == own), None)
