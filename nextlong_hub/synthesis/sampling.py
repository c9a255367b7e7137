"""Which documents are extended, in which order, and how much text a sample takes: decided before any is made."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.order import seeded_order
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.producer import CandidatePool
from nextlong_hub.recipe import Recipe

_ANSWER_SLACK = 1.5
_ANSWER_RESERVE = 64
_LIKELY_MARGIN = 0.98
"""Below 1, because a chunk that no sample needs is tokenised in vain, and a missing one where it is needed."""
_READ_FOR_ONE = {"off": 1.0, "shingles": 1.25, "tokens": 2.0}
"""How many chunks are read for one that is taken, by the guard: what is passed over here is taken elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaDocuments:
    """The meta-documents of one configuration."""

    order: NDArray[np.int64]
    """Document numbers in the seeded order in which they are tried. Shape: (eligible documents,)."""
    not_eligible: dict[str, int]
    """Documents that cannot be extended, by reason."""


def choose_candidates(recipe: Recipe, pool: CandidatePool) -> MetaDocuments:
    """Sort out the documents that can be extended and put them into the seeded order.

    Raises:
        CorpusTooSmallError: no document can be extended.
    """
    store = pool.store
    chunk_counts = np.diff(store.first_chunk)
    limit_characters = recipe.target_length * pool.characters_per_token * recipe.meta_documents.maximum_share
    too_few = chunk_counts < recipe.meta_documents.minimum_chunks
    too_long = ~too_few & (store.document_characters > limit_characters)
    eligible = np.flatnonzero(~(too_few | too_long))
    if not len(eligible):
        raise CorpusTooSmallError(
            f"recipe {recipe.name}: none of {store.documents:,} documents can be extended: {int(too_few.sum()):,} have "
            f"fewer than {recipe.meta_documents.minimum_chunks} chunks and {int(too_long.sum()):,} are longer than "
            f"{limit_characters:,.0f} characters; add documents or relax meta_documents.minimum_chunks"
        )
    order = seeded_order(store, eligible, pool.sources, pool.seed)
    return MetaDocuments(
        order=order, not_eligible={"too_few_chunks": int(too_few.sum()), "too_long": int(too_long.sum())}
    )


def answer_length(store: ChunkStore, recipe: Recipe, characters_per_token: float) -> int:
    """How many hits to ask for each meta-chunk.

    As many as the whole sample needs, plus half: even if all meta-chunks of a document get the same answer, each still
    finds chunks that the others have not taken. Ranks that are passed over come on top.
    """
    needed_characters = recipe.target_length * characters_per_token
    if recipe.interleave.fill == "reference":
        needed_characters = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
    mean_characters = max(1.0, store.summary.characters / store.chunks)
    hits = math.ceil(_ANSWER_SLACK * needed_characters / mean_characters) + _ANSWER_RESERVE
    return min(store.chunks, hits + recipe.negatives.first_rank - 1)


def sample_characters(recipe: Recipe, characters_per_token: float) -> int:
    """About how many characters are read for a sample, what is passed over and what is cut off its end included."""
    if recipe.interleave.fill == "reference":
        goal = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
    else:
        goal = recipe.target_length * characters_per_token * _LIKELY_MARGIN
    return math.ceil(goal * _READ_FOR_ONE[recipe.negatives.guard])


def wanted_rows(recipe: Recipe, store: ChunkStore, characters_per_token: float, rows: int | None) -> int:
    """How many rows to make: as asked, else about as many tokens as the corpus holds."""
    if rows is not None:
        return rows
    return max(1, round(store.summary.characters / characters_per_token / recipe.target_length))
