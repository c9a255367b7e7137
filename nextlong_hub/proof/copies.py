"""Near-copies: chunks that have too many runs of words in common."""

from collections.abc import Iterable

from nextlong_hub.proof.words import words

Shingles = frozenset[tuple[str, ...]]


def shingles(text: str, length: int) -> Shingles:
    """The different runs of so many words of a text; of a text of fewer, all of them as one run."""
    found = words(text)
    size = min(length, len(found))
    return (
        frozenset(tuple(found[start : start + size]) for start in range(len(found) - size + 1)) if size else Shingles()
    )


def is_copy(one: Shingles, others: Iterable[Shingles], share: float) -> bool:
    """Whether a chunk has at least such a share of the runs of one of the others, or that of its own."""
    return any(one and other and len(one & other) / min(len(one), len(other)) >= share for other in others)
