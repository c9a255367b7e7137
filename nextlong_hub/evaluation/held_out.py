"""Whether documents are held out: how much of each stands in the rows of datasets that were trained on.

Ids do not tell: another corpus may use the same, and the same text may have another one. So texts are compared, by
runs of 13 words, as decontamination does. One run alone may be a licence or a heading; a document counts as seen where
half of the different runs of one of its chunks stand in the rows. A chunk of fewer words tells nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.words import run_digests, word_digests

RUN_WORDS = 13
SEEN_SHARE = 0.5
"""Of the runs of one chunk."""


class HeldOut:
    """The runs of words of some chunks, and which of them were seen."""

    def __init__(self, chunks: Mapping[int, Sequence[str]]) -> None:
        """Look for these.

        Args:
            chunks: texts of the chunks of each document, by its number.
        """
        digests, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        self._documents: list[int] = []
        """Of each chunk."""
        for document, texts in chunks.items():
            for text in texts:
                runs = np.unique(_runs(text))
                digests.append(runs)
                owners.append(np.full(len(runs), len(self._documents)))
                self._documents.append(document)
        joined, chunk = np.concatenate(digests), np.concatenate(owners)
        order = np.argsort(joined, kind="stable")
        self._digests, self._chunks = joined[order], chunk[order]
        self._is_seen = np.zeros(len(self._digests), bool)

    def look(self, texts: Iterable[str]) -> None:
        """Look at the texts of rows that were trained on."""
        for text in texts:
            if not len(self._digests):
                return
            runs = np.unique(_runs(text))
            first = np.searchsorted(self._digests, runs, side="left")
            last = np.searchsorted(self._digests, runs, side="right")
            for start, stop in zip(first[first < last].tolist(), last[first < last].tolist(), strict=True):
                self._is_seen[start:stop] = True

    def seen(self) -> frozenset[int]:
        """The numbers of the documents that were seen."""
        count = len(self._documents)
        total = np.bincount(self._chunks, minlength=count)
        found = np.bincount(self._chunks[self._is_seen], minlength=count)
        chunks = np.flatnonzero((total > 0) & (found >= SEEN_SHARE * total))
        return frozenset(self._documents[chunk] for chunk in chunks.tolist())


def _runs(text: str) -> NDArray[np.uint64]:
    return run_digests(word_digests(text), RUN_WORDS)
