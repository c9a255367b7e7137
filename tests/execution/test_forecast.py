"""What is left of a run is computed from work that was measured, and never claimed where none was."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.execution.forecast import ExpectedStage, Forecast


class Clock:
    """A clock that stands until it is set forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def expected(**seconds: float) -> list[ExpectedStage]:
    """Stages in order; an underscore is a blank."""
    return [ExpectedStage(stage=name.replace("_", " "), seconds=value) for name, value in seconds.items()]


def work(forecast: Forecast, clock: Clock, stage: str, seconds: float, units: int = 4) -> None:
    """One stage from start to end."""
    forecast.start(stage, units)
    for _ in range(units):
        clock.now += seconds / units
        forecast.advance(1)
    forecast.stop()


@given(pace=st.floats(0.01, 100), usual=st.lists(st.floats(0.1, 100), min_size=2, max_size=6))
def test_a_machine_that_is_so_many_times_slower_is_forecast_so_much_longer(pace: float, usual: Sequence[float]) -> None:
    """After any stage, what is left is what is left usually, times the pace that was measured."""
    clock = Clock()
    forecast = Forecast(clock)
    stages = [ExpectedStage(stage=f"stage{number} x", seconds=seconds) for number, seconds in enumerate(usual)]
    forecast.expect(stages)
    for number, stage in enumerate(stages):
        work(forecast, clock, stage.stage, pace * stage.seconds)
        assert forecast.whole_left == pytest.approx(pace * sum(usual[number + 1 :]), abs=1e-6)


def test_nothing_is_claimed_before_anything_was_measured() -> None:
    """Neither of the stage nor of the whole, with or without a plan."""
    clock = Clock()
    forecast = Forecast(clock)
    assert forecast.whole_left is None
    forecast.expect(expected(index=10, write=5))
    assert forecast.whole_left is None
    forecast.start("index", 4)
    clock.now = 3
    assert (forecast.stage_left, forecast.whole_left) == (None, None)
    forecast.advance(1)
    assert forecast.stage_left == pytest.approx(9)
    assert forecast.whole_left is None  # until the index is done, nothing tells how long writing takes


def test_a_stage_that_was_over_before_the_plan_tells_the_pace() -> None:
    """The corpus is read before anybody knows what is to come."""
    clock = Clock()
    forecast = Forecast(clock)
    work(forecast, clock, "read and cut", 6)
    forecast.expect(expected(read_and_cut=2, index=4, write=1))
    assert forecast.whole_left == pytest.approx(15)


def test_work_of_an_earlier_run_says_nothing_of_the_pace() -> None:
    """A run that is taken up counts only what it does itself."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(expected(retrieve=10, write=10))
    forecast.start("retrieve", 10)
    clock.now += 1
    forecast.advance(8)
    forecast.skip()
    clock.now += 6
    forecast.advance(1)
    assert forecast.stage_left == pytest.approx(6)
    clock.now += 6
    forecast.advance(1)
    forecast.stop()
    assert forecast.whole_left == pytest.approx(60)


def test_a_stage_that_was_all_done_before_leaves_the_rest_unknown() -> None:
    """Reading receipts is no work."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(expected(retrieve=10, write=10))
    forecast.start("retrieve", 3)
    forecast.advance(3)
    forecast.skip()
    forecast.stop()
    assert forecast.whole_left is None


def test_stages_of_one_kind_are_judged_by_their_own() -> None:
    """Retrieval for the second configuration takes as long as the first did, however fast the rest was."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(expected(retrieve_128k=1, write_128k=1, retrieve_64k=2, write_64k=2))
    work(forecast, clock, "retrieve 128k", 50)
    work(forecast, clock, "write 128k", 3)
    assert forecast.whole_left == pytest.approx(106)


def test_a_stage_that_is_left_out_is_no_longer_waited_for() -> None:
    """Where all chunks were tokenised before, that stage never comes."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(expected(retrieve=1, tokenise=50, synthesise=1, write=1))
    work(forecast, clock, "retrieve", 1)
    work(forecast, clock, "synthesise", 1)
    assert forecast.whole_left == pytest.approx(1)


def test_a_second_round_is_no_new_stage() -> None:
    """It takes the time of its units as the first round took them; the next configuration's stage is another."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(
        [ExpectedStage(stage=name, seconds=8) for name in ("tokenise", "synthesise a", "tokenise", "synthesise b")]
    )
    forecast.rounds(begin=True)
    work(forecast, clock, "tokenise", 8)
    work(forecast, clock, "synthesise a", 8)
    assert forecast.whole_left == pytest.approx(16)
    forecast.start("tokenise", 2)
    assert forecast.stage_left == pytest.approx(4)
    assert forecast.whole_left == pytest.approx(20)
    forecast.stop()
    forecast.rounds(begin=False)
    forecast.rounds(begin=True)
    work(forecast, clock, "tokenise", 8)
    assert forecast.whole_left == pytest.approx(8)


def test_what_later_waves_will_do_is_not_forgotten() -> None:
    """A first wave of a quarter took 2 s a stage: three times as much is left of each, and writing as slow as that."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(expected(retrieve=4, synthesise=4, write=1))
    forecast.rounds(begin=True)
    forecast.wave(0.25)
    work(forecast, clock, "retrieve", 2)
    work(forecast, clock, "synthesise", 2)
    assert forecast.whole_left == pytest.approx(6 + 6 + 2)
    forecast.wave(0.75)
    forecast.start("retrieve", 3)
    assert forecast.stage_left == pytest.approx(6)
    assert forecast.whole_left == pytest.approx(6 + 6 + 2)


def test_of_waves_that_nobody_foresaw_nothing_is_claimed() -> None:
    """How many more candidates it takes is not known: no end is told while such a wave runs, and one afterwards."""
    clock = Clock()
    forecast = Forecast(clock)
    forecast.expect(expected(retrieve=4, write=1))
    forecast.rounds(begin=True)
    forecast.wave(1.0)
    work(forecast, clock, "retrieve", 8)
    forecast.wave(None)
    forecast.start("retrieve", 2)
    assert (forecast.stage_left, forecast.whole_left) == (pytest.approx(4), None)
    forecast.stop()
    forecast.rounds(begin=False)
    assert forecast.whole_left == pytest.approx(2)


def test_a_stage_that_overruns_is_unknown_rather_than_wrong() -> None:
    """A stage whose units cannot be counted, and that takes longer than its kind usually does."""
    clock = Clock()
    forecast = Forecast(clock)
    work(forecast, clock, "read", 1)
    forecast.expect(expected(read=1, index=5, write=1))
    forecast.start("index", None)
    clock.now += 3
    assert forecast.whole_left == pytest.approx(3)
    clock.now += 9
    assert (forecast.stage_left, forecast.whole_left) == (None, None)
