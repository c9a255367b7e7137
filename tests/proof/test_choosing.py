"""Negatives taken again, turn by turn, and the sample of rows: checked on paper."""

import pytest

from nextlong_hub.errors import RecipeError
from nextlong_hub.method.negatives import reference_count as built_count
from nextlong_hub.method.settings import InterleaveSettings
from nextlong_hub.proof.amount import parse_amount
from nextlong_hub.proof.choices import Choices
from nextlong_hub.proof.choosing import Objection, Rules, passed_over, reference_count, take_again, turns, uneven
from nextlong_hub.proof.copies import shingles
from nextlong_hub.testing.worlds import tiny_recipe

TEXTS = ["meta one here", "oak elm", "meta one here", "ash fir", "yew", "box bay", "ivy"]
"""Chunk 0 is the meta-document; chunk 2 a copy of it."""


def rules(on_end: int | None = None, **negatives: object) -> Rules:
    """The rules of the tiny recipe in that world, in which no row may hold chunk 4, nor `on_end`."""
    choices = Choices.of(tiny_recipe(negatives={"shingle_words": 2, **negatives}).public_values(), ())
    return Rules(
        choices,
        {4},
        [shingles(TEXTS[0], 2)],
        lambda chunk: shingles(TEXTS[chunk], 2),
        lambda chunk: chunk == on_end,
    )


@pytest.mark.parametrize(
    ("counts", "fill", "order"),
    [
        ([2], "even", [0, 0]),
        ([1, 2, 4], "even", [2, 1, 0, 2, 1, 2, 2]),
        ([0, 1, 1], "even", [2, 1]),
        ([2, 1], "reference", [0, 0, 1]),
    ],
)
def test_turns_go_from_the_last_meta_chunk_to_the_first(counts: list[int], fill: str, order: list[int]) -> None:
    """What remains is the last one's; the authors' rule serves one after the other."""
    assert list(turns(counts, fill)) == order


@pytest.mark.parametrize(
    ("counts", "behind"),
    [([5], []), ([2, 3, 7], []), ([3, 3, 3], []), ([3, 2, 9], [1]), ([1, 3, 3], [0]), ([2, 2, 1], [2])],
)
def test_who_is_behind(counts: list[int], behind: list[int]) -> None:
    """Later meta-chunks may be one ahead, and only the last has what follows."""
    assert uneven(counts) == behind


def test_what_is_passed_over_has_its_reason() -> None:
    """A copy, a barred chunk and one that is taken: each is counted, and the row is what it must be."""
    taken = take_again([[2, 4, 1, 3], [1, 5]], [[3], [1, 5]], rules(), "even")
    assert taken.surprise is None
    assert passed_over(taken) == {Objection.COPY: 1, Objection.BARRED: 1, Objection.IN_ROW: 1}


def test_what_stands_on_end_is_passed_over() -> None:
    """A chunk that repeats a few tokens too often does not serve."""
    taken = take_again([[1, 3]], [[3]], rules(on_end=1), "even")
    assert taken.surprise is None
    assert passed_over(taken) == {Objection.ON_END: 1}


def test_a_better_chunk_that_nothing_speaks_against_is_missed() -> None:
    """The row takes the third where the second may serve."""
    taken = take_again([[2, 1, 3]], [[3]], rules(), "even")
    assert taken.surprise is not None
    assert (taken.surprise.wanted, taken.surprise.objection) == (1, None)


def test_a_chunk_that_may_not_serve_is_named_with_its_reason() -> None:
    """The copy of the meta-chunk is in the row, and the chunk behind it must be."""
    taken = take_again([[2, 1]], [[2]], rules(), "even")
    assert taken.surprise is not None
    assert (taken.surprise.wanted, taken.surprise.objection) == (1, Objection.COPY)


def test_first_ranks_are_left_out() -> None:
    """With `first_rank = 3` the two best do not serve."""
    taken = take_again([[1, 3, 5]], [[5]], rules(first_rank=3), "even")
    assert taken.surprise is None
    assert passed_over(taken) == {Objection.HIGH_RANK: 2}


@pytest.mark.parametrize("sizes", [[2048], [2048, 1000, 2048], [100_000] * 9])
def test_the_formula_of_the_paper(sizes: list[int]) -> None:
    """Both count alike, also where the document is longer than the row."""
    choices = Choices.of(tiny_recipe(target_length=4096, chunking={"chunk_characters": 2048}).public_values(), ())
    assert reference_count(choices, sum(sizes), len(sizes)) == built_count(4096, sizes, 2048, InterleaveSettings())


def test_a_sample_of_rows() -> None:
    """It is a share rounded up, or a number; a seed decides which; more rows asked for are more rows, not others."""
    assert len(parse_amount("1%").of("64k", 40)) == 1
    assert len(parse_amount("2.5%").of("64k", 81)) == 3
    assert parse_amount("all").of("64k", 4) == parse_amount("9").of("64k", 4) == [0, 1, 2, 3]
    few, many = parse_amount("3").of("64k", 1000), parse_amount("30").of("64k", 1000)
    assert set(few) < set(many)
    assert few == parse_amount("3").of("64k", 1000) != parse_amount("3", seed=1).of("64k", 1000)


@pytest.mark.parametrize("text", ["", "0", "-1", "0%", "101%", "1.5", "few", "%", "1/0%", "nan%"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """The message says what can be written."""
    with pytest.raises(RecipeError, match="is no number of rows"):
        parse_amount(text)
