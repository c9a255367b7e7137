"""Runs of a short n-gram that repeats on end: some trainers drop the loss of a row that holds one.

OLMo-core (`InstanceFilterConfig`) and MaxText leave out of the loss every row in which some 1 to 13 tokens stand 32
times on end, such as 32 spaces that are a token each. What is counted here is what they count.
"""

import numpy as np
from numpy.typing import NDArray

LONGEST_PERIOD = 13
"""Tokens of the longest n-gram that those trainers look for."""
TIMES_MASKED = 32
"""How often it stands on end in a row that is masked."""
_FEWEST_TIMES = 3
"""What stands there twice is no run: it is counted as once."""


def most_times(tokens: NDArray[np.integer]) -> int:
    """How often on end the n-gram of at most 13 tokens stands that repeats most; 1 where none stands three times.

    A last repeat that is not complete does not count.

    Args:
        tokens: ids. Shape: (tokens,).
    """
    longest = 1
    for period in range(1, min(LONGEST_PERIOD, len(tokens) // _FEWEST_TIMES) + 1):
        differs = np.flatnonzero(tokens[period:] != tokens[:-period])
        borders = np.concatenate(([-1], differs, [len(tokens) - period]))
        equal = int(np.diff(borders).max()) - 1
        times = (equal + period) // period
        if times >= _FEWEST_TIMES:
            longest = max(longest, times)
    return longest
