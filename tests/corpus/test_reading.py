"""Promises of reading: every format gives the same documents, and every fault is named or counted."""

import bz2
import csv
import gzip
import io
import json
import lzma
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextlong_hub.corpus import Piece, ReadingNotes, Skipped, discover, memory_source, read
from nextlong_hub.corpus.formats import jsonl
from nextlong_hub.corpus.in_memory import as_files
from nextlong_hub.corpus.pieces import BadDocument
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import BadDocumentError, DataError, StorageError
from nextlong_hub.records import Document

ROWS = [{"id": "a", "text": "one\ntwo"}, {"id": "b", "text": "Über 漢字 😀"}, {"id": "c", "text": "\ttab "}]


def source(path: Path | str, **settings: Any) -> SourceSettings:
    """The settings of a source called `notes`."""
    return SourceSettings(name="notes", path=str(path), **settings)


def read_all(path: Path | str, on_bad_document: Any = "fail", **settings: Any) -> list[Document | Skipped]:
    """Everything `read` gives for one source."""
    pieces = discover([source(path, **settings)])
    return [result for piece in pieces for result in read(piece, on_bad_document)]


def zstd(content: bytes) -> bytes:
    """Compress with Zstandard."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def json_lines(rows: list[Any]) -> bytes:
    """One JSON object a line."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def write_arrow(path: Path, opener: Callable[..., Any]) -> None:
    """Write `ROWS` as two record batches of Arrow IPC."""
    table = pa.Table.from_pylist(ROWS)
    with opener(str(path), table.schema) as writer:
        writer.write_table(table, 2)


def write_table(path: Path, delimiter: str) -> None:
    """Write `ROWS` as a table with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter=delimiter)
        rows.writerow(["id", "text"])
        rows.writerows([row["id"], row["text"]] for row in ROWS)


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_tar(path: Path, mode: Any, members: dict[str, bytes]) -> None:
    """Write a tar archive."""
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


FORMATS: dict[str, Callable[[Path], Any]] = {
    "x.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2),
    "x.arrow": lambda path: write_arrow(path, pa.ipc.new_file),
    "stream.arrow": lambda path: write_arrow(path, pa.ipc.new_stream),
    "x.jsonl": lambda path: path.write_bytes(json_lines(ROWS)),
    "x.ndjson": lambda path: path.write_bytes(json_lines(ROWS)),
    "x.json": lambda path: path.write_bytes(json_lines(ROWS)),
    "X.JSONL.GZ": lambda path: path.write_bytes(gzip.compress(json_lines(ROWS))),
    "x.jsonl.zst": lambda path: path.write_bytes(zstd(json_lines(ROWS))),
    "x.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(json_lines(ROWS))),
    "x.jsonl.xz": lambda path: path.write_bytes(lzma.compress(json_lines(ROWS))),
    "array.json": lambda path: path.write_text(json.dumps(ROWS)),
    "array.jsonl": lambda path: path.write_text(json.dumps(ROWS, indent=2, ensure_ascii=False), "utf-8"),
    "array.json.gz": lambda path: path.write_bytes(gzip.compress(json.dumps(ROWS).encode("utf-8-sig"))),
    "many-lines.json": lambda path: path.write_text("\n".join(json.dumps(row, indent=1) for row in ROWS)),
    "x.csv": lambda path: write_table(path, ","),
    "semicolons.csv": lambda path: write_table(path, ";"),
    "x.tsv": lambda path: write_table(path, "\t"),
    "x.zip": lambda path: write_zip(path, {"deep/x.jsonl": json_lines(ROWS[:2]), "y.json": json_lines(ROWS[2:])}),
    "x.tar": lambda path: write_tar(path, "w", {"./x.jsonl": json_lines(ROWS)}),
    "x.tar.xz": lambda path: write_tar(path, "w:xz", {"x.jsonl.gz": gzip.compress(json_lines(ROWS))}),
    "binary.parquet": lambda path: pq.write_table(
        pa.table({name: pa.array([row[name].encode() for row in ROWS], pa.binary()) for name in ("id", "text")}), path
    ),
    "members.jsonl.gz": lambda path: path.write_bytes(
        gzip.compress(json_lines(ROWS[:1])) + gzip.compress(json_lines(ROWS[1:]))
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_documents(name: str, tmp_path: Path) -> None:
    """The same rows are the same documents, character by character, whatever file holds them."""
    FORMATS[name](tmp_path / name)
    expected = [Document(id=row["id"], text=row["text"], source="notes") for row in ROWS]
    assert read_all(tmp_path / name) == expected


def test_saved_dataset_is_read_without_its_caches(tmp_path: Path) -> None:
    """A folder of `save_to_disk` gives its rows; a cache that lies in it gives none."""
    folder = tmp_path / "saved"
    datasets.Dataset.from_list(ROWS).save_to_disk(folder)
    write_arrow(folder / "cache-1234.arrow", pa.ipc.new_stream)
    assert [document.id for document in read_all(folder)] == ["a", "b", "c"]  # type: ignore[union-attr]


def test_saved_dataset_dictionary_gives_one_split(tmp_path: Path) -> None:
    """Of a saved `DatasetDict` the split of the source is read, and a split that is not there is named."""
    dataset = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": dataset, "test": dataset.select([1])}).save_to_disk(tmp_path / "saved")
    assert len(read_all(tmp_path / "saved")) == 3
    assert len(read_all(tmp_path / "saved", split="test")) == 1
    with pytest.raises(DataError, match="no split 'dev'; its splits are train, test"):
        discover([source(tmp_path / "saved", split="dev")])


def test_plain_texts_are_documents_with_their_exact_characters(tmp_path: Path) -> None:
    """A text file is one document called by its path; its line ends stay, its byte order mark goes."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.md").write_bytes(b"\xef\xbb\xbf# Title\r\n")
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\r")
    assert read_all(tmp_path) == [
        Document(id="a.txt", text="one\r\ntwo\r", source="notes"),
        Document(id="deep/b.md", text="# Title\r\n", source="notes"),
    ]


def test_embedded_corpus_needs_no_path() -> None:
    """`demo` is the corpus that comes with the package, each row under its own source."""
    documents = [result for result in read_all("demo") if isinstance(result, Document)]
    assert len(documents) > 1000
    assert len({document.id for document in documents}) == len(documents)
    assert "notes" not in {document.source for document in documents}


@pytest.mark.parametrize("is_streaming", [False, True], ids=["Dataset", "IterableDataset"])
def test_dataset_in_memory_is_read_as_a_file(is_streaming: bool, tmp_path: Path) -> None:
    """A dataset the caller holds becomes a file, which any process can read."""
    dataset: Any = datasets.Dataset.from_list(ROWS)
    memory = memory_source(dataset.to_iterable_dataset() if is_streaming else dataset, "held")
    [settings], held = as_files([memory], tmp_path)
    assert "Dataset of" in held["held"]
    [piece] = discover([settings])
    documents = list(read(piece, "fail"))
    assert documents == [Document(id=row["id"], text=row["text"], source="held") for row in ROWS]


def test_ids_are_numbers_or_made_from_the_place(tmp_path: Path) -> None:
    """Integer ids become strings; without an id column rows count from 0 and lines from 1, under the file's name."""
    pq.write_table(pa.table({"key": [7, 8], "text": ["x", "y"]}), tmp_path / "t.parquet")
    (tmp_path / "lines.jsonl").write_bytes(b'{"text": "x"}\n\n{"text": "y", "key": 9}\n')
    ids = [result.id for result in read_all(tmp_path, id_column="key")]  # type: ignore[union-attr]
    assert ids == ["lines/1", "9", "7", "8"]
    ids = [result.id for result in read_all(tmp_path)]  # type: ignore[union-attr]
    assert ids == ["lines/1", "lines/3", "t/0", "t/1"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_string_columns_of_every_kind_are_text(kind: pa.DataType, tmp_path: Path) -> None:
    """Plain, large and dictionary strings are the same text, id and source."""
    columns = {name: pa.array(["x", "y"]).cast(kind) for name in ("id", "text", "source")}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_all(tmp_path) == [Document(id=value, text=value, source=value) for value in "xy"]


def test_source_of_a_row_wins_where_it_is_a_string(tmp_path: Path) -> None:
    """A row's own source names it; null, or a source column of another type, leaves the source's name."""
    (tmp_path / "a.jsonl").write_bytes(json_lines([{"text": "x", "source": "web"}, {"text": "x", "source": 1}]))
    pq.write_table(pa.table({"text": ["x", "x"], "source": ["web", None]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"text": ["x"], "source": [1]}), tmp_path / "c.parquet")
    sources = [result.source for result in read_all(tmp_path)]  # type: ignore[union-attr]
    assert sources == ["web", "notes", "web", "notes", "notes"]


BAD_LINES = {
    "invalid_json": (b'{"text": nope}', "not valid JSON"),
    "wrong_type": (b'{"text": 5}', "its text is a number"),
    "missing_text": (b'{"txt": "x"}', 'no field .text.; its fields are .txt. .did you mean text_column = "txt"'),
    "null_text": (b'{"text": null}', "has null for its text"),
    "lone_surrogate": (b'{"text": "ab\\ud800c"}', "character 2"),
    "nul_character": (b'{"text": "ab\\u0000"}', "character 2 of its text"),
    "invalid_utf8": (b'{"text": "caf\xe9"}', "byte 33 of the file"),
}
OTHER_BAD_LINES = {
    "an array": ("wrong_type", b'["x"]', "it is an array where an object was needed"),
    "a list as id": ("wrong_type", b'{"text": "x", "id": [1]}', "its id is an array"),
    "a boolean as id": ("wrong_type", b'{"text": "x", "id": true}', "its id is a boolean"),
    "a surrogate in the id": ("lone_surrogate", b'{"text": "x", "id": "\\udfff"}', "half of a surrogate pair"),
    "endless nesting": ("invalid_json", b"[" * 100_000, "not valid JSON"),
    "a surrogate as bytes": ("invalid_utf8", b'{"text": "\xed\xa0\x80"}', "is not UTF-8"),
    "a raw NUL": ("invalid_json", b'{"text": "\0"}', "not valid JSON"),
}


@pytest.mark.parametrize(
    ("reason", "line", "words"),
    [(reason, *case) for reason, case in BAD_LINES.items()] + list(OTHER_BAD_LINES.values()),
    ids=[*BAD_LINES, *OTHER_BAD_LINES],
)
def test_bad_line_is_named_or_skipped(reason: str, line: bytes, words: str, tmp_path: Path) -> None:
    """A bad line is an error with file, line, fault and remedy, or one skipped document between its neighbours."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "good 1"}\n\n' + line + b'\n{"text": "good 2"}\n')
    with pytest.raises(BadDocumentError, match=f'x.jsonl, line 3: .*{words}.*on_bad_document = "skip"'):
        read_all(path)
    first, skipped, last = read_all(path, "skip")
    assert skipped == Skipped(reason, f"{path}, line 3")
    assert [first.text, last.text] == ["good 1", "good 2"]  # type: ignore[union-attr]


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_documents_without_text_are_always_skipped_and_counted(policy: str, tmp_path: Path) -> None:
    """Nothing, or only white space, is never an error and never a document."""
    (tmp_path / "a.jsonl").write_bytes(json_lines([{"text": ""}, {"text": " \n\u2003"}, {"text": "x"}]))
    (tmp_path / "b.txt").write_bytes(b"")
    pq.write_table(pa.table({"text": ["", "\t"]}), tmp_path / "c.parquet")
    results = read_all(tmp_path, policy)
    assert [result.reason for result in results if isinstance(result, Skipped)] == ["empty"] * 5
    assert [result.text for result in results if isinstance(result, Document)] == ["x"]


def test_unicode_escapes_that_make_a_pair_are_a_character(tmp_path: Path) -> None:
    """Only half a pair is refused: an escaped emoji is text."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "\\ud83d\\ude00"}\n')
    assert [result.text for result in read_all(tmp_path)] == ["😀"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "pack"), [("x.jsonl", bytes), ("x.jsonl.gz", gzip.compress), ("x.jsonl.zst", zstd)], ids=["", "gz", "zst"]
)
def test_truncated_lines_give_everything_before_the_break(
    name: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """However a file is cut off, each line that is whole comes out, then one `truncated` for the rest."""
    random = np.random.default_rng(0)
    rows = [{"text": f"{number} " + random.bytes(200).hex()} for number in range(3000)]
    whole = pack(json_lines(rows))
    path = tmp_path / name
    for share in (0.2, 0.7, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        *documents, last = read_all(path, "skip")
        assert len(documents) > 3000 * (share - 0.2) / 1.2
        assert [document.text for document in documents] == [row["text"] for row in rows[: len(documents)]]  # type: ignore[union-attr]
        assert last == Skipped("truncated", f"{path}, line {len(documents) + 1}")
    if name == "x.jsonl.gz":
        plain = subprocess.run(["gzip", "-dc"], input=path.read_bytes(), capture_output=True, check=False).stdout
        assert len(documents) == plain.count(b"\n")
    with pytest.raises(BadDocumentError, match=rf"line {len(documents) + 1}: the file ends in the middle"):
        read_all(path)


def test_line_cut_off_within_a_character_is_truncated(tmp_path: Path) -> None:
    """A file that ends between the bytes of a character was cut off; it is not in another encoding."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "x"}\n{"text": "caf\xc3')
    assert [getattr(result, "reason", "") for result in read_all(tmp_path, "skip")] == ["", "truncated"]


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
def test_damaged_compression_is_corrupt(name: str, tmp_path: Path) -> None:
    """What is no gzip or Zstandard stream is one corrupt file, not documents made of noise."""
    (tmp_path / name).write_bytes(b"this is no compressed file at all")
    assert [getattr(result, "reason", "") for result in read_all(tmp_path, "skip")] == ["corrupt"]
    with pytest.raises(BadDocumentError, match=r"the file is damaged .*fetch or write the file again"):
        read_all(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["x.jsonl", "x.txt"])
def test_wide_encodings_are_refused_as_a_whole(encoding: str, name: str, tmp_path: Path) -> None:
    """A UTF-16 file is one fault at byte 0, never a document of other characters."""
    (tmp_path / name).write_bytes('{"text": "x"}\n{"text": "y"}\n'.encode(encoding))
    assert [getattr(result, "reason", "") for result in read_all(tmp_path, "skip")] == ["invalid_utf8"]
    with pytest.raises(BadDocumentError, match=r"byte 0: the file looks like UTF-16.*iconv"):
        read_all(tmp_path)


def test_text_file_in_another_encoding_is_refused_with_the_offset(tmp_path: Path) -> None:
    """Latin-1 is refused at its first byte that is no UTF-8; the other files are still read."""
    (tmp_path / "a.txt").write_bytes("naïve café".encode("latin-1"))
    (tmp_path / "b.txt").write_bytes(b"fine")
    with pytest.raises(BadDocumentError, match=r"a.txt: is not UTF-8 \(byte 2: .*iconv"):
        read_all(tmp_path)
    assert read_all(tmp_path, "skip") == [
        Skipped("invalid_utf8", str(tmp_path / "a.txt")),
        Document(id="b.txt", text="fine", source="notes"),
    ]


def test_byte_order_mark_of_json_lines_is_no_character(tmp_path: Path) -> None:
    """A BOM before the first line goes; offsets in messages still count it."""
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "x"}\n{"text": "\xff"}')
    document, skipped = read_all(tmp_path, "skip")
    assert isinstance(document, Document)
    assert skipped == Skipped("invalid_utf8", f"{tmp_path}/a.jsonl, line 2")
    with pytest.raises(BadDocumentError, match="byte 27 of the file"):
        read_all(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "\xff"}\n')
    with pytest.raises(BadDocumentError, match="byte 13 of the file"):
        read_all(tmp_path)


def test_line_beyond_the_limit_is_refused_without_being_held(tmp_path: Path) -> None:
    """A line that is too long is one skipped document; the lines around it are read."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(json_lines([{"text": "x"}, {"text": "y" * 2_000_000}, {"text": "z" * 300}, {"text": "x"}]))
    [piece] = discover([source(path)])
    results = [one for one in jsonl.read(piece, longest_line_bytes=200) if not isinstance(one, ReadingNotes)]
    assert [getattr(result, "reason", "") for result in results] == ["", "too_long", "too_long", ""]


def test_offsets_count_every_line_before(tmp_path: Path) -> None:
    """The byte named in a fault is its place in the file, also behind lines that are blank or too long."""
    path = tmp_path / "a.jsonl"
    before = b"\n" + json_lines([{"text": "y" * 2_000_000}, {"text": "x"}])
    path.write_bytes(before + b'"\xff"\n')
    [piece] = discover([source(path)])
    *_, last = jsonl.read(piece, longest_line_bytes=200)
    assert isinstance(last, BadDocument)
    assert last.detail.startswith(f"byte {len(before) + 1} of the file")


def test_parquet_row_faults_name_the_row(tmp_path: Path) -> None:
    """A null, a NUL and bytes that are not UTF-8 are faults of their own rows only."""
    text = pa.array([b"good", b"\xff\xfe", b"a\0b", None, b"good"], pa.binary())
    strings = pa.StringArray.from_buffers(5, *text.buffers()[1:], text.buffers()[0])
    pq.write_table(pa.table({"text": strings}), tmp_path / "t.parquet")
    results = read_all(tmp_path, "skip")
    assert [getattr(result, "reason", "") for result in results] == [
        "", "invalid_utf8", "nul_character", "null_text", ""
    ]  # fmt: skip
    assert [result.place for result in results if isinstance(result, Skipped)] == [
        f"{tmp_path}/t.parquet, row {row}" for row in (1, 2, 3)
    ]
    with pytest.raises(BadDocumentError, match=r"t.parquet, row 1: is not UTF-8 \(byte 0 of its text"):
        read_all(tmp_path)


def test_damaged_page_costs_its_row_group_only(tmp_path: Path) -> None:
    """One flipped bit in a page with a checksum is found; the row groups before and after it are read."""
    path = tmp_path / "t.parquet"
    table = pa.table({"text": [f"document {number} " * 9 for number in range(30)]})
    pq.write_table(table, path, row_group_size=10, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[content.index(b"document 15 ")] ^= 1
    path.write_bytes(content)
    results = read_all(path, "skip")
    numbers = [int(result.text.split()[1]) for result in results if isinstance(result, Document)]
    assert numbers == [*range(10), *range(20, 30)]
    assert [result for result in results if isinstance(result, Skipped)] == [
        Skipped("corrupt", f"{path}, row group 1 from row 10")
    ]
    with pytest.raises(BadDocumentError, match=r"row group 1 from row 10: the file is damaged .*CRC"):
        read_all(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 100, b"text only", "cut"], ids=str)
def test_file_that_is_no_whole_parquet_is_one_fault(content: bytes | str, tmp_path: Path) -> None:
    """Bad magic, no footer, half a file: an error that names the file, or one skipped entry."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": ["x"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:200] if isinstance(content, str) else content)
    assert [type(result) for result in read_all(path, "skip")] == [Skipped]
    with pytest.raises(BadDocumentError, match=r"t.parquet: the file"):
        read_all(path)


def test_truncated_arrow_file_gives_the_batches_before(tmp_path: Path) -> None:
    """A stream that was cut off gives its whole batches, then one fault."""
    path = tmp_path / "s.arrow"
    write_arrow(path, pa.ipc.new_stream)
    path.write_bytes(path.read_bytes()[:-120])
    results = read_all(path, "skip")
    assert [type(result) for result in results] == [Document, Document, Skipped]


def test_missing_column_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    """A table without its text column is an error with the likely one; skipped, each of its rows is counted."""
    pq.write_table(pa.table({"contents": ["x", "y"], "n": [1, 2]}), tmp_path / "t.parquet")
    message = "no column 'content'; its columns are 'contents', 'n'.*did you mean text_column = \"contents\""
    with pytest.raises(DataError, match=message):
        read_all(tmp_path, text_column="content")
    skipped = read_all(tmp_path, "skip", text_column="content")
    assert [getattr(result, "reason", "") for result in skipped] == ["missing_text"] * 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": [5], "body": ["x"]}, 'column .text. holds int64, and text must be string.*text_column = "body"'),
        ({"text": [["x"]]}, "column .text. holds list<"),
        ({"text": ["x"], "id": [1.5]}, "column .id. holds double, and ids must be string or integer"),
    ],
)
def test_column_of_the_wrong_type_is_an_error(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A type that cannot be text, or cannot be an id, is named with the columns there are."""
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=message):
        read_all(tmp_path)


def test_file_that_went_away_is_an_error(tmp_path: Path) -> None:
    """A file that was listed and is gone names itself, and is never taken for an empty one."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "x"}\n')
    pieces = discover([source(path)])
    path.unlink()
    with pytest.raises(DataError, match=r"there is no file .*a.jsonl; .*restore it"):
        list(read(pieces[0], "skip"))


def test_disk_that_fails_is_never_a_bad_document(tmp_path: Path) -> None:
    """An operating system's fault ends the read even where bad documents are skipped."""
    path = tmp_path / "a.jsonl"
    path.mkdir()  # opening a folder as a file is a fault that root meets too
    piece = Piece(source="notes", format="jsonl", location=str(path), name="a.jsonl")
    with pytest.raises(StorageError, match=r"cannot read .*a.jsonl"):
        list(read(piece, "skip"))


@settings(max_examples=60)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=8), is_ascii=st.booleans())
def test_any_text_survives_json_lines(texts: list[str], is_ascii: bool, tmp_path_factory: Any) -> None:
    """Whatever characters a text holds, it arrives as it was, or is refused: it never changes."""
    path = tmp_path_factory.mktemp("law") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": t}, ensure_ascii=is_ascii) + "\n" for t in texts), "utf-8", newline="")
    arrived = [result.text for result in read_all(path, "skip") if isinstance(result, Document)]
    assert arrived == [text for text in texts if text.strip() and "\0" not in text]


def test_failing_device_is_never_damaged_data(tmp_path: Path) -> None:
    """An input/output error in the middle of a read is a storage error, not a file to be skipped."""
    device = Path("/proc/self/mem")  # opens, and answers every read at its start with EIO
    if not device.exists():
        pytest.skip("needs Linux's /proc")
    for kind in ("jsonl", "arrow", "text"):
        members = ("mem",) if kind == "text" else ()
        location = str(device.parent if members else device)
        piece = Piece(source="notes", format=kind, location=location, name="mem", members=members)  # type: ignore[arg-type]
        with pytest.raises(StorageError, match="cannot read /proc/self"):
            list(read(piece, "skip"))


def test_an_array_takes_the_memory_of_its_objects(tmp_path: Path) -> None:
    """Objects larger than any block are read whole, and the places between them do not matter."""
    rows = [{"id": str(number), "text": '\\"{[' * 200_000 + str(number)} for number in range(3)]
    (tmp_path / "a.json").write_text("\n [ " + " ,\n".join(json.dumps(row) for row in rows) + "\n]\n")
    assert [(one.id, one.text) for one in read_all(tmp_path)] == [(row["id"], row["text"]) for row in rows]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[{"text": "good"}, {"text": nope}, {"text": "lost"}]', "invalid_json"),
        (b'[{"text": "good"}, {"text": "cut o', "truncated"),
        (b'[{"text": "good"}', "truncated"),
        (b'[{"text": "good"}, {"text": "caf\xe9"}]', "invalid_utf8"),
        (b'[{"text": "good"}, {"text": "a\\ud800"}]', "lone_surrogate"),
        (b'[{"text": "good"}, ["x"]]', "wrong_type"),
        (b'[{"text": "good"}, {"body": "x"}]', "missing_text"),
    ],
)
def test_a_fault_in_an_array_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    """What precedes it is read; behind broken JSON nothing is, and that is told."""
    (tmp_path / "a.json").write_bytes(content)
    first, fault = read_all(tmp_path, "skip")
    assert getattr(first, "text", "") == "good"
    assert fault == Skipped(reason, f"{tmp_path}/a.json, object 1")


@settings(max_examples=60)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=1, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    name=st.sampled_from(["a.json", "a.csv"]),
)
def test_any_text_survives_an_array_and_a_table(
    texts: list[str], indent: int | None, name: str, tmp_path_factory: Any
) -> None:
    """Whatever characters a text holds, it arrives as it was, or is refused."""
    path = tmp_path_factory.mktemp("law") / name
    if name.endswith("json"):
        path.write_text(
            json.dumps([{"text": t} for t in texts], indent=indent, ensure_ascii=False), "utf-8", newline=""
        )
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, quoting=csv.QUOTE_ALL)
            rows.writerows([["text"], *([text] for text in texts)])
    arrived = [result.text for result in read_all(path, "skip") if isinstance(result, Document)]
    assert arrived == [text for text in texts if text.strip() and "\0" not in text]


def test_faults_of_a_table_are_those_of_their_rows(tmp_path: Path) -> None:
    """Too many fields, no UTF-8 and a quote that is never closed; a field too few is null."""
    (tmp_path / "a.csv").write_bytes(b'id,text\n1,good\n2,x,y\n\n3,caf\xe9\n4\n5,good\n6,"open\n')
    results = read_all(tmp_path, "skip")
    assert [getattr(result, "reason", "") for result in results] == [
        *("", "corrupt", "invalid_utf8", "null_text", "", "truncated")
    ]
    with pytest.raises(BadDocumentError, match=r"row 1: .*it has 3 fields, and the header 2"):
        read_all(tmp_path)


def test_webdataset_gives_its_texts(tmp_path: Path) -> None:
    """A text is called by its file; what is known of it, and its picture, are counted and no documents."""
    members = {"1.txt": b"one", "1.json": b'{"url": "u"}', "1.jpg": b"", "2.json": b'{"text": "two", "id": "b"}'}
    write_tar(tmp_path / "part.tar", "w", members)
    notes = ReadingNotes()
    [piece] = discover([source(tmp_path)])
    documents = list(read(piece, "fail", notes))
    assert documents == [
        Document(id="part/1.txt", text="one", source="notes"),
        Document(id="b", text="two", source="notes"),
    ]
    assert notes.members == {"*.jpg": 1, "*.json": 1}


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.zip"])
def test_a_damaged_archive_is_one_fault(name: str, tmp_path: Path) -> None:
    """What can be read of it is; the rest is counted once."""
    content = {f"{number}.txt": bytes([97 + number]) * 50_000 for number in range(3)}
    if name.endswith("zip"):
        write_zip(tmp_path / name, content)
    else:
        write_tar(tmp_path / name, "w:gz" if name.endswith("gz") else "w", content)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    results = read_all(tmp_path, "skip")
    assert [type(result) for result in results].count(Skipped) == 1
    with pytest.raises(BadDocumentError, match=rf"{name}.*: the file"):
        read_all(tmp_path)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd program")
def test_wide_windows_of_zstandard_are_read_or_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`zstd --long=31` is read where Python's own library or its backport is there; else it is said what to do."""
    packed = subprocess.run(
        ["zstd", "-q", "-c", "--long=31", "--ultra", "-3"], input=json_lines(ROWS), stdout=subprocess.PIPE, check=True
    )
    (tmp_path / "x.jsonl.zst").write_bytes(packed.stdout)
    try:
        assert len(read_all(tmp_path)) == len(ROWS)
    except DataError as error:
        assert "backports.zstd" in str(error)
    for name in ("compression", "backports"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=r"a window above 128 MiB .*pip install .*zstd -d --long=31"):
        read_all(tmp_path)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.jsonl"])
def test_dots_lead_into_objects(name: str, tmp_path: Path) -> None:
    """`message.content` is the text, and `meta.key` the id, in every format; a wrong one is proposed."""
    rows = [{"message": {"content": text, "role": "user"}, "meta": {"key": text}} for text in ("x", "y")]
    table = pa.Table.from_pylist(rows)
    if name == "a.parquet":
        pq.write_table(table, tmp_path / name)
    elif name == "a.arrow":
        with pa.ipc.new_file(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
    else:
        (tmp_path / name).write_bytes(json_lines(rows))
    documents = read_all(tmp_path, text_column="message.content", id_column="meta.key")
    assert [(one.id, one.text) for one in documents] == [("x", "x"), ("y", "y")]  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r'did you mean text_column = "message.content"'):
        read_all(tmp_path)


@pytest.mark.parametrize("name", ["conversation_id", "prompt_id", "doc_id", "uuid"])
def test_ids_are_found_where_people_have_them(name: str, tmp_path: Path) -> None:
    """The usual columns in their order; one that is named, there or not, is the only one."""
    rows = [{name: "a", "text": "x", "z": 1}, {name: "b", "text": "y", "z": 2}]
    (tmp_path / "a.jsonl").write_bytes(json_lines(rows))
    pq.write_table(pa.Table.from_pylist(rows).slice(1), tmp_path / "b.parquet")
    assert [one.id for one in read_all(tmp_path)] == ["a", "b", "b"]  # type: ignore[union-attr]
    assert [one.id for one in read_all(tmp_path, id_column="none")] == ["a/1", "a/2", "b/0"]  # type: ignore[union-attr]


def test_shards_without_the_column_are_counted_among_good_ones(tmp_path: Path) -> None:
    """A shard of nulls, one without the column and one without rows cost no good document."""
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": pa.nulls(2)}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"other": ["y"]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"other": pa.array([], pa.string())}), tmp_path / "d.parquet")
    reasons = [getattr(result, "reason", "") for result in read_all(tmp_path, "skip")]
    assert reasons == ["", "null_text", "null_text", "missing_text"]


def test_what_a_row_says_of_its_licence_travels_with_it(tmp_path: Path) -> None:
    """For filters, and to be counted."""
    (tmp_path / "a.jsonl").write_bytes(json_lines([{"text": "x", "license": "cc-by-4.0"}, {"text": "y", "license": 1}]))
    assert [one.metadata for one in read_all(tmp_path)] == [{"license": "cc-by-4.0"}, {}]  # type: ignore[union-attr]
