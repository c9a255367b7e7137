"""Encoders and embeddings: what is missing or wrong is told in one line, before anything is made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_stores import make_store

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import DataError, NextLongError, RecipeError
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.recipe import load_recipe
from nextlong_hub.retrieval import build_index, on_sample, open_retriever, pin
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.vectors import embeddings, encoders
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

TEXTS = [["anchor tide mast", "keel rudder tide"], ["apple blossom"], ["rudder anchor", "apple orchard"]]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that knows the words of the tiny corpus."""
    pytest.importorskip("model2vec", reason="the encoder of the tests is one of model2vec")
    from tiny_encoders import save_encoder

    return save_encoder(tmp_path_factory.mktemp("encoder"), [one.text for one in make_documents(40)])


@pytest.fixture
def store(tmp_path: Path) -> ChunkStore:
    """Five chunks of three documents."""
    return make_store(tmp_path / "store", [TEXTS])


def dense(**options: Any) -> RetrievalSettings:
    """The settings of `dense`."""
    return RetrievalSettings(retriever="dense", options=options)


def test_an_encoder_finds_what_is_alike(encoder: Path, store: ChunkStore, tmp_path: Path) -> None:
    """The real library encodes; ships come before fruit."""
    settings = pin(dense(encoder=str(encoder)))
    build_index(store, settings, tmp_path / "index", InlineExecutor())
    hits = open_retriever(tmp_path / "index", store, settings).search(np.array([0]), 3)
    assert hits.chunks[0, 0] == 3
    assert hits.scores[0, 0] > hits.scores[0, 1]


def test_the_digest_of_the_encoder_is_in_the_recipe(encoder: Path) -> None:
    """Pinned once and again it is the same; with other files under the same name it is refused."""
    settings = pin(dense(encoder=str(encoder)))
    assert len(str(settings.options["digest"])) == 12
    assert pin(settings) == settings
    with pytest.raises(RecipeError, match=r"has the digest \w{12}, and the recipe asks for 000000000000; put the old"):
        pin(dense(encoder=str(encoder), digest="000000000000"))


def test_an_encoder_that_changes_during_a_build_stops_it(encoder: Path, store: ChunkStore, tmp_path: Path) -> None:
    """Half of an index by another model would go unnoticed."""
    with pytest.raises(DataError, match="had the digest 000000000000 when this run started"):
        build_index(store, dense(encoder=str(encoder), digest="000000000000"), tmp_path / "index", InlineExecutor())


@pytest.mark.parametrize("name", ["dense", "hybrid"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, 'neither an encoder nor embeddings are named; set one: retrieval.options.encoder = "minishlab/'),
        ({"encoder": "a/b", "embeddings": "c.npy"}, "both an encoder and embeddings are named; set one"),
        ({"encoder": "a/b", "depht": 2}, "unknown key 'depht'"),
    ],
)
def test_one_source_of_vectors_must_be_named(name: str, options: dict[str, Any], message: str) -> None:
    """When the recipe is read."""
    overrides = {"retrieval.retriever": name} | {f"retrieval.options.{key}": value for key, value in options.items()}
    with pytest.raises(RecipeError, match=message):
        load_recipe("128k", overrides)


def no_encoder(folder: Path) -> str:
    """A folder of something else."""
    (folder / "config.json").write_text('{"model_type": "llama"}')
    return str(folder)


def a_transformer(folder: Path) -> str:
    """What sentence-transformers would open."""
    (folder / "modules.json").write_text('[{"idx": 0, "type": "sentence_transformers.models.Transformer"}]')
    return str(folder)


def a_broken_one(folder: Path) -> str:
    """An encoder of model2vec without its weights."""
    (folder / "config.json").write_text('{"model_type": "model2vec"}')
    return str(folder)


@pytest.mark.parametrize(
    ("spoil", "missing", "message"),
    [
        (lambda folder: str(folder / "none"), "", "there is no encoder .*none; name a folder of model2vec"),
        (no_encoder, "", "holds no encoder of texts: neither a config.json of model2vec nor a modules.json"),
        (
            a_transformer,
            "sentence_transformers",
            r'sentence-transformers, which is not installed; run pip install "nextlong-hub\[sentence-transformers\]"',
        ),
        (a_broken_one, "model2vec", r'model2vec, which is not installed; run pip install "nextlong-hub\[dense\]"'),
    ],
)
def test_an_encoder_that_cannot_be_used_is_refused(
    spoil: Callable[[Path], str], missing: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what came, what was needed and what to do."""
    if missing:
        monkeypatch.setattr(encoders, "find_spec", lambda module: None if module == missing else "there")
    with pytest.raises(RecipeError, match=message):
        pin(dense(encoder=spoil(tmp_path)))


def test_a_broken_encoder_is_told_by_its_library(store: ChunkStore, tmp_path: Path) -> None:
    """Its reason on one line, which is more than the name of its error."""
    pytest.importorskip("model2vec", reason="the encoder of the tests is one of model2vec")
    (tmp_path / "broken").mkdir()
    settings = pin(dense(encoder=a_broken_one(tmp_path / "broken")))
    with pytest.raises(RecipeError, match=r"model2vec cannot open the encoder .*broken \(\S+ .+\); download it again"):
        build_index(store, settings, tmp_path / "index", InlineExecutor())


def test_nan_of_an_encoder_is_refused(store: ChunkStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the chunk; a score that is no number would have no place in any order."""
    pytest.importorskip("model2vec", reason="the encoder of the tests is one of model2vec")
    from safetensors.numpy import load_file, save_file
    from tiny_encoders import save_encoder

    folder = save_encoder(tmp_path / "encoder", [chunk for chunks in TEXTS for chunk in chunks], dimension=2)
    weights = load_file(folder / "model.safetensors")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    weights["embeddings"][vocabulary["orchard"]] = np.nan
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(DataError, match="gives NaN or infinity for chunk 4 of the corpus"):
        build_index(store, dense(encoder=str(folder)), tmp_path / "index", InlineExecutor())


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    """Embeddings of the chunks of the tiny corpus, as a user makes them."""
    write_corpus(tmp_path / "corpus.jsonl", make_documents(12))
    sources = [SourceSettings(name="corpus", path=str(tmp_path / "corpus.jsonl"))]
    count = embeddings.export_chunks(sources, tiny_recipe().reading, tmp_path / "chunks.parquet")
    vectors = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    embeddings.save_embeddings(tmp_path / "vectors.npy", vectors, tmp_path / "chunks.parquet")
    return tmp_path / "vectors.npy"


def test_exported_chunks_are_those_of_a_build(brought: Path) -> None:
    """In its order; joined they give the documents back."""
    table = pq.read_table(brought.with_name("chunks.parquet"))
    texts: dict[str, str] = {}
    for document, text in zip(table["document"].to_pylist(), table["text"].to_pylist(), strict=True):
        texts[document] = texts.get(document, "") + text
    assert texts == {one.id: one.text for one in make_documents(12)}
    assert table["chunk"].to_pylist()[:2] == [0, 1]


def test_embeddings_of_other_chunks_are_refused(brought: Path, store: ChunkStore, tmp_path: Path) -> None:
    """With both digests, before anything is made; in a dry run the first of them stand in for those of a sample."""
    settings = pin(dense(embeddings=str(brought)))
    with pytest.raises(DataError, match=r"of \d+ other chunks \(digest \w+\); this corpus, as .* has 5 \(digest"):
        build_index(store, settings, tmp_path / "index", InlineExecutor())
    assert not (tmp_path / "index").exists()
    build_index(store, pin(on_sample(settings)), tmp_path / "trial", InlineExecutor())
    assert open_retriever(tmp_path / "trial", store, on_sample(settings)).search(np.arange(5), 2).chunks.min() >= 0


def with_nan(path: Path) -> None:
    """One number is none."""
    vectors = np.load(path)
    vectors[3, 1] = np.nan
    np.save(path, vectors)


def flat(path: Path) -> None:
    """One long row."""
    np.save(path, np.load(path).ravel())


def whole_numbers(path: Path) -> None:
    """Of the wrong type."""
    np.save(path, np.load(path).astype(np.int64))


def one_less(path: Path) -> None:
    """The last row is gone."""
    np.save(path, np.load(path)[:-1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (with_nan, r"vectors.npy holds NaN or infinity in row 3; embed that chunk again"),
        (
            flat,
            r"has the shape \(\d+,\) and the type float32; embeddings are floats of the shape \(chunks, dimension\)",
        ),
        (whole_numbers, "and the type int64; embeddings are floats"),
        (one_less, r"has \d+ rows, and vectors.json tells of \d+ chunks; write the chunks with export_chunks"),
        (lambda path: path.write_text("1, 2"), "is no .npy file of numbers"),
        (lambda path: path.with_suffix(".json").unlink(), "vectors.json is missing, which says of which chunks"),
        (lambda path: path.unlink(), "there is no file .*vectors.npy of embeddings"),
    ],
)
def test_embeddings_that_cannot_be_used_are_refused(spoil: Callable[[Path], None], message: str, brought: Path) -> None:
    """At the start of a build, in one line."""
    spoil(brought)
    with pytest.raises(NextLongError, match=message):
        pin(dense(embeddings=str(brought)))


def test_vectors_that_are_not_those_of_the_chunks_are_not_saved(brought: Path) -> None:
    """A wrong number, NaN, a file of somebody else, or a name that is no array's."""
    chunks = brought.with_name("chunks.parquet")
    vectors = np.load(brought)
    with pytest.raises(DataError, match=r"vectors came, and .* chunks; give one for each, in order"):
        embeddings.save_embeddings(brought, vectors[1:], chunks)
    with pytest.raises(DataError, match="the array holds NaN or infinity in row 0"):
        embeddings.save_embeddings(brought, vectors * np.nan, chunks)
    with pytest.raises(RecipeError, match=r"ends in .npy"):
        embeddings.save_embeddings("vectors.bin", vectors, chunks)
    pq.write_table(pq.read_table(chunks).replace_schema_metadata(None), chunks)
    with pytest.raises(DataError, match="is no file of export_chunks"):
        embeddings.save_embeddings(brought, vectors, chunks)
