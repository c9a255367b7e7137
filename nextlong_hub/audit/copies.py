"""Copies and near-copies among the documents of a corpus, in memory that does not grow with it.

A document is known by the digests of its shingles, the runs of five words that the method compares chunks by, and these
by the least 128 of them (Broder 1997). Two documents are compared when their least shingles are the same one, which two
that share the part s of their shingles have with the chance s: every copy is found, and of near-copies that share 0.8,
four in five. Of all least shingles an even sample is kept, each with all documents that have it: so the share of copies
in the sample is that of the corpus.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.audit.least import Least, key_of
from nextlong_hub.audit.result import Copies
from nextlong_hub.method.near_duplicates import shingles_of
from nextlong_hub.method.repeats import different

SHINGLE_WORDS = 5
NEAR = 0.8
"""Part of the different shingles of two documents that both have, from which they are near-copies."""
_GROUPS = 1 << 14
_SKETCH = 128
_COMPARED = 4
"""Documents of one least shingle that later ones are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    text: int
    """Its digest."""
    sketch: NDArray[np.uint64]


@dataclass(slots=True, kw_only=True)
class _Group:
    """The documents of one least shingle."""

    documents: int = 0
    same: int = 0
    near: int = 0
    seen: list[_Seen] = field(default_factory=list)


class CopyCounter:
    """Counts documents that an earlier one of the corpus holds already, or nearly."""

    def __init__(self, groups: int = _GROUPS) -> None:
        """Begin with none; `groups` is how many least shingles are kept."""
        self._groups: Least[_Group] = Least(groups, _Group)

    def add(self, text: str) -> None:
        """Compare the next document with those before it; one without words is like no other."""
        shingles = shingles_of(text, SHINGLE_WORDS)
        if not len(shingles):
            return
        # The least shingle of a long document is less than that of a short one: its digest is not.
        group = self._groups.get(key_of(str(shingles[0])))
        if group is None:
            return
        group.documents += 1
        new = _Seen(text=key_of(text), sketch=shingles[:_SKETCH].copy())
        if any(new.text == one.text for one in group.seen):
            group.same += 1
        elif any(resemblance(new.sketch, one.sketch) >= NEAR for one in group.seen):
            group.near += 1
        elif len(group.seen) < _COMPARED:
            group.seen.append(new)

    def counts(self) -> Copies:
        """What was found."""
        groups = self._groups.values()
        return Copies(
            documents=sum(one.documents for one in groups),
            same=sum(one.same for one in groups),
            near=sum(one.near for one in groups),
            is_whole=self._groups.is_whole,
        )


def resemblance(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """The part of the different shingles of two documents that both have, from the least of each.

    Exact where the two have at most 128 different ones together.

    Args:
        one: the least shingles of a document, ascending. Shape: (at most 128,).
        other: those of the other one.
    """
    union = different(np.concatenate((one, other)))[:_SKETCH]
    common = np.intersect1d(one, other, assume_unique=True)
    return np.count_nonzero(common <= union[-1]) / len(union)
