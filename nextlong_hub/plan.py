"""Who is extended, in which order, and what it will take: everything decided before any sample is made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.recipe import Recipe, SourceSettings
from nextlong_hub.store import ChunkStore
from nextlong_hub.tokens import Tokenizer

_MEASURED_CHUNKS = 512
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


def measure_characters_per_token(store: ChunkStore, tokenizer: Tokenizer) -> float:
    """E of the corpus under a tokenizer, from chunks spread evenly over the corpus: the same ones every time."""
    numbers = np.unique(np.linspace(0, store.chunks - 1, _MEASURED_CHUNKS).astype(np.int64))
    texts = list(store.texts(numbers).values())
    return sum(map(len, texts)) / max(1, sum(tokenizer.count(texts)))


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


def likely_hits(
    hits: NDArray[np.int64], queries: NDArray[np.int64], store: ChunkStore, characters: int
) -> NDArray[np.int32]:
    """How many hits of each query a sample is likely to need, were negatives dealt by their characters.

    Args:
        hits: chunks by rank, padded with -1. Shape: (queries, k).
        queries: how many of them, in order, belong to each document. Shape: (documents,).
        store: knows how long chunks are.
        characters: see `sample_characters`.

    Returns:
        For each query, the same for all of a document. Shape: (queries,).
    """
    depths = []
    for own in np.split(hits, np.cumsum(queries)[:-1]):
        by_turn = own.T.ravel()
        _, first = np.unique(by_turn, return_index=True)
        places = np.sort(first)
        places = places[by_turn[places] >= 0]
        reached = np.cumsum(store.characters_of_each(by_turn[places]))
        enough = int(np.searchsorted(reached, characters))
        depths.append(places[enough] // len(own) if enough < len(places) else hits.shape[1])
    return np.repeat(np.array(depths, np.int32), queries)


def wanted_rows(recipe: Recipe, store: ChunkStore, characters_per_token: float, rows: int | None) -> int:
    """How many rows to make: as asked, else about as many tokens as the corpus holds."""
    if rows is not None:
        return rows
    return max(1, round(int(store.summary["characters"]) / characters_per_token / recipe.target_length))


def seeded_keys(numbers: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A pseudo-random key for each number (splitmix64): no stream, so no number's key depends on another's.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    with np.errstate(over="ignore"):
        state = numbers.astype(np.uint64) + np.uint64(seed % 2**64) * np.uint64(0xD1342543DE82EF95)
        state = (state + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


def merge_in_proportion(counts: Sequence[int], weights: Sequence[float]) -> NDArray[np.int64]:
    """Merge several queues so that every prefix has them in proportion to their weights.

    The i-th item of a queue of weight w is due at (i + ½) / w: stride scheduling (Waldspurger, 1995).

    Returns:
        The number of the queue that comes next, again and again; each queue keeps its own order. Shape: (items,).
    """
    queues = np.repeat(np.arange(len(counts)), counts)
    positions = np.concatenate([np.arange(count) for count in counts])
    due = (positions + 0.5) / np.asarray(weights, float)[queues]
    return queues[np.lexsort((queues, due))]


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
