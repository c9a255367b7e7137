"""A few tokens that stand too often on end in a text: found again by looking at every place.

Without the tokenizer a text can be cleared only: where ids repeat, the characters that they spell do.
"""

import re
from collections.abc import Callable, Sequence


class OnEnd:
    """What no row may hold, by the choices of its recipe."""

    def __init__(self, times: int, longest_tokens: int, encode: Callable[[str], Sequence[int]] | None) -> None:
        """Take the choices of a recipe.

        Args:
            times: how often on end is too often; 0: nothing is.
            longest_tokens: of the n-gram that repeats.
            encode: the ids of a text; None where they are not known under every tokenizer that counted.
        """
        self._times = times
        self._longest_tokens = longest_tokens
        self._encode = encode

    @property
    def is_known(self) -> bool:
        """Whether `holds` can be told."""
        return not self._times or self._encode is not None

    def holds(self, text: str) -> bool:
        """Whether the tokens of a text do; False where they are not known."""
        if not self._encode or not self._times:
            return False
        ids = self._encode(text)
        return any(self._stands_on_end(ids, period) for period in range(1, self._longest_tokens + 1))

    def may_hold(self, text: str) -> bool:
        """Whether the tokens of a text might."""
        if not self._times:
            return False
        longest = len(text) // self._times + 1
        pattern = rf"(.{{1,{longest}}}?)\1{{{self._times - 2}}}"  # one less: the ends may differ in part of a token
        return re.search(pattern, text.casefold(), re.DOTALL) is not None

    def _stands_on_end(self, ids: Sequence[int], period: int) -> bool:
        """Whether an n-gram of that length does."""
        equal = 0
        for place in range(period, len(ids)):
            equal = equal + 1 if ids[place] == ids[place - period] else 0
            if equal + period >= period * self._times:
                return True
        return False
