"""`meta_documents = "linked"`: documents whose own chunks resemble each other come first."""

from pathlib import Path

import numpy as np
import pytest
from building import make_request, published, read_rows
from plugins import install_extension
from small_stores import make_store
from worded_corpora import opened

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.pipeline import build
from nextlong_hub.producer import CandidatePool
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.links import likeness
from nextlong_hub.synthesis.sampling import choose_candidates
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.verification import verify


def linked(**more: object) -> Recipe:
    """The tiny recipe, linked."""
    return tiny_recipe(meta_documents={"choice": "linked"}, **more)


def test_likeness_on_paper() -> None:
    """Copies are alike, chunks without a common word are not, and a single chunk is like nothing."""
    corpus = [
        ["ant bee", "ant bee"],
        ["ant cow", "bee dog"],
        ["eel"],
        ["ant bee", "ant fox"],
        ["", ""],
        ["cow dog fox"],
    ]
    with opened(corpus) as (store, searcher):
        first = store.first_chunk
        found = [likeness(searcher, np.arange(first[d], first[d + 1])) for d in range(store.documents)]
    assert found[0] == pytest.approx(1.0)
    assert 0 < found[3] < 1
    assert [found[1], found[2], found[4]] == [0, 0, 0]


def test_of_a_long_document_some_chunks_are_compared() -> None:
    """Of a hundred copies 32 are scored, each with all of them."""
    with opened([["ant bee"] * 100, ["ant"], ["cow"]]) as (_, searcher):
        searcher.counts.scored = 0
        assert likeness(searcher, np.arange(100)) == pytest.approx(1.0)
        assert searcher.counts.scored == 32 * 32


def test_quarters_come_in_their_order(tmp_path: Path) -> None:
    """The most alike quarter first, and within each quarter the order is the one without likeness."""
    store = make_store(tmp_path, [[["ab", "cd"]] * 12])
    pool = CandidatePool(store=store, sources=[SourceSettings(name="s", path="s")], characters_per_token=1.0, seed=1)
    alike = np.array([0.1, 0.9, 0.5, 0.3] * 3, np.float32)
    plain = choose_candidates(linked(), pool).order.tolist()
    order = choose_candidates(linked(), pool, alike).order.tolist()
    quarters = [order[start : start + 3] for start in (0, 3, 6, 9)]
    assert [{float(alike[document]) for document in quarter} for quarter in quarters] == [
        {float(np.float32(value))} for value in (0.9, 0.5, 0.3, 0.1)
    ]
    assert all(quarter == [document for document in plain if document in quarter] for quarter in quarters)


@pytest.mark.slow
def test_a_linked_dataset_proves_itself_and_a_prefix_stays_a_prefix(
    corpus_file: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """More rows begin with the same rows, two workers give the same bytes, and `verify` finds no fault."""
    build(make_request(corpus_file, linked(), rows=4), tmp_path / "few")
    build(make_request(corpus_file, linked(), rows=8), tmp_path / "more", executor=two_workers)
    build(make_request(corpus_file, linked(), rows=8), tmp_path / "again")
    assert read_rows(tmp_path / "more")[:4] == read_rows(tmp_path / "few")
    assert published(tmp_path / "more") == published(tmp_path / "again")
    sources = make_request(corpus_file).sources
    assert verify(tmp_path / "more", sources=sources, tokenizer="demo").faults == ()
    assert "experimental" in (tmp_path / "more" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_retriever_that_cannot_compare_chunks_is_named(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It also says what to choose instead; other choices work with such a retriever, and difficulty is unknown."""
    entry = ("nextlong_hub.retrievers", "character-overlap", "overlap_retriever:RETRIEVER")
    monkeypatch.syspath_prepend(str(install_extension(tmp_path / "site", *entry)))
    other = {"retriever": "character-overlap"}
    build(make_request(corpus_file, tiny_recipe(retrieval=other), rows=2), tmp_path / "plain")
    assert {segment["own_rank"] for row in read_rows(tmp_path / "plain") for segment in row["segments"]} == {0}
    with pytest.raises(RecipeError, match=r"character-overlap cannot compare chunks.*\"disjoint\", or .* bm25"):
        build(make_request(corpus_file, linked(retrieval=other), rows=2), tmp_path / "linked")
