"""The producer of the kind `mixture`: a seeded choice of other configurations' rows, in proportion to their shares."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.manifest import IngredientRecord
from nextlong_hub.dataset.write import ChosenRows, UnitRow, public_values
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.run import Run
from nextlong_hub.method.order import merge_in_proportion, seeded_choice
from nextlong_hub.producer import Produced, Producer, RowChecker, RowRequest
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization import Tokenizer


class MixtureProducer(Producer):
    """Rows are rows of other configurations, which this run has made before."""

    name = "mixture"
    runs_out = "its ingredients have no more rows in these shares"

    def rows_per_token(self, recipe: Recipe, targets: Mapping[str, int]) -> Fraction:
        """See `Producer.rows_per_token`: the rows of a mixture have different lengths unless it packs them."""
        return sum(_rates(recipe, targets).values(), Fraction()) / sum(
            (Fraction(part.share) for part in recipe.mixture), Fraction()
        )

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
        counts = mixture_rows(
            request.recipe,
            {part.recipe.name: part.recipe.target_length for part in parts},
            {part.recipe.name: len(part.rows.rows) for part in parts},
            request.rows,
        )
        return Produced(
            recipe=request.recipe,
            rows=ChosenRows(
                rows=tuple(_mix([part.rows.rows for part in parts], counts, request.inputs.seed)),
                mean_row_bytes={unit: size for part in parts for unit, size in part.rows.mean_row_bytes.items()},
            ),
            outcome=None,
            corpus=parts[-1].corpus,
            characters_per_token=parts[-1].characters_per_token,
            store=store,
            mixture={
                part.recipe.name: IngredientRecord(rows=count, recipe=public_values(part.recipe))
                for part, count in zip(parts, counts, strict=True)
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
        rows: how many rows are asked for in all; None takes as many as the scarcest ingredient allows.

    Returns:
        Samples of each of `recipe.mixture`, at least one, in order; rounded so that they give `rows` rows if they can.
    """
    together = [samples_in_row(recipe, part.recipe, targets[part.recipe]) for part in recipe.mixture]
    full = [max(1, available[part.recipe] // each) for part, each in zip(recipe.mixture, together, strict=True)]
    per_token = [
        part.share / (each * targets[part.recipe]) for part, each in zip(recipe.mixture, together, strict=True)
    ]
    scale = min(count / rate for count, rate in zip(full, per_token, strict=True))
    if rows is not None:
        scale = min(scale, rows / sum(per_token))
    exact = [scale * rate for rate in per_token]
    counts = [min(count, max(1, math.floor(share + 1e-9))) for count, share in zip(full, exact, strict=True)]
    if rows is not None:
        lacking = max(0, min(rows, math.floor(sum(exact) + 1e-9)) - sum(counts))
        for part in sorted(range(len(counts)), key=lambda part: counts[part] - exact[part])[:lacking]:
            counts[part] += 1
    return [
        min(available[part.recipe], count * each)
        for part, count, each in zip(recipe.mixture, counts, together, strict=True)
    ]


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


def _mix(parts: Sequence[Sequence[UnitRow]], counts: Sequence[int], seed: int) -> list[UnitRow]:
    """A seeded choice of `counts[i]` rows of each part, merged so that every stretch has them in proportion."""
    chosen = []
    for number, (rows, count) in enumerate(zip(parts, counts, strict=True)):
        chosen.append(iter([rows[row] for row in seeded_choice(len(rows), count, seed + number).tolist()]))
    return [next(chosen[part]) for part in merge_in_proportion(counts, counts).tolist()]


def _rates(recipe: Recipe, targets: Mapping[str, int]) -> dict[str, Fraction]:
    """Rows of each ingredient's samples in proportion."""
    return {
        part.recipe: Fraction(part.share)
        / (samples_in_row(recipe, part.recipe, targets[part.recipe]) * targets[part.recipe])
        for part in recipe.mixture
    }


PRODUCER = MixtureProducer()
