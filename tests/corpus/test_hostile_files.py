"""Files that would fill the memory or never end: each is refused within bounds, by name, and what precedes it is read.

The files are made small and become large when they are read; each is read in a process with a limit on its memory.
"""

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from limited import read_limited

from nextlong_hub.corpus import Skipped, discover, read
from nextlong_hub.corpus.formats import parquet, parquet_pages
from nextlong_hub.corpus.formats.bounds import ExpandsTooFar, Unpacked
from nextlong_hub.corpus.formats.csv_slabs import slabs
from nextlong_hub.corpus.formats.parquet_pages import pages_of, rows_at_once
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import BadDocumentError
from nextlong_hub.records import Document

LONG = 129 << 20
"""Bytes of a text that is longer than a document may be."""
MUCH = 27_000
"""Lines of ten kilobytes that are more than a bomb may give."""


def zstd(path: Path, *parts: bytes) -> None:
    """Write parts, compressed."""
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        for part in parts:
            stream.write(part)


def member(path: Path, name: str, content: bytes, level: int = 1) -> None:
    """Write an archive with one file, and a good one before it."""
    with tarfile.open(path, "w:gz", compresslevel=level) as archive:
        for own, bytes_ in (("a.txt", b"good"), (name, content)):
            info = tarfile.TarInfo(own)
            info.size = len(bytes_)
            archive.addfile(info, io.BytesIO(bytes_))


def entry(path: Path, name: str, content: bytes, method: int, level: int = 1) -> None:
    """Write a zip archive with one file, and a good one before it."""
    with zipfile.ZipFile(path, "w", method, compresslevel=level) as archive:
        archive.writestr("a.txt", b"good")
        archive.writestr(name, content)


def table(text: str) -> pa.Table:
    """A good row, and a long one."""
    return pa.table({"text": ["good", text]})


def arrow(path: Path, rows: pa.Table) -> None:
    """Write an Arrow file whose buffers are compressed."""
    with pa.ipc.new_file(str(path), rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(rows)


TOO_LONG: dict[str, Callable[[Path], object]] = {
    "line.jsonl.zst": lambda path: zstd(path, b'{"text": "good"}\n{"text": "', b"x" * LONG, b'"}\n'),
    "many.jsonl.zst": lambda path: zstd(path, b'{"text": "good"}\n{"text": "x", "a": [', b"[]," * 5_000_000, b"1]}\n"),
    "object.json.zst": lambda path: zstd(path, b'[{"text": "good"},\n{"text": "', b"x" * LONG, b'"}]'),
    "quoted.csv.zst": lambda path: zstd(path, b'id,text\na,good\nb,"', b"xxxxxxx\n" * (LONG // 8), b'"\n'),
    "open.csv.zst": lambda path: zstd(path, b'id,text\na,good\nb,"', b"x" * LONG),
    "plain.csv.zst": lambda path: zstd(path, b"id,text\na,good\nb,", b"x" * LONG, b"\n"),
    "a.tar.gz": lambda path: member(path, "long.txt", b"x" * LONG),
    "b.tar.gz": lambda path: member(path, "long.jsonl", b'{"text": "' + b"x" * LONG + b'"}\n'),
    "a.zip": lambda path: entry(path, "long.txt", b"x" * LONG, zipfile.ZIP_DEFLATED),
    "cell.parquet": lambda path: pq.write_table(table("x" * LONG), path, compression="zstd"),
    "cell.arrow": lambda path: arrow(path, table("x" * LONG)),
}
"""Files with a good document, and one that is too long; in some the first is in no file of its own."""


@pytest.mark.slow
def test_a_document_beyond_the_limit_is_refused_and_the_one_before_it_read(tmp_path: Path) -> None:
    """A record of 129 MiB is named and refused, whatever holds it, and takes less than a GiB of memory."""
    for name, write in TOO_LONG.items():
        write(tmp_path / name)
    found = read_limited(tmp_path)
    assert {name: one.documents for name, one in found.items()} == dict.fromkeys(sorted(TOO_LONG), 1)
    for name, one in found.items():
        assert str(tmp_path / name) in one.message
        assert "is too long to be read at once (" in one.message
        assert "split it" in one.message
        assert one.peak_mib < 1024


SOME = (json.dumps({"text": "x" * 10_000}) + "\n").encode() * (MUCH // 27)
LINES = SOME * 27


def sparse_tar(path: Path) -> None:
    """Write an archive with a file of a terabyte of which nothing is stored."""
    headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 40), "GNU.sparse.numblocks": "1"}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("sparse.jsonl")
        info.pax_headers = headers
        archive.addfile(info)


def dictionary_bomb(path: Path) -> None:
    """Write a Parquet file of some kilobytes in which twenty thousand rows share one text of a megabyte."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"text": text}), path, compression="zstd", store_schema=False)


BOMBS: dict[str, Callable[[Path], object]] = {
    "bomb.jsonl.gz": lambda path: path.write_bytes(gzip.compress(SOME) * 27),
    "bomb.jsonl.zst": lambda path: zstd(path, LINES),
    "bomb.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(SOME, 1) * 27),
    "bomb.jsonl.xz": lambda path: path.write_bytes(lzma.compress(SOME, preset=0) * 27),
    "bomb.csv.zst": lambda path: zstd(path, b"text\n", LINES),
    "bomb.tar.gz": lambda path: member(path, "b.jsonl", LINES, 9),
    "nested.tar.gz": lambda path: member(path, "b.jsonl.gz", gzip.compress(SOME) * 27),
    "bomb.zip": lambda path: entry(path, "b.jsonl", LINES, zipfile.ZIP_DEFLATED, 9),
    "bzip2.zip": lambda path: entry(path, "b.jsonl", b"\n" * (270 << 20), zipfile.ZIP_BZIP2),
    "dictionary.parquet": dictionary_bomb,
    "packed.arrow": lambda path: arrow(path, pa.table({"text": ["x" * 10_000] * MUCH})),
}


@pytest.mark.slow
def test_a_decompression_bomb_is_stopped(tmp_path: Path) -> None:
    """What expands hundreds of times is stopped at 256 MiB, however it is packed, and called what it is."""
    for name, write in BOMBS.items():
        write(tmp_path / name)
    for name, one in read_limited(tmp_path).items():
        assert str(tmp_path / name) in one.message
        assert "expands to far more than text does (" in one.message
        assert "decompression bomb" in one.message
        assert one.peak_mib < 800


def test_a_file_within_an_archive_that_is_mostly_a_hole_ends(tmp_path: Path) -> None:
    """A terabyte of which nothing is stored is one line that is too long, and what follows it is not waited for."""
    sparse_tar(tmp_path / "a.tar")
    [piece] = discover([SourceSettings(name="notes", path=str(tmp_path / "a.tar"))])
    assert [getattr(one, "reason", "") for one in read(piece, "skip")] == ["too_long", "expands"]


def test_what_repeats_much_is_no_bomb() -> None:
    """A file may give 250 times what was taken of it, and 256 MiB in any case."""
    taken = 1 << 20
    unpacked = Unpacked(lambda: taken)
    unpacked.add(256 << 20)
    with pytest.raises(ExpandsTooFar, match="1,048,576 bytes expand to more than 268,435,457"):
        unpacked.add(1)
    taken = 2 << 20
    unpacked.add((500 << 20) - (256 << 20) - 1)
    with pytest.raises(ExpandsTooFar):
        unpacked.add(1)


def test_rows_that_share_a_long_text_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    """A dictionary is no fault: two hundred rows that share a megabyte are read, no more than 128 MiB at a time."""
    path = tmp_path / "a.parquet"
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"text": text}), path, store_schema=False)
    with pa.OSFile(str(path)) as handle:
        assert rows_at_once(pq.ParquetFile(path), 0, ["text"], handle, 4096) <= 134
    [piece] = discover([SourceSettings(name="notes", path=str(path))])
    assert sum(isinstance(one, Document) for one in read(piece, "fail")) == 200


def test_a_long_row_group_is_read_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read does not depend on whether a column of a row group is held as a whole."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"{number} " * 5000 for number in range(300)]}), path, data_page_size=10_000)
    [piece] = discover([SourceSettings(name="notes", path=str(path))])
    whole = list(read(piece, "fail"))
    monkeypatch.setattr(parquet, "_CHUNK_BYTES", 1)
    assert list(read(piece, "fail")) == whole
    assert len(whole) == 300


def test_a_page_that_cannot_be_held_costs_its_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told how large it is before it is read; the other row groups are read."""
    path = tmp_path / "a.parquet"
    rows = pa.table({"text": ["a", "b", "x" * 5000, "d", "e", "f"]})
    pq.write_table(rows, path, row_group_size=2, use_dictionary=False)
    monkeypatch.setattr(parquet_pages, "MOST_PAGE_BYTES", 4000)
    [piece] = discover([SourceSettings(name="notes", path=str(path))])
    found = [one.place if isinstance(one, Skipped) else one.text for one in read(piece, "skip")]
    assert found == ["a", "b", f"{path}, row group 1", "e", "f"]
    with pytest.raises(
        BadDocumentError, match=r"row group 1: is too long .*a page of 5,0\d\d bytes, and at most 4,000"
    ):
        list(read(piece, "fail"))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_the_headers_of_all_pages_are_found(version: str, compression: str, tmp_path: Path) -> None:
    """What the headers say of the values and bytes of pages adds up to what the footer says of them."""
    rows = pa.table({"text": [f"{number % 50}" * 500 for number in range(3000)], "n": range(3000)})
    path = tmp_path / "a.parquet"
    pq.write_table(
        rows, path, data_page_version=version, compression=compression, data_page_size=20_000, row_group_size=1000
    )
    file = pq.ParquetFile(path)
    with pa.OSFile(str(path)) as handle:
        for group in range(3):
            for number in range(2):
                column = file.metadata.row_group(group).column(number)
                pages = list(pages_of(handle, column))
                assert sum(page.values for page in pages if page.type != 2) == column.num_values == 1000
                assert sum(page.bytes for page in pages) <= column.total_uncompressed_size


def test_batches_of_arrow_are_measured_before_they_are_read(tmp_path: Path) -> None:
    """A batch that is larger than can be held is told by its description alone; it need not be there."""
    path = tmp_path / "a.arrow"
    with pa.ipc.new_stream(str(path), pa.schema([("text", pa.string())])) as writer:
        writer.write_table(pa.table({"text": ["good"]}))
    content = path.read_bytes()
    body = struct.pack("<q", 16)  # the length of the body, somewhere in the description of the batch
    reasons = set()
    for place in (place for place in range(len(content)) if content.startswith(body, place)):
        path.write_bytes(content[:place] + struct.pack("<q", 1 << 50) + content[place + 8 :])
        [piece] = discover([SourceSettings(name="notes", path=str(path))])
        reasons |= {getattr(one, "reason", "") for one in read(piece, "skip")}
    assert "too_long" in reasons


def test_a_row_of_a_table_without_an_end_makes_no_slab_without_an_end() -> None:
    """Behind a quotation mark that nothing closes, as much is held as a document may be long."""
    blocks = (b'"' if number == 0 else b"x" * (1 << 20) for number in range(1000))
    (slab,) = slabs(blocks, ",")
    assert slab.rest is not None
    assert len(slab.content) < 140 << 20
