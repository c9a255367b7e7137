"""What the rows of a source say of where they come from: their own source and licence, counted."""

from collections.abc import Iterable

from nextlong_hub.corpus.pieces import OTHERS
from nextlong_hub.corpus.store import OriginCounts
from nextlong_hub.records import Document

_MOST = 200
"""Origins counted one by one; those met later are counted together, each licence by itself, up to as many again."""


class Origins:
    """Counts the documents of one source by what they say."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._counts: dict[tuple[str, str], list[int]] = {}

    def add(self, document: Document) -> None:
        """Count one document."""
        own = "" if document.source == self._source else document.source
        self.add_counts(own, document.metadata.get("license", ""), 1, len(document.text))

    def add_counts(self, source: str, license: str, documents: int, characters: int) -> None:
        """Count several documents of one origin."""
        key = (source, license)
        if key not in self._counts and len(self._counts) >= _MOST:
            key = (OTHERS, license)
        if key not in self._counts and len(self._counts) >= 2 * _MOST:
            key = (OTHERS, OTHERS)
        counts = self._counts.setdefault(key, [0, 0])
        counts[0] += documents
        counts[1] += characters

    def counts(self) -> tuple[OriginCounts, ...]:
        """The counts, by origin and licence; nothing where no document says anything."""
        if self._counts.keys() <= {("", "")}:
            return ()
        return tuple(
            OriginCounts(source=source, license=license, documents=documents, characters=characters)
            for (source, license), (documents, characters) in sorted(self._counts.items())
        )


def merged_origins(source: str, parts: Iterable[tuple[OriginCounts, ...]]) -> tuple[OriginCounts, ...]:
    """The origins of a source from those of its parts, in order."""
    merged = Origins(source)
    for origins in parts:
        for one in origins:
            merged.add_counts(one.source, one.license, one.documents, one.characters)
    return merged.counts()
