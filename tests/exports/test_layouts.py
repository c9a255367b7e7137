"""The bytes of MDS, Megatron, datatrove and flat files: golden ones written by hand, and laws for what is between."""

import gzip
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packed_rows import packed_row, write_packed
from trainer_readers import read_litdata, read_mds, read_nanogpt, read_numpy, read_sample

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.exports import ExportRequest, export, mds_layout
from nextlong_hub.exports.nanotron import _metric

COLUMNS = mds_layout.columns_of(
    {"domain": "str", "indices": "ndarray:uint32", "input_ids": "ndarray:uint32", "length": "int"}
)

arrays = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=300).map(lambda values: np.array(values, np.uint32))
tables = st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 2), min_size=1, max_size=20).map(
    lambda rows: np.array(rows, np.uint32)
)
samples = st.fixed_dictionaries(
    {"domain": st.text(max_size=9), "indices": tables, "input_ids": arrays, "length": st.integers(0, 2**40)}
)


def test_one_mds_shard_byte_by_byte(tmp_path: Path) -> None:
    """A sample of three tokens in two documents, every byte of its file and of its index spelled out."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [7, 70_000]), ("b", "web", [1])])])
    export(folder, ExportRequest(format="mds"), tmp_path / "out")
    config = (
        b'{"column_encodings": ["str", "ndarray:uint32", "ndarray:uint32", "int"], '
        b'"column_names": ["domain", "indices", "input_ids", "length"], "column_sizes": [null, null, null, 8], '
        b'"compression": null, "format": "mds", "hashes": [], "size_limit": 67108864, "version": 2}'
    )
    sample = b"".join(
        [
            bytes.fromhex("03000000 13000000 0e000000"),  # bytes of domain, indices, input_ids; length always has 8
            b"web",
            bytes.fromhex("08 02 02  00000000 02000000 02000000 03000000"),  # 2 dimensions, uint8 shape: two by two
            bytes.fromhex("04 03  07000000 70110100 01000000"),  # 1 dimension, uint8 shape 3
            bytes.fromhex("0300000000000000"),
        ]
    )
    first = 4 + 8 + len(config)
    shard = struct.pack("<3I", 1, first, first + len(sample)) + config + sample
    assert (tmp_path / "out" / "shard.00000.mds").read_bytes() == shard
    entry = config.decode()[1:-1].split(', "size_limit"')
    assert (tmp_path / "out" / "index.json").read_text() == (
        '{"shards": [{' + entry[0] + ', "raw_data": {"basename": "shard.00000.mds", "bytes": '
        f'{len(shard)}, "hashes": {{}}}}, "samples": 1, "size_limit"{entry[1]}, "zip_data": null}}], "version": 2}}'
    )


def test_one_megatron_index_byte_by_byte(tmp_path: Path) -> None:
    """Two documents of three and one token, in tokens of four bytes."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [7, 70_000, 8]), ("b", "web", [1])])])
    export(folder, ExportRequest(format="megatron"), tmp_path / "out")
    assert (tmp_path / "out" / "train.idx").read_bytes() == bytes.fromhex(
        "4d4d494449445800 00"  # MMIDIDX
        "0100000000000000 04"  # version, int32
        "0200000000000000 0300000000000000"  # sequences; documents and the end of the last
        "03000000 01000000"
        "0000000000000000 0c00000000000000"
        "0000000000000000 0100000000000000 0200000000000000"
    )
    assert (tmp_path / "out" / "train.bin").read_bytes() == bytes.fromhex("07000000 70110100 08000000 01000000")


def test_one_datatrove_file_byte_by_byte(tmp_path: Path) -> None:
    """The same documents in tokens of two bytes: tokens, ends, and the three lines of its metadata."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [7, 513, 8]), ("b", "web", [1])])])
    export(folder, ExportRequest(format="nanotron", token_bytes=2), tmp_path / "out")
    assert (tmp_path / "out" / "train_00000.ds").read_bytes() == bytes.fromhex("0700 0102 0800 0100")
    ends = bytes.fromhex("0300000000000000 0400000000000000")
    assert (tmp_path / "out" / "train_00000.ds.index").read_bytes() == ends
    assert (tmp_path / "out" / "train_00000.ds.metadata").read_bytes() == b"unknown tokenizer|2\n4\n4.00 T"


def test_one_array_for_olmo_byte_by_byte(tmp_path: Path) -> None:
    """Documents of three and two tokens, whose last gives way to the EOS: tokens without a header, borders, mask."""
    documents = [("a", "web", [7, 513, 8]), ("b", "web", [1, 2])]
    folder = write_packed(tmp_path / "rows", [packed_row("r", documents, [0, 1, 1, 1, 1])], masked=True)
    export(folder, ExportRequest(format="olmo", token_bytes=2, eos_id=9), tmp_path / "out")
    assert (tmp_path / "out" / "token_ids_part_0000.npy").read_bytes() == bytes.fromhex("0700 0102 0900 0100 0900")
    assert (tmp_path / "out" / "labels_mask_part_0000.npy").read_bytes() == bytes.fromhex("00 01 00 01 00")
    borders = (tmp_path / "out" / "token_ids_part_0000.csv.gz").read_bytes()
    assert borders[4:8] == bytes(4)  # no time in its header
    assert gzip.decompress(borders) == b"0,3\n3,5\n"


def test_one_document_for_torchtitan_byte_by_byte(tmp_path: Path) -> None:
    """Three tokens and the EOS behind them, uint32; offsets as NumPy writes them."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [7, 70_000, 8])])])
    export(folder, ExportRequest(format="torchtitan", eos_id=9), tmp_path / "out")
    tokens = bytes.fromhex("07000000 70110100 08000000 09000000")
    assert (tmp_path / "out" / "tokens.bin").read_bytes() == tokens
    offsets = np.load(tmp_path / "out" / "document_offsets.npy")
    assert (offsets.dtype, offsets.tolist()) == (np.dtype("<i8"), [0, 4])


def test_one_file_for_automodel_byte_by_byte(tmp_path: Path) -> None:
    """Two documents and the EOS behind each, in tokens of two and of four bytes, each with its magic number."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [7, 513]), ("b", "web", [1])])])
    for width, magic, tokens in (
        (2, "88d83401", "0700 0102 0900 0100 0900"),
        (4, "cb999f10", "07000000 01020000 09000000 01000000 09000000"),
    ):
        out = tmp_path / str(width)
        export(folder, ExportRequest(format="nanogpt", token_bytes=width, eos_id=9), out)  # type: ignore[arg-type]
        head = bytes.fromhex(f"{magic} 01000000 05000000 0{width}000000") + bytes(1024 - 16)
        assert (out / "train_00000.bin").read_bytes() == head + bytes.fromhex(tokens)
        assert (out / "train_00000.bos.idx").read_bytes() == bytes.fromhex("00000000 03000000")


def test_one_chunk_for_litdata_byte_by_byte(tmp_path: Path) -> None:
    """Two documents: how many, where each begins in the file and where it ends, and int32 tokens."""
    folder = write_packed(tmp_path / "rows", [packed_row("r", [("a", "web", [7, 513]), ("b", "web", [1])])])
    export(folder, ExportRequest(format="litdata", eos_id=9), tmp_path / "out")
    assert (tmp_path / "out" / "chunk-0-0.bin").read_bytes() == bytes.fromhex(
        "02000000  10000000 1c000000 24000000  07000000 01020000 09000000  01000000 09000000"
    )
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert index["chunks"] == [{"chunk_bytes": 20, "chunk_size": 2, "dim": 5, "filename": "chunk-0-0.bin"}]
    assert index["updated_at"] == "0"


def test_arrays_of_numpy_are_what_numpy_saves(tmp_path: Path) -> None:
    """Tokens, offsets and mask: `np.save` writes the same bytes."""
    documents = [("a", "web", [7, 513, 8]), ("b", "web", [1, 2])]
    folder = write_packed(tmp_path / "rows", [packed_row("r", documents, [0, 1, 1, 1, 0])], masked=True)
    export(folder, ExportRequest(format="numpy", token_bytes=2), tmp_path / "out")
    for name, values in (
        ("tokens", np.array([7, 513, 8, 1, 2], "<u2")),
        ("document_offsets", np.array([0, 3, 5], "<i8")),
        ("loss_mask", np.array([0, 1, 1, 1, 0], np.bool_)),
    ):
        np.save(tmp_path / "expected.npy", values)
        assert (tmp_path / "out" / f"{name}_00000.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


@pytest.mark.parametrize(
    ("name", "row_bytes", "pattern", "read"),
    [
        ("nanogpt", 2 * 101, "*.bin", read_nanogpt),
        ("litdata", 4 * 101, "*.bin", read_litdata),
        ("numpy", 2 * 100, "tokens_*.npy", read_numpy),
    ],
)
def test_files_with_a_header_are_closed_at_the_size_asked_for(
    name: str, row_bytes: int, pattern: str, read: Callable[[Path], list[Any]], tmp_path: Path
) -> None:
    """Three of ten equal rows fill a file, in their order; more than an index can count is refused before a byte."""
    rows = [packed_row(f"{number}/", [(f"{number}", "web", [number] * 100)]) for number in range(10)]
    folder = write_packed(tmp_path / "rows", rows)
    choices: dict[str, Any] = {} if name == "litdata" else {"token_bytes": 2}
    choices |= {} if name == "numpy" else {"eos_id": 10}
    export(folder, ExportRequest(format=name, shard_bytes=3 * row_bytes, **choices), tmp_path / "small")
    export(folder, ExportRequest(format=name, **choices), tmp_path / "whole")
    assert (len(list((tmp_path / "small").glob(pattern))), len(list((tmp_path / "whole").glob(pattern)))) == (4, 1)
    assert read(tmp_path / "small") == read(tmp_path / "whole")
    if name != "numpy":
        with pytest.raises(RecipeError, match=f"{name} can index files of 2,147,483,648 bytes, but shard_bytes="):
            export(folder, ExportRequest(format=name, shard_bytes=1 << 32, **choices), tmp_path / "large")
        assert not (tmp_path / "large").exists()


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(1, "1.00 T"), (999, "999 T"), (1000, "1.00 kT"), (131_072, "131 kT"), (4_194_304_000, "4.19 GT")],
)
def test_a_number_of_tokens_for_people(tokens: int, shown: str) -> None:
    """Three digits and an SI prefix, as datatrove writes it."""
    assert _metric(tokens) == shown


@given(samples)
def test_a_sample_is_read_back_as_it_was(sample: dict[str, Any]) -> None:
    """By our reader and by one that shares no code with it, whatever the shape of its arrays."""
    encoded = mds_layout.encode_sample(COLUMNS, sample)
    as_lists = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in sample.items()}
    shard = {
        "column_names": COLUMNS.names,
        "column_encodings": COLUMNS.encodings,
        "column_sizes": COLUMNS.sizes,
    }
    assert read_sample(encoded, shard) == as_lists
    whole = mds_layout.head_bytes([encoded], b"{}") + encoded
    [found] = mds_layout.samples_of(memoryview(whole), COLUMNS, frozenset(COLUMNS.names))
    assert {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in found.items()} == as_lists


@given(st.lists(samples, min_size=1, max_size=4), st.data())
def test_a_cut_shard_is_refused(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """Wherever a shard ends too early, or goes on too long, it is no shard."""
    encoded = [mds_layout.encode_sample(COLUMNS, row) for row in rows]
    whole = mds_layout.head_bytes(encoded, b"{}") + b"".join(encoded)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:cut], whole + b"\0"):
        with pytest.raises(DataError):
            list(mds_layout.samples_of(memoryview(damaged), COLUMNS, frozenset(COLUMNS.names)))


@given(st.lists(samples, min_size=1, max_size=3), st.data())
def test_damage_never_escapes_as_another_error(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """A changed byte is either read as another value or refused in our words."""
    encoded = [mds_layout.encode_sample(COLUMNS, row) for row in rows]
    whole = bytearray(mds_layout.head_bytes(encoded, b"{}") + b"".join(encoded))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        list(mds_layout.samples_of(memoryview(bytes(whole)), COLUMNS, frozenset(COLUMNS.names)))
    except DataError as error:
        assert str(error)


def test_an_empty_array_is_refused() -> None:
    """The format has none, and its reader would fail much later."""
    with pytest.raises(DataError, match="cannot hold an array without elements"):
        mds_layout.encode_array(np.zeros(0, np.uint32))


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 128_255), min_size=1, max_size=200), min_size=1, max_size=12))
def test_rows_of_any_length_survive_mds(tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]]) -> None:
    """Ragged rows come back in order from shards of any size, with indices that cover them."""
    scratch = tmp_path_factory.mktemp("ragged")
    folder = write_packed(scratch / "rows", [packed_row(f"r{n}", [("x", "s", row)]) for n, row in enumerate(rows)])
    export(folder, ExportRequest(format="mds", shard_bytes=1500), scratch / "out")
    assert [(sample["input_ids"], sample["indices"]) for sample in read_mds(scratch / "out")] == [
        (row, [[0, len(row)]]) for row in rows
    ]
    manifest = json.loads((scratch / "out" / "nextlong-export.json").read_text())
    for file in manifest["files"]:
        assert hashlib.sha256((scratch / "out" / file["path"]).read_bytes()).hexdigest() == file["sha256"]


def test_other_encodings_are_read_and_pickles_are_not() -> None:
    """Arrays that tell their own type, arrays of fixed shape, and plain numbers can be decoded; objects cannot."""
    readable = ("ndarray", "ndarray:int64", "ndarray:uint32:2,3", "uint16", "float32", "str", "int")
    assert all(map(mds_layout.can_decode, readable))
    assert not any(map(mds_layout.can_decode, ("pkl", "json", "jpeg", "ndarray:object", "bytes")))
    columns = mds_layout.ShardColumns(
        names=("a", "b", "c"), encodings=("ndarray", "ndarray:uint16:2,1", "uint16"), sizes=(None, 4, 2)
    )
    content = struct.pack("<I", 7) + bytes.fromhex("21 04 01 05000000  0500 0600  0900")
    whole = mds_layout.head_bytes([content], b"") + content
    [sample] = mds_layout.samples_of(memoryview(whole), columns, frozenset("abc"))
    assert sample["a"].tolist() == [5]
    assert sample["a"].dtype == np.int32
    assert (sample["b"].tolist(), sample["c"]) == ([[5], [6]], 9)
