"""Fault injection: the next requests that match fail in a chosen way."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from nextlong_hub.testing.messages import Answer, json_answer


@dataclass(slots=True, kw_only=True)
class InjectedFault:
    """A failure for the next requests that match."""

    method: str
    path_pattern: str
    """Regular expression searched for in the path with its query."""
    status: int = 500
    times: int = 1
    """Number of matching requests that still fail."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the failing answer: `{"Retry-After": "1"}`."""
    body: Any = None
    """JSON value of the failing answer; None: a plain error message."""
    drop_after: bool = False
    """Carry out the request, then close the connection without an answer, so that the client cannot know the result."""
    reset_after_bytes: int | None = None
    """Read this many bytes of the body, then reset the connection; the request is not carried out."""
    delay_seconds: float = 0.0
    """Carry out the request, but delay the answer, so that a client with a shorter timeout gives up."""

    alter: Callable[[bytes], bytes] | None = None
    """Carry out the request, and change the body of its answer as a proxy or a page to log in would."""

    drip_seconds: float | None = None
    """Carry out the request, and wait so long after each byte of the answer, headers included."""
    rewrite: Callable[[Answer], Answer] | None = None
    """Carry out the request, and give another answer."""

    @property
    def replaces_answer(self) -> bool:
        """Whether the failing answer replaces the request, which is then not carried out."""
        return not (self.drop_after or self.delay_seconds or self.alter or self.drip_seconds or self.rewrite)

    def follow(self, answer: Answer) -> Answer:
        """What becomes of the answer to a request that was carried out."""
        body = self.alter(answer.body) if self.alter else answer.body
        answer = replace(answer, body=body, delay_seconds=self.delay_seconds, drip_seconds=self.drip_seconds)
        return self.rewrite(answer) if self.rewrite else answer

    def answer(self) -> Answer:
        """The answer that replaces the real one."""
        message = f"injected fault: {self.status}"
        body = {"error": message} if self.body is None else self.body
        return json_answer(body, status=self.status, headers={"X-Error-Message": message, **self.headers})


class Faults:
    """The pending failures, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[InjectedFault] = []

    def add(self, fault: InjectedFault) -> InjectedFault:
        """Add a failure.

        Raises:
            re.error: the pattern is no regular expression.
        """
        re.compile(fault.path_pattern)
        self._waiting.append(fault)
        return fault

    def next_for(self, method: str, target: str, *, before_body: bool = False) -> InjectedFault | None:
        """Take one pending failure for a request, if one matches.

        Args:
            method: Of the request.
            target: Its path with its query.
            before_body: Whether its body is still unread; only then can the connection be reset within it.
        """
        for fault in self._waiting:
            fits = fault.times > 0 and fault.method == method and re.search(fault.path_pattern, target)
            if fits and (fault.reset_after_bytes is not None) == before_body:
                fault.times -= 1
                return fault
        return None
