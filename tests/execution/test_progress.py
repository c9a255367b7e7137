"""What is reported of a long run: one line a stage, whatever the rounds, and what is left."""

import sys

import pytest

from nextlong_hub.execution import notebook
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.lines import Lines
from nextlong_hub.execution.notebook import TqdmBars, progress_here
from nextlong_hub.execution.progress import NullProgress, ProgressTracker, StageCount, about, left_in_words


def test_a_stage_of_many_rounds_is_one_line() -> None:
    """Its units and its time are those of all rounds, in the order in which stages began."""
    said: list[str] = []
    tracker = ProgressTracker(Lines(said.append, clock=lambda: 0.0))
    with tracker.rounds():
        for _ in range(3):
            for stage in ("retrieve 64k", "synthesise 64k"):
                with tracker.stage(stage, 2, "units") as advance:
                    advance(1)
                    advance(1)
    assert said == ["retrieve 64k: 6 of 6 units, 0.00 s done", "synthesise 64k: 6 of 6 units, 0.00 s done"]
    assert [time.stage for time in tracker.times] == ["retrieve 64k", "synthesise 64k"]


def test_only_the_stage_that_failed_is_called_stopped() -> None:
    """Others of the same rounds had ended well."""
    said: list[str] = []
    tracker = ProgressTracker(Lines(said.append, clock=lambda: 0.0))
    with pytest.raises(ZeroDivisionError), tracker.rounds():
        with tracker.stage("retrieve", 1, "units") as advance:
            advance(1)
        with tracker.stage("synthesise", 2, "units") as advance:
            advance(1)
            _ = 1 / 0
    assert said == ["retrieve: 1 of 1 units, 0.00 s done", "synthesise: 1 of 2 units, 0.00 s stopped"]


def test_a_long_stage_says_what_is_left() -> None:
    """Of the stage and of the whole, once half a minute has passed."""
    said: list[str] = []
    now = [0.0]
    tracker = ProgressTracker(Lines(said.append, clock=lambda: now[0]))
    tracker._forecast._clock = lambda: now[0]
    tracker.expect([ExpectedStage(stage="index", seconds=1), ExpectedStage(stage="write", seconds=9)])
    with tracker.stage("index", 2, "shards") as advance:
        now[0] = 20
        advance(1)
        now[0] = 40
        advance(1)
    with tracker.stage("write", 9, "shards") as advance:
        now[0] = 80
        advance(1)
    assert said[:2] == [
        "index: 2 of 2 shards, 40 s so far; about 1 s left",
        "index: 2 of 2 shards, 40 s done",
    ]
    assert said[2] == "write: 1 of 9 shards, 40 s so far; about 5 min left, 5 min in all"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (7.4, "7 s"), (12, "10 s"), (54, "55 s"), (58, "1 min"), (140, "2 min"), (7_300, "2 h 00 min")],
)
def test_a_forecast_is_said_no_more_exactly_than_it_is(seconds: float, words: str) -> None:
    """In steps of five seconds, of minutes, and of ten minutes."""
    assert about(seconds) == words


def test_without_a_forecast_nothing_is_said() -> None:
    """An empty string, for callers that put it behind something else."""
    assert left_in_words(None) == ""


def test_units_of_an_unknown_number_are_counted() -> None:
    """A total that one round does not know is not known of the whole stage."""
    count = StageCount("index", "shards", clock=lambda: 0.0)
    count.start(3)
    count.stop()
    count.start(None)
    count.done = 2
    assert count.amount == "2 shards"


def test_python_gets_what_its_surroundings_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars in a notebook, lines in a pipe, and nothing where the variables of Hugging Face or tqdm say so."""
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(progress_here(), Lines)
    monkeypatch.setattr(notebook, "_is_notebook", lambda: True)
    assert isinstance(progress_here(), TqdmBars)
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            assert isinstance(progress_here(), NullProgress)
    monkeypatch.setattr(notebook, "_is_notebook", lambda: False)
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(progress_here(), NullProgress)


def test_a_bar_of_many_rounds_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The second round adds to the bar of the first; notes stand beside the bars, on stderr."""
    tracker = ProgressTracker(TqdmBars())
    tracker.note("a\x1b[31m note")
    with tracker.rounds():
        for _ in range(2):
            with tracker.stage("fit", 2, "units") as advance:
                advance(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "4/4" in captured.err
    assert "\x1b[31m" not in captured.err
