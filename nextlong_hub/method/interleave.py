"""Meta-chunks and their hard negatives become one long text (NExtLong §3.2, eq. 4-5).

    m1 n11 … n1K  m2 n21 … n2K  …  mp np1 … npK      interleaved
    m1 m2 … mp  n11 … n1K  n21 … n2K  …  np1 … npK   none: a control

Each meta-chunk comes before its negatives, negatives by rank, all joined by the recipe's separator. No character of the
corpus is altered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, TypeVar

from nextlong_hub.records import Segment

Item = TypeVar("Item")

Layout = Literal["interleaved", "none"]
"""See `InterleaveSettings.layout`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkText:
    """One chunk with its text, before it is placed in a sample."""

    text: str
    document: str
    """Id of its document."""
    chunk: int
    """Number in its document."""
    rank: int = 0
    """0 for a meta-chunk."""
    score: float = 0.0
    own_rank: int = 0
    """See `records.Segment`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongText:
    """The joined text, not yet fitted to a target length."""

    text: str
    segments: tuple[Segment, ...]
    """Token counts are still 0."""


def laid_out(meta_chunks: Sequence[Item], negatives: Sequence[Sequence[Item]], layout: Layout) -> list[Item]:
    """The order in which the chunks of a sample follow each other; `negatives[i]` are those of `meta_chunks[i]`."""
    if layout == "none":
        return [*meta_chunks, *chain.from_iterable(negatives)]
    return [chunk for meta_chunk, own in zip(meta_chunks, negatives, strict=True) for chunk in (meta_chunk, *own)]


def joined(chunks: Iterable[ChunkText], separator: str) -> LongText:
    """The text of a sample whose chunks have been laid out."""
    segments: list[Segment] = []
    texts: list[str] = []
    position = 0
    for chunk in chunks:
        end = position + len(chunk.text)
        segments.append(
            Segment(
                role="negative" if chunk.rank else "meta",
                document=chunk.document,
                chunk=chunk.chunk,
                start=position,
                end=end,
                tokens=0,
                rank=chunk.rank,
                score=chunk.score,
                own_rank=chunk.own_rank,
            )
        )
        texts.append(chunk.text)
        position = end + len(separator)
    return LongText(text=separator.join(texts), segments=tuple(segments))


def clip(segments: Sequence[Segment], characters: int, tokens: Sequence[int]) -> tuple[Segment, ...]:
    """The segments of a text's first `characters` characters, with their tokens.

    Args:
        segments: of the whole text.
        characters: how much of the text is kept.
        tokens: how many begin in each segment that is kept.
    """
    kept = [segment for segment in segments if segment.start < characters]
    return tuple(
        replace(segment, end=min(segment.end, characters), tokens=count)
        for segment, count in zip(kept, tokens, strict=True)
    )
