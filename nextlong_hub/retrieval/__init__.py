"""Retrieval: the hard negatives of every meta-chunk are looked for among all chunks of the corpus.

settings     the recipe's retrieval section
base         what a retriever must answer, the registry of retrievers, and `build_index` and `open_retriever`
explanation  a score, taken apart
ranking      the total order of hits
tasks        a unit's meta-chunks ▶ the retriever's answers on disk
bm25/        exact BM25 over shards
rank_bm25/   the reference implementation that `bm25` is compared with
"""

from nextlong_hub.retrieval.base import (
    RETRIEVERS,
    UNNAMED_SCORE,
    Description,
    IndexSample,
    Retriever,
    SearchCost,
    Searcher,
    accepts_score,
    build_index,
    describe,
    open_retriever,
    retriever_of,
    score_name,
)
from nextlong_hub.retrieval.explanation import Explainer, Explanation, SharedTerm

__all__ = [
    "RETRIEVERS",
    "UNNAMED_SCORE",
    "Description",
    "Explainer",
    "Explanation",
    "IndexSample",
    "Retriever",
    "SearchCost",
    "Searcher",
    "SharedTerm",
    "accepts_score",
    "build_index",
    "describe",
    "open_retriever",
    "retriever_of",
    "score_name",
]
