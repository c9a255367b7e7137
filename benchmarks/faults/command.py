"""Processes of the command line, in a session of their own: how they ended, what they printed, what they left."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_POLL_SECONDS = 0.1
_MOST_CROWDING = 3.0
_PATIENCE_SECONDS = 5.0
"""How long processes of a run may outlive it."""
MOST_BYTES = 3 << 30
"""Resident memory of a run, all its processes together, beyond which it is ended."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and under what a command is run."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of it."""
    prefix: tuple[str, ...] = ()
    """Words before the command: `under(files=16)`, `in_namespace(…)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A command that has ended."""

    arguments: tuple[str, ...]
    code: int
    """Exit code; negative: the signal that ended it."""
    out: str
    err: str
    seconds: float
    stopped: str = ""
    """Why the campaign ended it: `time`, `memory`; empty when it ended by itself."""
    signalled: bool = False
    """Whether a signal was sent to it."""
    mute: bool = False
    """Whether its standard error led nowhere."""
    left: int = 0
    """Processes that it left behind."""

    @property
    def last_line(self) -> str:
        """The last words of it: that of its error, if there is one."""
        lines = [line for line in (*self.out.splitlines(), *self.err.splitlines()) if line.strip()]
        errors = [line for line in lines if line.startswith("Error")]
        return (errors or lines or [""])[-1]


class Running:
    """A command that runs.

    Args:
        command: the program and its arguments.
        place: where it is run.
    """

    def __init__(self, command: tuple[str, ...], place: Place) -> None:
        self._arguments = command[1:]
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `wait`
        self._err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._begun = time.monotonic()
        self._signalled = False
        self._mute = bool({"full=2", "closed=2"} & {*place.prefix})
        self.process = subprocess.Popen(
            (*place.prefix, *command),
            cwd=place.folder,
            env=dict(place.environment),
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
        )

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def seconds(self) -> float:
        """For how long it has been running."""
        return time.monotonic() - self._begun

    def send(self, number: int, *, everybody: bool = False) -> None:
        """Send a signal to it, or to it and its workers."""
        self._signalled = True
        with suppress(ProcessLookupError):
            if everybody:
                os.killpg(self.process.pid, number)
            elif self.is_alive:
                os.kill(self.process.pid, number)

    def workers(self, name: str) -> list[int]:
        """Ids of its other processes that have a word in their command line."""
        others = [pid for pid in _session(self.process.pid) if pid != self.process.pid]
        return [pid for pid in others if name in _command_line(pid)]

    def wait(self, seconds: float) -> Run:
        """Wait for its end; end it when it takes longer, or takes too much memory.

        Where more work waits than this machine has processors, seconds are longer.
        """
        stopped = ""
        while self.is_alive and not stopped:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_POLL_SECONDS)
            if self.seconds > seconds * _crowding():
                stopped = "time"
            elif sum(map(_resident_bytes, _session(self.process.pid))) > MOST_BYTES:
                stopped = "memory"
        took = self.seconds
        left = 0 if stopped else self._left()
        signalled = self._signalled
        self.send(signal.SIGKILL, everybody=True)
        code = self.process.wait()
        return Run(
            arguments=self._arguments,
            code=code,
            out=_content(self._out),
            err=_content(self._err),
            seconds=took,
            stopped=stopped,
            signalled=signalled,
            mute=self._mute,
            left=left,
        )

    def _left(self) -> int:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (left := len(_session(self.process.pid))) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return left


def under(**limits: int | str) -> tuple[str, ...]:
    """The words that run a command under limits: see the module of that name."""
    script = Path(__file__).with_name("under.py")
    return (sys.executable, "-IS", str(script), *(f"{name}={value}" for name, value in limits.items()), "--")


def in_namespace(script: str) -> tuple[str, ...]:
    """The words that run a command where mounts of its own were made by a shell script."""
    return ("unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh")


def _crowding() -> float:
    """How much longer a second of work takes now than on an idle machine."""
    return min(_MOST_CROWDING, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    with file:
        return file.read(1 << 20).decode(errors="backslashreplace")


def _session(leader: int) -> list[int]:
    """Ids of the living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == leader and state != "Z":
                    found.append(int(entry.name))
    return found


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace")
    return ""


def _resident_bytes(pid: int) -> int:
    with suppress(OSError):
        return int(Path("/proc", str(pid), "statm").read_text().split()[1]) * _PAGE_BYTES
    return 0
