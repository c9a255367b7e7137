"""Near-copies by shingle containment (Broder 1997): of a meta-chunk they would be false negatives."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.words import run_digests, word_digests
from nextlong_hub.method.repeats import different
from nextlong_hub.method.settings import NegativeSettings

_NO_SIZE = 2**31


def shingles_of(text: str, shingle_words: int) -> NDArray[np.uint64]:
    """The different shingles of a text, as digests of runs of so many words.

    A text of fewer words is one shingle, one without words has none. Shape: (shingles,).
    """
    words = word_digests(text)
    if not len(words):
        return words
    return different(run_digests(words, min(shingle_words, len(words))))


class Containment:
    """Compares a text with several others by their shingles: |A ∩ B| / min(|A|, |B|), 1 when one holds the other."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._smallest = _NO_SIZE
        """Of the texts that have a shingle."""
        self._last: dict[int, int] = {}
        """The last text with each shingle."""
        self._earlier: dict[int, list[int]] = {}
        """The texts before it with that shingle; few have any."""

    def add(self, shingles: NDArray[np.uint64]) -> None:
        """Compare with this text, too."""
        number = len(self._sizes)
        own = shingles.tolist()
        self._sizes.append(len(own))
        self._smallest = min(self._smallest, len(own) or _NO_SIZE)
        for shingle in self._last.keys() & own:
            self._earlier.setdefault(shingle, []).append(self._last[shingle])
        self._last.update(dict.fromkeys(own, number))

    def reaches(self, shingles: NDArray[np.uint64], limit: float) -> bool:
        """Whether the containment of a text and one of the others is at least `limit`, which is above 0."""
        found = self._last.keys() & shingles.tolist()
        # Most texts have so few shingles of all others together that no single one of those can have enough of them.
        if not found or len(found) / min(len(shingles), self._smallest) < limit:
            return False
        common = Counter(map(self._last.__getitem__, found))
        for shingle in found & self._earlier.keys():
            common.update(self._earlier[shingle])
        return any(times / min(len(shingles), self._sizes[number]) >= limit for number, times in common.items())


class NearDuplicates:
    """Finds near-copies of any chunk of one meta-document."""

    def __init__(self, meta_chunks: Iterable[NDArray[np.uint64]], settings: NegativeSettings) -> None:
        """Compare with these chunks.

        Args:
            meta_chunks: the shingles of each.
            settings: the share of common shingles from which a chunk is a near-copy.
        """
        self._settings = settings
        self._meta_chunks = Containment()
        for shingles in meta_chunks:
            self._meta_chunks.add(shingles)

    def __contains__(self, shingles: NDArray[np.uint64]) -> bool:
        """Whether a chunk with these shingles is a near-copy of one of the meta-chunks."""
        return self._meta_chunks.reaches(shingles, self._settings.near_duplicate)
