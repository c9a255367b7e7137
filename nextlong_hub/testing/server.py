"""The HTTP server: threads and sockets on 127.0.0.1, converted to `Request` and from `Answer`."""

import gzip
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from nextlong_hub.testing.messages import Answer, Request

Serve = Callable[[Request, str], Answer | None]
"""Answers a request, given also its path with the query as it came; None closes the connection instead."""

Interrupt = Callable[[str, str], int | None]
"""Given method and path with query: after how many bytes of the body to reset the connection; None: not at all."""

_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)
"""Closing a socket with this option sends RST instead of FIN."""


class Server(ThreadingHTTPServer):
    """An HTTP server on a free port; remembers its open connections so that they can be closed with it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, serve: Serve, interrupt: Interrupt) -> None:
        self.serve = serve
        self.interrupt = interrupt
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without the base class's look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a new connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection; one that is reset is closed without a shutdown."""
        self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close all connections, so that threads that wait for a request end."""
        self.closing.set()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print every error of the server except closed connections."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Turns bytes on a connection into `Request`s, and `Answer`s into bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing to stderr: the log is `LocalHub.requests`."""

    def parse_request(self) -> bool:
        """Handle every method with `_answer`: the routes decide which ones exist."""
        if not super().parse_request():
            return False
        setattr(self, f"do_{self.command}", self._answer)
        return True

    def finish(self) -> None:
        """Close both sides, also when the client has closed the connection already."""
        with suppress(ConnectionError):
            super().finish()
        self.rfile.close()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        last_byte = self.server.interrupt(self.command, self.path)
        if last_byte is not None:
            self.rfile.read(min(last_byte, int(self.headers.get("Content-Length") or 0)))
            self._reset()
            return
        request = Request(
            method=self.command,
            path=url.path,
            query={name: values[-1] for name, values in parse_qs(url.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )
        answer = self.server.serve(request, self.path)
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer.delay_seconds:
            self.server.closing.wait(answer.delay_seconds)
        if answer.drip_seconds:
            self._drip(answer, answer.drip_seconds)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _drip(self, answer: Answer, seconds: float) -> None:
        """Send an answer byte by byte, as long as the client waits for it."""
        fields = {"Content-Length": str(len(answer.body)), **answer.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.close_connection = True
        with suppress(OSError):
            for byte in f"HTTP/1.1 {answer.status} OK\r\n{head}\r\n".encode() + answer.body:
                if self.server.closing.wait(seconds):
                    return
                self.connection.sendall(bytes([byte]))

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _chunk(self) -> bytes:
        size_bytes = int(self.rfile.readline().split(b";")[0], 16)
        chunk = self.rfile.read(size_bytes)
        self.rfile.readline()
        return chunk
