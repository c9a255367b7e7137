"""What a person sees on a terminal, and what a log file gets."""

import io
import json
import re
import sys
from pathlib import Path

import click
import pytest
from rich.console import Console
from rich.text import Text

from nextlong_hub import cli, terminal
from nextlong_hub.core.printable import visible
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.lines import Lines
from nextlong_hub.execution.progress import ProgressTracker
from nextlong_hub.terminal import show_error, show_line, show_table, watching
from nextlong_hub.terminal.bars import Bars


def test_a_table_wider_than_the_terminal_goes_on_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is wider than the terminal, and no column is lost."""
    monkeypatch.setenv("COLUMNS", "60")
    columns = [f"config-{number}" for number in range(9)]
    show_table([("rows", [f"{number},000" for number in range(9)]), ("", ()), ("tokens", ["1"] * 9)], columns)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 60
    for number in range(9):
        assert f"config-{number}" in out
        assert f"{number},000" in out


def test_names_are_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder called `[red]` is printed as it is called, in tables, lines and errors."""
    show_table([("[bold]rows", ["[x]"])], ["[red]"])
    show_line("[green]done[/green]")
    show_error("no file [blue]a[/blue]")
    captured = capsys.readouterr()
    assert "[bold]rows" in captured.out
    assert "[red]" in captured.out
    assert "[green]done[/green]" in captured.out
    assert captured.err == "Error: no file [blue]a[/blue]\n"


def test_an_error_stays_on_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """However long: it may hold a path or a command to copy, and logs are read by line."""
    monkeypatch.setenv("COLUMNS", "40")
    show_error("word " * 60)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_without_a_terminal_a_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets a line for each stage with its work, and stdout stays empty."""
    with watching(quiet=False) as progress:
        tracker = ProgressTracker(progress)
        with tracker.stage("retrieve 64k", 3, "units") as advance:
            advance(3)
        with tracker.stage("index", None, "shards"):
            pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "retrieve 64k: 3 of 3 units, 0.00 s done\n"


def test_a_long_stage_says_so_now_and_then() -> None:
    """One line each time the interval has passed, not one for each unit."""
    clock = iter(range(0, 10_000, 10))
    lines: list[str] = []
    progress = Lines(lines.append, clock=lambda: float(next(clock)))
    progress.start("synthesise", 100, "units")
    for _ in range(9):
        progress.advance()
    progress.stop()
    progress.finish("synthesise")
    assert lines[-1].endswith("done")
    assert 2 <= len(lines) - 1 <= 4
    assert all("so far" in line for line in lines[:-1])


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet nothing is said while it runs."""
    with watching(quiet=True) as progress, ProgressTracker(progress).stage("index", 1, "shards") as advance:
        advance(1)
    assert capsys.readouterr().err == ""


def test_a_stage_that_failed_is_not_called_done() -> None:
    """Bars and lines mark the stage in which the run ended."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=False, width=80)
    for progress in (Lines(console.print), Bars(console)):
        with (
            pytest.raises(ZeroDivisionError),
            ProgressTracker(progress).stage("index", 4, "shards") as advance,
        ):
            advance(1)
            _ = 1 / 0
    assert stream.getvalue().count("1 of 4 shards") == 2
    assert "stopped" in stream.getvalue()
    assert "✗" in stream.getvalue()


def test_on_a_terminal_bars_move_and_a_line_stays_for_each_stage() -> None:
    """What is left at the end is one line a stage, also over many rounds."""
    stream = io.StringIO()
    with Bars(Console(file=stream, force_terminal=True, width=80, legacy_windows=False)) as bars:
        tracker = ProgressTracker(bars)
        with tracker.rounds():
            for _ in range(2):
                for stage in ("retrieve", "synthesise"):
                    with tracker.stage(stage, 2, "units") as advance:
                        advance(2)
    assert stream.getvalue().count("✓") == 2
    assert stream.getvalue().count("4 of 4 units") >= 2


def test_the_live_picture_shows_the_stage_and_the_whole() -> None:
    """A row for the stage at work with what is left of it, and one for all; no line is wider than the terminal."""
    stream = io.StringIO()
    bars = Bars(Console(file=stream, force_terminal=True, width=80, legacy_windows=False))
    tracker = ProgressTracker(bars)
    with tracker.stage("read and cut", 1, "pieces") as advance:
        advance(1)
    tracker.expect([ExpectedStage(stage=name, seconds=1e9) for name in ("read and cut", "index", "write 128k")])
    console = Console(file=io.StringIO(), width=80)
    with tracker.stage("index", 4_096, "shards") as advance, console.capture() as captured:
        advance(1)
        console.print(bars._picture())
    lines = captured.get().splitlines()
    assert [line.split()[0] for line in lines if "all" in line] == ["all"]
    assert any("1 of 4,096 shards" in line for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("variables", "has_bars"),
    [
        ({}, True),
        ({"HF_HUB_DISABLE_PROGRESS_BARS": "1"}, False),
        ({"HF_HUB_DISABLE_PROGRESS_BARS": "0"}, True),
        ({"TERM": "dumb"}, False),
        ({"JPY_PARENT_PID": "1"}, False),
    ],
)
def test_bars_are_drawn_only_where_they_are_wanted(
    variables: dict[str, str], has_bars: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """huggingface_hub's variable, a terminal that cannot move its cursor and a notebook's cell turn them off."""
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", stream)
    with watching(quiet=False) as progress:
        assert isinstance(progress, Bars if has_bars else Lines)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR not even an error on a terminal is coloured."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", stream)
    show_error("no")
    assert "\x1b[31m" not in stream.getvalue()
    assert "31m" not in stream.getvalue()


HIDDEN = "a\x1b[31mb\x00c\u202ed\x9be\x7ff"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_printed_commands_the_terminal(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever way out is taken and wherever the text came from, a hidden character is a mark that a reader sees."""
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    terminal.show_error(HIDDEN)
    terminal.show_note(HIDDEN)
    terminal.show_line(HIDDEN)
    terminal.show_verbatim(HIDDEN)
    terminal.show_interruption(HIDDEN)
    terminal.show_pieces([(HIDDEN, "bold")], indent=2)
    terminal.show_listing([(HIDDEN, "left"), (HIDDEN, "right")], [[(HIDDEN, ""), (HIDDEN, "")]])
    terminal.show_table([(HIDDEN, [HIDDEN])], [HIDDEN])
    terminal.show_json({HIDDEN: HIDDEN})
    terminal.show_usage_error(click.UsageError(HIDDEN))
    with watching(quiet=False) as progress:
        progress.start(HIDDEN, 1, HIDDEN)
        progress.note(HIDDEN)
        progress.advance()
        progress.finish(HIDDEN)
    told = capsys.readouterr()
    for text in (told.out, told.err):
        assert visible(text) == text
        assert "⟨U+202E⟩" in text
    assert json.loads(told.out[told.out.index("{") : told.out.index("}") + 1]) == {HIDDEN: HIDDEN}


def test_a_console_makes_visible_what_a_caller_forgets() -> None:
    """The last step before the terminal does it, so no bar and no table can get round it; codes of its own stay."""
    console = terminal._VisibleConsole(file=io.StringIO(), force_terminal=True, color_system="standard", width=60)
    console.print(HIDDEN, Text(HIDDEN, "red"), markup=False)
    with Bars(console) as bars:
        bars.start(HIDDEN, 2, HIDDEN)
        bars.advance()
        bars.note(HIDDEN)
        bars.finish(HIDDEN)
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    for character in "\x00\u202e\x9b\x7f":
        assert character not in printed
    assert "\x1b[31mb" not in printed


def test_only_the_terminal_and_the_door_print() -> None:
    """No other module of the command line writes by itself, but words of its own."""
    folder = Path(cli.__file__).parent
    prints = re.compile(r"(?<![\w.])(?:print|click\.echo|click\.secho)\((?!\"[^\"{]*\"[,)])")
    found = {path.name for path in folder.rglob("*.py") if prints.search(path.read_text())}
    assert found <= {"door.py", "builds.py", "completion.py"}  # a command to copy; a script of click's for the shell
