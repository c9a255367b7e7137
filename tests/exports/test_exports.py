"""Exports: every format holds exactly the rows, in the bytes its trainer reads, whole or not at all."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import plain_tokenizer, read_rows, run_command
from packed_rows import packed_row, write_packed
from plugins import install
from trainer_readers import (
    collate_bridge,
    read_jsonl,
    read_litdata,
    read_mds,
    read_megatron,
    read_nanogpt,
    read_nanotron,
    read_numpy,
    read_olmo,
    read_parquet,
    read_prolong,
    read_torchtitan,
)

from nextlong_hub import cli
from nextlong_hub.errors import ConflictError, DataError, NextLongError, RecipeError, StorageError
from nextlong_hub.exports import FORMATS, ExportReport, ExportRequest, export
from nextlong_hub.exports.base import ExportFormat

PACKED = [
    packed_row("p/0", [("ab", "web", [1, 2, 3]), ("cde", "books", [4, 5])]),
    packed_row("p/1", [("f", "web", [6, 7, 8, 9])]),
    packed_row("p/2", [("gh", "web", [10]), ("i", "web", [11, 12])]),
]
"""Three rows of five documents."""
EOS = 50_256
"""That of the embedded tokenizer."""
OPTIONS: dict[str, dict[str, Any]] = {
    "nanotron": {"token_bytes": 2},
    "olmo": {"token_bytes": 2, "eos_id": 0},
    "torchtitan": {"eos_id": 0},
    "megatron-bridge": {"eos_id": 0},
    "litdata": {"eos_id": 0},
    "nanogpt": {"token_bytes": 2, "eos_id": 0},
    "numpy": {"token_bytes": 2},
}
"""What rows without a manifest do not tell."""
PLACE = {"id": "d", "source": "s", "meta_document": "d", "offset": 0, "start": 0, "end": 1}
MASKS = ([0, 1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1])


def run(where: Path, name: str, output: Path, *, force: bool = False, **choices: Any) -> ExportReport:
    """Export under one name, with some choices."""
    return export(where, ExportRequest(format=name, **choices), output, force=force)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed rows without a mask."""
    return write_packed(tmp_path_factory.mktemp("packed"), PACKED)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows as conversations: with a loss mask."""
    rows = [
        packed_row(row.id, [(d.id, d.source, t) for d, t in zip(row.documents, _split(row), strict=True)], mask)
        for row, mask in zip(PACKED, MASKS, strict=True)
    ]
    return write_packed(tmp_path_factory.mktemp("masked"), rows, masked=True)


def _split(row: Any) -> list[list[int]]:
    tokens = iter(row.input_ids.tolist())
    return [[next(tokens) for _ in range(document.tokens)] for document in row.documents]


def test_every_format_gives_the_rows_back(built: Path, tmp_path: Path) -> None:
    """Read by readers that share no code with the export, each format holds the tokens or the texts, in order."""
    rows = read_rows(built)
    tokens = [row["input_ids"] for row in rows]
    for name in FORMATS:
        report = run(built, name, tmp_path / name)
        longer = name in ("litdata", "megatron-bridge", "nanogpt", "torchtitan")
        assert (report.rows, report.documents) == (8, 8)
        assert report.tokens == (0 if name == "text" else 8 * (512 + longer)) == report.learned_tokens
        assert (report.eos_replacing, report.eos_appended) == (8 * (name == "olmo"), 8 * longer)
    samples = list(read_mds(tmp_path / "mds"))
    assert [sample["input_ids"] for sample in samples] == tokens
    assert {(str(s["indices"]), s["length"], s["domain"]) for s in samples} == {("[[0, 512]]", 512, "corpus")}
    assert read_parquet(tmp_path / "trl") == [{"input_ids": t, "labels": t, "seq_lengths": [512]} for t in tokens]
    ones = [1] * 512
    assert read_parquet(tmp_path / "axolotl") == [{"input_ids": t, "attention_mask": ones, "labels": t} for t in tokens]
    assert read_parquet(tmp_path / "text") == [{"text": row["text"]} for row in rows]
    assert read_megatron(tmp_path / "megatron") == tokens
    assert read_nanotron(tmp_path / "nanotron") == tokens
    ended = [[*t, EOS] for t in tokens]
    assert read_torchtitan(tmp_path / "torchtitan") == ended
    assert read_nanogpt(tmp_path / "nanogpt") == read_litdata(tmp_path / "litdata") == ended
    assert read_numpy(tmp_path / "numpy") == [(t, None) for t in tokens]
    assert read_olmo(tmp_path / "olmo", 2) == [([*t[:-1], EOS], None) for t in tokens]
    assert collate_bridge(read_parquet(tmp_path / "megatron-bridge")) == [[(t, [*t[1:], EOS])] for t in tokens]
    assert read_parquet(tmp_path / "skyrl") == [{"input_ids": t, "loss_mask": [0, *ones[1:]]} for t in tokens]
    assert read_jsonl(tmp_path / "jsonl") == [
        {
            "id": row["id"],
            "source": "corpus",
            "text": row["text"],
            "input_ids": row["input_ids"],
            "seq_lengths": [512],
        }
        for row in rows
    ]


def test_prolong_takes_no_loss_on_the_first_token_of_a_document(packed: Path, tmp_path: Path) -> None:
    """Under the documented rules of its collator: spans of one token are dropped, each other one starts with -100."""
    run(packed, "mds", tmp_path / "out")
    assert list(read_prolong(tmp_path / "out")) == [
        {"input_ids": [1, 2, 3, 4, 5], "labels": [-100, 2, 3, -100, 5], "seq_lengths": [3, 2]},
        {"input_ids": [6, 7, 8, 9], "labels": [-100, 7, 8, 9], "seq_lengths": [4]},
        {"input_ids": [11, 12], "labels": [-100, 12], "seq_lengths": [2]},
    ]
    assert [sample["domain"] for sample in read_mds(tmp_path / "out")] == ["mixed", "web", "web"]


def test_packed_rows_keep_their_documents_apart(packed: Path, tmp_path: Path) -> None:
    """A format either carries the lengths or gets a document a row; none joins two documents."""
    for name in FORMATS:
        run(packed, name, tmp_path / name, **OPTIONS.get(name, {}))
    documents = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [10], [11, 12]]
    assert [sample["indices"] for sample in read_mds(tmp_path / "mds")] == [
        [[0, 3], [3, 5]],
        [[0, 4]],
        [[0, 1], [1, 3]],
    ]
    assert [row["seq_lengths"] for row in read_parquet(tmp_path / "trl")] == [[3, 2], [4], [1, 2]]
    assert [row["input_ids"] for row in read_parquet(tmp_path / "axolotl")] == documents
    assert [row["text"] for row in read_parquet(tmp_path / "text")] == ["ab", "cde", "f", "gh", "i"]
    assert read_megatron(tmp_path / "megatron") == documents
    assert read_nanotron(tmp_path / "nanotron") == documents
    assert [row["seq_lengths"] for row in read_jsonl(tmp_path / "jsonl")] == [[3, 2], [4], [1, 2]]
    ended = [[*document, 0] for document in documents]
    assert read_torchtitan(tmp_path / "torchtitan") == ended
    assert read_nanogpt(tmp_path / "nanogpt") == read_litdata(tmp_path / "litdata") == ended
    assert read_numpy(tmp_path / "numpy") == [(document, None) for document in documents]
    assert read_olmo(tmp_path / "olmo", 2) == [([*document[:-1], 0], None) for document in documents]
    assert [row["input_ids"] for row in read_parquet(tmp_path / "skyrl")] == documents
    bridge = [[inputs for inputs, _ in row] for row in collate_bridge(read_parquet(tmp_path / "megatron-bridge"))]
    assert bridge == [documents[:2], documents[2:3], documents[3:]]


def test_rows_that_documents_share_are_warned_of(packed: Path, built: Path, tmp_path: Path) -> None:
    """Under context parallelism few trainers keep them apart; a row that is one document is safe, and not warned of."""
    for name in ("trl", "megatron-bridge", "jsonl"):
        assert "context" in run(packed, name, tmp_path / name, **OPTIONS.get(name, {})).shared_rows
        assert run(built, name, tmp_path / "whole" / name).shared_rows == ""
    for name in ("mds", "skyrl", "olmo", "axolotl"):
        assert run(packed, name, tmp_path / name, **OPTIONS.get(name, {})).shared_rows == ""
    again = run(packed, "trl", tmp_path / "trl")
    assert again.is_unchanged and "cp_size=1" in again.shared_rows
    said = run_command("export", str(packed), "trl", "--output", str(tmp_path / "trl"))
    assert "5 documents share 3 rows. TRL lets them see each other" in " ".join((said.stdout + said.stderr).split())


def test_the_loss_mask_becomes_labels(masked: Path, tmp_path: Path) -> None:
    """Where the mask is 0 the label is -100, or MDS has its `mask`; a format that would lose it is refused."""
    for name in ("mds", "trl", "axolotl", "jsonl", "skyrl"):
        report = run(masked, name, tmp_path / name)
        assert (report.tokens, report.learned_tokens) == (12, 7)
    assert [sample["mask"] for sample in read_mds(tmp_path / "mds")] == list(MASKS)
    labels = [[-100, 2, 3], [-100, 5], [-100, -100, 8, 9], [10], [-100, 12]]
    assert [row["labels"] for row in read_parquet(tmp_path / "axolotl")] == labels
    joined = [labels[0] + labels[1], labels[2], labels[3] + labels[4]]
    assert [row["labels"] for row in read_parquet(tmp_path / "trl")] == joined
    assert [row["assistant_masks"] for row in read_jsonl(tmp_path / "jsonl")] == list(MASKS)
    assert [batch["labels"] for batch in read_prolong(tmp_path / "mds", masked=True)][1] == [-100, -100, 8, 9]
    assert [row["loss_mask"] for row in read_parquet(tmp_path / "skyrl")] == [
        [0, 1, 1],
        [0, 1],
        [0, 0, 1, 1],
        [0],
        [0, 1],
    ]
    run(masked, "olmo", tmp_path / "olmo", **OPTIONS["olmo"])
    assert [mask for _, mask in read_olmo(tmp_path / "olmo", 2)] == [[0, 1, 0], [0, 0], [0, 0, 1, 0], [0], [0, 0]]
    run(masked, "megatron-bridge", tmp_path / "bridge", eos_id=0)
    learnt = [labels for row in collate_bridge(read_parquet(tmp_path / "bridge")) for _, labels in row]
    assert learnt == [[2, 3, -100], [5, -100], [-100, 8, 9, -100], [-100], [12, -100]]
    for name in ("text", "litdata", "megatron", "nanogpt", "nanotron", "torchtitan"):
        with pytest.raises(RecipeError, match=f"has a loss mask, which {name} cannot carry"):
            run(masked, name, tmp_path / name)
        assert not (tmp_path / name).exists()


def test_samples_are_packed_into_longer_rows(built: Path, tmp_path: Path) -> None:
    """Eight rows of 512 tokens in rows of 2,048: four documents each, none cut, in their order."""
    report = run(built, "mds", tmp_path / "out", pack_tokens=2048)
    assert (report.rows, report.documents, report.tokens) == (2, 8, 4096)
    first, second = read_mds(tmp_path / "out")
    assert first["indices"] == second["indices"] == [[0, 512], [512, 1024], [1024, 1536], [1536, 2048]]
    assert first["input_ids"] + second["input_ids"] == [t for row in read_rows(built) for t in row["input_ids"]]
    run(built, "trl", tmp_path / "trl", pack_tokens=1100)
    assert [row["seq_lengths"] for row in read_parquet(tmp_path / "trl")] == [[512, 512]] * 4


def test_packed_rows_are_packed_anew(masked: Path, tmp_path: Path) -> None:
    """Documents leave their rows for fuller ones and take their mask along."""
    run(masked, "jsonl", tmp_path / "out", pack_tokens=6)
    rows = read_jsonl(tmp_path / "out")
    assert [row["input_ids"] for row in rows] == [[1, 2, 3, 10, 11, 12], [4, 5, 6, 7, 8, 9]]
    assert [row["assistant_masks"] for row in rows] == [[0, 1, 1, 1, 0, 1], [0, 1, 0, 0, 1, 1]]
    assert [row["text"] for row in rows] == ["abghi", "cdef"]
    with pytest.raises(DataError, match="the document 'f' has 4 tokens, which do not fit into rows of 3"):
        run(masked, "jsonl", tmp_path / "short", pack_tokens=3)


def test_a_folder_for_each_source(packed: Path, tmp_path: Path) -> None:
    """Each source is an MDS dataset of its own, and the index above them reads all; packing never mixes them."""
    run(packed, "mds", tmp_path / "out", by_source=True, pack_tokens=8)
    assert [sample["domain"] for sample in read_mds(tmp_path / "out" / "books")] == ["books"]
    assert [sample["input_ids"] for sample in read_mds(tmp_path / "out" / "web")] == [
        [1, 2, 3, 6, 7, 8, 9, 10],
        [11, 12],
    ]
    assert [sample["length"] for sample in read_mds(tmp_path / "out")] == [2, 8, 2]


@pytest.mark.parametrize("source", ["..", ".", "../evil", "a/b", "a\\b", ".hidden", "ü ß", "a:b"])
def test_a_source_can_name_no_folder_elsewhere(source: str, tmp_path: Path) -> None:
    """Whatever a corpus calls its sources, their folders lie inside the export."""
    folder = write_packed(tmp_path / "data", [packed_row("r", [("x", source, [1])])])
    run(folder, "mds", tmp_path / "out", by_source=True)
    [made] = [path for path in (tmp_path / "out").iterdir() if path.is_dir()]
    assert made.parent == tmp_path / "out"
    assert not made.name.startswith(".")
    assert [sample["domain"] for sample in read_mds(tmp_path / "out")] == [source]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mds", "trl", "axolotl", "text", "nanotron", "jsonl"])
def test_files_are_closed_at_the_size_asked_for(name: str, built: Path, tmp_path: Path) -> None:
    """Small files hold the same rows in the same order."""
    report = run(built, name, tmp_path / "small", shard_bytes=2500)
    run(built, name, tmp_path / "large")
    data = [file for file in report.files if file.path.endswith((".mds", ".parquet", ".ds", ".jsonl"))]
    assert len(data) > 2
    readers = {"mds": lambda f: list(read_mds(f)), "nanotron": read_nanotron, "jsonl": read_jsonl}
    read = readers.get(name, read_parquet)
    assert read(tmp_path / "small") == read(tmp_path / "large")


VALUE_BYTES = {"trl": 4 * (100 + 100 + 1), "axolotl": 4 * 3 * 100, "text": 100}
"""Of a row of a hundred tokens and characters, where they are counted before they are encoded."""


@pytest.mark.parametrize("name", ["mds", "trl", "axolotl", "text", "nanotron", "jsonl"])
def test_files_are_filled_up_to_the_size_asked_for(name: str, tmp_path: Path) -> None:
    """Ten equal rows: three in each file where three fit, one in each where none does, the rest in the last."""
    rows = [packed_row(f"{number}/", [("x" * 100, "web", [number] * 100)]) for number in range(10)]
    folder = write_packed(tmp_path / "data", rows)
    choices = {"token_bytes": 2} if name == "nanotron" else {}

    def files_of(shard_bytes: int) -> list[int]:
        """The rows of each file of Parquet, the bytes of each other file that holds rows."""
        output = tmp_path / str(shard_bytes)
        report = run(folder, name, output, shard_bytes=shard_bytes, **choices)
        data = [file for file in report.files if file.path.endswith((".mds", ".parquet", ".ds", ".jsonl"))]
        read = {"mds": lambda where: list(read_mds(where)), "nanotron": read_nanotron, "jsonl": read_jsonl}
        assert len(read.get(name, read_parquet)(output)) == 10
        names = sorted((file.path, file.bytes) for file in data)
        return [pq.read_metadata(output / path).num_rows if name in VALUE_BYTES else size for path, size in names]

    [whole] = files_of(1 << 20)
    ones = files_of(1)
    assert len(ones) == 10
    row_bytes = VALUE_BYTES.get(name, (whole - ones[0]) // 9)
    room = ones[0] - row_bytes if name == "mds" else 0  # a shard's own settings count
    threes = files_of(3 * row_bytes + room + (0 if name == "nanotron" else row_bytes // 2))
    assert len(threes) == 4
    assert threes[0] == threes[1] == threes[2] > threes[3] >= ones[0]


@pytest.mark.parametrize("name", ["mds", "jsonl"])
def test_compressed_files_hold_the_same(name: str, built: Path, tmp_path: Path) -> None:
    """With zstd the files are smaller and read the same; digests of MDS are those of the bytes."""
    hashes = ("sha1",) if name == "mds" else ()
    small = run(built, name, tmp_path / "small", compression="zstd", hashes=hashes)
    large = run(built, name, tmp_path / "large")
    assert small.bytes < large.bytes
    read = {"mds": lambda folder: list(read_mds(folder)), "jsonl": read_jsonl}[name]
    assert read(tmp_path / "small") == read(tmp_path / "large")
    if name == "mds":
        [shard] = json.loads((tmp_path / "small" / "index.json").read_text())["shards"]
        packed = (tmp_path / "small" / shard["zip_data"]["basename"]).read_bytes()
        plain = (tmp_path / "large" / shard["raw_data"]["basename"]).read_bytes()
        assert shard["zip_data"]["hashes"]["sha1"] == hashlib.sha1(packed).hexdigest()
        assert len(plain) != shard["raw_data"]["bytes"]  # the settings are part of a shard


def test_another_tokenizer_encodes_the_texts(built: Path, tmp_path: Path) -> None:
    """Rows without tokens get them from their text, as do rows for another model; any number of threads, same bytes."""
    folder = tmp_path / "texts"
    for file in (built / "data" / "tiny").iterdir():
        table = pq.read_table(file).drop_columns(["input_ids"])
        (folder / "tiny").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / "tiny" / file.name)
    with pytest.raises(RecipeError, match=r"tiny of .* has no input_ids, and mds needs tokens; name the tokenizer"):
        run(folder, "mds", tmp_path / "none")
    for threads in (1, 3):
        request = ExportRequest(format="mds", tokenizer="demo")
        export(folder, request, tmp_path / f"threads{threads}", threads=threads)
    assert bytes_of(tmp_path / "threads1") == bytes_of(tmp_path / "threads3")
    expected = [plain_tokenizer().encode(row["text"]).ids for row in read_rows(built)]
    assert [sample["input_ids"] for sample in read_mds(tmp_path / "threads1")] == expected


def test_the_vocabulary_decides_the_bytes_of_a_token(built: Path, packed: Path, tmp_path: Path) -> None:
    """GPT-2's fits into two; where nobody knows it Megatron gets four, and nanotron must be told."""
    run(built, "megatron", tmp_path / "small")
    assert (tmp_path / "small" / "train.bin").stat().st_size == 2 * 8 * 512
    run(built, "megatron", tmp_path / "wide", token_bytes=4)
    assert read_megatron(tmp_path / "wide") == read_megatron(tmp_path / "small")
    run(packed, "megatron", tmp_path / "unknown")
    assert (tmp_path / "unknown" / "train.bin").stat().st_size == 4 * 12
    with pytest.raises(RecipeError, match="which this dataset does not tell; name its tokenizer with tokenizer="):
        run(packed, "nanotron", tmp_path / "nanotron")


def test_an_id_beyond_sixteen_bits_is_refused_for_two_bytes(tmp_path: Path) -> None:
    """It is named, nothing is wrapped round, and no file is left under its final name."""
    folder = write_packed(tmp_path / "data", [packed_row("r", [("x", "web", [65_535, 65_536])])])
    for name in ("megatron", "nanotron", "numpy"):
        with pytest.raises(DataError, match="row 'r' has the token id 65,536, which does not fit into 2 bytes"):
            run(folder, name, tmp_path / name, token_bytes=2)
        assert {path.name for path in (tmp_path / name).iterdir()} == {"nextlong-export.json", ".nextlong-files.jsonl"}
        run(folder, name, tmp_path / f"{name}4", token_bytes=4)
    assert read_megatron(tmp_path / "megatron4") == read_nanotron(tmp_path / "nanotron4") == [[65_535, 65_536]]


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("mdx", {}, r"no export format 'mdx'; there are: axolotl, .* \(did you mean 'mds'\?\)"),
        ("mds", {"config": "64k"}, "has no configuration '64k'; it has: tiny"),
        ("axolotl", {"pack_tokens": 1024}, "axolotl cannot carry rows of several documents; leave out pack="),
        ("text", {"pack_tokens": 1024}, "text cannot carry rows of several documents"),
        ("text", {"tokenizer": "demo"}, "text is text, which its trainer encodes itself"),
        ("trl", {"compression": "zstd"}, "trl cannot be compressed with zstd"),
        ("trl", {"by_source": True}, "trl has no folders for sources"),
        ("mds", {"hashes": ("crc32",)}, "mds holds no crc32 digests; it takes hash= blake2b or md5 or sha1"),
        ("megatron", {"shard_bytes": 5}, "megatron puts all tokens into one file; leave out shard_bytes="),
        ("mds", {"shard_bytes": 1 << 32}, r"mds can index files of 4,294,967,295 bytes, but shard_bytes="),
        ("mds", {"token_bytes": 2}, "mds leaves no choice how many bytes a token has"),
    ],
)
def test_what_a_format_cannot_carry_is_refused(
    name: str, choices: dict[str, Any], message: str, built: Path, tmp_path: Path
) -> None:
    """Every refusal names what came and what to do, before a row is written."""
    with pytest.raises(NextLongError, match=message):
        run(built, name, tmp_path / "out", **choices)


def test_packing_counts_tokens(tmp_path: Path) -> None:
    """Texts without tokens cannot be packed, unless a tokenizer is named."""
    folder = write_packed(tmp_path / "data", PACKED, tokens=False)
    with pytest.raises(RecipeError, match="pack= counts tokens, and jsonl has none here"):
        run(folder, "jsonl", tmp_path / "out", pack_tokens=8)
    run(folder, "jsonl", tmp_path / "out", pack_tokens=8, tokenizer="demo")
    assert sum(sum(row["seq_lengths"]) for row in read_jsonl(tmp_path / "out")) >= 5


def test_a_finished_export_is_left_as_it_is(dataset: Path, tmp_path: Path) -> None:
    """The same command again changes no byte and says so; a file that was damaged since is written anew."""
    output = tmp_path / "out"
    assert not run(dataset, "mds", output).is_unchanged
    once = bytes_of(output)
    stamps = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    assert run(dataset, "mds", output).is_unchanged
    assert {path: path.stat().st_mtime_ns for path in output.iterdir()} == stamps
    shard = output / "shard.00000.mds"
    content = shard.read_bytes()
    for damaged in (b"damaged", content[:-1] + bytes([content[-1] ^ 1]), content + b"\0"):
        shard.write_bytes(damaged)
        assert not run(dataset, "mds", output).is_unchanged
        assert bytes_of(output) == once


def test_an_export_vouches_for_its_files(built: Path, tmp_path: Path) -> None:
    """The manifest names each file with its sha256, and nothing of this machine."""
    for name in FORMATS:
        output = tmp_path / name
        run(built, name, output)
        files = {path: content for path, content in bytes_of(output).items() if path != "nextlong-export.json"}
        manifest = json.loads((output / "nextlong-export.json").read_text())
        assert {file["path"]: file["sha256"] for file in manifest["files"]} == {
            path: hashlib.sha256(content).hexdigest() for path, content in files.items()
        }
        assert str(tmp_path) not in json.dumps(manifest)


def test_a_folder_of_somebody_else_is_refused(built: Path, tmp_path: Path) -> None:
    """Neither notes, nor a dataset, nor another export is written over."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("mine")
    for occupied in (tmp_path / "notes", built):
        before = bytes_of(occupied)
        with pytest.raises(ConflictError, match="was not made by nextlong-hub export; choose an empty or new folder"):
            run(built, "mds", occupied)
        assert bytes_of(occupied) == before
    run(built, "mds", tmp_path / "mds")
    with pytest.raises(ConflictError, match=r"holds another export \(settings differ\)"):
        run(built, "mds", tmp_path / "mds", compression="zstd")
    with pytest.raises(ConflictError, match="is a file, but a folder is needed"):
        run(built, "mds", tmp_path / "notes" / "todo.txt")


def test_what_is_in_the_way_is_replaced_when_that_is_asked_for(built: Path, tmp_path: Path) -> None:
    """In a folder of somebody else files with the names of ours; of another export all; a link is never followed."""
    fresh, theirs, precious = tmp_path / "fresh", tmp_path / "theirs", tmp_path / "precious"
    run(built, "mds", fresh)
    theirs.mkdir()
    precious.write_text("mine")
    (theirs / "todo.txt").write_text("mine")
    [index] = fresh.rglob("index.json")
    (theirs / index.relative_to(fresh).parent).mkdir(exist_ok=True)
    (theirs / index.relative_to(fresh)).symlink_to(precious)
    run(built, "mds", theirs, force=True)
    assert bytes_of(theirs) == {**bytes_of(fresh), "todo.txt": b"mine"}
    assert precious.read_text() == "mine"
    assert run(built, "mds", theirs, force=True).is_unchanged
    run(built, "jsonl", theirs, force=True)
    run(built, "jsonl", tmp_path / "jsonl")
    assert bytes_of(theirs) == {**bytes_of(tmp_path / "jsonl"), "todo.txt": b"mine"}
    [name] = {path.name for path in (tmp_path / "jsonl").iterdir()} - {"nextlong-export.json"}
    (tmp_path / "odd" / name).mkdir(parents=True)
    with pytest.raises(ConflictError, match="it is a folder"):
        run(built, "jsonl", tmp_path / "odd", force=True)


def test_a_damaged_shard_is_named(dataset: Path, tmp_path: Path) -> None:
    """A flipped bit in the tokens is an error with the file's name, and no manifest vouches for the export."""
    [shard] = list((dataset / "data" / "tiny").iterdir())
    content = bytearray(shard.read_bytes())
    place = pq.read_metadata(shard).row_group(0).column(2).data_page_offset
    content[place + 200] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet cannot be read: .*CRC"):
        run(dataset, "mds", tmp_path / "out")
    assert "files" not in json.loads((tmp_path / "out" / "nextlong-export.json").read_text())


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("input_ids", [[1, None]], "row 'r' has no whole numbers in input_ids"),
        ("input_ids", [None], "row 'r' has no whole numbers in input_ids"),
        ("input_ids", [[1, -1]], "has input_ids from -1 to 1, which are no token ids"),
        ("input_ids", [[1.5]], "row 'r' has no whole numbers in input_ids"),
        ("assistant_masks", [[1]], "row 'r' has 2 tokens and assistant_masks of 1"),
        ("documents", [[{**PLACE, "tokens": 3}]], "its documents have 3"),
    ],
)
def test_a_row_that_does_not_fit_together_is_named(
    column: str, values: list[Any], message: str, tmp_path: Path
) -> None:
    """Rows of others are checked before a trainer sees them."""
    table = pa.table({"id": ["r"], "text": ["x"], "input_ids": [[1, 2]]})
    table = table.drop_columns([column]) if column in table.column_names else table
    (tmp_path / "data").mkdir()
    pq.write_table(table.append_column(column, pa.array(values)), tmp_path / "data" / "rows.parquet")
    with pytest.raises(DataError, match=message):
        run(tmp_path / "data", "mds", tmp_path / "out")


def test_rows_of_others_need_no_ids_and_no_sources(tmp_path: Path) -> None:
    """A folder of Parquet with tokens is enough; rows are numbered, and their source is unknown."""
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"input_ids": [[1, 2], [3]]}), tmp_path / "data" / "rows.parquet")
    run(tmp_path / "data", "mds", tmp_path / "out")
    assert [(s["domain"], s["input_ids"]) for s in read_mds(tmp_path / "out")] == [
        ("unknown", [1, 2]),
        ("unknown", [3]),
    ]
    with pytest.raises(RecipeError, match=r"default of .* has no text, and text needs it"):
        run(tmp_path / "data", "text", tmp_path / "text")


def test_no_rows_are_no_export(tmp_path: Path) -> None:
    """A trainer that is handed nothing fails later and worse."""
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"input_ids": pa.array([], pa.list_(pa.int32()))}), tmp_path / "data" / "rows.parquet")
    with pytest.raises(DataError, match="has no rows, so there is nothing to export"):
        run(tmp_path / "data", "mds", tmp_path / "out")


@pytest.mark.parametrize("name", ["mds", "trl", "megatron", "jsonl"])
def test_a_full_disk_is_told_and_leaves_no_half_file(name: str, tmp_path: Path, small_disk: Path) -> None:
    """Exit code 7; what has its final name is whole."""
    noise = [[(number * 2_654_435_761 + place * 40_503) % 50_000 for place in range(20_000)] for number in range(16)]
    folder = write_packed(tmp_path / "data", [packed_row(f"r{n}", [("x", "s", t)]) for n, t in enumerate(noise)])
    with pytest.raises(StorageError, match="No space left on device; free some space there"):
        run(folder, name, small_disk / "out")
    left = [path.name for path in (small_disk / "out").rglob("*") if path.is_file()]
    assert {*left} == {"nextlong-export.json", ".nextlong-files.jsonl"}


@pytest.mark.slow
def test_a_killed_export_can_be_started_again(built: Path, tmp_path: Path) -> None:
    """What was being written is swept away, and the result is that of an undisturbed run."""
    output = tmp_path / "out"
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from nextlong_hub.exports import ExportRequest, export, mds\n"
        "class Killed(mds._Folder):\n"
        "    def _close(self):\n"
        "        super()._close()\n"
        "        if len(self.entries) == 2:\n"
        "            (Path(sys.argv[2]) / f'.shard.00001.mds.{os.getpid()}.tmp').write_bytes(b'half')\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "mds._Folder = Killed\n"
        "export(sys.argv[1], ExportRequest(format='mds', shard_bytes=5000), Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, built, output], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(output.iterdir())) == 5
    run(built, "mds", output, shard_bytes=5000)
    run(built, "mds", tmp_path / "undisturbed", shard_bytes=5000)
    assert bytes_of(output) == bytes_of(tmp_path / "undisturbed")


@pytest.mark.slow
def test_the_command_line_exports(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command writes, prints where the trainer takes the folder, and speaks JSON; a refusal is exit code 2."""
    done = run_command("export", built, "mds", "--output", tmp_path / "out", "--pack", "1024", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"--tokenized_mds_train {tmp_path / 'out'}" in done.stdout
    assert cli.run(["export", str(built), "mds", "--output", str(tmp_path / "out"), "--pack", "1024", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["is_unchanged"], report["rows"], report["documents"]) == (True, 4, 8)
    assert cli.run(["export", str(built), "mdss", "--output", str(tmp_path / "other")]) == 2
    shown, errors = capsys.readouterr()
    assert shown == ""
    assert "did you mean 'mds'?" in errors
    assert cli.run(["export", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{name}" in shown for name in FORMATS)


def test_help_says_which_formats_take_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The options that only some formats take name exactly those formats."""
    assert cli.run(["export", "--help"]) == 0
    options = re.split(r"\n  --", capsys.readouterr().out)
    takes: dict[str, Callable[[ExportFormat], bool]] = {
        "compression": lambda one: bool(one.compressions),
        "by-source": lambda one: one.takes_sources_apart,
        "token-bytes": lambda one: one.token_bytes is not None,
    }
    for option, is_taken in takes.items():
        [shown] = [text for text in options if text.startswith(option)]
        assert {name for name in FORMATS if re.search(rf"\b{name}\b", shown)} == {
            one.name for one in FORMATS.values() if is_taken(one)
        }


def test_every_format_has_its_line_for_the_trainer(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The closing line of each format names the folder."""
    for name in FORMATS:
        folder = tmp_path / name
        assert cli.run(["export", str(built), name, "--output", str(folder), "--num-proc", "1", "--quiet"]) == 0
        assert str(folder) in capsys.readouterr().out.split("For the trainer:")[1]


def test_a_format_of_another_package_is_exported_to(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An entry point is enough: the rows go to its function, and the closing line is the one it gives."""
    source = """
        from nextlong_hub.exports.base import ExportFormat

        def write(rows, writer, settings):
            writer.put("tape.txt", "".join(f"{row.id} {len(row.text)}\\n" for row in rows).encode())

        FORMAT = ExportFormat(
            name="tape", reader="tape readers", trainer_setting="read {0}/tape.txt", write=write, tokens="never",
            wants_text=True, takes_packed_rows=True, takes_loss_mask=False, shard_bytes=0,
        )
    """
    install(tmp_path / "site", "tapes", source, {"nextlong_hub.exports": {"tape": "FORMAT"}})
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert cli.run(["export", str(built), "tape", "--output", str(tmp_path / "out"), "--quiet"]) == 0
    assert f"read {tmp_path / 'out'}/tape.txt" in capsys.readouterr().out
    rows = read_rows(built)
    assert (tmp_path / "out" / "tape.txt").read_text() == "".join(f"{r['id']} {len(r['text'])}\n" for r in rows)


@pytest.mark.slow
def test_load_dataset_reads_what_is_parquet(built: Path, tmp_path: Path) -> None:
    """An export for TRL, axolotl or LLaMA-Factory is a folder that load_dataset reads as it is."""
    script = (
        "import sys, datasets\n"
        "datasets.disable_progress_bars()\n"
        "for folder in sys.argv[1:]:\n"
        "    rows = datasets.load_dataset(folder, split='train', streaming=True)\n"
        "    print(len(list(rows)), *rows.column_names)\n"
    )
    folders = [tmp_path / name for name in ("trl", "axolotl", "text")]
    for folder in folders:
        run(built, folder.name, folder)
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, *folders], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split("\n")[:3] == [
        "8 input_ids labels seq_lengths",
        "8 input_ids attention_mask labels",
        "8 text",
    ]
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


def test_what_olmo_masks_is_told(tmp_path: Path) -> None:
    """Documents with a few tokens 32 times on end are counted where the reader takes them out of the loss."""
    texts = [[("a/0", "s", [*range(1, 50)]), ("a/1", "s", [7, 8] * 33)], [("a/2", "s", [7, 8] * 32)]]
    rows = [packed_row(f"a/{number:06d}", own) for number, own in enumerate(texts)]
    folder = write_packed(tmp_path / "packed", rows)
    # The EOS stands in the place of the last token: what is 32 times there without it is so 31 times.
    assert run(folder, "olmo", tmp_path / "olmo", token_bytes=2, eos_id=0).masked_documents == 1
    assert run(folder, "jsonl", tmp_path / "jsonl").masked_documents == 0
