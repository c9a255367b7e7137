"""The total order of hits, (-score, chunk), by which the answers of disjoint sets of shards merge."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.records import Hits

_SIGN = np.uint32(31)
_BELOW_SIGN = np.uint32(0x7FFFFFFF)
_CHUNK = np.uint64(0xFFFFFFFF)
_CHUNK_BITS = np.uint64(32)


def no_hits(queries: int, k: int) -> Hits:
    """The answer to `queries` queries before anything has been found."""
    return Hits(chunks=np.full((queries, k), -1, np.int64), scores=np.zeros((queries, k), np.float32))


def ordered(
    chunks: NDArray[np.integer], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k best of some hits in order, padded with -1 and 0; scores are any finite numbers. Shapes: (k,) and (k,).

    Score and chunk make one integer that sorts as they should.
    """
    bits = (scores + np.float32(0)).view(np.uint32)  # the sum makes one zero of two
    best = np.sort(_turned(bits).astype(np.uint64) << _CHUNK_BITS | chunks.astype(np.uint64))[:k]
    top_chunks, top_scores = np.full(k, -1, np.int64), np.zeros(k, np.float32)
    top_chunks[: len(best)] = best & _CHUNK
    top_scores[: len(best)] = _turned((best >> _CHUNK_BITS).astype(np.uint32)).view(np.float32)
    return top_chunks, top_scores


def _turned(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Bits of floats as integers that ascend as the floats descend, and back: all but the sign of those not below 0."""
    return bits ^ ((bits >> _SIGN) - np.uint32(1) & _BELOW_SIGN)


def merge_hits(parts: Sequence[Hits], k: int) -> Hits:
    """Merge the answers of disjoint sets of shards to the same queries into the answer of all of them."""
    chunks = np.concatenate([part.chunks for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    merged = no_hits(len(chunks), k)
    for row in range(len(chunks)):
        found = np.flatnonzero(chunks[row] >= 0)
        merged.chunks[row], merged.scores[row] = ordered(chunks[row, found], scores[row, found], k)
    return merged


def stacked(parts: Sequence[Hits], k: int) -> Hits:
    """The answers to consecutive slices of queries as one."""
    whole = [no_hits(0, k), *parts]
    return Hits(
        chunks=np.concatenate([part.chunks for part in whole]), scores=np.concatenate([part.scores for part in whole])
    )


def share_found(hits: Hits, exact: Hits) -> float:
    """How much of an exact answer another one holds: see `Searcher.recall`."""
    last = np.where(exact.chunks >= 0, exact.scores, np.inf).min(axis=1, initial=np.inf)
    good = (hits.scores >= last[:, None]) & (hits.chunks >= 0)
    return float(good.sum() / max(1, (exact.chunks >= 0).sum()))
