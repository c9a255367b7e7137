"""Promises of reading: every format gives the same documents, and every fault is named or counted."""

import gzip
import json
import subprocess
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


FORMATS: dict[str, Callable[[Path], Any]] = {
    "x.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2),
    "x.arrow": lambda path: write_arrow(path, pa.ipc.new_file),
    "stream.arrow": lambda path: write_arrow(path, pa.ipc.new_stream),
    "x.jsonl": lambda path: path.write_bytes(json_lines(ROWS)),
    "x.ndjson": lambda path: path.write_bytes(json_lines(ROWS)),
    "x.json": lambda path: path.write_bytes(json_lines(ROWS)),
    "X.JSONL.GZ": lambda path: path.write_bytes(gzip.compress(json_lines(ROWS))),
    "x.jsonl.zst": lambda path: path.write_bytes(zstd(json_lines(ROWS))),
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
def test_dataset_in_memory_is_read_where_it_is(is_streaming: bool) -> None:
    """A dataset the caller holds gives its rows to `read` in the same process, and a clear error in another."""
    dataset: Any = datasets.Dataset.from_list(ROWS)
    memory = memory_source(dataset.to_iterable_dataset() if is_streaming else dataset, "held")
    [piece] = discover([memory])
    assert piece.is_local_memory
    documents = list(read(piece, "fail", {"held": memory.dataset}))
    assert documents == [Document(id=row["id"], text=row["text"], source="held") for row in ROWS]
    with pytest.raises(DataError, match="in the memory of another process"):
        list(read(piece, "fail"))


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


def test_line_beyond_the_limit_is_refused_without_being_held(tmp_path: Path) -> None:
    """A line that is too long is one skipped document; the lines around it are read."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(json_lines([{"text": "x"}, {"text": "y" * 2_000_000}, {"text": "z" * 300}, {"text": "x"}]))
    [piece] = discover([source(path)])
    results = [one for one in jsonl.read(piece, {}, longest_line_bytes=200) if not isinstance(one, ReadingNotes)]
    assert [getattr(result, "reason", "") for result in results] == ["", "too_long", "too_long", ""]


def test_offsets_count_every_line_before(tmp_path: Path) -> None:
    """The byte named in a fault is its place in the file, also behind lines that are blank or too long."""
    path = tmp_path / "a.jsonl"
    before = b"\n" + json_lines([{"text": "y" * 2_000_000}, {"text": "x"}])
    path.write_bytes(before + b'"\xff"\n')
    [piece] = discover([source(path)])
    *_, last = jsonl.read(piece, {}, longest_line_bytes=200)
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
