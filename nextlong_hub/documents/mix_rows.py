"""Which samples and which ordinary documents share which row of a mix: decided from lengths alone."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.dataset.best_fit import fill
from nextlong_hub.errors import RecipeError
from nextlong_hub.method.order import merge_in_proportion
from nextlong_hub.recipe import MixSettings, Recipe


def settings_of(recipe: Recipe) -> MixSettings:
    """How a recipe mixes; a recipe without `[mix]` takes the defaults."""
    return recipe.mix or MixSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class MixShape:
    """How many samples of one length, and how many tokens of documents, rows hold."""

    target_length: int
    """Most tokens of a row."""
    sample_length: int
    """Tokens of a sample."""
    documents: Fraction
    """Share of the tokens that are ordinary documents."""
    align: int = 0
    """Documents take a multiple of so many tokens; 0: as many as they have."""

    @classmethod
    def of(cls, recipe: Recipe, sample_length: int) -> "MixShape":
        """That of a recipe with samples of so many tokens.

        Raises:
            RecipeError: a sample is longer than a row, or samples leave more room than documents may take.
        """
        settings = settings_of(recipe)
        most = recipe.target_length // sample_length
        if not most:
            raise RecipeError(
                f"recipe {recipe.name}: a sample of {settings.recipe} has {sample_length:,} tokens and a row takes "
                f"{recipe.target_length:,}; samples are never split: raise target_length or name a shorter recipe"
            )
        shape = cls(
            target_length=recipe.target_length,
            sample_length=sample_length,
            documents=Fraction(str(settings.documents)),
            align=recipe.packing.align,
        )
        if shape.samples_per_row > most:
            least = 1 - Fraction(most * sample_length, recipe.target_length)
            raise RecipeError(
                f"recipe {recipe.name}: a row of {recipe.target_length:,} tokens holds {most:,} "
                f"{'sample' if most == 1 else 'samples'} of {sample_length:,}, which leaves {float(least):.1%} to "
                f"documents; set mix.documents to that at least, or target_length to a multiple of {sample_length:,}"
            )
        return shape

    @property
    def samples_per_row(self) -> Fraction:
        """On average, in full rows."""
        return (1 - self.documents) * self.target_length / self.sample_length

    @property
    def longest_document(self) -> int:
        """Tokens of a document that some row has room for."""
        return self.target_length - floor(self.samples_per_row) * self.sample_length

    def taken(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens that documents of so many take of a row."""
        return lengths + -lengths % max(1, self.align)

    def samples(self, rows: int) -> int:
        """Samples in so many rows, one at least."""
        return max(1, floor(rows * self.samples_per_row))

    def rows(self, samples: int, asked: int | None) -> int:
        """How many rows to make: as many as are asked for, or as so many samples are enough for, one at least."""
        if asked is not None and self.samples(asked) <= samples:
            return asked
        return max(1, floor(samples / self.samples_per_row))

    def room(self, rows: int) -> int:
        """Tokens of documents that so many rows take."""
        return rows * self.target_length - self.samples(rows) * self.sample_length

    def rows_filled(self, most: int, left: Callable[[int], float]) -> int:
        """Most rows, up to `most`, that documents fill beside their samples, one at least.

        Args:
            most: rows.
            left: tokens of the documents that the first so many samples do not extend; more samples leave no more.
        """
        few = 1
        while few < most:
            middle = (few + most + 1) // 2
            if self.room(middle) <= left(self.samples(middle)):
                few = middle
            else:
                most = middle - 1
        return few


def share_rows(shape: MixShape, rows: int, lengths: NDArray[np.int64], window_tokens: int) -> list[NDArray[np.int64]]:
    """Spread the samples evenly over the rows, and fill what they leave with documents, a stretch of rows at a time.

    A document that the rows of its stretch have no room for waits for the next; what waits at the end is left out.

    Args:
        shape: how much of what a row takes.
        rows: how many.
        lengths: tokens of each document, in their order. Shape: (documents,).
        window_tokens: of a stretch.

    Returns:
        What each row takes, in order: samples, by their number plus the number of documents, then documents by theirs.
    """
    counts = _spread(shape.samples(rows), rows)
    rooms = shape.target_length - counts * shape.sample_length
    ends = np.cumsum(lengths)
    waiting = np.zeros(0, np.int64)
    met = 0
    stretch = max(1, window_tokens // shape.target_length)
    owners = np.full(len(lengths), -1, np.int64)
    for start in range(0, rows, stretch):
        own = rooms[start : start + stretch]
        lacking = int(own.sum()) - int(lengths[waiting].sum())
        before = int(ends[met - 1]) if met else 0
        stop = met if lacking <= 0 else min(len(lengths), int(np.searchsorted(ends, before + lacking)) + 1)
        waiting = np.concatenate([waiting, np.arange(met, stop)])
        met = stop
        taken = fill(lengths[waiting], own)
        owners[waiting[taken >= 0]] = start + taken[taken >= 0]
        waiting = waiting[taken < 0]
    order = np.argsort(owners, kind="stable")
    borders = np.searchsorted(owners[order], np.arange(rows + 1))
    first = np.concatenate([[0], np.cumsum(counts)])
    return [
        np.concatenate(
            [len(lengths) + np.arange(first[row], first[row + 1]), order[borders[row] : borders[row + 1]]]
        ).astype(np.int64)
        for row in range(rows)
    ]


def _spread(samples: int, rows: int) -> NDArray[np.int64]:
    """How many samples each row takes: they differ by one at most, and every stretch has its part. Shape: (rows,)."""
    least, more = divmod(samples, rows)
    turns = merge_in_proportion([more, rows - more], [more or 1, rows - more or 1])
    return np.asarray(least + (turns == 0), np.int64)
