"""The retry policy: how often to try, how long to wait in between, and the errors that allow another try."""

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from nextlong_hub.errors import NetworkError
from nextlong_hub.hub import budget
from nextlong_hub.hub.budget import Budget

_RETRIES_OF_THE_LIBRARY = "huggingface_hub.utils._http"
_RATE_LIMIT = re.compile(r";\s*r=(\d+).*;\s*t=(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Bounds of retrying. The waits double from the first to the longest, each lengthened by up to a half at random."""

    tries: int = 6
    """How often one step is tried, huggingface_hub's own tries of it included; a step that succeeds begins anew."""
    first_seconds: float = 1.0
    """Wait before the second try."""
    longest_seconds: float = 30.0
    """Longest wait before any try, unless the Hub asks for another."""
    longest_asked_seconds: float = 300.0
    """When the Hub asks for a longer wait than this, the push fails."""
    answer_seconds: float = 120.0
    """How long to wait for an answer; the Hub itself gives up on a commit after 60 seconds."""

    @property
    def budget(self) -> Budget:
        """What all requests of a command may take, with this wait for one of them."""
        return replace(budget.DEFAULT, answer_seconds=self.answer_seconds)


class Transient(Exception):
    """The Hub could not answer now, or the answer was lost: another try may succeed.

    Args:
        reason: What happened, in words.
        asked_seconds: How long the Hub asks to wait; None when it says nothing.
        tries: How often it was tried before it was given up: once, or more often by huggingface_hub itself.
    """

    def __init__(self, reason: str, asked_seconds: float | None = None, tries: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.asked_seconds = asked_seconds
        self.tries = tries


class NotTheHub(Exception):
    """What came is no answer of the Hub, whatever its status says; the message says what came."""


class Moved(Exception):
    """The repository has changed since it was listed: list it again, then try."""


class TooLarge(Exception):
    """The Hub does not accept a request of this size: send less at once."""


class Retries:
    """Counts the tries of the current step and waits before the next.

    Args:
        policy: The bounds.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._spent = 0
        self.total = 0
        """Failed tries since the beginning."""

    def succeeded(self) -> None:
        """The step is done; the next has all tries."""
        self._spent = 0

    def wait_after(self, fault: Transient) -> None:
        """Wait before the next try.

        Raises:
            NetworkError: no tries are left, or the Hub asks for too long a wait.
        """
        self._spent += fault.tries
        self.total += fault.tries
        if self._spent >= self._policy.tries:
            raise NetworkError(
                f"{fault.reason}, {self._spent} times; nothing half was published: run the same command again later, "
                "it goes on where this one stopped"
            ) from fault
        if fault.asked_seconds is not None and fault.asked_seconds > self._policy.longest_asked_seconds:
            raise NetworkError(
                f"{fault.reason}, and the Hub asks to wait {fault.asked_seconds:.0f} seconds; nothing half was "
                "published: run the same command again then, it goes on where this one stopped"
            ) from fault
        time.sleep(self._seconds(fault))

    def _seconds(self, fault: Transient) -> float:
        if fault.asked_seconds is not None:
            return fault.asked_seconds
        doubled = self._policy.first_seconds * 2.0 ** (self._spent - 1)
        return min(self._policy.longest_seconds, doubled) * random.uniform(1.0, 1.5)


def asked_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: `Retry-After`, or what `RateLimit` says of an exhausted allowance.

    `RateLimit: "api";r=0;t=55` is that of draft-ietf-httpapi-ratelimit-headers: nothing remains, anew in 55 seconds.
    """
    retry_after = headers.get("Retry-After", "").strip()
    if retry_after.isdigit():
        return float(retry_after)
    limit = _RATE_LIMIT.search(headers.get("RateLimit", ""))
    return float(limit[2]) + 1.0 if limit and int(limit[1]) == 0 else None


class TryCounter(logging.Filter):
    """Counts the lines huggingface_hub logs before each retry of its own, and keeps them from being shown.

    Those lines hold whole addresses, signatures included.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide a line about a retry."""
        message = record.getMessage()
        _, is_fault, request = message.partition("thrown while requesting ")
        if is_fault:
            self._of[request] += 1
        return not (is_fault or "before retry" in message or "Retrying in" in message)

    @property
    def total(self) -> int:
        """Failed tries so far."""
        return self._of.total()

    @property
    def most(self) -> int:
        """Failed tries of the request that failed most often: several run side by side."""
        return max(self._of.values(), default=0)


@contextmanager
def counted_tries() -> Iterator[TryCounter]:
    """Count how often huggingface_hub tries a request again by itself within the block."""
    counter = TryCounter()
    logger = logging.getLogger(_RETRIES_OF_THE_LIBRARY)
    logger.addFilter(counter)
    try:
        yield counter
    finally:
        logger.removeFilter(counter)
