"""A proxy between a client and a Hub that does mischief: the client speaks with sockets of this module only."""

import http.client
import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_HOP_BY_HOP = ("transfer-encoding", "connection", "content-length", "keep-alive", "date", "server")
_UPSTREAM_SECONDS = 60.0
_RESET = struct.pack("ii", 1, 0)
PORTAL = b"<!doctype html><title>Hotel wifi</title>Please log in"
"""What a captive portal answers to everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came from the Hub, or what the client gets instead."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def with_body(self, body: bytes, kind: str = "") -> "Answer":
        """The same with another body, and its kind if that is another."""
        kept = tuple(pair for pair in self.headers if not kind or pair[0].lower() != "content-type")
        return replace(self, body=body, headers=(*kept, *((("Content-Type", kind),) if kind else ())))


@dataclass(slots=True, kw_only=True)
class Mischief:
    """What is done to the next requests that match."""

    pattern: str
    """Regular expression, searched for in method and path: `POST .*/commit/`."""
    act: Callable[["Exchange"], None]
    times: int = 1
    """How many requests it still meets."""
    done: int = 0
    """How many it has met."""


class Exchange:
    """One request of a client, as mischief sees it."""

    def __init__(self, handler: "_Handler", body: bytes) -> None:
        self._handler = handler
        self.proxy = handler.server.proxy
        self.method, self.target = handler.command, handler.path
        self.headers = handler.headers
        self.body = body

    def forward(self) -> Answer:
        """Carry out the request, and give the Hub's answer with the proxy's address in place of the Hub's."""
        upstream = urlsplit(self.proxy.upstream)
        connection = http.client.HTTPConnection(upstream.netloc, timeout=_UPSTREAM_SECONDS)
        ours = self.proxy.endpoint
        headers = {
            name: value.replace(ours, self.proxy.upstream)
            for name, value in self._handler.headers.items()
            if name.lower() not in (*_HOP_BY_HOP, "host", "accept-encoding")
        }
        body = self.body.replace(ours.encode(), self.proxy.upstream.encode())
        try:
            connection.request(self.method, self.target, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return Answer(
            status=response.status,
            headers=tuple(
                (name, value.replace(self.proxy.upstream, ours))
                for name, value in response.getheaders()
                if name.lower() not in _HOP_BY_HOP
            )
            + ((("Content-Length", response.getheader("Content-Length") or "0"),) if self.method == "HEAD" else ()),
            body=content.replace(self.proxy.upstream.encode(), ours.encode()),
        )

    def reply(self, answer: Answer, *, promised: int | None = None) -> None:
        """Answer; `promised` is another length than that of the body."""
        handler = self._handler
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        if self.method != "HEAD":
            handler.send_header("Content-Length", str(len(answer.body) if promised is None else promised))
        handler.end_headers()
        if self.method != "HEAD":
            handler.wfile.write(answer.body)
        if promised is not None:
            self.close()

    def raw(self, parts: Iterable[bytes], *, every_seconds: float = 0.0) -> None:
        """Send bytes as they are, one part after the other, and close."""
        with suppress(OSError):
            for part in parts:
                self._handler.wfile.write(part)
                self._handler.wfile.flush()
                if self.proxy.closing.is_set() or (every_seconds and self.proxy.closing.wait(every_seconds)):
                    break
        self.close()

    def close(self) -> None:
        """Close the connection, whatever was sent."""
        self._handler.close_connection = True
        with suppress(OSError):
            self._handler.wfile.flush()
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Reset the connection."""
        self._handler.close_connection = True
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._handler.connection.close()


class Proxy:
    """A proxy in front of a Hub; use it as a context manager.

    Args:
        upstream: address of the Hub.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.closing = threading.Event()
        self.requests: list[str] = []
        """Method and path of each request so far."""
        self.memory: dict[str, Any] = {}
        """What mischief keeps from one request to the next."""
        self._mischief: list[Mischief] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def add(self, pattern: str, act: Callable[[Exchange], None], times: int = 1) -> Mischief:
        """Do mischief to the next requests that match."""
        mischief = Mischief(pattern=pattern, act=act, times=times)
        self._mischief.append(mischief)
        return mischief

    def next_for(self, request: str) -> Mischief | None:
        """Take what is to be done to a request; it is written down."""
        with self._lock:
            self.requests.append(request)
            for mischief in self._mischief:
                if mischief.times > 0 and re.search(mischief.pattern, request):
                    mischief.times -= 1
                    mischief.done += 1
                    return mischief
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without looking up the name of this machine."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients are killed here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""

    def handle_one_request(self) -> None:
        """Hand every method to `_serve`."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self._serve()
        with suppress(OSError, ValueError):
            self.wfile.flush()

    def _serve(self) -> None:
        exchange = Exchange(self, self._body())
        mischief = self.server.proxy.next_for(f"{self.command} {self.path}")
        if mischief:
            mischief.act(exchange)
        else:
            exchange.reply(exchange.forward())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)
