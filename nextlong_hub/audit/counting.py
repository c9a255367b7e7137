"""What is counted of documents as they come, in memory that does not grow with the corpus."""

from heapq import nsmallest

from nextlong_hub.audit.least import Least, key_of
from nextlong_hub.audit.result import (
    Bucket,
    Languages,
    Lengths,
    RepeatedIds,
    RepeatingDocument,
    Repetition,
)
from nextlong_hub.method.periods import TIMES_MASKED
from nextlong_hub.records import Document
from nextlong_hub.retrieval.bm25.languages import MOST_CHUNKS, languages_of

_IDS = 1 << 16
_WORST = 5
_WINDOW_CHARACTERS = 2_048


class LengthCounter:
    """Lengths, by powers of two."""

    def __init__(self) -> None:
        self._documents: list[int] = []
        self._totals: list[int] = []
        self._longest = 0

    def add(self, length: int) -> None:
        """Count one document."""
        place = length.bit_length()
        missing = place + 1 - len(self._documents)
        self._documents += [0] * missing
        self._totals += [0] * missing
        self._documents[place] += 1
        self._totals[place] += length
        self._longest = max(self._longest, length)

    def lengths(self) -> Lengths:
        """What was counted."""
        buckets = [
            Bucket(shortest=1 << place >> 1, documents=documents, total=total)
            for place, (documents, total) in enumerate(zip(self._documents, self._totals, strict=True))
        ]
        first = next((place for place, one in enumerate(buckets) if one.documents), 0)
        return Lengths(total=sum(self._totals), longest=self._longest, buckets=tuple(buckets[first:]))


class RepetitionCounter:
    """Documents with a run that repeats."""

    def __init__(self) -> None:
        self._most = 0
        self._documents = 0
        self._worst: list[RepeatingDocument] = []

    def add(self, document: Document, times: int) -> None:
        """Count one document, in which a run stands so often on end."""
        self._most = max(self._most, times)
        if times >= TIMES_MASKED:
            self._documents += 1
            one = RepeatingDocument(source=document.source, id=document.id, times=times)
            self._worst = nsmallest(_WORST, [*self._worst, one], key=lambda one: (-one.times, one.source, one.id))

    def repetition(self) -> Repetition:
        """What was counted."""
        return Repetition(most_times=self._most, documents=self._documents, worst=tuple(self._worst))


class IdCounter:
    """Ids that come more than once."""

    def __init__(self) -> None:
        self._times: Least[list[int]] = Least(_IDS, lambda: [0])

    def add(self, document: Document) -> None:
        """Count one document."""
        times = self._times.get(key_of(document.id))
        if times is not None:
            times[0] += 1

    def repeated(self) -> RepeatedIds:
        """What was counted."""
        times = [one[0] for one in self._times.values()]
        return RepeatedIds(ids=len(times), documents=sum(times) - len(times), is_whole=self._times.is_whole)


class LanguageCounter:
    """The languages that documents are in."""

    def __init__(self) -> None:
        self._windows: Least[list[str]] = Least(MOST_CHUNKS, list)

    def add(self, document: Document) -> None:
        """Look at one document, perhaps."""
        windows = self._windows.get(key_of(document.source, document.id))
        if windows is not None and not windows:
            start = max(0, len(document.text) - _WINDOW_CHARACTERS) // 2
            windows.append(document.text[start : start + _WINDOW_CHARACTERS])

    def languages(self) -> Languages:
        """What was found.

        Raises:
            RecipeError: see `languages_of`.
        """
        windows = [window for windows in self._windows.values() for window in windows]
        if not windows:
            return Languages(documents=0, shares={})
        found = languages_of(windows)
        return Languages(documents=found.chunks, shares=found.shares)
