"""Which documents are extended, in which order, and how much text a sample takes: decided before any is made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.order import seeded_order
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.method.order import favouring, seeded_keys
from nextlong_hub.producer import CandidatePool
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization import Tokenizer

TAKEN = "taken"
"""Why a document is not eligible: a row of another configuration extends or holds it."""
_BARRED = "barred"
"""Why a document is not eligible: a filter bars one of its chunks from every row."""
_SURELY_ENOUGH = 2
"""Times the target length: a corpus that is measured to be so long is no shorter than the target."""
_TOKENS_A_JOINT = 2
"""More tokens at most, besides the separator's own, where two chunks are joined than in the two by themselves."""
_ANSWER_SLACK = 1.5
_ANSWER_RESERVE = 64
_LIKELY_MARGIN = 0.98
"""Below 1, because a chunk that no sample needs is tokenised in vain, and a missing one where it is needed."""
_READ_FOR_ONE = {"off": 1.0, "shingles": 1.25, "tokens": 2.0}
"""How many chunks are read for one that is taken, by the guard: what is passed over here is taken elsewhere."""

_QUARTER = 1 << 48
"""More than `favouring` can make a difference of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaDocuments:
    """The meta-documents of one configuration."""

    order: NDArray[np.int64]
    """Document numbers in the seeded order in which they are tried. Shape: (eligible documents,)."""
    not_eligible: dict[str, int]
    """Documents that cannot be extended, by reason."""


def choose_candidates(
    recipe: Recipe, pool: CandidatePool, likeness: NDArray[np.float32] | None = None
) -> MetaDocuments:
    """Sort out the documents that can be extended and put them into the seeded order.

    Args:
        recipe: what they are extended for.
        pool: all documents.
        likeness: how much the chunks of each document resemble each other, see `retrieval.links`: with it, the most
            alike quarter of the documents that can be extended comes first, then the next, each quarter in the order
            that it has without. Shape: (documents,).

    Raises:
        CorpusTooSmallError: no document can be extended.
    """
    store = pool.store
    chunk_counts = np.diff(store.first_chunk)
    limit_characters = recipe.target_length * pool.characters_per_token * recipe.meta_documents.maximum_share
    too_few = chunk_counts < recipe.meta_documents.minimum_chunks
    too_long = ~too_few & (store.document_characters > limit_characters)
    is_barred = np.isin(np.arange(store.documents), store.barred_documents) & ~(too_few | too_long)
    barred = {_BARRED: int(is_barred.sum())} if is_barred.any() else {}
    eligible = np.flatnonzero(~(too_few | too_long | is_barred))
    preference = recipe.meta_documents.preference_at(recipe.target_length)
    first_by = favouring(seeded_keys(eligible, pool.seed), chunk_counts[eligible] - 1, preference)
    if likeness is not None:
        first_by += _quarters(likeness[eligible]) * _QUARTER
    order = seeded_order(store, eligible, pool.sources, pool.seed, first_by)
    free = order[~np.isin(order, pool.taken)]
    taken = {TAKEN: len(order) - len(free)} if len(pool.taken) else {}
    if not len(free):
        shared = f", {taken[TAKEN]:,} are extended by other configurations" if taken else ""
        shared += f", {barred[_BARRED]:,} have chunks that are barred" if barred else ""
        raise CorpusTooSmallError(
            f"recipe {recipe.name}: none of {store.documents:,} documents can be extended: {int(too_few.sum()):,} have "
            f"fewer than {recipe.meta_documents.minimum_chunks} chunks{shared} and {int(too_long.sum()):,} are longer "
            f"than {limit_characters:,.0f} characters; add documents or relax meta_documents.minimum_chunks"
        )
    return MetaDocuments(
        order=free,
        not_eligible={"too_few_chunks": int(too_few.sum()), "too_long": int(too_long.sum()), **barred, **taken},
    )


def require_tokens(
    recipe: Recipe, store: ChunkStore, tokenizers: Sequence[Tokenizer], measured: Sequence[float]
) -> None:
    """Make sure that all chunks of the corpus together can fill a row: a row takes each of them once at most.

    Args:
        recipe: tells the target length.
        store: the cut corpus.
        tokenizers: a row needs the target length under each.
        measured: characters per token of the corpus under each, from a sample. Only where they say that there is less
            than twice the target are the tokens counted.

    Raises:
        CorpusTooSmallError: no row can reach the target length.
    """
    for tokenizer, characters_per_token in zip(tokenizers, measured, strict=True):
        if store.summary.characters >= _SURELY_ENOUGH * recipe.target_length * characters_per_token:
            continue
        joints = store.chunks * (len(recipe.interleave.separator.encode()) + _TOKENS_A_JOINT)
        texts = store.texts(np.arange(store.chunks, dtype=np.int64))
        tokens = sum(tokenizer.count(list(texts.values())))
        if tokens + joints < recipe.target_length:
            raise CorpusTooSmallError(
                f"recipe {recipe.name}: the corpus holds {tokens:,} tokens, and one row needs "
                f"{recipe.target_length:,}; add documents or build a shorter configuration"
            )


def _quarters(likeness: NDArray[np.float32]) -> NDArray[np.int64]:
    """0 for the most alike quarter of some documents, and so on to 3. Shape: (documents,)."""
    places = np.zeros(len(likeness), np.int64)
    places[np.argsort(-likeness, kind="stable")] = np.arange(len(likeness))
    return places * 4 // len(likeness)


def answer_length(store: ChunkStore, recipe: Recipe, characters_per_token: float) -> int:
    """How many hits to ask for each meta-chunk.

    As many as the whole sample needs, plus half: even if all meta-chunks of a document get the same answer, each still
    finds chunks that the others have not taken. Ranks that are passed over and chunks that are barred come on top.
    """
    needed_characters = recipe.target_length * characters_per_token
    if recipe.interleave.fill == "reference":
        needed_characters = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
    mean_characters = max(1.0, store.summary.characters / store.chunks)
    hits = math.ceil(_ANSWER_SLACK * needed_characters / mean_characters) + _ANSWER_RESERVE
    hits = math.ceil(hits * store.chunks / (store.chunks - len(store.barred_chunks)))
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
