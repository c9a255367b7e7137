"""Dense retrieval: exact to the last bit however it is run, and what is approximate says how much it finds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from small_stores import make_store

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import build_index, open_retriever
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.vectors import index as vector_index
from nextlong_hub.retrieval.vectors.embeddings import chunks_digest
from nextlong_hub.retrieval.vectors.grid import STEPS, is_cosine, products, to_grid
from nextlong_hub.retrieval.vectors.options import VectorOptions
from nextlong_hub.retrieval.vectors.wording import advice_on

finite = st.floats(-(2.0**100), 2.0**100, width=32)


def bring(store: ChunkStore, path: Path, vectors: NDArray[Any]) -> None:
    """Write vectors of the chunks of a store as `save_embeddings` does."""
    np.save(path, vectors)
    path.with_suffix(".json").write_text(f'{{"chunks": "{chunks_digest(store)}", "rows": {len(vectors)}}}')


def searcher(folder: Path, store: ChunkStore, vectors: NDArray[Any], **options: Any) -> Any:
    """The opened index of `vectors`."""
    folder.mkdir(exist_ok=True)
    bring(store, folder / "vectors.npy", vectors)
    retrieval = RetrievalSettings(retriever="dense", options={"embeddings": str(folder / "vectors.npy"), **options})
    build_index(store, retrieval, folder / "index", InlineExecutor())
    return open_retriever(folder / "index", store, retrieval)


def pairs(chunks: int) -> list[list[str]]:
    """Documents of two chunks."""
    return [[f"first {number}", f"second {number}"] for number in range(chunks // 2)]


def same(one: Hits, other: Hits) -> bool:
    """Whether two answers are the same to the last bit."""
    return one.chunks.tobytes() == other.chunks.tobytes() and one.scores.tobytes() == other.scores.tobytes()


@given(arrays(np.float32, st.tuples(st.integers(0, 6), st.integers(1, 40)), elements=finite))
def test_rounding_costs_next_to_nothing(vectors: NDArray[np.float32]) -> None:
    """A vector has length 1 within a step for each component, and zeros stay zeros."""
    rounded = to_grid(vectors)
    assert rounded.dtype == np.int16
    lengths = np.linalg.norm(rounded.astype(float), axis=1)
    has_length = vectors.any(axis=1)
    assert np.abs(lengths[has_length] - STEPS).max(initial=0) <= 0.5 * np.sqrt(vectors.shape[1])
    assert not lengths[~has_length].any()


@given(st.data())
def test_products_are_exact_in_any_order(data: st.DataObject) -> None:
    """Float32 products equal those of whole numbers, so no order of addition can change them."""
    dimension = data.draw(st.sampled_from([1, 3, 64, 257, 1024]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    one, other = (to_grid(rng.normal(size=(5, dimension)) + offset) for offset in (0, data.draw(st.integers(0, 9))))
    exact = (one.astype(np.int64) @ other.astype(np.int64).T) / 2**23
    assert np.array_equal(products(one.astype(np.float32), other.astype(np.float32)), exact)


def test_a_cosine_is_no_more_than_one_but_for_rounding() -> None:
    """A product of rounded vectors may pass 1 by a little, on either side; what passes it by more is none."""
    for sign in (1, -1):
        assert is_cosine(sign * 1.0)
        assert is_cosine(sign * 1.049)
        assert not is_cosine(sign * 1.05)
        assert not is_cosine(sign * 1.9)


def test_a_card_says_what_took_the_chunks_for_alike() -> None:
    """An encoder, or embeddings that were given."""
    assert "that the given embeddings took" in advice_on(VectorOptions(embeddings="some.npy"))
    assert "that the encoder took" in advice_on(VectorOptions(encoder="some/encoder"))


def test_an_answer_on_paper(tmp_path: Path) -> None:
    """In the plane, by angle: own chunks are left out, and a vector of zeros neither finds nor is found."""
    store = make_store(tmp_path / "store", [[["a", "b"], ["c"], ["d"], ["e"]]])
    vectors = np.array([[1, 0], [2, 0.1], [3, 3.5], [0, 5], [0, 0]], np.float32)
    hits = searcher(tmp_path / "dense", store, vectors).search(np.arange(5), 4)
    assert hits.chunks.tolist() == [[2, 3, -1, -1], [2, 3, -1, -1], [3, 1, 0, -1], [2, 1, 0, -1], [-1] * 4]
    assert hits.scores[0, :2].tolist() == pytest.approx([3 / (3**2 + 3.5**2) ** 0.5, 0], abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 99), st.integers(1, 60), st.sampled_from([1, 7, 19, 60]), st.integers(1, 3), st.sampled_from([4, 64])
)
def test_the_same_bytes_for_any_blocks_threads_and_calls(
    tmp_path_factory: pytest.TempPathFactory, seed: int, k: int, size: int, threads: int, levels: int
) -> None:
    """An answer is the sorted list of all cosines, by (-score, chunk), ties included; few levels give many ties."""
    folder = tmp_path_factory.mktemp("world")
    store = make_store(folder / "store", [pairs(30), pairs(30)])
    vectors = np.round(np.random.default_rng(seed).normal(size=(60, 3)) * levels / 4).astype(np.float32)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(vector_index, "CHUNKS_IN_A_PART", size)
        opened = searcher(folder / "dense", store, vectors)
        whole = opened.search(np.arange(60), k, threads=threads)
        parts = [opened.search(queries, k) for queries in np.array_split(np.arange(60), 7)]
    grid = to_grid(vectors).astype(np.int64)
    scores = ((grid @ grid.T) / 2**23).astype(np.float32)
    for query in range(60):
        allowed = [c for c in range(60) if c // 2 != query // 2 and grid[c].any() and grid[query].any()]
        expected = sorted(allowed, key=lambda chunk: (-scores[query, chunk], chunk))[:k]
        assert whole.chunks[query, : len(expected)].tolist() == expected
        assert (whole.chunks[query, len(expected) :] == -1).all()
        assert whole.scores[query, : len(expected)].tolist() == scores[query, expected].tolist()
    assert np.array_equal(np.concatenate([part.chunks for part in parts]), whole.chunks)
    assert np.array_equal(np.concatenate([part.scores for part in parts]), whole.scores)


def grouped(chunks: int) -> NDArray[np.float32]:
    """Vectors in a few directions, spread a little."""
    rng = np.random.default_rng(3)
    return (rng.normal(size=(12, 8))[rng.integers(0, 12, chunks)] * 3 + rng.normal(size=(chunks, 8))).astype(np.float32)


def test_clusters_find_most_of_it_and_say_how_much(tmp_path: Path) -> None:
    """With few probes a share, with all of them everything, and what is found has its exact score."""
    pytest.importorskip("faiss", reason="approximate search needs faiss-cpu")
    store = make_store(tmp_path / "store", [pairs(800)])
    vectors = grouped(800)
    vectors[::3, 1] = 0
    vectors[[5, 300]] = 0
    queries = np.arange(0, 800, 7)
    exact = searcher(tmp_path / "exact", store, vectors).search(queries, 20)
    recalls = []
    for probes in (1, 8, 1000):
        opened = searcher(tmp_path / f"probes-{probes}", store, vectors, search="faiss", probes=probes)
        hits = opened.search(queries, 20)
        recalls.append(opened.recall(queries, hits))
        for start in range(0, len(queries), 30):
            part = opened.search(queries[start : start + 30], 20, threads=2)
            assert np.array_equal(part.chunks, hits.chunks[start : start + 30])
    assert 0 < recalls[0] < recalls[1] < recalls[2] == 1
    assert same(hits, exact)


def test_an_index_of_faiss_has_the_same_bytes_again(tmp_path: Path) -> None:
    """Centres are fitted with exact sums, so nothing depends on threads."""
    pytest.importorskip("faiss", reason="approximate search needs faiss-cpu")
    store = make_store(tmp_path / "store", [pairs(300)])
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        searcher(folder, store, grouped(300), search="faiss")
    files = [sorted(path for path in folder.rglob("*") if path.suffix in (".faiss", ".npy")) for folder in folders]
    contents = [[path.read_bytes() for path in own if path.name != "vectors.npy"] for own in files]
    assert len(contents[0]) == 3
    assert contents[0] == contents[1]


def test_a_finished_index_is_used_again_and_a_damaged_one_is_noticed(tmp_path: Path) -> None:
    """No part is made twice; one that was cut short is told."""
    store = make_store(tmp_path / "store", [pairs(20)])
    bring(store, tmp_path / "vectors.npy", grouped(20))
    retrieval = RetrievalSettings(retriever="dense", options={"embeddings": str(tmp_path / "vectors.npy")})
    receipts: list[Any] = []
    for _ in range(2):
        build_index(store, retrieval, tmp_path / "index", InlineExecutor(), receipts.append)
    assert len(receipts) == 1
    [part] = (tmp_path / "index").rglob("vectors-*.npy")
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(vector_index.DataError, match="missing or cut short"):
        open_retriever(tmp_path / "index", store, retrieval)


def rank_of(hits: Hits, row: int) -> Sequence[int]:
    """The chunks of one answer."""
    return [chunk for chunk in hits.chunks[row].tolist() if chunk >= 0]


def test_hybrid_ranks_again_what_bm25_puts_forward(tmp_path: Path) -> None:
    """Of the chunks that share a word, those with nearer vectors come first; others never come, however near."""
    texts = [["ant bee"], ["ant cow"], ["ant bee"], ["ant dog"], ["eel"]]
    store = make_store(tmp_path / "store", [texts])
    bring(store, tmp_path / "vectors.npy", np.array([[1, 0], [1, 0.1], [1, 3], [1, 1], [1, 0]], np.float32))
    options = {"embeddings": str(tmp_path / "vectors.npy"), "depth": 5}
    retrieval = RetrievalSettings(retriever="hybrid", stop_words=(), options=options)
    build_index(store, retrieval, tmp_path / "index", InlineExecutor())
    opened = open_retriever(tmp_path / "index", store, retrieval)
    hits = opened.search(np.arange(5), 3)
    assert rank_of(hits, 0) == [1, 3, 2]
    assert hits.scores[0, 0] == pytest.approx(1 / (1 + 0.1**2) ** 0.5, abs=1e-3)
    assert rank_of(hits, 4) == []
    assert opened.recall(np.arange(5), hits) is None
    shallow = retrieval.model_copy(update={"options": {**options, "depth": 1}})
    build_index(store, shallow, tmp_path / "shallow", InlineExecutor())
    assert rank_of(open_retriever(tmp_path / "shallow", store, shallow).search(np.arange(1), 1), 0) == [2]
