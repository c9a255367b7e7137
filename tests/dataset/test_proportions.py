"""The proportions of a mixture as they are, and the reason that is given."""

import pytest

from nextlong_hub.dataset.config_record import ConfigRecord, IngredientRecord
from nextlong_hub.dataset.proportions import uneven_proportions
from nextlong_hub.recipe import Recipe

MIXTURE = ({"recipe": "long", "share": 1.0}, {"recipe": "short", "share": 1.0})
RECIPE = Recipe.model_validate({"name": "both", "mixture": MIXTURE}).model_dump(mode="json")


def told(long: tuple[int, int, int], short: tuple[int, int, int]) -> str:
    """What is said of a mixture of these rows, tokens and rows that were made."""
    parts = {
        name: IngredientRecord.model_construct(rows=rows, tokens=tokens, made=made)
        for name, (rows, tokens, made) in (("long", long), ("short", short))
    }
    rows = sum(part.rows for part in parts.values())
    return uneven_proportions(ConfigRecord.model_construct(recipe=RECIPE, mixture=parts, rows=rows))


@pytest.mark.parametrize(("tokens", "is_told"), [(991, False), (1009, False), (989, True), (1011, True)])
def test_one_row_in_a_hundred_is_close_enough(tokens: int, is_told: bool) -> None:
    """On either side; of an older manifest, which tells no tokens, nothing is said."""
    assert bool(told((1, tokens, 9), (10, 1000, 99))) is is_told
    assert told((1, 0, 9), (10, 1000, 99)) == ""


def test_the_rows_that_come_whole_are_the_longest() -> None:
    """By their mean length, also where there is a single one; who ran short is named with what was made."""
    assert told((1, 900, 1), (3, 1200, 3)) == (
        "0.75 : 1 by tokens instead of 1 : 1, because long rows come whole and only 1 row of long were made"
    )
    assert told((1, 900, 2), (3, 1200, 3)) == (
        "0.75 : 1 by tokens instead of 1 : 1, because long rows come whole and 4 rows cannot be shared out otherwise"
    )
