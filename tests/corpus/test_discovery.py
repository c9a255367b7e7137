"""Promises of discovery: what is found, in which order, how it is split, and what it is called."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from nextlong_hub.corpus import Piece, Skipped, discover, read
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.records import Document


def source(path: Path | str, name: str = "notes", **settings: Any) -> SourceSettings:
    """The settings of one source."""
    return SourceSettings(name=name, path=str(path), **settings)


def documents(pieces: list[Piece]) -> list[Document]:
    """The documents of all pieces, in order; no piece may skip any."""
    results = [result for piece in pieces for result in read(piece, "fail")]
    assert not any(isinstance(result, Skipped) for result in results)
    return [result for result in results if isinstance(result, Document)]


def write_lines(path: Path, *texts: str) -> None:
    """Write JSON Lines, making folders as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def write_world(folder: Path) -> None:
    """A folder with one file of each kind that is read, and several that never are."""
    write_lines(folder / "b.jsonl", "b")
    write_lines(folder / "a" / "z.jsonl", "a/z")
    (folder / "a.txt").write_text("a.txt")
    pq.write_table(pa.table({"text": ["c"]}), folder / "c.parquet")
    for name in (".hidden.jsonl", ".git/x.jsonl", "half.jsonl.tmp", ".half.jsonl.123.tmp"):
        write_lines(folder / name, "never")
    for name in ("dataset_info.json", "image.png"):
        (folder / name).write_bytes(b"\x89 no documents")


def test_folder_gives_every_readable_file_in_the_order_of_names(tmp_path: Path) -> None:
    """All formats below a folder are found; hidden, unfinished and foreign files are not."""
    write_world(tmp_path)
    pieces = discover([source(tmp_path)])
    assert [piece.name for piece in pieces] == ["a.txt", "a/z.jsonl", "b.jsonl", "c.parquet"]
    assert [document.text for document in documents(pieces)] == ["a.txt", "a/z", "b", "c"]


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    """Pipes, loops, broken links and links out of the folder are passed over; a link within it is read."""
    folder = tmp_path / "corpus"
    write_lines(folder / "real.jsonl", "real")
    write_lines(tmp_path / "secret.jsonl", "secret")
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "out.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (folder / "broken.jsonl").symlink_to("nowhere.jsonl")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "alias.jsonl").symlink_to("real.jsonl")
    for path in (folder, folder / "*.jsonl", folder / "**" / "*.jsonl"):
        assert [piece.name for piece in discover([source(path)])] == ["alias.jsonl", "real.jsonl"]


def test_glob_takes_what_it_matches(tmp_path: Path) -> None:
    """A glob is read file by file, named from its fixed part on; `.json` is read because it is asked for."""
    write_world(tmp_path)
    write_lines(tmp_path / "more.json", "more")
    assert [piece.name for piece in discover([source(tmp_path / "*.json*")])] == [
        "b.jsonl",
        "dataset_info.json",
        "more.json",
    ]
    assert [piece.name for piece in discover([source(tmp_path / "**" / "*.jsonl")])] == ["a/z.jsonl", "b.jsonl"]


def test_name_with_glob_characters_is_a_file_when_it_exists(tmp_path: Path) -> None:
    """A path that exists is that file, whatever characters its name has."""
    write_lines(tmp_path / "part[1].jsonl", "x")
    write_lines(tmp_path / "part1.jsonl", "y")
    assert [document.text for document in documents(discover([source(tmp_path / "part[1].jsonl")]))] == ["x"]


def test_local_path_wins_over_a_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`user/name` is a folder when there is one: the Hub is not asked."""
    write_lines(tmp_path / "user" / "name" / "a.jsonl", "here")
    monkeypatch.chdir(tmp_path)
    assert [document.text for document in documents(discover([source("user/name")]))] == ["here"]


@pytest.mark.parametrize("path", ["missing", "data/missing.jsonl", "a/b/c", "/nowhere/x", "./user/name"])
def test_missing_path_is_named(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is not there, and is no name on the Hub, is an error that says so without asking anybody."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"source 'notes': there is no file or folder {path}; .*hf://datasets"):
        discover([source(path)])


@pytest.mark.parametrize("path", [".", "*.docx", "data.docx", "data"])
def test_source_without_documents_says_what_was_looked_for(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing found is an error with the patterns that were looked for and the count of what was passed over."""
    (tmp_path / "data.docx").write_text("text\nx\n")
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"found no documents at .*looked for \*.arrow, .*\*.jsonl, .*\*.md, .*\(or with .gz"
    ) as caught:
        discover([source(path)])
    assert ("*.docx, which no format reads: 1" in str(caught.value)) == (path != "data")


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    """Names tell sources apart in every row, so they cannot be shared."""
    write_lines(tmp_path / "a.jsonl", "x")
    with pytest.raises(RecipeError, match="two sources are called 'notes'"):
        discover([source(tmp_path), source(tmp_path / "a.jsonl")])


def test_order_of_the_sources_does_not_matter(tmp_path: Path) -> None:
    """The same sources in another order are the same corpus."""
    write_lines(tmp_path / "a.jsonl", "x")
    write_lines(tmp_path / "b.jsonl", "y")
    one, two = source(tmp_path / "b.jsonl", "one"), source(tmp_path / "a.jsonl", "two")
    assert discover([one, two]) == discover([two, one])
    assert [piece.source for piece in discover([two, one])] == ["one", "two"]


def test_pieces_survive_json(tmp_path: Path) -> None:
    """A piece that travelled through JSON is the same piece."""
    write_world(tmp_path)
    pieces = discover([source(tmp_path)], piece_bytes=1)
    adapter = TypeAdapter(Piece)
    assert len(pieces) == 4
    assert [adapter.validate_json(adapter.dump_json(piece)) for piece in pieces] == pieces


@pytest.mark.parametrize("id_column", ["id", "none"])
def test_splitting_a_parquet_file_changes_no_document(id_column: str, tmp_path: Path) -> None:
    """Row groups go to several pieces, in order, and ids made from row numbers stay what they were."""
    table = pa.table({"id": [f"d{n}" for n in range(100)], "text": [f"text {n}" for n in range(100)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=7)
    whole = discover([source(tmp_path, id_column=id_column)])
    assert len(whole) == 1
    expected = [f"d{n}" if id_column == "id" else f"t/{n}" for n in range(100)]
    assert [document.id for document in documents(whole)] == expected
    for piece_bytes, count in ((1, 15), (400, None)):
        pieces = discover([source(tmp_path, id_column=id_column)], piece_bytes=piece_bytes)
        assert count in (None, len(pieces))
        assert 1 < len(pieces) <= 15
        assert documents(pieces) == documents(whole)


def test_row_groups_are_counted_by_the_columns_that_are_read(tmp_path: Path) -> None:
    """Other columns, however large, do not make more pieces."""
    table = pa.table({"text": ["x"] * 100, "embedding": [os.urandom(1000) for _ in range(100)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10)
    assert len(discover([source(tmp_path)], piece_bytes=50_000)) == 1


def test_damaged_footer_is_left_for_read_to_refuse(tmp_path: Path) -> None:
    """A large Parquet file that is damaged is one piece: the policy for bad documents decides about it."""
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + b"x" * 100)
    [piece] = discover([source(tmp_path)], piece_bytes=10)
    assert [type(result) for result in read(piece, "skip")] == [Skipped]


def test_small_texts_share_pieces_up_to_both_limits(tmp_path: Path) -> None:
    """Texts are grouped in order, never beyond the number or the bytes allowed, and grouping changes no document."""
    for number in range(25):
        (tmp_path / f"{number:02}.txt").write_text("x" * (40 if number == 12 else 10))
    groups = discover([source(tmp_path)], piece_texts=10)
    assert [len(piece.members) for piece in groups] == [10, 10, 5]
    smaller = discover([source(tmp_path)], piece_bytes=50)
    assert [len(piece.members) for piece in smaller] == [5, 5, 2, 2, 5, 5, 1]
    assert documents(groups) == documents(smaller)
    assert [document.id for document in documents(groups)] == [f"{number:02}.txt" for number in range(25)]


def test_ids_we_give_are_unique_in_the_corpus(tmp_path: Path) -> None:
    """Equal file names in one source keep their endings; in two sources they take the sources' names."""
    write_lines(tmp_path / "one" / "a.jsonl", "x")
    write_lines(tmp_path / "two" / "a.jsonl", "x")
    (tmp_path / "one" / "n.txt").write_text("x")
    (tmp_path / "two" / "n.txt").write_text("x")
    pq.write_table(pa.table({"text": ["x", "x"]}), tmp_path / "two" / "a.parquet", row_group_size=1)
    alone = discover([source(tmp_path / "two", "two")], piece_bytes=1)
    assert [document.id for document in documents(alone)] == ["a.jsonl/1", "a.parquet/0", "a.parquet/1", "n.txt"]
    both = discover([source(tmp_path / "one", "one"), source(tmp_path / "two", "two")])
    ids = [document.id for document in documents(both)]
    assert ids == ["one/a/1", "one/n.txt", "two/a.jsonl/1", "two/a.parquet/0", "two/a.parquet/1", "two/n.txt"]


def test_file_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    """A name that cannot be an id is an error that shows its bytes."""
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(DataError, match=r"caf\\xe9.txt' is not UTF-8; rename"):
        discover([source(tmp_path)])
