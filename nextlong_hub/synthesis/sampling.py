"""Who is extended, in which order, and what it will take: everything decided before any sample is made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.method.order import merge_in_proportion, seeded_keys
from nextlong_hub.recipe import Recipe

_ANSWER_SLACK = 1.5
_ANSWER_RESERVE = 64
_LIKELY_MARGIN = 0.98
"""Rather too few: a chunk beyond it is tokenised where it is needed; one that nobody needs is work for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The meta-documents of one configuration."""

    order: NDArray[np.int64]
    """Document numbers in the seeded order in which they are tried. Shape: (eligible documents,)."""
    not_eligible: dict[str, int]
    """Documents that cannot be extended, by reason."""


def choose_candidates(
    store: ChunkStore, recipe: Recipe, sources: Sequence[SourceSettings], characters_per_token: float, seed: int
) -> Candidates:
    """Sort out the documents that can be extended and put them into the seeded order.

    Raises:
        CorpusTooSmallError: no document can be extended.
    """
    chunk_counts = np.diff(store.first_chunk)
    limit_characters = recipe.target_length * characters_per_token * recipe.meta_documents.maximum_share
    too_few = chunk_counts < recipe.meta_documents.minimum_chunks
    too_long = ~too_few & (store.document_characters > limit_characters)
    eligible = np.flatnonzero(~(too_few | too_long))
    if not len(eligible):
        raise CorpusTooSmallError(
            f"recipe {recipe.name}: none of {store.documents:,} documents can be extended: {int(too_few.sum()):,} have "
            f"fewer than {recipe.meta_documents.minimum_chunks} chunks and {int(too_long.sum()):,} are longer than "
            f"{limit_characters:,.0f} characters; add documents or relax meta_documents.minimum_chunks"
        )
    order = seeded_order(store, eligible, sources, seed)
    return Candidates(order=order, not_eligible={"too_few_chunks": int(too_few.sum()), "too_long": int(too_long.sum())})


def answer_length(store: ChunkStore, recipe: Recipe, characters_per_token: float) -> int:
    """How many hits to ask for each meta-chunk.

    As many as the whole sample needs, plus half: even if all meta-chunks of a document get the same answer, each still
    finds chunks that the others have not taken.
    """
    needed_characters = recipe.target_length * characters_per_token
    if recipe.interleave.fill == "reference":
        needed_characters = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
    mean_characters = max(1.0, int(store.summary["characters"]) / store.chunks)
    return min(store.chunks, math.ceil(_ANSWER_SLACK * needed_characters / mean_characters) + _ANSWER_RESERVE)


def sample_characters(recipe: Recipe, characters_per_token: float) -> int:
    """About how many characters a sample is put together from, what is cut off its end included."""
    if recipe.interleave.fill == "reference":
        goal = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
    else:
        goal = recipe.target_length * characters_per_token * _LIKELY_MARGIN
    return math.ceil(goal)


def wanted_rows(recipe: Recipe, store: ChunkStore, characters_per_token: float, rows: int | None) -> int:
    """How many rows to make: as asked, else about as many tokens as the corpus holds."""
    if rows is not None:
        return rows
    return max(1, round(int(store.summary["characters"]) / characters_per_token / recipe.target_length))


def seeded_order(
    store: ChunkStore, documents: NDArray[np.int64], sources: Sequence[SourceSettings], seed: int
) -> NDArray[np.int64]:
    """Shuffle each source by itself, then merge the sources so that every prefix has them in proportion.

    Args:
        store: tells which source a document is of.
        documents: the numbers of those wanted, ascending. Shape: (documents,).
        sources: of the corpus, with their weights.
        seed: another gives another order.
    """
    weights = [source.weight for source in sources]
    numbers = np.repeat(np.arange(len(sources)), [part["documents"] for part in store.summary["sources"]])
    source_numbers = numbers[documents]
    keys = seeded_keys(documents, seed)
    groups = [np.flatnonzero(source_numbers == number) for number in range(len(weights))]
    shuffled = [documents[own[np.lexsort((documents[own], keys[own]))]] for own in groups]
    unset = all(weight is None for weight in weights)
    shares = [max(1, len(own)) if unset else weight or 1.0 for own, weight in zip(groups, weights, strict=True)]
    turns = merge_in_proportion([len(own) for own in groups], shares)
    order = np.empty(len(documents), np.int64)
    for number, own_order in enumerate(shuffled):
        order[turns == number] = own_order
    return order
