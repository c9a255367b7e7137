"""How hard a link is to find: the chunks that a retriever ranks above those of the document itself."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi
from worded_corpora import Corpus, corpora, every_chunk, opened, varied_corpus

from nextlong_hub.records import Hits
from nextlong_hub.retrieval.links import own_ranks


def ranks_in(corpus: Corpus, k: int, **chosen: Any) -> list[int]:
    """The own ranks of all chunks of a corpus."""
    with opened(corpus, **chosen) as (store, searcher):
        hits = searcher.search(every_chunk(store), k)
        return own_ranks(searcher, store, np.arange(store.documents), hits).tolist()


def okapi(corpus: Corpus) -> NDArray[np.float64]:
    """What rank-bm25 says of every pair of chunks. Shape: (chunks, chunks)."""
    texts = [chunk for document in corpus for chunk in document]
    if not any(text.split() for text in texts):
        return np.zeros((len(texts), len(texts)))
    model = BM25Okapi([text.split() for text in texts])
    return np.array([model.get_scores(text.split()) for text in texts])


def test_on_paper() -> None:
    """The other chunk of the document shares one word, two chunks of others share two, and one shares none."""
    corpus = [["ant bee cow", "ant dog eel"], ["ant bee fox"], ["bee cow fox"], ["eel gnu hen", "ox"]]
    found = ranks_in(corpus, 9)
    assert found[0] == 3  # d1 and d2 share two words with it, d0's other chunk one
    assert found[1] in (1, 2)  # `ant` is in three chunks and `eel` in two
    assert found[2:4] == [0, 0]  # documents of one chunk have no link
    assert found[4:] == [2, 1]  # d3's other chunk is not found: behind all that is, one chunk and none


def test_it_is_at_most_one_more_than_the_answer_is_long() -> None:
    """With two hits asked for, two or more chunks before the document's own make a rank of 3."""
    corpus = [["ant bee", "ant"], *[["ant bee cow"[: 7 + number % 2]] for number in range(6)]]
    assert max(ranks_in(corpus, 2)) == 3


def test_equal_scores_come_by_chunk_number() -> None:
    """Copies of one chunk in three documents: of equals the lower number is first."""
    corpus = [["ant bee"], ["ant bee", "ant bee"], ["ant bee"], ["cow"], ["dog"], ["eel"], ["fox"]]
    assert ranks_in(corpus, 9)[1:3] == [2, 2]  # chunk 0 before the own 2 and the own 1, chunk 3 behind them


@given(corpora)
@settings(max_examples=60, deadline=None)
@example([["ant"] * 3])
@example([["", ""], ["ant"]])
@pytest.mark.parametrize("retriever", ["bm25", "rank-bm25"])
def test_it_is_what_comparing_all_pairs_gives(retriever: str, corpus: Corpus) -> None:
    """Brute force over all pairs, but for pairs whose scores are equal up to rounding."""
    scores = okapi(corpus)
    document_of = np.repeat(np.arange(len(corpus)), [len(document) for document in corpus])
    found = ranks_in(corpus, len(document_of), retriever=retriever, formula="okapi")
    for query, rank in enumerate(found):
        own = document_of == document_of[query]
        others = scores[query, ~own]
        own[query] = False
        if not own.any():
            assert rank == 0
            continue
        best = max(scores[query, own].max(), 1e-9)
        assert 1 + (others > best * (1 + 1e-5)).sum() <= rank <= 1 + (others > best * (1 - 1e-5)).sum()


@pytest.mark.parametrize("retriever", ["bm25", "rank-bm25"])
@pytest.mark.parametrize("formula", ["lucene", "okapi"])
def test_given_chunks_are_scored_as_a_search_scores_them(retriever: str, formula: str) -> None:
    """To the last bit, over shards of 64 chunks; what is not found is minus infinity."""
    with opened(varied_corpus(200), retriever=retriever, formula=formula, shard_chunks=64) as (store, searcher):
        queries = every_chunk(store)[::3]
        hits = searcher.search(queries, 50)
        again = searcher.score(queries, hits.chunks)
        there = hits.chunks >= 0
        assert again[there].tobytes() == hits.scores[there].tobytes()
        assert (again[~there] == -np.inf).all()
        assert 0 < there.sum() < there.size
        with_itself = searcher.score(queries, queries[:, None])[:, 0]
        longest = searcher.search(queries, 1).scores[:, 0]
        assert ((with_itself >= longest * (1 - 1e-6)) | (with_itself == -np.inf)).mean() > 0.5


def test_a_retriever_that_only_searches_says_nothing() -> None:
    """All ranks are 0, which is unknown."""

    class Searcher:
        """Finds nothing."""

        def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
            """See `nextlong_hub.retrieval.Searcher.search`."""
            return Hits(chunks=np.full((len(queries), k), -1), scores=np.zeros((len(queries), k), np.float32))

        def recall(self, queries: NDArray[np.int64], hits: Hits) -> None:
            """See `nextlong_hub.retrieval.Searcher.recall`."""

    with opened([["ant", "ant"]]) as (store, _):
        searcher = Searcher()
        assert own_ranks(searcher, store, np.array([0]), searcher.search(np.array([0, 1]), 3)).tolist() == [0, 0]
