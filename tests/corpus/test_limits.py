"""Promises of limits: so much is read of a source, always the same, and what is published says so."""

import json
from pathlib import Path

import pytest
from building import TINY_TOML
from hypothesis import given, settings
from hypothesis import strategies as st

from nextlong_hub.cli import run
from nextlong_hub.corpus.ingest import find_corpus, read_corpus
from nextlong_hub.corpus.pieces import Amount
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings, parse_limit
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.run import Run
from nextlong_hub.method.settings import WHOLE_DOCUMENT


def write(folder: Path, files: int, rows: int) -> Path:
    """Files of rows of 40 bytes of text each."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        lines = [json.dumps({"id": f"{file}.{row}", "text": f"{file:020}{row:020}"}) + "\n" for row in range(rows)]
        (folder / f"{file}.jsonl").write_text("".join(lines))
    return folder


def store_of(folder: Path, limit: str | None, work: Path) -> ChunkStore:
    """The corpus, read."""
    run = Run.quiet(work)
    found = find_corpus(run, [SourceSettings(name="notes", path=str(folder), limit=limit)])
    return read_corpus(run, found, ReadingSettings(chunking=WHOLE_DOCUMENT, on_bad_document="fail"))


def ids(store: ChunkStore) -> list[str]:
    """The documents, in order."""
    return [store.document(number)[0] for number in range(store.documents)]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5000docs", Amount(documents=5000)),
        ("10Kdocs", Amount(documents=10_000)),
        ("2B", Amount(text_bytes=8_000_000_000)),
        ("1", Amount(text_bytes=4)),
    ],
)
def test_a_limit_is_tokens_or_documents(text: str, amount: Amount) -> None:
    """A token is counted as four bytes."""
    assert parse_limit(text) == amount


@pytest.mark.parametrize("text", ["", "docs", "5 gigabytes", "-1", "1.5docs"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    """With both ways to write one."""
    with pytest.raises(RecipeError, match="write tokens as 500M or 2B, documents as 5000docs"):
        parse_limit(text)


@settings(max_examples=10, deadline=None)
@given(files=st.integers(1, 4), rows=st.integers(1, 5), documents=st.integers(1, 25))
def test_exactly_so_many_documents_are_read(
    files: int, rows: int, documents: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No more than asked for, no fewer while there are some, in corpus order, and the same for a higher limit."""
    tmp_path = tmp_path_factory.mktemp("law")
    folder = write(tmp_path / "corpus", files, rows)
    found = ids(store_of(folder, f"{documents}docs", tmp_path / "some"))
    assert len(found) == min(documents, files * rows)
    every = ids(store_of(folder, None, tmp_path / "all"))
    assert found == [one for one in every if one in found]
    assert set(found) <= set(ids(store_of(folder, f"{documents + 1}docs", tmp_path / "more")))


def test_tokens_stop_with_the_document_that_reaches_them(tmp_path: Path) -> None:
    """25 tokens are 100 bytes, which the third text of 40 reaches."""
    folder = write(tmp_path / "corpus", 3, 2)
    assert store_of(folder, "25", tmp_path / "work").documents == 3


def test_a_limit_is_a_part_of_what_the_corpus_is(tmp_path: Path) -> None:
    """Another limit is another corpus."""
    folder = str(write(tmp_path / "corpus", 2, 2))
    run = Run.quiet(tmp_path / "work")
    sources = [SourceSettings(name="notes", path=folder, limit=limit) for limit in (None, "2docs", "3docs")]
    assert len({find_corpus(run, [source]).digest for source in sources}) == 3


@pytest.mark.slow
def test_a_limited_build_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    """Same digest, same rows; manifest and the card's command say what was read."""
    from nextlong_hub.testing.worlds import make_documents, write_corpus

    documents = make_documents(60)
    for part in range(6):
        write_corpus(tmp_path / "world" / f"{part}.jsonl", documents[part::6])
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    for workers in ("1", "2"):
        arguments = [
            "--recipe",
            str(tmp_path / "tiny.toml"),
            "--corpus",
            f"w={tmp_path / 'world'}",
            "--limit",
            "w=44docs",
        ]
        choices = ["--tokenizer", "demo", "--samples", "4", "--num-proc", workers, "--output", str(tmp_path / workers)]
        assert run(["build", *arguments, *choices, "--quiet"]) == 0
    one, two = (read_manifest(tmp_path / workers) for workers in ("1", "2"))
    assert one is not None
    assert one == two
    assert one.corpus.documents == 44
    assert one.corpus.sources[0].reading.limit == "44docs"
    assert 'limit = "44docs"' in (tmp_path / "1" / "README.md").read_text()
