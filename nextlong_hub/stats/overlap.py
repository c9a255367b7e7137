"""How much text is there once, and how much of it again: chunks within and across configurations, in bounded memory.

A chunk is known by 64 bits of a digest, as in `reuse`: 24 bytes for each different one of a configuration. A document
that is there whole, without hard negatives, is one chunk, and none of those that it is cut into elsewhere.

Rows of one recipe are the same rows wherever they stand: an ingredient and its mixture do not overlap.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.stats.batches import Documents, Segments
from nextlong_hub.stats.reuse import chunk_keys, document_digests
from nextlong_hub.stats.shape import ChunkStats, Overlap

_PENDING = 1 << 20
"""Segments that are kept as they come before they are counted together."""
_WHOLE = np.uint64(0x632BE59BD9B4E019)
_OFFSET = np.uint64(0xD1342543DE82EF95)

_Keys = NDArray[np.uint64]
_Ints = NDArray[np.int64]


@dataclass(slots=True)
class _Chunks:
    """The chunks in the rows of one recipe. Shape of the arrays: (different chunks,)."""

    keys: _Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Ascending."""
    longest: _Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Tokens of its longest segment."""
    tokens: _Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Tokens of all its segments."""
    documents: _Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Documents that are extended, or there whole. Ascending."""
    pending: list[tuple[_Keys, _Ints]] = field(default_factory=list)

    def add(self, keys: _Keys, tokens: _Ints, documents: _Keys) -> None:
        """Count segments, and the documents of those that are meta-chunks."""
        self.documents = np.union1d(self.documents, documents)
        self.pending.append((keys, tokens))
        if sum(len(own) for own, _ in self.pending) >= _PENDING:
            self.settle()

    def settle(self) -> None:
        """Count what is pending."""
        every = np.concatenate([self.keys, *(keys for keys, _ in self.pending)])
        known, where = np.unique(every, return_inverse=True)
        longest, tokens = np.zeros(len(known), np.int64), np.zeros(len(known), np.int64)
        np.maximum.at(longest, where, np.concatenate([self.longest, *(own for _, own in self.pending)]))
        np.add.at(tokens, where, np.concatenate([self.tokens, *(own for _, own in self.pending)]))
        self.keys, self.longest, self.tokens, self.pending = known, longest, tokens, []


class ChunkCounter:
    """Counts the chunks in the rows of one configuration, those of each recipe by themselves."""

    def __init__(self) -> None:
        self._chunks: dict[str, _Chunks] = {}

    def add(self, segments: Segments, documents: Documents | None, ids: Sequence[str]) -> None:
        """Count the segments of one batch that are chunks.

        Args:
            segments: of the batch.
            documents: of packed rows.
            ids: of the rows.
        """
        names = ids if documents is None else documents.ids
        owners = [name.partition("/")[0] for name in names]
        offsets = np.zeros(len(owners), np.int64) if documents is None else documents.offset
        in_sample = np.isin(np.arange(len(owners)), segments.text[segments.is_negative])
        digests = document_digests(segments.documents)[segments.document]
        salt = offsets.astype(np.uint64) * _OFFSET + np.where(in_sample, np.uint64(0), _WHOLE)
        is_chunk = (segments.is_meta | segments.is_negative) & (segments.text >= 0)
        for owner in sorted(set(owners)):
            own = is_chunk & np.array([one == owner for one in owners], bool)[segments.text]
            keys = chunk_keys(digests[own], segments.chunk[own]) ^ salt[segments.text[own]]
            self._chunks.setdefault(owner, _Chunks()).add(keys, segments.tokens[own], digests[own & segments.is_meta])

    def by_recipe(self) -> Mapping[str, _Chunks]:
        """The chunks in the rows of each recipe."""
        for chunks in self._chunks.values():
            chunks.settle()
        return self._chunks

    def result(self, others: Sequence["ChunkCounter"] | None = None) -> ChunkStats | None:
        """What was counted; None where no segment is a chunk.

        Args:
            others: the other configurations; None where they were not measured.
        """
        together = _together(self.by_recipe().values())
        tokens = int(together.tokens.sum())
        if not tokens:
            return None
        unique = int(together.longest.sum())
        shared = None if others is None else _shared(self, others)[0]
        return ChunkStats(
            different=len(together.keys),
            unique_tokens=unique,
            repeated_share=round(1 - unique / tokens, 6),
            shared_share=None if shared is None else round(shared / tokens, 6),
        )


def overlaps(counters: Mapping[str, ChunkCounter]) -> tuple[Overlap, ...]:
    """What each two of several configurations have in common, those without chunks left out."""
    filled = {name: counter for name, counter in counters.items() if counter.by_recipe()}
    return tuple(
        Overlap(
            one=one,
            other=other,
            documents=_shared_documents(filled[one], filled[other]),
            chunks=chunks,
            one_share=round(tokens / max(1, _tokens(filled[one])), 6),
            other_share=round(_shared(filled[other], [filled[one]])[0] / max(1, _tokens(filled[other])), 6),
        )
        for one, other in combinations(filled, 2)
        for tokens, chunks in [_shared(filled[one], [filled[other]])]
    )


def unique_tokens(counters: Sequence[ChunkCounter]) -> int:
    """Tokens of the different chunks of all configurations together."""
    return int(_together([own for counter in counters for own in counter.by_recipe().values()]).longest.sum())


def _together(parts: Collection[_Chunks]) -> _Chunks:
    """The chunks of several recipes or configurations, each once."""
    every = _Chunks(pending=[(part.keys, part.longest) for part in parts])
    every.settle()
    totals = np.zeros(len(every.keys), np.int64)
    for part in parts:
        totals[np.searchsorted(every.keys, part.keys)] += part.tokens
    every.tokens = totals
    return every


def _tokens(counter: ChunkCounter) -> int:
    return sum(int(chunks.tokens.sum()) for chunks in counter.by_recipe().values())


def _shared(counter: ChunkCounter, others: Sequence[ChunkCounter]) -> tuple[int, int]:
    """Tokens of the segments, and number of the chunks, that others have in rows of another recipe."""
    tokens, shared = 0, [np.zeros(0, np.uint64)]
    for owner, chunks in counter.by_recipe().items():
        elsewhere = [theirs.keys for other in others for name, theirs in other.by_recipe().items() if name != owner]
        is_shared = np.isin(chunks.keys, np.concatenate([np.zeros(0, np.uint64), *elsewhere]))
        tokens += int(chunks.tokens[is_shared].sum())
        shared.append(chunks.keys[is_shared])
    return tokens, len(np.unique(np.concatenate(shared)))


def _shared_documents(one: ChunkCounter, other: ChunkCounter) -> int:
    """Documents that both extend, or hold whole, in rows of different recipes."""
    shared = [
        np.intersect1d(own.documents, theirs.documents)
        for owner, own in one.by_recipe().items()
        for name, theirs in other.by_recipe().items()
        if name != owner
    ]
    return len(np.unique(np.concatenate([np.zeros(0, np.uint64), *shared])))
