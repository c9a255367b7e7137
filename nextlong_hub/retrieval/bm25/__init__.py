"""Exact BM25 over shards of chunks, memory-mapped and searched by compiled kernels.

lexer, lexing_kernels, stop_words   text ▶ words, counted
languages                           a corpus ▶ the languages whose stop words are left out
build, building_kernels             words ▶ the index on disk
index, arrays                       the index on disk, and an estimate of its size
formulas                            what a word weighs
search, queries, kernels, scoring_kernels
                                    exact top-k search, with proof
explain                             a score, word by word
warming                             compiles the kernels, while the first build reads its corpus
"""

from collections.abc import Mapping
from pathlib import Path

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.base import Executor
from nextlong_hub.retrieval.base import Description, OnReceipt, Retriever, Searcher
from nextlong_hub.retrieval.bm25.index import estimate
from nextlong_hub.retrieval.explanation import Explainer, Explanation
from nextlong_hub.retrieval.languages import FoundLanguages
from nextlong_hub.retrieval.settings import RetrievalSettings


def describe(settings: RetrievalSettings) -> Description:
    """BM25 in words, the same for every implementation of it."""
    return Description(
        method="BM25 in place of embeddings",
        ranking=(
            f"BM25 ({settings.formula}, k1 {settings.k1}, b {settings.b}) ranked "
            f"{'a seeded pool of the chunks' if settings.pool_chunks else 'all chunks'} of the corpus"
            f"{', reading only the most telling postings' if settings.postings_budget else ''}"
        ),
        nature="Negatives are lexical",
        advice=(
            "BM25 finds chunks that share rare words; the paper used embeddings. In the one comparison that was "
            "published, by the same authors on another pipeline (LiteLong, appendix D, HELMET and RULER averaged), "
            "BM25 was level with embeddings at 64K (50.67 and 50.69; 48.56 without negatives) and below them at 128K "
            "(61.37 and 63.04; 61.90 without)."
        ),
    )


def is_positive(score: float) -> bool:
    """Whether BM25 counts a chunk of this score as found: it shares a word that weighs something."""
    return 0 < score < float("inf")


def find_languages(store: ChunkStore) -> FoundLanguages:
    """See `Retriever.find_languages`."""
    from nextlong_hub.retrieval.bm25 import languages

    return languages.find_languages(store)


def passage(text: str, weights: Mapping[str, float], characters: int) -> list[tuple[str, float]]:
    """See `Explainer.passage`."""
    from nextlong_hub.retrieval.bm25 import explain

    return explain.passage(text, weights, characters)


def _build(
    store: ChunkStore, settings: RetrievalSettings, folder: Path, executor: Executor, on_receipt: OnReceipt | None
) -> None:
    from nextlong_hub.retrieval.bm25.build import build

    build(store, settings, folder, executor, on_receipt)


def _open(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> Searcher:
    from nextlong_hub.retrieval.bm25.build import identity_of
    from nextlong_hub.retrieval.bm25.index import open_index
    from nextlong_hub.retrieval.bm25.search import Bm25Searcher

    return Bm25Searcher(open_index(folder, identity_of(store, settings)), store, settings)


def _explain(folder: Path, store: ChunkStore, settings: RetrievalSettings, query: int, chunk: int) -> Explanation:
    from nextlong_hub.retrieval.bm25.explain import explain

    return explain(folder, store, settings, query, chunk)


def _is_cold() -> bool:
    from nextlong_hub.retrieval.bm25 import warming

    return warming.is_cold()


def _warm() -> None:
    from nextlong_hub.retrieval.bm25 import warming

    warming.warm()


RETRIEVER = Retriever(
    score_name="BM25 score",
    build=_build,
    open=_open,
    describe=describe,
    accepts_score=is_positive,
    explainer=Explainer(explain=_explain, passage=passage),
    estimate=estimate,
    find_languages=find_languages,
    is_cold=_is_cold,
    warm=_warm,
)
