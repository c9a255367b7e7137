"""Rows that a Python caller holds: whatever holds them, the same rows are the same file."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.corpus.given import as_sources
from nextlong_hub.corpus.in_memory import MemorySource, as_files, with_settings
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, RecipeError

SECRET = "the words of a document"
ROWS = [{"id": f"d{number}", "text": f"{SECRET} {number}\nünïcode 文", "stars": number} for number in range(600)]
LINES = [{**row, "stars": True} for row in ROWS]


def polars_frame() -> Any:
    """A frame of polars, where it is installed."""
    return pytest.importorskip("polars", reason="polars is not installed").DataFrame(ROWS)


HOLDERS: dict[str, tuple[Callable[[], Any], str]] = {
    "list": (lambda: ROWS, "list of dicts"),
    "tuple": (lambda: tuple(ROWS), "tuple of dicts"),
    "generator": (lambda: (row for row in ROWS), "generator of dicts"),
    "iterator": (lambda: iter(ROWS), "list_iterator of dicts"),
    "Dataset": (lambda: datasets.Dataset.from_list(ROWS), "datasets.Dataset"),
    "IterableDataset": (lambda: datasets.Dataset.from_list(ROWS).to_iterable_dataset(), "datasets.IterableDataset"),
    "DatasetDict": (lambda: datasets.DatasetDict(train=datasets.Dataset.from_list(ROWS)), "datasets.Dataset"),
    "pandas": (lambda: pd.DataFrame(ROWS), "pandas.DataFrame"),
    "pandas, filtered": (lambda: pd.DataFrame([*ROWS, ROWS[0]]).iloc[:-1], "pandas.DataFrame"),
    "polars": (polars_frame, "polars.DataFrame"),
    "lazy polars": (lambda: polars_frame().lazy(), "polars.LazyFrame"),
    "pyarrow": (lambda: pa.Table.from_pylist(ROWS), "pyarrow.Table"),
    "chunked pyarrow": (lambda: pa.concat_tables([pa.Table.from_pylist(ROWS[:7]), pa.Table.from_pylist(ROWS[7:])]), ""),
}


def written(corpus: Any, folder: Path) -> tuple[list[dict[str, Any]], str]:
    """The lines of the one file that a corpus becomes, and what it is called."""
    [settings], held = as_files(as_sources(corpus), folder)
    lines = Path(settings.path).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line], held[settings.name]


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_same_rows_are_the_same_file(holder: str, tmp_path: Path) -> None:
    """Whatever holds them; a column that nobody reads is only told to be there."""
    hold, kind = HOLDERS[holder]
    lines, said = written(hold(), tmp_path)
    assert lines == LINES
    assert said.endswith("of 600 rows")
    assert said.startswith(kind)
    content = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in LINES)
    [folder] = [path.parent for path in tmp_path.rglob("*.jsonl")]
    assert folder.name == sha256(content.encode()).hexdigest()[:12]


def test_texts_are_rows_of_one_column(tmp_path: Path) -> None:
    """A list of strings with white space is texts, short ones among them too; a Series is texts, too."""
    texts = ["Preface", "Once upon a time", "x" * 2000, "文書"]
    for corpus, kind in ((texts, "list of texts"), (iter(texts[1:]), "list_iterator of texts")):
        lines, said = written(corpus, tmp_path)
        assert [line["text"] for line in lines] == (texts if corpus is texts else texts[1:])
        assert said.startswith(kind)
    assert [line["text"] for line in written(pd.Series(texts), tmp_path)[0]] == texts


def test_strings_of_files_are_paths(tmp_path: Path) -> None:
    """What is there, what ends like a file, an address or a single word is no text, in a list or from a glob."""
    (tmp_path / "my notes.jsonl").write_text("{}")
    paths = [str(tmp_path / "my notes.jsonl"), "missing file.parquet", "hf://datasets/a/b c", "folder", "user/name"]
    assert [source.path for source in as_sources(paths) if isinstance(source, SourceSettings)] == paths
    [found] = as_sources(tmp_path.glob("*.jsonl"))
    assert isinstance(found, SourceSettings) and found.path == paths[0]
    [named] = as_sources({"notes": tmp_path})
    assert named == SourceSettings(name="notes", path=str(tmp_path))


def test_a_mapping_names_several(tmp_path: Path) -> None:
    """Paths beside rows in memory, each under its name; of equal names the later get a number."""
    sources = as_sources({"web": "web.jsonl", "own": pd.DataFrame(ROWS), "made": (row for row in ROWS)})
    assert [source.name for source in sources] == ["web", "own", "made"]
    assert [type(source) for source in sources] == [SourceSettings, MemorySource, MemorySource]
    assert [source.name for source in as_sources([pd.DataFrame(ROWS), pd.DataFrame(ROWS)])] == ["memory", "memory-2"]


def test_a_generator_is_read_once_and_not_ahead(tmp_path: Path) -> None:
    """Rows are written as they come: the generator is asked for each once, and none is kept."""
    asked: list[int] = []

    def rows() -> Iterator[dict[str, str]]:
        for number in range(3000):
            asked.append(number)
            yield {"text": f"text {number} {'x' * 1000}"}

    sources = as_sources(rows())
    assert asked == [0]
    as_files(sources, tmp_path)
    assert asked == list(range(3000))


def test_a_dataset_is_written_once(tmp_path: Path) -> None:
    """The fingerprint of a `Dataset` finds its file again; a change of it gives another file."""
    dataset = datasets.Dataset.from_list(ROWS)
    [first], _ = as_files(as_sources(dataset), tmp_path)
    Path(first.path).touch()
    changed = Path(first.path).stat().st_mtime_ns
    [again], held = as_files(as_sources(dataset), tmp_path)
    assert (again.path, Path(again.path).stat().st_mtime_ns) == (first.path, changed)
    assert held["memory"] == "datasets.Dataset of 600 rows"
    [other], _ = as_files(as_sources(dataset.select(range(5))), tmp_path)
    assert other.path != first.path


@given(st.lists(st.dictionaries(st.sampled_from(["text", "id", "n"]), st.text() | st.integers() | st.none())))
def test_any_rows_are_kept_or_refused(rows: list[dict[str, Any]]) -> None:
    """Texts and ids come back as they were, in order, surrogates and all."""
    with TemporaryDirectory() as folder:
        if not rows:
            with pytest.raises(RecipeError, match="corpus= is empty"):
                written(rows, Path(folder))
            return
        lines, _ = written(rows, Path(folder))
        for row, line in zip(rows, lines, strict=True):
            assert {name: line[name] for name in ("text", "id") if name in row} == {
                name: row[name] for name in ("text", "id") if name in row
            }


def test_values_that_no_json_holds_are_no_texts(tmp_path: Path) -> None:
    """Pictures and bytes beside a text are columns that nobody uses; in place of the text they are no text."""
    lines, _ = written([{"text": "a text", "image": object()}, {"text": object()}], tmp_path)
    assert lines == [{"text": "a text", "image": True}, {"text": {"class": "object"}}]


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (42, "corpus= holds something of type int; give a path"),
        (b"bytes", "corpus= holds something of type bytes"),
        ([], "corpus= is empty"),
        ([1, 2], "corpus= holds something of type int"),
        ({1: "a.jsonl"}, "keys that are no names"),
        (lambda: iter(ROWS), "holds something of type function; call it"),
        (f"{SECRET}\n{SECRET}", "a string of 47 characters that reads like a text"),
        ([f"{SECRET}.", "notes.jsonl"], "a list of 2 strings, 1 of which read like texts and 1 like paths"),
        (
            datasets.DatasetDict(a=datasets.Dataset.from_list(ROWS), b=datasets.Dataset.from_list(ROWS)),
            "are a, b; name",
        ),
    ],
)
def test_what_is_no_corpus_is_told_without_its_words(corpus: Any, message: str) -> None:
    """One line of ours, and never a word of a document."""
    with pytest.raises(RecipeError, match=message) as told:
        as_sources(corpus)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("corpus", "error", "message"),
    [
        ({f"{SECRET} 1", f"{SECRET} 2"}, RecipeError, "is a set, whose order changes"),
        (pd.DataFrame({"text": [SECRET, 3]}), DataError, "has a column that holds several types"),
        (pd.DataFrame({"text": []}), DataError, "holds no rows"),
        (iter(()), DataError, "holds no rows"),
    ],
)
def test_rows_that_cannot_be_written_are_told_without_their_words(
    corpus: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    """A set has no order, Arrow no column of several types, and nothing gives nothing."""
    with pytest.raises(error, match=message) as told:
        as_files(as_sources(corpus), tmp_path)
    assert SECRET not in str(told.value)
    assert not list(tmp_path.rglob("*.tmp"))


def test_parts_of_files_are_not_for_rows_in_memory(tmp_path: Path) -> None:
    """A revision of something that has none is refused, not passed over."""
    [source] = as_sources(ROWS)
    assert isinstance(source, MemorySource)
    with pytest.raises(RecipeError, match="a list of dicts in memory, which has no revision to choose"):
        as_files([with_settings(source, revision="main")], tmp_path)


def test_the_split_of_a_dataset_dict_is_chosen(tmp_path: Path) -> None:
    """`train` where there is one, else the only one, else the one that is named."""
    splits = datasets.DatasetDict(
        train=datasets.Dataset.from_list(ROWS), test=datasets.Dataset.from_list([{"text": "other text"}])
    )
    [train], [test] = as_sources(splits), as_sources(splits, split="test")
    assert isinstance(train, MemorySource) and train.rows.num_rows == 600
    assert isinstance(test, MemorySource) and test.rows.num_rows == 1
    with pytest.raises(RecipeError, match="no split 'dev'; its splits are train, test"):
        as_sources(splits, split="dev")
