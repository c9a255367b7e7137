"""Near-copies of a meta-chunk: as negatives they would be false ones (shingle containment, Broder 1997)."""

import re
from collections import defaultdict
from collections.abc import Iterable

from nextlong_hub.method.settings import NegativeSettings

# Scripts written without spaces count character by character: a whole clause would otherwise be one word.
_SPACELESS = r"\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+")

Shingle = tuple[str, ...]
"""A run of case-folded words."""


class NearDuplicates:
    """Finds near-copies of any chunk of one meta-document by shingle containment.

    Containment is |A ∩ B| / min(|A|, |B|) over sets of word n-grams (Broder, 1997): 1 when one text holds the other.
    """

    def __init__(self, meta_chunks: Iterable[str], settings: NegativeSettings) -> None:
        self._settings = settings
        self._sizes: list[int] = []
        self._where: defaultdict[Shingle, list[int]] = defaultdict(list)
        for number, text in enumerate(meta_chunks):
            own = shingles(text, settings.shingle_words)
            self._sizes.append(len(own))
            for shingle in own:
                self._where[shingle].append(number)

    def __contains__(self, text: str) -> bool:
        """Whether `text` is a near-copy of one of the meta-chunks."""
        return self.containment(text) >= self._settings.near_duplicate

    def containment(self, text: str) -> float:
        """The largest containment of `text` and a meta-chunk, from 0 to 1."""
        own = shingles(text, self._settings.shingle_words)
        common = [0] * len(self._sizes)
        for shingle in own & self._where.keys():
            for number in self._where[shingle]:
                common[number] += 1
        return max((c / min(len(own), size) for c, size in zip(common, self._sizes, strict=True) if c), default=0.0)


def shingles(text: str, shingle_words: int) -> set[Shingle]:
    """The word n-grams of `text`, case-folded; a text of fewer words is one shingle, a text without words none."""
    words = _WORD.findall(text.casefold())
    if len(words) <= shingle_words:
        return {tuple(words)} if words else set()
    return set(zip(*(words[offset:] for offset in range(shingle_words)), strict=False))
