"""What can be told of a corpus without reading it through."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub import corpus
from nextlong_hub.corpus import memory_source
from nextlong_hub.corpus.in_memory import as_files
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dry_run.sample import MOST_DOCUMENTS, CorpusSample, sample_corpus
from nextlong_hub.errors import BadDocumentError, CorpusTooSmallError, DataError

TEXTS = [f"document {number} " + "é word\n" * (number * 7919 % 101) for number in range(9_000)]
"""More than are looked at, of very different lengths, in no order of length."""


def as_parquet(texts: Sequence[str], folder: Path) -> None:
    """Row groups of 500."""
    pq.write_table(pa.table({"text": texts}), folder / "docs.parquet", row_group_size=500)


def as_arrow(texts: Sequence[str], folder: Path) -> None:
    """A stream, as `datasets` writes them."""
    table = pa.table({"text": texts})
    with pa.OSFile(str(folder / "docs.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)


def as_arrow_file(texts: Sequence[str], folder: Path) -> None:
    """A file with a footer."""
    table = pa.table({"text": texts})
    with pa.OSFile(str(folder / "docs.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)


def as_lines(texts: Sequence[str], folder: Path) -> None:
    """One file, escapes for everything that is not ASCII."""
    lines = [json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts)]
    (folder / "docs.jsonl").write_text("".join(lines))


def as_many_files_of_lines(texts: Sequence[str], folder: Path) -> None:
    """More files than are measured."""
    for start in range(0, len(texts), 100):
        lines = [json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts[start : start + 100]]
        (folder / f"part-{start:05}.jsonl").write_text("".join(lines))


def as_compressed_lines(texts: Sequence[str], folder: Path) -> None:
    """One file that can only be read from its beginning."""
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    (folder / "docs.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode()))


def as_texts(texts: Sequence[str], folder: Path) -> None:
    """A file for each document."""
    for number, text in enumerate(texts[:3000]):
        (folder / f"{number:05}.txt").write_text(text)


def look(folder: Path, on_bad_document: str = "fail") -> CorpusSample:
    """Survey all that lies in a folder."""
    pieces = corpus.discover([SourceSettings(name="docs", path=str(folder))])
    return sample_corpus(pieces, on_bad_document, {})  # type: ignore[arg-type]


def bytes_of(texts: Sequence[str]) -> int:
    """Count UTF-8."""
    return sum(len(text.encode()) for text in texts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "texts"),
    [
        (as_parquet, TEXTS),
        (as_arrow, TEXTS),
        (as_arrow_file, TEXTS),
        (as_texts, TEXTS[:3000]),
        (as_lines, TEXTS),
        (as_compressed_lines, TEXTS),
        (as_many_files_of_lines, TEXTS),
    ],
)
def test_documents_and_bytes_are_told_from_a_sample(
    write: Callable[[Sequence[str], Path], None], texts: Sequence[str], tmp_path: Path
) -> None:
    """In every format the size of the whole corpus comes out within 3 percent, and the sample looks like the whole."""
    write(texts, tmp_path)
    seen = look(tmp_path)
    assert seen.documents == pytest.approx(len(texts), rel=0.03)
    assert seen.text_bytes == pytest.approx(bytes_of(texts), rel=0.03)
    assert 0 < len(seen.texts) <= MOST_DOCUMENTS * 1.05
    assert set(seen.texts) <= set(texts)
    assert sum(seen.weights) == pytest.approx(seen.documents)
    weighted_bytes = sum(w * len(text.encode()) for w, text in zip(seen.weights, seen.texts, strict=True))
    assert weighted_bytes == pytest.approx(seen.text_bytes, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("write", [as_parquet, as_arrow, as_texts])
def test_where_metadata_tell_the_size_it_is_exact(write: Callable[[Sequence[str], Path], None], tmp_path: Path) -> None:
    """Documents are counted, not estimated, where a footer or a folder counts them."""
    write(TEXTS[:3000], tmp_path)
    seen = look(tmp_path)
    assert seen.documents == pytest.approx(3000)
    assert seen.text_bytes == pytest.approx(bytes_of(TEXTS[:3000]))


def test_the_same_corpus_gives_the_same_sample(tmp_path: Path) -> None:
    """Nothing in it is random."""
    as_parquet(TEXTS, tmp_path)
    assert look(tmp_path) == look(tmp_path)


def test_a_small_corpus_is_looked_at_whole(tmp_path: Path) -> None:
    """Then the estimate is the truth."""
    as_parquet(TEXTS[:40], tmp_path)
    assert sorted(look(tmp_path).texts) == sorted(TEXTS[:40])


def test_documents_that_will_be_left_out_do_not_count(tmp_path: Path) -> None:
    """A third of the rows is empty: two thirds of them are documents."""
    as_parquet([text if number % 3 else "" for number, text in enumerate(TEXTS[:3000])], tmp_path)
    assert look(tmp_path).documents == pytest.approx(2000, rel=0.05)


def test_a_dataset_in_memory_is_surveyed_too(tmp_path: Path) -> None:
    """What a notebook holds has rows like any other source."""
    datasets = pytest.importorskip("datasets")
    held = datasets.Dataset.from_dict({"text": TEXTS[:500]})
    source = memory_source(held, "held")
    files, _ = as_files([source], tmp_path)
    seen = sample_corpus(corpus.discover(files), "fail")
    assert seen.documents == pytest.approx(500)
    assert seen.text_bytes == pytest.approx(bytes_of(TEXTS[:500]), rel=0.1)


def test_a_bad_document_is_found_before_the_build(tmp_path: Path) -> None:
    """A broken first line is the same error as in a build, and is passed over where the recipe says so."""
    as_lines(TEXTS[:50], tmp_path)
    file = tmp_path / "docs.jsonl"
    file.write_text("{broken\n" + file.read_text())
    with pytest.raises(BadDocumentError, match=r"docs\.jsonl, line 1"):
        look(tmp_path)
    assert look(tmp_path, "skip").documents == pytest.approx(50)


@pytest.mark.parametrize("write", [as_parquet, as_arrow, as_lines])
def test_a_wrong_column_is_said_in_the_words_of_a_build(
    write: Callable[[Sequence[str], Path], None], tmp_path: Path
) -> None:
    """The message names the columns there are."""
    write(TEXTS[:50], tmp_path)
    source = SourceSettings(name="docs", path=str(tmp_path), text_column="body")
    with pytest.raises(DataError, match=r"'body'.*'text'"):
        sample_corpus(corpus.discover([source]), "fail", {})


def test_a_corpus_without_text_is_too_small(tmp_path: Path) -> None:
    """Nothing can be predicted from nothing."""
    as_parquet(["", " "], tmp_path)
    with pytest.raises(CorpusTooSmallError, match="no document with text"):
        look(tmp_path)
