"""Promises of a confined function: it answers, or it is stopped for what it took; the next request is served."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nextlong_hub.core.confined import Confined, Limits, OutOfBudgetError, RefusedError, call_confined
from nextlong_hub.errors import WorkerError

LIMITS = Limits(cpu_seconds=1, wall_seconds=30, memory_bytes=256 << 20)

pytestmark = pytest.mark.slow


def behave(how: Any) -> Any:
    """What a test asks for."""
    if how == "loop":
        while True:
            pass
    if how == "sleep":
        time.sleep(600)
    if how == "fill":
        return len(b"x" * (1 << 40))
    if how == "fill slowly":
        held = []
        while True:
            held.append(bytearray(1 << 20))
    if how == "die":
        os._exit(3)
    if how == "raise":
        raise KeyError("a word")
    if how == "print":
        os.write(1, b"no answer")
    return [how, os.getpid()]


@pytest.fixture(scope="module")
def confined() -> Iterator[Confined]:
    """A function in a process of its own, which all tests share."""
    made = Confined(behave, LIMITS)
    yield made
    made.close()


def test_answers_are_given_by_one_other_process(confined: Confined) -> None:
    """Any value of JSON goes there and back, lone surrogates too, and what is printed is no answer."""
    value = {"a": [1, 2.5, None, "\ud800 漢字 😀"], "b": "x" * 100_000}
    first, process = confined.call(value)
    assert first == value
    assert process != os.getpid()
    assert confined.call("print") == ["print", process]


def test_an_exception_is_told_by_its_class_and_message(confined: Confined) -> None:
    """The function may refuse, and goes on."""
    _, process = confined.call(1)
    with pytest.raises(RefusedError, match="a word") as refused:
        confined.call("raise")
    assert refused.value.kind == "KeyError"
    assert confined.call(2) == [2, process]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("loop", "more than 1 seconds"),
        ("fill", "more than 256 MiB of memory"),
        ("fill slowly", "more than 256 MiB of memory"),
        ("die", "it ended its process"),
    ],
)
def test_what_takes_too_much_is_stopped_and_the_next_request_served(confined: Confined, how: str, message: str) -> None:
    """Neither time nor memory is without bounds, also where it is taken in one call of a compiled function."""
    with pytest.raises(OutOfBudgetError, match=message):
        confined.call(how)
    assert confined.call("next")[0] == "next"


def test_waiting_has_an_end_too() -> None:
    """A request that takes no processor time is stopped by the clock, also in a thread that is not the main one."""
    told = []

    def wait() -> None:
        try:
            call_confined(behave, "sleep", Limits(cpu_seconds=60, wall_seconds=1, memory_bytes=256 << 20))
        except OutOfBudgetError as error:
            told.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(120)
    assert told == ["it took more than 60 seconds"]


def test_where_no_process_can_be_started_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no way around it: what others programmed is not run in this process."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(WorkerError, match="none can be started here"):
        call_confined(behave, 1, LIMITS)
