"""Repeats by distance: the same counts as from a dictionary of all runs, whatever the texts are counted with."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nextlong_hub.method.repeats import COUNTS, FARTHER_TOKENS, RUN_TOKENS, count_repeats, different


def plainly(text: NDArray[np.int32]) -> NDArray[np.int64]:
    """The counts of one text, from a dictionary of where each run was last."""
    counts = np.zeros(COUNTS, np.int64)
    for number, run_tokens in enumerate(RUN_TOKENS):
        last: dict[bytes, int] = {}
        for place in range(len(text) - run_tokens + 1):
            run = text[place : place + run_tokens].tobytes()
            counts[number, 0] += 1
            if run in last:
                distance = place - last[run]
                counts[number, 1 + sum(distance >= farther for farther in FARTHER_TOKENS)] += 1
            last[run] = place
    return counts


@st.composite
def texts(draw: st.DrawFn) -> NDArray[np.int32]:
    """Draw tokens in which stretches occur again, from near and from far."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    parts: list[NDArray[np.int64]] = []
    for length in draw(st.lists(st.sampled_from([0, 1, 7, 8, 9, 31, 40, 700, 1016, 3000]), max_size=5)):
        is_again = parts and draw(st.booleans())
        part = parts[draw(st.integers(0, len(parts) - 1))] if is_again else rng.integers(0, draw(ids), length)
        parts.append(part)
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int32)


ids = st.sampled_from([1, 2, 50, 128_000, 2**31 - 1])


@given(st.lists(texts(), max_size=6))
def test_counts_are_those_of_a_dictionary(several: Sequence[NDArray[np.int32]]) -> None:
    """Long texts and short ones, counted together or not: every run, and every repeat at its distance."""
    counted = count_repeats(several)
    assert counted.shape == (len(several), *COUNTS)
    for text, counts in zip(several, counted, strict=True):
        assert counts.tolist() == plainly(text).tolist()


def test_many_short_texts_are_counted_by_themselves() -> None:
    """Three thousand equal texts repeat nothing of each other."""
    counts = count_repeats([np.arange(40, dtype=np.int32)] * 3000)
    assert counts.sum(axis=0).tolist() == [[3000 * 33, 0, 0, 0], [3000 * 9, 0, 0, 0]]


def test_distances_by_hand() -> None:
    """Eight tokens three times: 1,023 and then 1,024 tokens after the last time; then 4,096 after it."""
    run = list(range(1, 9))
    text = [*run, *range(10_000, 11_015), *run, *range(20_000, 21_016), *run, *range(30_000, 34_088), *run]
    counts = count_repeats([np.array(text, np.int32)])[0]
    assert counts[0].tolist() == [len(text) - 7, 1, 1, 1]
    assert counts[1].tolist() == [len(text) - 31, 0, 0, 0]


@given(st.lists(st.integers(0, 30), max_size=40))
def test_each_value_is_there_once(numbers: list[int]) -> None:
    """Ascending, as NumPy's own does it."""
    hashes = np.array(numbers, np.uint64)
    assert different(hashes).tolist() == np.unique(hashes).tolist()
