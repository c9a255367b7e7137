"""Promises of accounting: every file of a source is read, or counted with the reason why it is not."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextlong_hub.corpus import ReadingNotes, discover, find, read
from nextlong_hub.corpus.pieces import OTHERS, add_named
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.telling import not_read

CARD = "---\nlicense: mit\n---\n# A dataset\n"


def write(folder: Path, *names: str) -> None:
    """Files that each hold one document, of whatever format; cards and pictures are what they are."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            pq.write_table(pa.table({"text": [name]}), path)
        elif name.endswith(".md"):
            path.write_text(CARD)
        elif name.endswith(".csv"):
            path.write_text(f"text\n{name}\n")
        else:
            path.write_text(json.dumps({"text": name}) + "\n")


def left_out(path: Path, **settings: Any) -> dict[str, int]:
    """Files by the reason why they are not read."""
    [source] = find([SourceSettings(name="notes", path=str(path), **settings)]).sources
    return {one.reason: one.files for one in source.left_out}


def names(path: Path, **settings: Any) -> list[str]:
    """The files that are read."""
    pieces = discover([SourceSettings(name="notes", path=str(path), **settings)])
    return [name for piece in pieces for name in piece.members or (piece.name,)]


def test_a_mixed_folder_is_read_whatever_its_formats(tmp_path: Path) -> None:
    """CSV and compressed JSON beside Parquet and JSON Lines are data like them."""
    files = ["a.jsonl", "b.csv", "c.parquet", "d.tsv.gz", "e.json.xz", "f.zip", "g.tar", "h.txt.bz2"]
    for name in files:
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path) == files


def test_what_is_no_data_is_counted_by_what_it_is(tmp_path: Path) -> None:
    """Cards, licences, settings, hidden and unfinished files and other formats each have their reason."""
    write(tmp_path, "a.jsonl", "README.md", "LICENSE.txt", "LICENSE", "config.json", "x.png", "y.png")
    write(tmp_path, ".git/z", ".hidden", "half.jsonl.tmp", "stray.json", "Makefile", "sub/README.md")
    assert names(tmp_path) == ["a.jsonl"]
    assert left_out(tmp_path) == {
        "*.json beside other data, read where a glob names it": 1,
        "*.png, which no format reads": 2,
        "cards": 2,
        "files of settings and metadata": 1,
        "files without an ending": 1,
        "hidden files and folders": 2,
        "licences": 2,
        "unfinished files (*.tmp, *.incomplete, *.part)": 1,
    }


def test_texts_about_texts_are_texts(tmp_path: Path) -> None:
    """In a folder of texts a README without the header of a card is a document, and so is one that is named."""
    (tmp_path / "README.md").write_text("# How to bake\n")
    (tmp_path / "bread.md").write_text("Flour.\n")
    assert names(tmp_path) == ["README.md", "bread.md"]
    write(tmp_path, "README.md")
    assert names(tmp_path) == ["bread.md"]
    assert names(tmp_path / "README.md") == ["README.md"]


def test_plain_json_is_read_where_nothing_else_is(tmp_path: Path) -> None:
    """A folder of `.json` and its card gives its documents; settings among them do not."""
    write(tmp_path, "alpaca_data.json", "README.md", "dataset_info.json")
    assert names(tmp_path) == ["alpaca_data.json"]


def test_an_output_folder_is_no_corpus(tmp_path: Path) -> None:
    """What we build inside the corpus, finished or not, is not read as a part of it."""
    write(tmp_path, "a.jsonl", "made/data/x.parquet", "half/data/x.parquet", "theirs/manifest.json", "theirs/b.jsonl")
    (tmp_path / "made" / "manifest.json").write_text('{"tool": "nextlong-hub"}')
    (tmp_path / "half" / ".work").mkdir()
    assert names(tmp_path) == ["a.jsonl", "theirs/b.jsonl"]
    assert left_out(tmp_path)["output folders of nextlong-hub"] == 2


def test_links_of_a_hugging_face_cache_are_followed(tmp_path: Path) -> None:
    """A snapshot's links into its `blobs` are its files, by folder and by glob; other links are counted."""
    snapshot = tmp_path / "datasets--me--notes" / "snapshots" / "abc"
    blobs = tmp_path / "datasets--me--notes" / "blobs"
    write(blobs, "1.parquet")
    write(tmp_path, "secret.parquet")
    (snapshot / "data").mkdir(parents=True)
    (snapshot / "data" / "a.parquet").symlink_to("../../../blobs/1.parquet")
    (snapshot / "data" / "b.parquet").symlink_to(tmp_path / "secret.parquet")
    for path in (snapshot, snapshot / "data", snapshot / "data" / "*.parquet"):
        assert [Path(name).name for name in names(path)] == ["a.parquet"]
        assert left_out(path) == {"symbolic links that leave the folder": 1}


@settings(max_examples=40)
@given(
    files=st.sets(
        st.sampled_from(
            [
                *("a.jsonl", "b.csv", "test.jsonl", "train/x.parquet", "val/x.parquet", "README.md", "LICENSE"),
                *("p.png", "q.json", "state.json", "n.txt", "dev.txt", ".h", "t.tmp", "sub/README.md", "sub/c.json.gz"),
            ]
        ),
        min_size=1,
    )
)
def test_every_file_is_read_or_counted(files: set[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever lies in a folder, read and left out add up to it."""
    folder = tmp_path_factory.mktemp("law")
    write(folder, "train.jsonl", *files)
    found = find([SourceSettings(name="notes", path=str(folder))])
    were_read = sum(len(piece.files) for piece in found.pieces)
    assert were_read + sum(one.files for one in found.sources[0].left_out) == len(files | {"train.jsonl"})


def notes_of(path: Path) -> ReadingNotes:
    """What readers note about a source."""
    notes = ReadingNotes()
    for piece in discover([SourceSettings(name="notes", path=str(path))]):
        list(read(piece, "skip", notes))
    return notes


ROWS = [
    {"id": "a", "text": "x", "url": "u", "tags": [], "n": 0, "source": "web", "license": "mit"},
    {"id": "b", "text": "y", "url": None, "tags": ["t"], "n": 1, "source": "web", "license": "mit"},
]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.jsonl"])
def test_columns_that_nobody_uses_are_counted_by_name(name: str, tmp_path: Path) -> None:
    """Each value that is there counts; the columns that are used do not."""
    table = pa.Table.from_pylist(ROWS)
    if name.endswith("parquet"):
        pq.write_table(table, tmp_path / name)
    elif name.endswith("arrow"):
        with pa.ipc.new_file(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
    else:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    columns = notes_of(tmp_path).columns
    assert columns["n"] == 2
    assert columns["url"] == 1
    assert columns["tags"] in (1, 2)  # a table does not say which of its lists are empty
    assert set(columns) == {"n", "url", "tags"}


def test_rows_without_an_id_are_counted(tmp_path: Path) -> None:
    """Those that have one are not, in the same file."""
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n{"text": "y", "doc_id": 5}\n{"text": "z", "uuid": "u"}\n')
    assert notes_of(tmp_path).numbered == 1


def test_names_without_end_are_counted_together() -> None:
    """A file whose rows each have a field of their own does not fill the memory."""
    from collections import Counter

    counts: Counter[str] = Counter()
    add_named(counts, {f"key {number}": 1 for number in range(1000)})
    assert counts.total() == 1000
    assert counts[OTHERS] == 800


def test_what_is_told_names_a_reason_a_count_and_an_example(tmp_path: Path) -> None:
    """The sentence can be read without looking anything up."""
    write(tmp_path, "a.jsonl", "b/x.png", "c/y.png")
    [source] = find([SourceSettings(name="notes", path=str(tmp_path))]).sources
    assert not_read(source.left_out) == "not read: *.png, which no format reads: 2 (b/x.png, …)"


def test_globs_leave_outputs_of_ours_out_too(tmp_path: Path) -> None:
    """A glob over everything does not read what an earlier build wrote, and says so; a glob within it does."""
    output = tmp_path / "nextlong"
    (output / "data").mkdir(parents=True)
    (output / "manifest.json").write_text('{"tool": "nextlong-hub"}')
    for path in (tmp_path / "own.jsonl", output / "data" / "rows.jsonl"):
        path.write_text('{"text": "x"}\n')
    found = find([SourceSettings(name="all", path=f"{tmp_path}/**/*.jsonl")])
    assert [piece.name for piece in found.pieces] == ["own.jsonl"]
    [left] = found.sources[0].left_out
    assert (left.reason, left.examples) == ("output folders of nextlong-hub", ("nextlong",))
    within = find([SourceSettings(name="rows", path=f"{output}/data/*.jsonl")])
    assert [piece.name for piece in within.pieces] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("pattern", "split", "remark"),
    [
        ("*.jsonl", None, "test: 1 (c-test.jsonl)"),
        ("*.jsonl", "train", ""),
        ("c-test.jsonl", None, ""),
        ("a*", None, ""),
    ],
)
def test_files_of_other_splits_that_a_glob_names(tmp_path: Path, pattern: str, split: str | None, remark: str) -> None:
    """They are read, as the glob says, and that is told; a file that is named alone is meant."""
    for name in ("a-train", "ab-train", "c-test"):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"id": "{name}", "text": "words"}}\n')
    [found] = find([SourceSettings(name="s", path=str(tmp_path / pattern), split=split)]).sources
    assert (remark in found.remark) if remark else not found.remark
