"""How often the same chunk serves as a negative, counted in 16 bytes a chunk rather than in strings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.dataset.tally import gini
from nextlong_hub.stats.shape import ReusedChunk, ReuseStats
from nextlong_hub.stats.sketch import Sketch

_MOST_USED = 10
_PENDING = 1 << 20
"""Negatives that are kept as they come before they are counted together."""
_MIX = np.uint64(0x9E3779B97F4A7C15)

_Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Uses:
    """Chunks as they were named, with the keys they are counted by."""

    keys: _Keys
    documents: Sequence[str]
    document_of: NDArray[np.int64]
    chunks: NDArray[np.int64]


class ReuseCounter:
    """Counts the uses of each chunk of each document.

    A chunk is known by 64 bits of a digest, so among ten million chunks the chance that any two are taken for one is
    below one in a hundred thousand.
    """

    def __init__(self) -> None:
        self._keys: _Keys = np.zeros(0, np.uint64)
        self._uses: NDArray[np.int64] = np.zeros(0, np.int64)
        self._pending: list[_Uses] = []
        self._most_used: dict[int, ReusedChunk] = {}

    def add(self, documents: Sequence[str], document_of: NDArray[np.int64], chunks: NDArray[np.int64]) -> None:
        """Count one use each of chunk `chunks[i]` of `documents[document_of[i]]`."""
        keys = chunk_keys(document_digests(documents)[document_of], chunks)
        self._pending.append(_Uses(keys=keys, documents=documents, document_of=document_of, chunks=chunks))
        if sum(len(uses.keys) for uses in self._pending) >= _PENDING:
            self._count_pending()

    def result(self) -> ReuseStats:
        """What was counted."""
        self._count_pending()
        uses = np.sort(self._uses)
        sketch = Sketch()
        sketch.add(*np.unique(uses, return_counts=True))
        return ReuseStats(
            distinct=len(uses),
            largest=int(uses[-1]) if len(uses) else 0,
            gini=gini(uses),
            chunks_by_uses=sketch.distribution(),
            hubs=tuple(sorted(self._most_used.values(), key=lambda one: (-one.rows, one.document, one.chunk))),
        )

    def _count_pending(self) -> None:
        if not self._pending:
            return
        fresh, times = np.unique(np.concatenate([part.keys for part in self._pending]), return_counts=True)
        self._keys, where = np.unique(np.concatenate([self._keys, fresh]), return_inverse=True)
        uses = np.zeros(len(self._keys), np.int64)
        np.add.at(uses, where, np.concatenate([self._uses, times]))
        self._uses = uses
        # A chunk that ends among the most used was among them when it was last counted, and then its name is at hand.
        most = np.lexsort((self._keys, -uses))[:_MOST_USED]
        self._most_used = {
            key: self._named(key, count)
            for key, count in zip(self._keys[most].tolist(), uses[most].tolist(), strict=True)
        }
        self._pending = []

    def _named(self, key: int, rows: int) -> ReusedChunk:
        for part in self._pending:
            places = np.flatnonzero(part.keys == np.uint64(key))
            if len(places):
                document = part.documents[part.document_of[places[0]]]
                return ReusedChunk(document=document, chunk=int(part.chunks[places[0]]), rows=rows)
        return self._most_used[key]


def document_digests(documents: Sequence[str]) -> _Keys:
    """64 bits that stand for each document. Shape: (documents,)."""
    return np.array([_digest(document) for document in documents], np.uint64)


def chunk_keys(digests: _Keys, chunks: NDArray[np.int64]) -> _Keys:
    """64 bits that stand for each chunk, by the digest of its document and its number there. Shape: as `digests`."""
    return _mixed(digests + chunks.astype(np.uint64) * _MIX)


def _digest(document: str) -> int:
    content = document.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _mixed(keys: _Keys) -> _Keys:
    """Spread neighbouring chunks of one document over all 64 bits."""
    keys = (keys ^ (keys >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return keys ^ (keys >> np.uint64(29))
