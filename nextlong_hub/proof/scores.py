"""BM25 over all chunks of a corpus: what it needs is counted, and each score is computed by the formula.

    score = sum over the terms of the query of
            times in query * idf * gain * times in chunk / (times in chunk + k1 * (1 - b + b * length / mean length))

    lucene  idf = ln(1 + (N - n + 0.5) / (n + 0.5)), gain = 1
    okapi   idf = ln((N - n + 0.5) / (n + 0.5)), or where that is below 0 a quarter of the mean of all terms;
            gain = k1 + 1

N chunks, of which n hold the term; a chunk's length is its number of terms, without stop words. The query is no term of
any count: it is a chunk of the corpus like all others.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable

from nextlong_hub.proof.choices import Scoring
from nextlong_hub.proof.texts import Texts
from nextlong_hub.proof.words import stop_words, terms

_FLOOR = 0.25
"""rank-bm25's epsilon."""
_AT_A_TIME = 1024


class Statistics:
    """Counts of all chunks of a corpus, and where the terms of the queries occur."""

    def __init__(
        self,
        texts: Texts,
        scoring: Scoring,
        queries: Iterable[int],
        on_chunks: Callable[[int], object] = lambda chunks: None,
    ) -> None:
        """Count every chunk once, in one pass.

        In memory are eight bytes for each chunk that holds a term of the queries, and term.

        Args:
            texts: the chunks.
            scoring: the formula, and what a term is.
            queries: the chunks that will be asked for.
            on_chunks: called with the number of chunks that were just counted.
        """
        self._scoring = scoring
        self._stop_words = stop_words(scoring.languages)
        self._texts = texts
        self._wanted: dict[str, tuple[array[int], array[int]]] = {}
        """Chunks that hold a term of a query, and how often."""
        for query in queries:
            self._wanted |= {term: (array("I"), array("I")) for term in self._terms(query).keys() - self._wanted.keys()}
        self._all: Counter[str] = Counter()
        """Chunks that hold each term of the corpus; only the mean of all idf asks for the others."""
        lengths = array("I")
        for first in range(0, texts.chunks, _AT_A_TIME):
            some = range(first, min(first + _AT_A_TIME, texts.chunks))
            lengths.extend(map(self._count, some))
            on_chunks(len(some))
        mean = sum(lengths) / max(1, len(lengths))
        self._norms = array("d", (self._norm(length, mean) for length in lengths))
        self._floor = self._mean_idf() * _FLOOR if self._all else 0.0

    def scores(self, query: int) -> list[float]:
        """The score of every chunk for one of the queries; 0 where they share no term."""
        scores = [0.0] * self._texts.chunks
        norms = self._norms
        gain = 1.0 if self._scoring.formula == "lucene" else self._scoring.k1 + 1
        for term, times in self._terms(query).items():
            chunks, counts = self._wanted[term]
            weight = times * self._idf(len(chunks)) * gain
            for chunk, count in zip(chunks, counts, strict=True):
                scores[chunk] += weight * count / (count + norms[chunk])
        return scores

    def _count(self, chunk: int) -> int:
        """Add one chunk to the counts, and return its length."""
        counts = self._terms(chunk)
        for term in counts.keys() & self._wanted.keys():
            chunks, times = self._wanted[term]
            chunks.append(chunk)
            times.append(counts[term])
        if self._scoring.formula == "okapi":
            self._all.update(counts.keys())
        return counts.total()

    def _terms(self, chunk: int) -> Counter[str]:
        found = Counter(terms(self._texts.chunk(chunk), keeps_short_words=self._scoring.keeps_short_words))
        for word in found.keys() & self._stop_words:
            del found[word]
        return found

    def _norm(self, length: int, mean: float) -> float:
        k1, b = self._scoring.k1, self._scoring.b
        return k1 * (1 - b + b * length / mean) if mean else 0.0

    def _idf(self, holding: int) -> float:
        found = self._plain_idf(holding)
        return found if self._scoring.formula == "lucene" or found >= 0 else self._floor

    def _plain_idf(self, holding: int) -> float:
        chunks = self._texts.chunks
        if self._scoring.formula == "lucene":
            return math.log(1 + (chunks - holding + 0.5) / (holding + 0.5))
        return math.log(chunks - holding + 0.5) - math.log(holding + 0.5)

    def _mean_idf(self) -> float:
        of_holding = Counter(self._all.values())
        return math.fsum(self._plain_idf(one) * times for one, times in of_holding.items()) / len(self._all)
