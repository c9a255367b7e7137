"""Retrieval: finds, for every meta-chunk, hard negatives among all chunks of the corpus.

settings     the recipe's retrieval section
base         what a retriever defines, the registry of retrievers, and `build_index` and `open_retriever`
explanation  a score, taken apart
ahead        what a first use costs, done while the corpus is read
ranking      the total order of hits
links        how much the chunks of one document resemble each other
tasks        the stage: the index of a store, and the retriever's answers to each unit's meta-chunks, on disk
bm25/        exact BM25 over shards
rank_bm25/   the reference implementation that `bm25` is compared with
dense/       embeddings, of an encoder or the user's
hybrid/      the answer of `bm25`, ranked again by embeddings
random/      a control: any chunks of other documents
self/        a control: the document's own other chunks
vectors/     what `dense` and `hybrid` share: encoders, embeddings, their index and its search
"""

from nextlong_hub.retrieval.base import (
    RETRIEVERS,
    UNNAMED_SCORE,
    Description,
    IndexSample,
    Retriever,
    Scorer,
    SearchCost,
    Searcher,
    accepts_score,
    build_index,
    describe,
    found_languages,
    is_control,
    on_sample,
    open_retriever,
    pin,
    repeats_own,
    retriever_of,
    score_name,
    settled,
)
from nextlong_hub.retrieval.explanation import Explainer, Explanation, SharedTerm
from nextlong_hub.retrieval.languages import FoundLanguages

__all__ = [
    "RETRIEVERS",
    "UNNAMED_SCORE",
    "Description",
    "Explainer",
    "Explanation",
    "FoundLanguages",
    "IndexSample",
    "Retriever",
    "Scorer",
    "SearchCost",
    "Searcher",
    "SharedTerm",
    "accepts_score",
    "build_index",
    "describe",
    "found_languages",
    "is_control",
    "on_sample",
    "open_retriever",
    "pin",
    "repeats_own",
    "retriever_of",
    "score_name",
    "settled",
]
