"""The controls: chunks drawn at random, and the document's own chunks again and again."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_stores import make_store

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import build_index, open_retriever, retriever_of
from nextlong_hub.retrieval.settings import RetrievalSettings


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ChunkStore:
    """Forty documents of one to four chunks in two parts, a hundred chunks in all."""
    documents = [[f"chunk {place} of {number}" for place in range(1 + number % 4)] for number in range(40)]
    return make_store(tmp_path_factory.mktemp("store"), [documents[:17], documents[17:]])


def found(store: ChunkStore, folder: Path, queries: list[int], k: int, **options: int) -> Hits:
    """The answer of `random`."""
    retrieval = RetrievalSettings(retriever="random", options=dict(options))
    build_index(store, retrieval, folder / "index", InlineExecutor())
    return open_retriever(folder / "index", store, retrieval).search(np.array(queries, np.int64), k)


@settings(max_examples=30, deadline=None)
@given(k=st.integers(0, 120), split=st.integers(1, 99), seed=st.integers(0, 3))
def test_a_random_answer_depends_on_its_query_alone(
    store: ChunkStore, tmp_path_factory: pytest.TempPathFactory, k: int, split: int, seed: int
) -> None:
    """It holds no own chunk, none twice, and never more than k; a shorter one is the beginning of a longer one."""
    folder = tmp_path_factory.getbasetemp()
    whole = found(store, folder, [*range(100)], k, seed=seed)
    parts = [found(store, folder, queries, k, seed=seed) for queries in ([*range(split)], [*range(split, 100)])]
    assert np.array_equal(np.concatenate([part.chunks for part in parts]), whole.chunks)
    longer = found(store, folder, [*range(100)], k + 3, seed=seed)
    assert np.array_equal(longer.chunks[:, :k], whole.chunks)
    documents = store.document_of(np.arange(100))
    accepts = retriever_of(RetrievalSettings(retriever="random")).accepts_score
    for query in range(100):
        chunks = whole.chunks[query][whole.chunks[query] >= 0]
        assert len(chunks) == min(k, int((documents != documents[query]).sum())) == len(set(chunks.tolist()))
        assert not (documents[chunks] == documents[query]).any()
        scores = whole.scores[query, : len(chunks)]
        assert (np.diff(scores) <= 0).all()
        assert all(map(accepts, scores.tolist()))


def test_random_chunks_are_drawn_alike_often(store: ChunkStore, tmp_path: Path) -> None:
    """Over many seeds each of the other chunks comes as often as any: chi-square with 96 degrees of freedom."""
    draws = np.concatenate([found(store, tmp_path, [0], 10, seed=seed).chunks[0] for seed in range(400)])
    counts = np.bincount(draws, minlength=100)[1:]
    expected = 4000 / 99
    assert counts.sum() == 4000  # the first document has one chunk, the query
    assert ((counts - expected) ** 2 / expected).sum() < 150


def test_another_seed_draws_other_chunks(store: ChunkStore, tmp_path: Path) -> None:
    """So that a control can be repeated."""
    one, other = (found(store, tmp_path, [0, 50], 10, seed=seed).chunks for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_self_repeats_the_document_in_order(tmp_path: Path) -> None:
    """A document of three chunks, one of one: 1 / n is the score at the n-th time, and an only chunk finds nothing."""
    store = make_store(tmp_path / "store", [[["a", "b", "c"], ["d"]]])
    retrieval = RetrievalSettings(retriever="self")
    hits = open_retriever(tmp_path / "index", store, retrieval).search(np.arange(4), 5)
    assert hits.chunks.tolist() == [[1, 2, 1, 2, 1], [0, 2, 0, 2, 0], [0, 1, 0, 1, 0], [-1] * 5]
    assert hits.scores[0].tolist() == [1, 1, 0.5, 0.5, np.float32(1 / 3)]


def test_only_the_controls_are_controls() -> None:
    """Nobody is warned of what is meant for training."""
    names = {"bm25": {}, "rank-bm25": {}, "random": {}, "self": {}, "dense": {}, "hybrid": {}}
    retrievers = {name: retriever_of(RetrievalSettings(retriever=name)) for name in names}
    assert {name for name, one in retrievers.items() if one.is_control} == {"random", "self"}
    assert {name for name, one in retrievers.items() if one.repeats_own} == {"self"}
