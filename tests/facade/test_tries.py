"""What a user of Hugging Face libraries types first, each try as it stands."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import nextlong_hub.builders
import pandas as pd
import pytest
from building import TINY_TOML, published, read_texts
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

import nextlong_hub as nl
from nextlong_hub.testing import LocalHub

GPT2 = Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2"


@pytest.fixture(scope="module")
def texts(corpus_file: Path) -> list[dict[str, str]]:
    """The rows of a tiny corpus."""
    return [{"id": key, "text": text} for key, text in read_texts(corpus_file).items()]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of tiny rows."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY_TOML)
    return path


@pytest.fixture(scope="module")
def ds(recipe: Path, texts: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> nl.LongDataset:
    """A small dataset made from a list of dicts; nobody may change it."""
    return nl.build(recipe, corpus=texts, tokenizer="demo", output=tmp_path_factory.mktemp("nl") / "out", samples=8)


def shards_of(made: nl.LongDataset) -> dict[str, bytes]:
    """The files of rows, by name."""
    assert made.folder is not None
    return {name: content for name, content in published(made.folder).items() if name.startswith("data/")}


def test_1_a_list_of_dicts(ds: nl.LongDataset) -> None:
    """Rows come out, and the manifest says what the corpus was."""
    assert (ds.configs, ds.config, len(ds["tiny"])) == (("tiny",), "tiny", 8)
    assert ds.manifest is not None
    [source] = ds.manifest.corpus.sources
    assert (source.path, source.reading.held) == ("memory.jsonl", "list of dicts of 40 rows")
    assert "a list of dicts of 40 rows in the memory of a Python program" in str(ds.card(plots=False))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Dataset", "pandas", "generator"])
def test_2_the_same_rows_held_otherwise(
    kind: str, ds: nl.LongDataset, recipe: Path, texts: list[dict[str, str]], tmp_path: Path
) -> None:
    """A `Dataset`, a frame and a generator of these rows give the same shards."""
    held: dict[str, Any] = {
        "Dataset": datasets.Dataset.from_list(texts),
        "pandas": pd.DataFrame(texts),
        "generator": (row for row in texts),
    }
    other = nl.build(recipe, corpus=held[kind], tokenizer="demo", output=str(tmp_path / "out"), samples=8)
    assert shards_of(other) == shards_of(ds)
    assert other.manifest and ds.manifest and other.manifest.corpus.digest == ds.manifest.corpus.digest


@pytest.mark.slow
def test_3_a_generator_resumes(recipe: Path, texts: list[dict[str, str]], tmp_path: Path) -> None:
    """The same call with a new generator of the same rows finds everything done."""

    def rows() -> Iterator[dict[str, str]]:
        yield from texts

    first = nl.build(recipe, corpus=rows(), tokenizer="demo", output=tmp_path / "out", samples=4)
    again = nl.build(recipe, corpus=rows(), tokenizer="demo", output=tmp_path / "out", samples=4)
    assert [first.report.unchanged, again.report.unchanged] == [False, True]  # type: ignore[union-attr]
    more = nl.build(recipe, corpus=rows(), tokenizer="demo", output=tmp_path / "out", samples=6)
    assert len(more["tiny"]) == 6


@pytest.mark.slow
def test_4_a_path_or_a_glob(recipe: Path, corpus_file: Path, tmp_path: Path) -> None:
    """As on the command line, and as a `Path`."""
    for number, corpus in enumerate([corpus_file, str(corpus_file.parent / "*.jsonl"), [corpus_file]]):
        made = nl.build(recipe, corpus=corpus, tokenizer="demo", output=tmp_path / str(number), samples=2)
        assert len(made["tiny"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "Tokenizer", "PreTrainedTokenizerFast"])
def test_5_a_tokenizer_that_is_held(
    kind: str, ds: nl.LongDataset, recipe: Path, texts: list[dict[str, str]], tmp_path: Path
) -> None:
    """A folder, a `Tokenizer` and a fast tokenizer of transformers give the ids of the name."""
    held: dict[str, Any] = {
        "folder": GPT2,
        "Tokenizer": Tokenizer.from_file(str(GPT2 / "tokenizer.json")),
        "PreTrainedTokenizerFast": PreTrainedTokenizerFast(tokenizer_file=str(GPT2 / "tokenizer.json")),
    }
    made = nl.build(recipe, corpus=texts, tokenizer=held[kind], output=tmp_path / "out", samples=8)
    assert made.to_arrow(columns=["input_ids"]).equals(ds.to_arrow(columns=["input_ids"]))
    assert made.verify(corpus=texts, tokenizer=held[kind]).ok


def test_6_settings_by_keyword(recipe: Path, texts: list[dict[str, str]], tmp_path: Path) -> None:
    """Keys of a recipe, choices of its sections, sections as mappings, and dotted keys."""
    made = nl.build(
        recipe,
        corpus=texts,
        tokenizer="demo",
        output=tmp_path / "out",
        samples={"other": 3},
        name="other",
        target_length=256,
        retriever="random",
        negatives={"first_rank": 2},
        settings={"negatives.near_duplicate": 0.9},
    )
    assert made.manifest is not None
    chosen = made.manifest.configs["other"].recipe
    assert (chosen["target_length"], chosen["retrieval"]["retriever"]) == (256, "random")
    assert (chosen["negatives"]["first_rank"], chosen["negatives"]["near_duplicate"]) == (2, 0.9)


def test_7_load_and_iterate(ds: nl.LongDataset) -> None:
    """A `Dataset` and an `IterableDataset` of the rows, and nothing of them changed."""
    rows = ds.load("tiny")
    assert isinstance(rows, datasets.Dataset)
    assert rows.num_rows == 8
    stream = ds.to_iterable()
    assert isinstance(stream, datasets.IterableDataset)
    assert next(iter(stream)) == rows[0]
    assert rows["text"][3] == ds.sample(3).text


def test_8_frames_and_tables(ds: nl.LongDataset) -> None:
    """pandas, polars, Arrow: the same rows, or some columns of them."""
    table = ds.to_arrow(columns=["id", "token_count"])
    assert table.column_names == ["id", "token_count"]
    assert ds.to_pandas(columns=["id"])["id"].tolist() == table["id"].to_pylist()
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = ds.to_polars("tiny")
    assert isinstance(frame, polars.DataFrame)
    assert frame["id"].to_list() == table["id"].to_pylist()


def test_9_look(ds: nl.LongDataset, tmp_path: Path) -> None:
    """A page, statistics, and the dataset as a tree."""
    page = ds.view(tmp_path / "page.html", rows=2)
    assert page.path.read_text().startswith("<!doctype html>")
    assert ds.stats()["tiny"].rows == 8
    tree = repr(ds)
    assert "├── corpus: 40 documents" in tree
    assert "└── tiny: 8 rows of 512 tokens" in tree
    assert "discarded: " in tree
    assert "<li><b>tiny</b>: 8 rows" in ds._repr_html_()


def test_10_export(ds: nl.LongDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a folder that is named, or one called after what is in it; again changes nothing."""
    monkeypatch.chdir(tmp_path)
    assert ds.export("mds", "tiny").folder == Path("out-tiny-mds")
    assert (tmp_path / "out-tiny-mds" / "index.json").is_file()
    named = ds.export("jsonl", output=tmp_path / "lines")
    assert (named.rows, named.folder) == (8, tmp_path / "lines")
    assert ds.export("jsonl", output=tmp_path / "lines").is_unchanged


@pytest.mark.slow
def test_11_push_and_open(ds: nl.LongDataset, tmp_path: Path) -> None:
    """What was pushed is the same object, from the Hub."""
    script = """
import sys, json
import nextlong_hub as nl
ds = nl.open(sys.argv[1])
status = ds.push("tester/nextlong", private=True).status
there = nl.open("tester/nextlong", "tiny")
card = there.card()
print(json.dumps([status, there.configs, there.to_pandas().id.tolist(), there.load().num_rows, there.verify().ok,
                  next(iter(there.to_iterable()))["id"], str(card).startswith("---"), len(there.revision),
                  there.stats()["tiny"].rows, there.export("trl").rows, there.folder]))
"""
    with LocalHub() as hub:
        done = subprocess.run(
            [sys.executable, "-c", script, str(ds.folder)],
            cwd=tmp_path,
            env=os.environ | hub.environment() | {"HF_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    ids = ds.to_arrow()["id"].to_pylist()
    assert json.loads(done.stdout.splitlines()[-1]) == ["pushed", ["tiny"], ids, 8, True, ids[0], True, 40, 8, 8, None]


@pytest.mark.slow
def test_12_fit_and_import(texts: list[dict[str, str]], tmp_path: Path) -> None:
    """Existing long texts come in by the same words."""
    fitted = nl.fit(texts, tokenizer="demo", target=64, output=tmp_path / "fit", mode="pack")
    assert fitted.report is not None
    assert fitted.configs == ("64-packed",)
    rows = nl.import_rows(pd.DataFrame(texts), tokenizer="demo", output=tmp_path / "in", config="long")
    assert (rows.configs, len(rows["long"])) == (("long",), 40)
    again = nl.fit(rows.load(), tokenizer="demo", target=16, output=tmp_path / "again")
    assert again.manifest is not None and again.manifest.corpus.documents == 40
