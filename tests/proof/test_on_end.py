"""What stands on end, found a second time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.method.periods import most_times
from nextlong_hub.proof.on_end import OnEnd


def encode(text: str) -> list[int]:
    """A token a character."""
    return list(map(ord, text))


@given(st.text("abc", max_size=60), st.integers(3, 8), st.integers(1, 5))
def test_both_implementations_agree(text: str, times: int, longest: int) -> None:
    """And a text whose characters clear it holds nothing."""
    on_end = OnEnd(times, longest, encode)
    assert on_end.holds(text) == (most_times(np.array(encode(text), np.int32), longest) >= times)
    assert on_end.may_hold(text) or not on_end.holds(text)


def test_without_a_tokenizer_nothing_is_known_but_what_the_characters_clear() -> None:
    """Where nothing is forbidden, everything is known."""
    unknown = OnEnd(4, 13, None)
    assert not unknown.is_known
    assert not unknown.holds("aaaaaaaa")
    assert unknown.may_hold("aaaaaaaa")
    assert not unknown.may_hold("abcdefgh")
    anything = OnEnd(0, 13, None)
    assert anything.is_known
    assert not anything.may_hold("aaaaaaaa")
