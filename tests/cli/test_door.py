"""The last door: whatever comes, people see one line, what to do, and an exit code; `--debug` shows where."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from nextlong_hub import cli
from nextlong_hub.cli.door import Door
from nextlong_hub.core.signals import SigtermReceived
from nextlong_hub.errors import DataError, NextLongError
from nextlong_hub.execution.progress import NullProgress, ProgressTracker


class Panic(BaseException):
    """What a library in another language raises: no `Exception`."""


def nobody_foresaw(error: BaseException) -> Callable[..., None]:
    """A library function that raises it, at a stage."""

    def broken(*arguments: object, **options: object) -> None:
        with ProgressTracker(NullProgress()).stage("count words", 3, "words"):
            raise error

    return broken


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyError("x"), 1, "KeyError: 'x'; nobody foresaw this: run it again with --debug to see where, and report it"),
        (ValueError("first\n\x1b[31msecond"), 1, "ValueError: first ␛[31msecond; nobody foresaw this"),
        (ZeroDivisionError(), 1, "ZeroDivisionError; nobody foresaw this"),
        (RecursionError("too deep"), 1, "RecursionError: too deep; nobody"),
        (Panic("regex"), 1, "Panic: regex; nobody"),
        (EOFError("Ran out of input"), 1, "EOFError: Ran out of input; nobody"),
        (MemoryError(), 8, "there was too little memory (MemoryError); run it again with a smaller --num-proc"),
        (
            OSError("Could not find/load shared object file 'libllvmlite.so'"),
            8,
            "there was too little memory (OSError: ",
        ),
        (OSError(errno.ENOSPC, "full"), 7, "No space left on device; free some space there"),
        (OSError(errno.EMFILE, "many", "a.bin"), 7, "a.bin: Too many open files; raise the limit on open files"),
        (FileNotFoundError(errno.ENOENT, "gone", "a.bin"), 1, "a.bin is not there; if it was removed or renamed meanw"),
        (DataError("known"), 1, "Error: known"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_comes_is_one_line(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command and stage, what came, and what to do; never a traceback, never a silent exit."""
    monkeypatch.setattr("nextlong_hub.datacard.check_card", nobody_foresaw(error))
    assert cli.run(["card", os.curdir, "--check"]) == code
    told = capsys.readouterr()
    [line] = filter(None, told.err.splitlines())
    assert words in line
    assert isinstance(error, NextLongError) or line.startswith("Error: card stopped at the stage 'count words': ")
    assert told.out == ""


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As an option before or behind the command, and from the environment; for known errors, too."""
    for error in (KeyError("x"), DataError("known")):
        monkeypatch.setattr("nextlong_hub.datacard.check_card", nobody_foresaw(error))
        for arguments in (["--debug", "card", ".", "--check"], ["card", ".", "--check", "--debug"]):
            assert cli.run(arguments) == 1
            told = capsys.readouterr().err
            assert "Traceback (most recent call last)" in told
            assert "in broken" in told
            assert "run it again with --debug" not in told
    monkeypatch.setenv("NEXTLONG_DEBUG", "1")
    assert cli.run(["card", ".", "--check"]) == 1
    assert "in broken" in capsys.readouterr().err


def test_want_of_memory_behind_an_error_of_ours_is_what_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be read because no thread could be started is not said to be damaged."""
    error = DataError("shard.parquet cannot be read")
    error.__cause__ = RuntimeError("Failed to launch worker thread")
    monkeypatch.setattr("nextlong_hub.datacard.check_card", nobody_foresaw(error))
    assert cli.run(["card", ".", "--check"]) == 8
    assert "too little memory (RuntimeError: Failed to launch worker thread)" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v is kept by Linux alone")
@pytest.mark.parametrize("megabytes", [300, 1_200])
def test_a_limit_on_memory_is_told(megabytes: int, tmp_path: Path) -> None:
    """Too little for the libraries, which would end the process: one error, no traceback, exit code 8."""

    def limited(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nextlong_hub", *arguments]
        shell = ["sh", "-c", f'ulimit -v {megabytes * 1024} && exec "$0" "$@"', *command]
        return subprocess.run(shell, capture_output=True, text=True, timeout=100, check=False)

    assert limited("build", "--help").returncode == 0
    done = limited("build", "--output", str(tmp_path / "out"), "--samples", "1", "--num-proc", "1")
    told = [line for line in done.stderr.splitlines() if line.startswith(("Error: ", "Traceback", "  File "))]
    assert (done.returncode, [line[:7] for line in told]) == (8, ["Error: "]), done.stderr


def test_signals_keep_their_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C, SIGTERM and an aborted question are no faults."""
    for error, code in ((KeyboardInterrupt(), 130), (SigtermReceived(), 143), (click.Abort(), 130)):
        monkeypatch.setattr("nextlong_hub.datacard.check_card", nobody_foresaw(error))
        assert cli.run(["card", ".", "--check"]) == code
        assert "Error" not in capsys.readouterr().err


def test_too_few_open_files_for_the_terminal_is_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the line is printed with, it is printed."""
    before = sys.modules.pop("nextlong_hub.terminal", None)
    path, sys.path = sys.path, []
    try:
        assert Door("build").leave(OSError(errno.EMFILE, "many")) == 7
    finally:
        sys.path = path
        if before is not None:
            sys.modules["nextlong_hub.terminal"] = before
    assert "build stopped: Too many open files" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("limit", [8, 10])
def test_a_limit_on_open_files_is_told(limit: int, tmp_path: Path) -> None:
    """In a real process with next to none: one line, no traceback, exit code 7."""
    done = subprocess.run(
        [sys.executable, "-c", "from nextlong_hub.cli import main; main()", "stats", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 7)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_standard_output_that_is_full_is_told() -> None:
    """Exit code 7 and one line, and nothing more when the interpreter ends."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from nextlong_hub.cli import main; main()", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 7
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_standard_stream_that_is_closed_is_no_fault(closed: int) -> None:
    """A service may start without one: the command does its work."""
    done = subprocess.run(
        [sys.executable, "-c", "from nextlong_hub.cli import main; main()", "doctor"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.close(closed),
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_standard_error_that_is_full_changes_no_exit_code() -> None:
    """The error cannot be told, but its code stays: the interpreter's end does not replace it."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from nextlong_hub.cli import main; main()", "build", "129k"],
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert done.returncode == 2
