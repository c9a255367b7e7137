"""Each retriever and each layout makes a dataset that proves itself, and speaks of its own scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import make_request, published, read_rows

import nextlong_hub
from nextlong_hub.dataset import open_split
from nextlong_hub.dry_run.estimate import estimate
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.explore.explain import explain_negative
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import Recipe
from nextlong_hub.stats import measure
from nextlong_hub.synthesis.check import SampleChecker
from nextlong_hub.testing.worlds import make_documents, tiny_recipe
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow

NONE = {"layout": "none"}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An encoder that knows the words of the corpus."""
    pytest.importorskip("model2vec", reason="the encoder of the tests is one of model2vec")
    from tiny_encoders import save_encoder

    folder = tmp_path_factory.mktemp("encoders") / "tiny-encoder"
    return str(save_encoder(folder, [one.text for one in make_documents(40)]))


def request_of(corpus_file: Path, **sections: Any) -> BuildRequest:
    """A few rows of the tiny recipe with other choices."""
    return make_request(corpus_file, tiny_recipe(**sections), rows=4)


def roles(row: Mapping[str, Any]) -> str:
    """`m` for each meta-chunk, `n` for each negative."""
    return "".join(segment["role"][0] for segment in row["segments"])


def check(folder: Path, request: BuildRequest) -> str:
    """Verify everything against corpus and tokenizer; the card."""
    report = verify(folder, sources=request.sources, tokenizer="demo")
    assert report.faults == ()
    assert report.rebuilt_rows == 4
    return (folder / "README.md").read_text()


@pytest.mark.parametrize("layout", ["interleaved", "none"])
@pytest.mark.parametrize("name", ["dense", "hybrid"])
def test_embeddings_make_a_dataset(
    name: str, layout: str, encoder: str, corpus_file: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """By cosine, the same bytes from two workers; the card names the encoder by its folder and its digest."""
    retrieval = {"retriever": name, "options": {"encoder": encoder}}
    request = request_of(corpus_file, retrieval=retrieval, interleave={"layout": layout})
    build(request, tmp_path / "out")
    card = check(tmp_path / "out", request)
    assert "embeddings by tiny-encoder to find" in card
    assert "| cosine, median | 0." in card
    assert "not for training" not in card
    assert not any(encoder.encode() in content for content in published(tmp_path / "out").values())
    row = read_rows(tmp_path / "out")[0]
    assert row["segments"][1]["score"] <= 1.01
    build(request, tmp_path / "again", executor=two_workers)
    assert published(tmp_path / "again") == published(tmp_path / "out")


@pytest.mark.parametrize("layout", ["interleaved", "none"])
@pytest.mark.parametrize("name", ["random", "self"])
def test_a_control_says_that_it_is_one(name: str, layout: str, corpus_file: Path, tmp_path: Path) -> None:
    """In the card, the statistics and the verification; only `self` repeats chunks, and only those of its document."""
    request = request_of(corpus_file, retrieval={"retriever": name}, interleave={"layout": layout})
    build(request, tmp_path / "out")
    card = check(tmp_path / "out", request)
    assert "control, not for training: the negatives are" in card
    assert verify(tmp_path / "out").controls == ("tiny",)
    assert measure(tmp_path / "out").configs[0].is_control
    for row in read_rows(tmp_path / "out"):
        negatives = [(s["document"], s["chunk"]) for s in row["segments"] if s["role"] == "negative"]
        own = [document == row["meta_document"] for document, _ in negatives]
        assert all(own) if name == "self" else not any(own)
        assert (len(set(negatives)) < len(negatives)) == (name == "self")
    assert ("Not admitted were chunks of the same document" in card) == (name == "random")


def test_a_layout_changes_the_order_alone(corpus_file: Path, built: Path, tmp_path: Path) -> None:
    """Without interleaving a row has the meta-chunks first, then the same negatives in the same order."""
    request = request_of(corpus_file, interleave=NONE)
    build(request, tmp_path / "out")
    card = check(tmp_path / "out", request)
    assert "`m1 m2 … mp n11 … n1K n21 … npK`" in card
    assert "put behind them" in card
    for one, other in zip(read_rows(tmp_path / "out"), read_rows(built), strict=False):
        metas = roles(one).count("m")
        assert roles(one) == "m" * metas + "n" * (len(roles(one)) - metas)
        assert one["token_count"] == other["token_count"] == 512
        chunks = [
            [(s["document"], s["chunk"], s["rank"], s["score"]) for s in row["segments"] if s["role"] == "negative"]
            for row in (one, other)
        ]
        shared = min(map(len, chunks))
        assert shared > 2
        assert chunks[0][:shared] == chunks[1][:shared]


def test_the_order_of_negatives_is_checked_without_interleaving(corpus_file: Path, tmp_path: Path) -> None:
    """They may begin anew once less than there are meta-chunks, and no meta-chunk follows one."""
    request = request_of(corpus_file, interleave=NONE)
    build(request, tmp_path / "out")
    row = read_rows(tmp_path / "out")[0]
    checker = SampleChecker(request.recipes[0], None)
    assert list(checker.shape_faults(row)) == []
    metas = roles(row).count("m")
    ranked = [{**s, "rank": 99 - n} if s["role"] == "negative" else s for n, s in enumerate(row["segments"])]
    assert any(
        "not in the order of their ranks" in fault for fault in checker.shape_faults({**row, "segments": ranked})
    )
    swapped = [*row["segments"]]
    swapped[metas - 1], swapped[metas] = swapped[metas], swapped[metas - 1]
    faults = list(checker.shape_faults({**row, "segments": swapped}))
    assert any("follows a negative, and the recipe interleaves none" in fault for fault in faults)


def test_an_explanation_finds_the_meta_chunk_by_the_score(corpus_file: Path, tmp_path: Path) -> None:
    """Where all meta-chunks come first, the one for which a negative was found is the one that gives its score."""
    build(request_of(corpus_file, interleave=NONE), tmp_path / "out")
    split = open_split(tmp_path / "out")
    row = split.row(0)
    metas = len(row.meta_chunks)
    assert metas > 1
    explained = [explain_negative(split, row, number) for number in range(metas, len(row.segment_list) - 1)]
    assert all(one.is_exact for one in explained)
    assert {one.meta_segment for one in explained} == set(range(metas))
    assert [one.meta_segment for one in explained] == sorted(one.meta_segment for one in explained)


def test_embeddings_that_a_user_brings(corpus_file: Path, tmp_path: Path) -> None:
    """From the exported chunks to a dataset, and a dry run before it."""
    sources = make_request(corpus_file).sources
    count = nextlong_hub.export_chunks(sources, tiny_recipe().reading, tmp_path / "chunks.parquet")
    vectors = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float16)
    nextlong_hub.save_embeddings(tmp_path / "vectors.npy", vectors, tmp_path / "chunks.parquet")
    retrieval = {"retriever": "dense", "options": {"embeddings": str(tmp_path / "vectors.npy")}}
    request = request_of(corpus_file, retrieval=retrieval)
    assert estimate(request).configs[0].rows == 4
    build(request, tmp_path / "out")
    assert "embeddings from vectors.npy to find" in check(tmp_path / "out", request)
    recipe = Recipe.model_validate(open_split(tmp_path / "out").manifest.configs["tiny"].recipe)  # type: ignore[union-attr]
    assert len(str(recipe.retrieval.options["digest"])) == 12
