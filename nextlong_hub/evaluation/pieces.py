"""Pieces of text, and the orders in which the pieces of one pair follow each other: all of them in every order.

    blocked    F  L1 L2 L3   m1 m2 m3 m4
    riffled    F  R1 R2 R3   m1 G1 m2 G2 m3 G3 m4
    detached   F  R1 R2 R3   m1 m2 m3  G1 G2 G3  m4

m1 … m4 are the document's chunks, the last of them the target. Li is all that may stand behind mi, Gi as much from its
beginning as the distance takes, Ri the rest. F fills the row. So the target stands at the end of each row, and what
stands before it is the same text in another order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

Role = Literal["meta", "negative", "random"]
Condition = Literal["blocked", "riffled", "detached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A statement that a row holds, and that one can be asked for."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A chunk, and what stands behind it in every row."""

    role: Role
    """`meta`: of the document. `negative`: one that the retriever found for a chunk of it. `random`: any other."""
    document: str
    """Id of its document."""
    chunk: int
    """Number in its document."""
    offset: int
    """Characters of the chunk before this text: blanks, and what was cut off for the length of the row."""
    text: str
    """Of the chunk, without blanks at both ends."""
    behind: str
    """Separators, and the statement that is planted there."""
    tokens: int
    """With what stands behind it: by itself, or in its row, which may be one less."""
    rank: int = 0
    """Of a negative: its place, from 1, in the retriever's answer to the chunk before it."""
    score: float = 0.0
    fact: Fact | None = None
    """What the statement behind it says."""

    @property
    def whole(self) -> str:
        """Its text with what stands behind it."""
        return self.text + self.behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """All pieces of a pair."""

    front: tuple[Piece, ...]
    """What fills the row; the first piece of every order is the first of these."""
    meta: tuple[Piece, ...]
    """The document's chunks, in order."""
    gaps: tuple[tuple[Piece, ...], ...]
    """What may stand behind each of them but the last."""

    @property
    def all(self) -> tuple[Piece, ...]:
        """Each once, in the order in which `Order` counts them."""
        return (*self.front, *self.meta, *(piece for gap in self.gaps for piece in gap))

    def with_tokens(self, tokens: Iterable[int]) -> "Pieces":
        """The same pieces with as many tokens as they have between the others, in the order of `all`."""
        counted = (replace(piece, tokens=own) for piece, own in zip(self.all, tokens, strict=True))
        front, meta = tuple(islice(counted, len(self.front))), tuple(islice(counted, len(self.meta)))
        gaps = tuple(tuple(islice(counted, len(gap))) for gap in self.gaps)
        return Pieces(front=front, meta=meta, gaps=gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order of the pieces of a pair."""

    condition: Condition
    distance: int
    """Tokens asked for between two neighbouring chunks; 0 where the document is blocked."""
    places: tuple[int, ...]
    """The numbers of the pieces in `Pieces.all`, as they follow each other."""


def orders(pieces: Pieces, distances: Sequence[int]) -> Iterator[Order]:
    """The orders of a pair: blocked, then for each distance riffled and detached.

    Args:
        pieces: of the pair; each gap has at least the tokens of the largest distance.
        distances: in tokens.
    """
    fronts, chunks = len(pieces.front), len(pieces.meta)
    front, meta = range(fronts), range(fronts, fronts + chunks)
    gaps: list[range] = []
    first = fronts + chunks
    for gap in pieces.gaps:
        gaps.append(range(first, first + len(gap)))
        first += len(gap)
    blocked = [*front, *(place for gap in gaps for place in gap), *meta]
    yield Order(condition="blocked", distance=0, places=tuple(blocked))
    for distance in distances:
        sizes = [_needed([piece.tokens for piece in gap], distance) for gap in pieces.gaps]
        before = [*front, *(place for gap, size in zip(gaps, sizes, strict=True) for place in gap[size:])]
        near = [gap[:size] for gap, size in zip(gaps, sizes, strict=True)]
        riffled = [place for own, gap in zip(meta, near, strict=False) for place in (own, *gap)]
        yield Order(condition="riffled", distance=distance, places=(*before, *riffled, meta[-1]))
        detached = (*meta[:-1], *(place for gap in near for place in gap))
        yield Order(condition="detached", distance=distance, places=(*before, *detached, meta[-1]))


def _needed(tokens: Sequence[int], distance: int) -> int:
    """How many pieces, from the first, have so many tokens together."""
    reached = 0
    for number, own in enumerate(tokens):
        if reached >= distance:
            return number
        reached += own
    return len(tokens)
