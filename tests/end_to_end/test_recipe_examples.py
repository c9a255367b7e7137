"""The recipes of `examples/recipes` make what they say: kind, length of rows, and shares of their tokens, on paper."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from nextlong_hub.cli.arguments import BuildArguments, build_request
from nextlong_hub.documents.mix_rows import MixShape
from nextlong_hub.recipe import load_recipes

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"
PAGES = Path(__file__).parents[2] / "docs" / "how-to"
MIXED = {
    "128k-mix": ("128k", Fraction(50, 100)),
    "olmo3-style": ("64k", Fraction(34, 100)),
    "prolong-64k": ("64k", Fraction(60, 100)),
    "prolong-512k": ("512k", Fraction(1, 3)),
}
"""Recipes with ordinary documents: their samples, and what share of the tokens these are."""
ROWS = {
    "128k-mix": (2, {"128k": 1}),
    "olmo3-style": (50, {"64k": 17}),
    "prolong-64k": (5, {"64k": 3}),
    "prolong-512k": (3, {"512k": 1}),
    "512k-stage": (3, {"64k": 16, "512k": 1}),
    "512k-packed": (1, {"64k": 8}),
}
"""So many rows of a recipe take so many samples."""


def test_every_recipe_is_checked() -> None:
    """A recipe that is added says here what it makes."""
    assert {path.stem for path in RECIPES.iterdir()} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_recipe_is_named_as_its_file_and_stands_on_a_page(name: str) -> None:
    """Its configuration is called as its file, and a page of `how-to` says what it is for."""
    (recipe,), _ = load_recipes([str(RECIPES / f"{name}.toml")])
    assert (recipe.name, recipe.pack) == (name, True)
    assert any(f"recipes/{name}.toml" in page.read_text(encoding="utf-8") for page in PAGES.glob("*.md"))


@pytest.mark.parametrize("name", MIXED)
def test_samples_have_their_share_of_the_tokens(name: str) -> None:
    """In full rows; the digits a recipe can hold are enough for a millionth."""
    (recipe,), (samples,) = load_recipes([str(RECIPES / f"{name}.toml")])
    wanted, share = MIXED[name]
    shape = MixShape.of(recipe, samples.target_length)
    assert (recipe.kind, samples.name, recipe.target_length) == ("mix", wanted, samples.target_length)
    assert abs(shape.samples_per_row - share) < Fraction(1, 1_000_000)


@pytest.mark.parametrize(("name", "rows"), ROWS.items(), ids=ROWS)
def test_rows_take_so_many_samples(name: str, rows: tuple[int, Mapping[str, int]]) -> None:
    """What a build would make along, counted from lengths alone."""
    wanted, samples = rows
    request = build_request(
        BuildArguments(recipe_files=[str(RECIPES / f"{name}.toml")], tokenizer="demo", samples=[str(wanted)])
    )
    assert {key: value for key, value in request.rows.items() if key != name} == samples


def test_the_second_stage_of_prolong_is_20_40_40() -> None:
    """With the weights that the page gives: long documents of 512K and of 64K, and ordinary ones."""
    page = (PAGES / "prolong.md").read_text(encoding="utf-8")
    assert "prolong/stage-512k@0.6 prolong/64k-packed@0.4" in page
    (recipe,), (samples,) = load_recipes([str(RECIPES / "prolong-512k.toml")])
    long = MixShape.of(recipe, samples.target_length).samples_per_row
    parts = [Fraction(6, 10) * long, Fraction(4, 10), Fraction(6, 10) * (1 - long)]
    assert [round(float(part), 4) for part in parts] == [0.2, 0.4, 0.4]
    assert "| stage 512K | 20 % | 40 % | 40 % |" in page
