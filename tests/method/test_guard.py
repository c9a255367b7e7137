"""The guard among the negatives of a row: what it compares, and from which share on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nextlong_hub.method.guard import Guard, PassedOver, ShingleOverlap, TokenOverlap, guard_limits
from nextlong_hub.method.near_duplicates import shingles_of
from nextlong_hub.method.settings import NegativeSettings

chunks = st.lists(st.frozensets(st.integers(1, 2**64 - 1) | st.integers(1, 60), max_size=90), min_size=1, max_size=60)


@given(chunks, st.integers(0, 5))
def test_tokens_are_compared_with_the_whole_row(runs: list[frozenset[int]], metas: int) -> None:
    """The share of a chunk's runs that meta-chunks and negatives hold together is that of plain sets."""
    arrays: list[NDArray[np.uint64]] = [np.array(sorted(own), np.uint64) for own in runs]
    overlap = TokenOverlap(arrays.__getitem__, range(min(metas, len(runs))))
    held = frozenset[int]().union(*runs[:metas])
    for chunk, own in enumerate(runs):
        share = len(own & held) / len(own) if own else 0
        assert overlap.reaches(chunk, 1e-9) == (share > 0)
        assert not share or overlap.reaches(chunk, share)
        assert not overlap.reaches(chunk, share + 1e-9)
        overlap.add(chunk)
        held |= own


def test_shingles_are_compared_with_each_negative() -> None:
    """A chunk that takes half of its words from one negative and half from another is half like each."""
    texts = ["a b c d e f", "u v w x y z", "a b c d w x y z", "p q"]
    overlap = ShingleOverlap([shingles_of(text, 1) for text in texts].__getitem__)
    assert not overlap.reaches(0, 1e-9)
    overlap.add(0)
    overlap.add(1)
    assert overlap.reaches(2, 4 / 6)
    assert not overlap.reaches(2, 0.67)
    assert not overlap.reaches(3, 1e-9)


def test_the_limit_itself_repeats() -> None:
    """A share of exactly the limit is passed over; the first chunk of an empty row never is."""
    runs = [np.array(own, np.uint64) for own in ([1, 2, 3, 4], [4, 5, 6, 7], [8, 9, 10, 1, 2])]
    guard = Guard(TokenOverlap(runs.__getitem__, ()), 0.25)
    guard.begin()
    assert not guard.repeats(0, is_guess=False)
    guard.take(0)
    assert guard.repeats(1, is_guess=False)
    assert guard.repeats(2, is_guess=False)
    assert not Guard(TokenOverlap(runs.__getitem__, [0]), 0.26).repeats(1, is_guess=False)
    assert guard.reason is PassedOver.REPEATS_ROW


def test_what_was_a_guess_is_asked_again_when_it_is_none() -> None:
    """A chunk that did not repeat the row as it was guessed may repeat it as it is; a guess that repeats it is one."""
    runs = [np.array(own, np.uint64) for own in ([1, 2], [3, 4], [1, 9])]
    guard = Guard(TokenOverlap(runs.__getitem__, ()), 0.5)
    guard.begin()
    assert not guard.repeats(2, is_guess=True)
    guard.take(0)
    assert guard.repeats(2, is_guess=False)
    assert not guard.repeats(1, is_guess=True)
    assert not guard.repeats(1, is_guess=True), "the same again"
    other = Guard(TokenOverlap(runs.__getitem__, [0]), 0.5)
    assert other.repeats(2, is_guess=True), "what repeats even the shorter row repeats the longer one"


def test_limits_grow_until_none_is_left() -> None:
    """Five and fifteen times the share of tokens, 5/3 and 8/3 of that of shingles; a share above 1 is no limit."""
    assert guard_limits(NegativeSettings()) == ()
    assert guard_limits(NegativeSettings(guard="tokens")) == (0.02, 0.1, 0.3)
    assert np.allclose(guard_limits(NegativeSettings(guard="shingles")), (0.3, 0.5, 0.8))
    assert guard_limits(NegativeSettings(guard="tokens", guard_tokens=0.1)) == (0.1, 0.5)
