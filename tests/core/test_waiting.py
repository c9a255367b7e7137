"""Promises of waiting: what is done in time is given or raised, and what is not is left behind."""

import multiprocessing
import sys
import threading

import pytest

from nextlong_hub.core.waiting import TookTooLongError, within


def test_what_is_done_in_time_is_given_or_raised() -> None:
    """The result is that of a call; so is an exception, of any class."""
    assert within(60, lambda: 6 * 7) == 42

    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        within(60, leave)
    assert within(60, threading.current_thread) != threading.current_thread()


def test_what_takes_too_long_is_left_behind() -> None:
    """The caller goes on, and so does the next work, while the first is still not done."""
    is_over = threading.Event()
    with pytest.raises(TookTooLongError):
        within(0.01, is_over.wait)
    assert within(60, lambda: "next") == "next"
    is_over.set()


def test_threads_wait_each_for_its_own() -> None:
    """Work that one thread waits for does not keep another waiting."""
    is_over = threading.Event()
    slow = threading.Thread(target=lambda: within(60, is_over.wait))
    slow.start()
    assert within(60, lambda: 1) == 1
    is_over.set()
    slow.join()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_waits_for_a_thread_of_its_own() -> None:
    """It has what its parent knew of a thread, and not the thread."""
    assert within(60, lambda: 1) == 1
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_doubled, (21,)).get(timeout=60) == 42


def _doubled(number: int) -> int:
    return within(20, lambda: 2 * number)
