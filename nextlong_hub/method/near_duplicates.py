"""Near-copies by shingle containment (Broder 1997): of a meta-chunk they would be false negatives."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import count

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.method.repeats import different, run_hashes
from nextlong_hub.method.settings import NegativeSettings

# Scripts written without spaces count character by character: a whole clause would otherwise be one word.
_SPACELESS = r"\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+")

_NO_SIZE = 2**31


class Shingles:
    """Makes shingles, runs of case-folded words, as 64-bit hashes; only those of one object can be compared."""

    def __init__(self, shingle_words: int) -> None:
        """Start without any word; a shingle has so many."""
        self._shingle_words = shingle_words
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)

    def of(self, text: str) -> NDArray[np.uint64]:
        """The different shingles of a text; one of fewer words is one shingle, one without words has none."""
        found = [*map(self._numbers.__getitem__, words(text))]
        if not found:
            return np.zeros(0, np.uint64)
        return different(run_hashes(np.array(found), min(self._shingle_words, len(found))))


def words(text: str) -> list[str]:
    """The case-folded words of a text, in order; in scripts without spaces each character is one."""
    return _WORD.findall(text.casefold())


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
