"""The producer of the kind `mixture`: a seeded choice of other configurations' rows, in proportion to their shares."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import IngredientRecord
from nextlong_hub.dataset.taken import documents_of, token_counts
from nextlong_hub.dataset.write import ChosenRows, UnitRow
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.run import Run
from nextlong_hub.method.order import merge_in_proportion, seeded_keys
from nextlong_hub.producer import Produced, Producer, RowChecker, RowRequest, rows_of_ingredients
from nextlong_hub.recipe import Ingredient, Recipe
from nextlong_hub.tokenization import Tokenizer

_FINEST_SHARE = 1_000_000
"""Shares are told apart to this part of one: .1 is a tenth, not what a floating-point number makes of it."""


class MixtureProducer(Producer):
    """Rows are rows of other configurations, which this run has made before."""

    name = "mixture"
    runs_out = "its ingredients have no more rows in these shares"

    def rows_per_token(self, recipe: Recipe, targets: Mapping[str, int]) -> Fraction:
        """See `Producer.rows_per_token`: the rows of a mixture have different lengths unless it packs them."""
        return sum(_rates(recipe, targets).values(), Fraction()) / sum(map(_share, recipe.mixture), Fraction())

    def ingredient_rows(self, recipe: Recipe, targets: Mapping[str, int], rows: int) -> Mapping[str, int]:
        """See `Producer.ingredient_rows`.

        Raises:
            RecipeError: a sample is longer than a packed row.
        """
        rates = _rates(recipe, targets)
        whole = sum(rates.values(), Fraction())
        return {
            name: math.ceil(rows * rate / whole) * samples_in_row(recipe, name, targets[name])
            for name, rate in rates.items()
        }

    def read(self, run: Run, request: RowRequest) -> ChunkStore:
        """The corpus as it was cut for the last ingredient that has one."""
        return next(store for one in reversed(_parts(request)) if (store := one.store) is not None)

    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`: nothing is made, rows are chosen."""
        parts = _parts(request)
        targets = {part.recipe.name: part.recipe.target_length for part in parts}
        counts = mixture_rows(
            request.recipe, targets, {part.recipe.name: len(part.rows.rows) for part in parts}, request.rows
        )
        chosen = _choose(parts, counts, request.inputs.seed)
        return Produced(
            recipe=request.recipe,
            rows=ChosenRows(
                rows=tuple(_merge(chosen)),
                mean_row_bytes={unit: size for part in parts for unit, size in part.rows.mean_row_bytes.items()},
            ),
            outcome=None,
            corpus=parts[-1].corpus,
            characters_per_token=parts[-1].characters_per_token,
            store=store,
            mixture={
                part.recipe.name: IngredientRecord(
                    rows=len(rows),
                    tokens=sum(token_counts(rows)),
                    made=len(part.rows.rows),
                    apart=dict(part.apart),
                    stop_words=part.outcome.stop_words if part.outcome else None,
                    recipe=part.recipe.public_values(),
                )
                for part, rows in zip(parts, chosen, strict=True)
            },
            sizes={unit: sizes for part in parts for unit, sizes in part.sizes.items()},
        )

    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """Rows are checked by the recipes that made them.

        Raises:
            RecipeError: always; no row is a mixture's own.
        """
        raise RecipeError(f"recipe {recipe.name}: a mixture has no rows of its own; check those it takes")


def _parts(request: RowRequest) -> list[Produced]:
    """What the ingredients gave, in the order of the recipe."""
    return [request.made[name] for name in request.recipe.ingredients]


def mixture_rows(
    recipe: Recipe, targets: Mapping[str, int], available: Mapping[str, int], rows: int | None
) -> list[int]:
    """How many samples each part of a mixture gives: shares are of tokens, samples have different lengths.

    A mixture that packs its rows takes as many of each as fill rows by themselves, where there are enough for one.

    Args:
        recipe: a mixture.
        targets: tokens in a row of each ingredient.
        available: rows of each ingredient.
        rows: how many rows are asked for in all; None takes as many as the scarcest ingredient allows in the shares of
            the recipe.

    Returns:
        Samples of each of `recipe.mixture`, at least one, in order; rounded so that they give `rows` rows if they can.
    """
    together = [samples_in_row(recipe, part.recipe, targets[part.recipe]) for part in recipe.mixture]
    rates = list(_rates(recipe, targets).values())
    full = [max(1, available[part.recipe] // each) for part, each in zip(recipe.mixture, together, strict=True)]
    scale = min(count / rate for count, rate in zip(full, rates, strict=True))
    if rows is None:
        exact = [_whole_rows(scale, rates) * rate for rate in rates]
        counts = [min(count, max(1, round(share))) for count, share in zip(full, exact, strict=True)]
    else:
        scale = min(scale, rows / sum(rates, Fraction()))
        exact = [scale * rate for rate in rates]
        counts = [min(count, max(1, math.floor(share))) for count, share in zip(full, exact, strict=True)]
        lacking = max(0, min(rows, math.floor(sum(exact))) - sum(counts))
        for part in sorted(range(len(counts)), key=lambda part: counts[part] - exact[part])[:lacking]:
            counts[part] += 1
    return [
        min(available[part.recipe], count * each)
        for part, count, each in zip(recipe.mixture, counts, together, strict=True)
    ]


def flexible_rows(
    recipes: Sequence[Recipe], ingredients: Sequence[Recipe], rows: Mapping[str, int], wanted: Mapping[str, int]
) -> dict[str, int]:
    """Rows of the ingredients that are made for mixtures alone, where no number of rows is asked for.

    Args:
        recipes: what is published.
        ingredients: what mixtures among them take besides.
        rows: what is asked for, by recipe.
        wanted: rows of each recipe if it were made for its own sake; one that is missing is not counted with.

    Returns:
        As many as fill whole rows of every ingredient in the shares of its mixture, one of the scarcest at least.
    """
    flexible = {one.name for one in ingredients if one.name not in rows and one.name in wanted}
    targets = {recipe.name: recipe.target_length for recipe in (*ingredients, *recipes)}
    bounded = [recipe for recipe in recipes if recipe.name in rows]
    needs = Counter(rows_of_ingredients(bounded, ingredients, rows))
    for recipe in recipes:
        rates = _rates(recipe, targets)
        if recipe.name in rows or not wanted.keys() >= {*recipe.ingredients}:
            continue
        if not rates:  # it is no mixture, and takes as many as there are
            for name in flexible & {*recipe.ingredients}:
                needs[name] = max(needs[name], wanted[name])
            continue
        together = {name: samples_in_row(recipe, name, targets[name]) for name in rates}
        scale = min(max(1, wanted[name] // together[name]) / rate for name, rate in rates.items())
        for name in flexible & rates.keys():
            whole = math.ceil(_whole_rows(scale, rates.values()) * rates[name])
            needs[name] = max(needs[name], whole * together[name])
    return {name: needs[name] for name in sorted(flexible) if needs[name]}


def _whole_rows(scale: Fraction, rates: Collection[Fraction]) -> Fraction:
    """The largest scale up to `scale` at which the ingredient with the fewest rows has whole ones: one at least."""
    return max(Fraction(1), Fraction(math.floor(scale * min(rates)))) / min(rates)


def samples_in_row(recipe: Recipe, ingredient: str, sample_length: int) -> int:
    """How many samples of an ingredient fill one row of a mixture: one, unless the mixture packs its rows.

    Args:
        recipe: the mixture.
        ingredient: the name of the ingredient's recipe.
        sample_length: tokens of each of its samples.

    Raises:
        RecipeError: a sample is longer than a packed row; none is ever split.
    """
    if not recipe.pack:
        return 1
    if sample_length > recipe.target_length:
        raise RecipeError(
            f"recipe {recipe.name}: a sample of {ingredient} has {sample_length:,} tokens and a packed row takes "
            f"{recipe.target_length:,}; samples are never split: raise target_length or name a shorter ingredient"
        )
    return recipe.target_length // sample_length


def _choose(parts: Sequence[Produced], counts: Sequence[int], seed: int) -> list[list[UnitRow]]:
    """A seeded choice of at most `counts[i]` rows of each part, in their order, no two of which extend one document.

    The part that gives the fewest rows chooses first: where parts share documents, it has the least to choose from.
    """
    chosen: dict[int, list[UnitRow]] = {}
    taken: set[str] = set()
    for number in sorted(range(len(parts)), key=lambda number: (counts[number], number)):
        rows = parts[number].rows.rows
        documents = documents_of(parts[number].rows)
        own: list[int] = []
        for row in np.argsort(seeded_keys(np.arange(len(rows)), seed + number), kind="stable").tolist():
            if len(own) < counts[number] and documents[row] not in taken:
                taken.add(documents[row])
                own.append(row)
        chosen[number] = [rows[row] for row in sorted(own)]
    return [chosen[number] for number in range(len(parts))]


def _merge(chosen: Sequence[Sequence[UnitRow]]) -> list[UnitRow]:
    """The chosen rows of all parts, merged so that every stretch has them in proportion."""
    counts = [len(rows) for rows in chosen]
    remaining = [iter(rows) for rows in chosen]
    return [next(remaining[part]) for part in merge_in_proportion(counts, counts).tolist()]


def _rates(recipe: Recipe, targets: Mapping[str, int]) -> dict[str, Fraction]:
    """Rows of each ingredient's samples in proportion."""
    return {
        part.recipe: _share(part) / (samples_in_row(recipe, part.recipe, targets[part.recipe]) * targets[part.recipe])
        for part in recipe.mixture
    }


def _share(part: Ingredient) -> Fraction:
    return Fraction(part.share).limit_denominator(_FINEST_SHARE)


PRODUCER = MixtureProducer()
