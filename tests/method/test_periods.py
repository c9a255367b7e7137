"""Runs of a short n-gram that repeats on end, as trainers count them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.method.periods import LONGEST_PERIOD, TIMES_MASKED, find_runs, most_times, most_times_each


@pytest.mark.parametrize(
    ("tokens", "times"),
    [
        ([], 1),
        ([7], 1),
        ([7, 7], 1),
        ([7, 7, 7], 3),
        ([1, 2, 1, 2, 1, 2], 3),
        ([1, 2, 1, 2, 1, 2, 1], 3),
        ([9, 1, 2, 1, 2, 1, 2, 9], 3),
        ([1, 2, 3] * 31 + [1, 2], 31),
        ([1, 2, 3] * TIMES_MASKED, TIMES_MASKED),
        ([*range(LONGEST_PERIOD)] * 40, 40),
        ([*range(LONGEST_PERIOD + 1)] * 40, 1),
        ([5] * 10 + [1, 2] * 20, 20),
        ([5] * 40 + [1, 2] * 20, 40),
    ],
)
def test_times_on_end_on_paper(tokens: list[int], times: int) -> None:
    """Whole repeats count, wherever they begin; what stands there twice is no run, and 14 tokens are too long."""
    assert most_times(np.array(tokens, np.int32)) == times


@given(st.lists(st.integers(0, 2), max_size=60))
def test_a_run_is_what_looking_at_every_place_finds(tokens: list[int]) -> None:
    """The same as trying every place, n-gram and number of repeats."""
    longest = 1
    for period in range(1, LONGEST_PERIOD + 1):
        for start in range(len(tokens)):
            times = 1
            while tokens[start + times * period :][:period] == tokens[start:][:period] and (
                start + (times + 1) * period <= len(tokens)
            ):
                times += 1
            longest = max(longest, times if times > 2 else 1)
    assert most_times(np.array(tokens, np.int32)) == longest


def test_runs_are_found_where_they_lie() -> None:
    """First token, one past the last, how often: the incomplete repeat at the end lies inside and does not count."""
    tokens = np.array([9, *[1, 2] * 4, 1, 5, 5, 5, 8], np.int32)
    assert find_runs(tokens).tolist() == [[10, 13, 3], [1, 10, 4]]
    assert find_runs(tokens, fewest_times=4).tolist() == [[1, 10, 4]]
    assert find_runs(tokens, longest_period=1).tolist() == [[10, 13, 3]]


@given(st.lists(st.lists(st.integers(0, 2), max_size=20), max_size=8), st.integers(1, 14))
def test_texts_are_counted_together_as_each_by_itself(texts: list[list[int]], longest_period: int) -> None:
    """No run goes from one text into the next, however short they are."""
    arrays = [np.array(text, np.int32) for text in texts]
    together = most_times_each(arrays, longest_period)
    assert together.tolist() == [most_times(array, longest_period) for array in arrays]
