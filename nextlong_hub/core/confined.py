"""A function in a process of its own, for what others programmed: whatever it does, it answers in time or is killed.

    confined = Confined(function, Limits(cpu_seconds=10, wall_seconds=120, memory_bytes=1 << 30))
    confined.call(request)

One request to a library may never end, or fill the memory, and neither a signal nor another thread can stop it there.
A process can be stopped. It is started once, with the first request, and serves all that follow; it is started anew
after one that had to be stopped. It works in any thread and in any process that may start others, and it ends with the
process that started it.

How much memory it may take is enforced on Linux; elsewhere time alone bounds it.
"""

import atexit
import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from nextlong_hub.errors import WorkerError

_LENGTH = struct.Struct("<Q")
_MOST_ANSWER_BYTES = 1 << 30
_MOST_MESSAGE_CHARACTERS = 2000
_TICK_SECONDS = 0.25
_TIME, _MEMORY, _CRASH = "time", "memory", "crash"
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from nextlong_hub.core.confined import serve; serve(*sys.argv[2:])"
)
_PAGES = Path("/proc/self/statm")
"""Begins with the pages of memory that a process has on Linux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may take."""

    cpu_seconds: int
    """Of the processor; not enforced on Windows."""
    wall_seconds: float
    """Of the clock: a machine may have more to do."""
    memory_bytes: int
    """Beyond what the process has when it is ready."""


class OutOfBudgetError(Exception):
    """A request took more than it may, and was stopped; the message says what."""


class RefusedError(Exception):
    """The function raised an exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """The name of its class."""


class Confined:
    """A function that takes and gives values of JSON, in a process of its own."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """Name what runs; nothing is started yet.

        Args:
            function: One at the top of a module.
            limits: What each request may take.
        """
        self._named = (function.__module__, function.__qualname__)
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._deadline = float("inf")
        self._is_overdue = False

    def call(self, request: Any) -> Any:
        """The function's answer.

        Raises:
            RefusedError: it raised an exception.
            OutOfBudgetError: it took too long or too much, and its process was stopped.
            WorkerError: no process can be started here.
        """
        with self._lock:
            process = self._started()
            try:
                answer = self._exchange(process, request)
            except BaseException:
                self._stop()
                raise
            if answer is None:
                raise OutOfBudgetError(self._verdict(process))
        if "value" in answer:
            return answer["value"]
        if answer["kind"] == _MEMORY:
            raise OutOfBudgetError(self._in_words(_MEMORY))
        raise RefusedError(answer["kind"], answer["message"])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is None:
            return self._process
        limits = [str(self._limits.cpu_seconds), str(self._limits.memory_bytes)]
        command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), *self._named, *limits]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._process_ready(self._process)
        except (OSError, TypeError) as error:
            self._stop()
            raise WorkerError(
                f"what others programmed is run in a process of its own, and none can be started here ({error}); allow "
                "it, or run this where processes may be started"
            ) from error
        threading.Thread(target=self._watch, args=[self._process], daemon=True).start()
        atexit.register(self.close)
        return self._process

    def _process_ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait until its modules are imported: a slow disk is not the fault of a request."""
        if _received(cast("IO[bytes]", process.stdout)) is None:
            raise OSError(f"it ended with the exit code {process.wait()}")

    def _exchange(self, process: "subprocess.Popen[bytes]", request: Any) -> Any:
        """The answer of the process; None where it has ended without one."""
        self._deadline = time.monotonic() + self._limits.wall_seconds
        try:
            _send(cast("IO[bytes]", process.stdin), request)
            return _received(cast("IO[bytes]", process.stdout))
        except (BrokenPipeError, ConnectionError):
            return None
        finally:
            self._deadline = float("inf")

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill the process once a request has taken too long."""
        while process.poll() is None:
            if time.monotonic() > self._deadline:
                self._is_overdue = True
                process.kill()
            time.sleep(_TICK_SECONDS)

    def _stop(self) -> None:
        process, self._process = self._process, None
        atexit.unregister(self.close)
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    _close(stream)
            process.wait()

    def _verdict(self, process: "subprocess.Popen[bytes]") -> str:
        """Why a process that gave no answer has ended."""
        is_late = self._is_overdue or process.wait() == -getattr(signal, "SIGXCPU", 0) < 0
        self._is_overdue = False
        self._stop()
        return self._in_words(_TIME if is_late else _CRASH)

    def _in_words(self, limit: str) -> str:
        return {
            _TIME: f"it took more than {self._limits.cpu_seconds} seconds",
            _MEMORY: f"it took more than {self._limits.memory_bytes >> 20:,} MiB of memory",
            _CRASH: "it ended its process, as for want of memory",
        }[limit]


def call_confined(function: Callable[[Any], Any], request: Any, limits: Limits) -> Any:
    """The answer of a function to one request, in a process for that alone.

    Raises:
        RefusedError, OutOfBudgetError, WorkerError: see `Confined.call`.
    """
    confined = Confined(function, limits)
    try:
        return confined.call(request)
    finally:
        confined.close()


def serve(module: str, name: str, cpu_seconds: str, memory_bytes: str) -> None:
    """Answer requests from standard input until it is closed; what a confined process does."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    function: Any = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    _bound_memory(int(memory_bytes))
    _send(answers, {"value": "ready"})
    while (request := _received(requests)) is not None:
        _bound_cpu(int(cpu_seconds))
        _send(answers, _answer(function, request))


def _answer(function: Callable[[Any], Any], request: Any) -> Any:
    try:
        return {"value": function(request)}
    except MemoryError:
        return {"kind": _MEMORY, "message": ""}
    except Exception as error:  # whatever a library raises is for the caller to judge
        return {"kind": type(error).__name__, "message": str(error)[:_MOST_MESSAGE_CHARACTERS]}


def _bound_memory(more_bytes: int) -> None:
    if sys.platform != "linux":
        return
    import resource

    held = int(_PAGES.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + more_bytes, held + more_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_cpu(seconds: int) -> None:
    """So many seconds more, then SIGXCPU ends this process."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hardest = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most if hardest < 0 else min(most, hardest), hardest))


def _send(stream: IO[bytes], value: Any) -> None:
    content = json.dumps(value).encode()
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def _received(stream: IO[bytes]) -> Any:
    """The next value; None at the end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _MOST_ANSWER_BYTES:
        return None
    content = stream.read(length)
    return json.loads(content) if len(content) == length else None


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:  # what it had not sent yet
        return
