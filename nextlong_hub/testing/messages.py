"""HTTP messages: a request, an answer, and a refusal with the Hub's error codes."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, read completely."""

    method: str
    path: str
    """Still percent-encoded, without the query: a revision may hold an encoded slash."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def token(self) -> str | None:
        """The bearer token, when there is one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object.

        Raises:
            Refusal: 400, the body is not JSON.
        """
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refusal(400, f"the body is not JSON: {error}") from error

    def form(self) -> dict[str, list[str]]:
        """The body as a form; a JSON body of the same shape is taken as well, because clients send either."""
        if "json" in self.headers.get("content-type", ""):
            return {name: value if isinstance(value, list) else [str(value)] for name, value in self.json().items()}
        return parse_qs(self.body.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    """Content-Length to announce to a HEAD request, in bytes; None: that of the body."""
    delay_seconds: float = 0.0
    """Delay before it is sent."""
    drip_seconds: float | None = None
    """Wait so long after each of its bytes; None: send it at once."""


class Refusal(Exception):
    """A refusal of the Hub: a status, a message, and an error code where clients read one."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        """Value of `X-Error-Code`: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo or none."""

    def answer(self) -> Answer:
        """The refusal as it is sent."""
        headers = {"X-Error-Message": " ".join(self.message.split())}
        if self.code:
            headers["X-Error-Code"] = self.code
        return json_answer({"error": self.message}, status=self.status, headers=headers)


def json_answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer that carries JSON."""
    return Answer(
        status=status,
        body=json.dumps(value).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
    )


def is_true(text: str | None) -> bool:
    """Read a boolean of a query or a form as the clients write it: `True`, `true`, `1`."""
    return (text or "").lower() in ("true", "1")
