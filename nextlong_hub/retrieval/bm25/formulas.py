"""The two BM25 formulas, in float64 and in one fixed order of operations.

    score(query, chunk) = sum over the query's terms, ascending, of
        occurrences in query * idf(term) * tf * gain / (tf + k1 * (1 - b + b * length / mean length))

`lucene`: idf = ln(1 + (N - df + 0.5) / (df + 0.5)), always above 0; gain 1 (Lucene 8 and later; Kamphuis et al., "Which
BM25 do you mean?", ECIR 2020, table 1; without Lucene's one-byte rounding of lengths).
`okapi`: what rank-bm25's BM25Okapi computes: idf = ln(N - df + 0.5) - ln(df + 0.5), and where that is negative, a
quarter of the mean over all terms instead; gain k1 + 1.

N counts chunks, df the chunks that hold the term, length a chunk's words without stop words.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.retrieval.settings import RetrievalSettings

OKAPI_EPSILON = 0.25
"""rank-bm25's default: share of the mean idf that stands in for a negative one."""


def inverse_document_frequencies(
    settings: RetrievalSettings, frequencies: NDArray[np.int64], chunks: int
) -> NDArray[np.float64]:
    """The idf of each of a corpus' terms; `frequencies` must hold all of them. Shape: (terms,).

    Logarithms are the C library's, one for each distinct frequency: numpy's vary in the last bit from one processor to
    another, and the index must not.
    """
    distinct, place, terms = np.unique(frequencies, return_inverse=True, return_counts=True)
    if settings.formula == "lucene":
        idf = [math.log(1 + (chunks - df + 0.5) / (df + 0.5)) for df in distinct.tolist()]
    else:
        idf = [math.log(chunks - df + 0.5) - math.log(df + 0.5) for df in distinct.tolist()]
        mean = math.fsum(value * count for value, count in zip(idf, terms.tolist(), strict=True)) / max(1, terms.sum())
        idf = [OKAPI_EPSILON * mean if value < 0 else value for value in idf]
    return np.array(idf, np.float64)[place]


def gain(settings: RetrievalSettings) -> float:
    """The factor on a term's saturated frequency, which no impact can pass as a multiple of its idf."""
    return 1.0 if settings.formula == "lucene" else settings.k1 + 1


def length_norms(settings: RetrievalSettings, lengths: NDArray[np.uint32], mean_length: float) -> NDArray[np.float64]:
    """What is added to a term's frequency in the denominator, for chunks of `lengths` words. Shape: (chunks,)."""
    if mean_length == 0:
        return np.zeros(len(lengths))
    words = lengths.astype(np.float64)
    return np.asarray(settings.k1 * (1 - settings.b + settings.b * words / mean_length), np.float64)
