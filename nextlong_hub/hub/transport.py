"""Every request and answer of huggingface_hub passes here: it is timed, bounded and judged.

The client of huggingface_hub is wrapped where it is made, so that what `datasets`, fsspec and pyarrow ask for through
it is held to the same. Outside of a block of `spending`, that is outside of our own calls, nothing is done to it.

    time    on the network alone, not between two reads of whoever reads (see `budget`)
    bytes   of answers that are no files; those of files are bounded by the listing
    truth   see `answers`; a question that changes nothing is asked again before its answer is disbelieved

Before its version 1.0 huggingface_hub used another library for HTTP; there only what `Repository` and `listing` read
is held to the listing, and each single wait is bounded, but no sum of them.
"""

import logging
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from nextlong_hub.hub.answers import (
    GIVES_BYTES,
    AskedFile,
    PartCheck,
    asked_file,
    asked_listing,
    below_endpoint,
    parsed_answer,
    required_span,
)
from nextlong_hub.hub.budget import Spending, current_spending
from nextlong_hub.hub.changes import RemoteFile
from nextlong_hub.hub.listing import listed_file
from nextlong_hub.hub.network import Exchange, Network, working_for
from nextlong_hub.hub.redact import redacted
from nextlong_hub.hub.retry import NotTheHub

_LIBRARY = "huggingface_hub"
_HTTP = "huggingface_hub.utils._http"
_EXCHANGE = "nextlong_hub"
"""Key of what we know of a request in its extensions, which its redirects keep."""
_ASKED_WITHOUT_END = frozenset({"/api/repos/create"})
"""What huggingface_hub asks for again as long as the Hub is busy, as it follows the pages of a listing."""
_TRIES = 3
_FIRST_SECONDS = 0.5
"""Before the second try; the double before the next."""
_ANY_CONTAINER = 47
"""zlib's number for: gzip or zlib, as its header says."""
_IDENTITY = "identity"


def guard() -> None:
    """Wrap the clients and the log of huggingface_hub, once; nothing when it is not imported yet."""
    http: Any = sys.modules.get(_HTTP)
    made_by = getattr(http, "_GLOBAL_CLIENT_FACTORY", None)
    if made_by is not None and not isinstance(made_by, _Factory):
        http.set_client_factory(_Factory(made_by))
    for handler in logging.getLogger(_LIBRARY).handlers:
        handler.addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take secrets out of what the library itself logs, such as the address of a request that it tries again."""
    record.msg, record.args = redacted(record.getMessage()), ()
    return True


class _Factory:
    """Makes the client that huggingface_hub would, and wraps it."""

    def __init__(self, made_by: Callable[[], Any]) -> None:
        self._made_by = made_by

    def __call__(self) -> Any:
        client = self._made_by()
        client._transport = _Transport(client._transport)
        client._mounts = {to: way and _Transport(way) for to, way in client._mounts.items()}
        return client


class _Transport:
    """Stands for a transport of httpx: each request passes through it, a redirect as another.

    Args:
        inner: The transport that does the work.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        pool = getattr(inner, "_pool", None)
        if hasattr(pool, "_network_backend"):
            pool._network_backend = Network(pool._network_backend)  # type: ignore[union-attr]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __enter__(self) -> "_Transport":
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)

    def handle_request(self, request: Any) -> Any:
        """Send a request, and judge what comes."""
        exchange: Exchange | None = request.extensions.get(_EXCHANGE)
        if exchange is None:
            spending = current_spending()
            if spending is None:
                return self._inner.handle_request(request)
            exchange = request.extensions[_EXCHANGE] = _exchange_for(request, spending)
        if exchange.api_path is not None:
            return self._asked_again(request, exchange)
        if exchange.file is not None:
            request.headers["Accept-Encoding"] = _IDENTITY
        with working_for(exchange):
            answer = self._inner.handle_request(request)
        if exchange.file is not None and not answer.has_redirect_location:
            _judge_file(request, answer, exchange)
        return answer

    def _asked_again(self, request: Any, exchange: Exchange) -> Any:
        """Send a question to the Hub's API, again when its answer is none and asking changes nothing."""
        is_question = request.method == "GET" or "/paths-info/" in (exchange.api_path or "")
        request.headers["Accept-Encoding"] = "gzip, deflate"
        for tried in range(1, _TRIES + 1):
            with working_for(exchange):
                answer = self._inner.handle_request(request)
                body = _whole_body(answer, exchange)
            answer.stream = _library_of(request).ByteStream(body)
            if not is_question or answer.status_code >= 300:
                return answer
            try:
                _judge_answer(request, answer, exchange, body)
            except NotTheHub as error:
                if tried == _TRIES:
                    raise _raised_by(request, error) from error
                exchange.spending.failed_tries += 1
                time.sleep(_FIRST_SECONDS * 2 ** (tried - 1))
            else:
                return answer
        raise AssertionError(_TRIES)


def _exchange_for(request: Any, spending: Spending) -> Exchange:
    """What is known of a request by its address."""
    from huggingface_hub import constants

    exchange = Exchange(spending)
    path = below_endpoint(str(request.url), constants.ENDPOINT)
    if path is None:
        return exchange
    if request.method == "GET":
        exchange.file = asked_file(path, request.headers.get("Range", ""))
    if path.startswith("/api/"):
        exchange.api_path = path
    is_listing = asked_listing(path) is not None
    if is_listing:
        spending.asked_page(f"{request.method} {path}")
    if is_listing or path in _ASKED_WITHOUT_END:
        spending.asked(f"{request.method} {request.url}")
    return exchange


def _judge_answer(request: Any, answer: Any, exchange: Exchange, body: bytes) -> None:
    """Compare an answer of the API with what the Hub answers there.

    Raises:
        NotTheHub: it is another.
    """
    path = exchange.api_path or ""
    value = parsed_answer(path, _decompressed(answer, exchange, body))
    listing = asked_listing(path)
    if listing is not None and not value and "cursor" not in str(request.url.query):
        # git knows no empty folder; a repository without a file says so itself, too
        from huggingface_hub import HfApi

        api: Any = HfApi()
        info = None if listing.path else api.repo_info(listing.name, repo_type=listing.kind, revision=listing.revision)
        if info is None or info.siblings:
            raise NotTheHub(f"it lists nothing in {listing.name}, which is not empty")


def _judge_file(request: Any, answer: Any, exchange: Exchange) -> None:
    """Let the content of a file through only as it is listed.

    Raises:
        NotTheHub: the answer cannot be that.
    """
    asked = exchange.file
    if asked is None:
        return
    try:
        listed = span = None
        if answer.status_code in GIVES_BYTES:
            # what came contradicts a first answer that there is no such file
            listed = _listed(asked) or _listed(asked)
            span = required_span(asked, listed, answer.status_code, answer.headers)
    except NotTheHub as error:
        answer.close()
        raise _raised_by(request, error) from error
    except BaseException:
        answer.close()
        raise
    if span is not None and listed is not None:
        answer.stream = _body_class(_library_of(request))(
            answer.stream, request, exchange, PartCheck(asked, listed, span)
        )


def _listed(asked: AskedFile) -> RemoteFile | None:
    return listed_file(asked.kind, asked.name, asked.commit, asked.path)


def _whole_body(answer: Any, exchange: Exchange) -> bytes:
    """All that an answer holds, as it came.

    Raises:
        NetworkError: it is longer than any answer of the Hub.
    """
    parts, size = [], 0
    try:
        for part in answer.stream:
            size += len(part)
            exchange.spending.answered(len(part))
            if size > exchange.spending.budget.answer_bytes:
                raise NotTheHub(f"it answered more than {size:,} bytes where the Hub answers few")
            parts.append(part)
    finally:
        answer.stream.close()
    return b"".join(parts)


def _decompressed(answer: Any, exchange: Exchange, body: bytes) -> bytes:
    """The content of a body.

    Raises:
        NotTheHub: it is damaged, or longer than any answer of the Hub.
    """
    if answer.headers.get("Content-Encoding", _IDENTITY) == _IDENTITY:
        return body
    most = exchange.spending.budget.answer_bytes
    try:
        content = zlib.decompressobj(_ANY_CONTAINER).decompress(body, most + 1)
    except zlib.error as error:
        raise NotTheHub(f"its answer cannot be decompressed ({error})") from error
    if len(content) > most:
        raise NotTheHub(f"it answered more than {most:,} bytes where the Hub answers few")
    return content


def _library_of(request: Any) -> Any:
    """The library of HTTP that made an object: `httpx`, or one that took its place."""
    return sys.modules[type(request).__module__.partition(".")[0]]


@cache
def _fault_class(library: Any) -> type[Exception]:
    """The class of a disbelieved answer, which huggingface_hub takes for a fault of the network, and tries again."""
    return type("NotTheHubError", (NotTheHub, library.ReadError), {"__module__": __name__})


def _raised_by(request: Any, error: NotTheHub) -> Exception:
    return _fault_class(_library_of(request))(str(error))


@cache
def _body_class(library: Any) -> type[Any]:
    """The class of a file's content as a stream of `library`."""

    class Body(library.SyncByteStream):  # type: ignore[misc]
        """The content of a file, judged as it comes."""

        def __init__(self, inner: Any, request: Any, exchange: Exchange, check: PartCheck) -> None:
            self._inner = inner
            self._request = request
            self._exchange = exchange
            self._check = check

        def __iter__(self) -> Iterator[bytes]:
            blocks = iter(self._inner)
            try:
                while True:
                    with working_for(self._exchange):
                        block = next(blocks, None)
                    if block is None:
                        break
                    self._check.take(block)
                    yield block
                self._check.end()
            except NotTheHub as error:
                raise _raised_by(self._request, error) from error

        def close(self) -> None:
            self._inner.close()

    return Body
