"""Which samples and documents share which row of a mix: on paper, and as laws of any lengths."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.dataset.best_fit import fill
from nextlong_hub.documents.mix_rows import MixShape, share_rows
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.testing.worlds import tiny_recipe

HALF = MixShape(target_length=10, sample_length=10, documents=Fraction(1, 2))
SHARED = MixShape(target_length=20, sample_length=10, documents=Fraction(1, 2))


def shape_of(target_length: int, sample_length: int, documents: float) -> MixShape:
    """That of a tiny recipe."""
    recipe = tiny_recipe(name="mix", target_length=target_length, pack=True, mix={"documents": documents})
    return MixShape.of(recipe, sample_length)


def test_documents_fill_the_room_of_rows_that_are_there() -> None:
    """Longest first, each into the fullest row that has room; what has none stays out."""
    assert fill([3, 6, 4, 8], [7, 10]).tolist() == [-1, 0, -1, 1]
    assert fill([3, 4, 2], [7, 0, 2]).tolist() == [0, 0, 2]
    assert fill([5], []).tolist() == [-1]
    with pytest.raises(DataError, match="document 1 has 0 tokens"):
        fill([3, 0], [9])


def test_rows_on_paper() -> None:
    """Two samples that fill rows, and two rows of documents between them, each as full as it can be."""
    rows = share_rows(HALF, 4, np.array([6, 7, 3, 4, 9]), 1_000)
    assert [row.tolist() for row in rows] == [[5], [1, 2], [6], [0, 3]]


def test_samples_and_documents_share_longer_rows() -> None:
    """A sample in every row, and documents behind it, in their order."""
    rows = share_rows(SHARED, 2, np.array([4, 5, 6, 5]), 1_000)
    assert [row.tolist() for row in rows] == [[4, 0, 2], [5, 1, 3]]


def test_a_document_waits_for_the_next_stretch() -> None:
    """What finds no room in its stretch of rows comes first in the next one; what waits at the end is left out."""
    rows = share_rows(HALF, 4, np.array([6, 6, 4, 4]), 20)
    assert [row.tolist() for row in rows] == [[4], [0], [5], [1, 2]]


@pytest.mark.parametrize(("rows", "samples", "room"), [(1, 1, 0), (2, 1, 10), (3, 1, 20), (7, 3, 40), (8, 4, 40)])
def test_how_many_samples_rows_take(rows: int, samples: int, room: int) -> None:
    """Half of the tokens, rounded to whole samples, one at least; documents have the rest."""
    assert (HALF.samples(rows), HALF.room(rows)) == (samples, room)


def test_how_many_rows_samples_and_documents_give() -> None:
    """As many as are asked for if the samples are enough, else as many as have the share; documents may end it."""
    assert [HALF.rows(3, asked) for asked in (None, 7, 8)] == [6, 7, 6]
    assert [HALF.rows_filled(6, lambda _, tokens=tokens: tokens) for tokens in (100, 30, 29, 10, 0)] == [6, 6, 4, 2, 1]
    assert HALF.rows_filled(100, lambda samples: 100 - 5 * samples) == 13


def test_a_share_is_a_decimal_number() -> None:
    """.1 is a tenth: ten rows of ten samples take ninety, not what a floating-point number makes of it."""
    assert shape_of(100, 10, 0.1).samples(10) == 90
    assert shape_of(100, 10, 0.7).samples(10) == 30


def test_samples_that_leave_too_much_room_are_refused() -> None:
    """Rows of 100 tokens that hold one sample of 65 have 35 % documents at least; a longer sample fits in none."""
    assert shape_of(100, 65, 0.35).samples_per_row == 1
    with pytest.raises(
        RecipeError, match=r"holds 1 sample of 65, which leaves 35\.0% to documents; set mix\.documents"
    ):
        shape_of(100, 65, 0.34)
    with pytest.raises(
        RecipeError, match="a sample of 64k has 101 tokens and a row takes 100; samples are never split"
    ):
        shape_of(100, 101, 0.5)


@given(
    target_length=st.integers(10, 60),
    documents=st.sampled_from(["1/10", "1/4", "1/2", "9/10"]),
    rows=st.integers(1, 30),
    lengths=st.lists(st.integers(1, 60), max_size=150),
    window=st.integers(1, 500),
)
def test_every_row_is_full_and_has_its_part(
    target_length: int, documents: str, rows: int, lengths: list[int], window: int
) -> None:
    """Nothing is there twice, no row is too long, each has its even part of the samples, documents keep their order."""
    shape = MixShape(target_length=target_length, sample_length=10, documents=Fraction(documents))
    if shape.samples_per_row > target_length // 10:
        return
    own = np.array([length for length in lengths if length <= shape.longest_document], np.int64)
    rows = shape.rows_filled(rows, lambda _: int(own.sum()))
    shared = share_rows(shape, rows, own, window)
    assert len(shared) == rows
    assert min(map(len, shared)) > 0
    placed = np.concatenate(shared)
    assert len(set(placed.tolist())) == len(placed)
    assert sorted(placed[placed >= len(own)].tolist()) == [len(own) + number for number in range(shape.samples(rows))]
    tokens = np.concatenate([own, np.full(shape.samples(rows), 10)])
    assert max(int(tokens[row].sum()) for row in shared) <= target_length
    counts = [int((row >= len(own)).sum()) for row in shared]
    assert max(counts) - min(counts) <= 1
    for stop in range(1, rows + 1):
        assert abs(sum(counts[:stop]) - stop * shape.samples(rows) / rows) <= 1
    assert all((np.diff(row[row < len(own)]) > 0).all() for row in shared)
