"""Orders that favour large items: drawn by size, the same on every platform, and plain where nothing is favoured."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nextlong_hub.method.order import LOG2_STEPS, STRONGEST_PREFERENCE, favouring, log2_steps, seeded_keys
from nextlong_hub.method.settings import MetaDocumentSettings

WORDS = st.integers(1, 2**64 - 1)


def order_of(sizes: NDArray[np.int64], preference: float, seed: int = 0) -> NDArray[np.int64]:
    """The places of the items in their order."""
    keys = seeded_keys(np.arange(len(sizes)), seed)
    return np.lexsort((keys, favouring(keys, sizes, preference)))


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=50), st.integers(0, 2**40))
def test_without_a_preference_the_order_is_that_of_the_seed(sizes: list[int], seed: int) -> None:
    """Whatever the sizes are, 0 among them."""
    keys = seeded_keys(np.arange(len(sizes)), seed)
    assert order_of(np.array(sizes), 0.0, seed).tolist() == np.argsort(keys).tolist()


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=50), st.floats(0, STRONGEST_PREFERENCE), st.data())
def test_an_item_rises_when_it_grows(sizes: list[int], preference: float, data: st.DataObject) -> None:
    """The order is one of all items; a larger size never puts an item further back."""
    grown = data.draw(st.integers(0, len(sizes) - 1))
    before = order_of(np.array(sizes), preference).tolist()
    sizes[grown] = data.draw(st.integers(sizes[grown], 2**31 - 1))
    after = order_of(np.array(sizes), preference).tolist()
    assert sorted(before) == sorted(after) == list(range(len(sizes)))
    assert after.index(grown) <= before.index(grown)


@pytest.mark.parametrize(("preference", "shares"), [(0.0, [1, 1, 1]), (1.0, [1, 2, 4]), (2.0, [1, 4, 16])])
def test_the_first_item_is_drawn_by_size(preference: float, shares: list[int]) -> None:
    """Of items of sizes 1, 2 and 4 each comes first in proportion to size^preference, over 3,000 seeds."""
    first = [int(order_of(np.array([1, 2, 4]), preference, seed)[0]) for seed in range(3000)]
    counted = np.bincount(first, minlength=3) / 3000
    assert counted == pytest.approx(np.array(shares) / sum(shares), abs=0.03)


@pytest.mark.parametrize("preference", [1 / 3, 1.0, STRONGEST_PREFERENCE])
def test_what_has_no_size_comes_last(preference: float) -> None:
    """Among themselves such items are in the order of the seed."""
    sizes = np.array([0, 3, 0, 1, 0, 2**31 - 1, 0])
    order = order_of(sizes, preference)
    assert sizes[order].tolist()[3:] == [0, 0, 0, 0]
    keys = seeded_keys(np.arange(7), 0)
    assert order.tolist()[3:] == sorted([0, 2, 4, 6], key=lambda item: keys[item])


@given(WORDS, WORDS)
@example(2**64 - 1, 2**64 - 2)
@example(2**32, 2**32 - 1)
def test_logarithms_are_monotonous_and_near(one: int, other: int) -> None:
    """Within two steps of the true one, and never the wrong way round."""
    steps = log2_steps(np.array([one, other], np.uint64)).tolist()
    assert (steps[0] <= steps[1]) if one <= other else (steps[0] >= steps[1])
    assert steps[0] / LOG2_STEPS == pytest.approx(math.log2(one), abs=2 / LOG2_STEPS)


def test_orders_are_pinned() -> None:
    """If this fails, published datasets could no longer be reproduced from their seed."""
    assert log2_steps(np.array([1, 2, 3, 10**19, 2**64 - 1], np.uint64)).tolist() == [
        0, 67108864, 106365032, 4235685593, 4294967295,
    ]  # fmt: skip
    assert order_of(np.arange(12), 1.0, 42).tolist() == [6, 4, 10, 11, 3, 9, 7, 8, 2, 5, 1, 0]


@pytest.mark.parametrize(
    ("target", "expected"), [(512, 0.0), (65_536, 0.0), (131_072, 1 / 3), (262_144, 2 / 3), (524_288, 1), (10**9, 1)]
)
def test_longer_rows_prefer_longer_documents(target: int, expected: float) -> None:
    """`auto` rises by a third each time the target doubles from 64K on; a number holds at every target."""
    assert MetaDocumentSettings().preference_at(target) == pytest.approx(expected)
    assert MetaDocumentSettings(choice="nested").preference_at(target) == 0
    assert MetaDocumentSettings(choice="nested", length_preference=2.0).preference_at(target) == 2
    assert MetaDocumentSettings(length_preference=0.5).preference_at(target) == 0.5
