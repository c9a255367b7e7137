"""Runs of a short n-gram that repeats on end: some trainers drop the loss of a row that holds one.

OLMo-core (`InstanceFilterConfig`) and MaxText leave out of the loss every row in which some 1 to 13 tokens stand 32
times on end, such as 32 spaces that are a token each. What is counted here is what they count.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST_PERIOD = 13
"""Tokens of the longest n-gram that those trainers look for."""
TIMES_MASKED = 32
"""How often it stands on end in a row that is masked."""
FEWEST_TIMES = 3
"""What stands there twice is no run: it is counted as once."""


def find_runs(
    tokens: NDArray[np.integer], longest_period: int = LONGEST_PERIOD, fewest_times: int = FEWEST_TIMES
) -> NDArray[np.int64]:
    """Where an n-gram stands on end at least so often: first token, one past the last, and how often.

    A last repeat that is not complete does not count, but lies inside. Runs of different n-grams may overlap.

    Args:
        tokens: ids. Shape: (tokens,).
        longest_period: tokens of the longest n-gram that is looked for.
        fewest_times: 3 or more.

    Returns:
        Shape: (runs, 3).
    """
    found = [np.zeros((0, 3), np.int64)]
    for period in range(1, min(longest_period, len(tokens) // fewest_times) + 1):
        same = np.flatnonzero(tokens[period:] == tokens[:-period])  # few, as a rule
        breaks = np.flatnonzero(np.diff(same) != 1)
        first = same[np.concatenate(([0], breaks + 1))] if len(same) else same
        stop = same[np.concatenate((breaks, [-1]))] + period + 1 if len(same) else same
        times = (stop - first) // period
        is_run = times >= fewest_times
        found.append(np.stack([first, stop, times], axis=1)[is_run])
    return np.concatenate(found)


def most_times(tokens: NDArray[np.integer], longest_period: int = LONGEST_PERIOD) -> int:
    """How often on end the n-gram of at most so many tokens stands that repeats most; 1 where none stands three times.

    Args:
        tokens: ids. Shape: (tokens,).
        longest_period: tokens of the longest n-gram that is looked for.
    """
    return int(find_runs(tokens, longest_period)[:, 2].max(initial=1))


def most_times_each(texts: Sequence[NDArray[np.integer]], longest_period: int = LONGEST_PERIOD) -> NDArray[np.int64]:
    """The same of each of several texts, counted together. Shape: (texts,)."""
    most = np.ones(len(texts), np.int64)
    if not texts:
        return most
    # Behind each text stands a number that no other place has, so that no run of three goes across.
    parts = [part for number, ids in enumerate(texts) for part in (ids, np.array([-1 - number], np.int32))]
    borders = np.cumsum([len(ids) + 1 for ids in texts])
    runs = find_runs(np.concatenate(parts), longest_period)
    np.maximum.at(most, np.searchsorted(borders, runs[:, 0], side="right"), runs[:, 2])
    return most
