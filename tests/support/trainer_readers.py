"""What trainers read, read without our code: one tiny reader a format, written from the formats' descriptions."""

import gzip
import itertools
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SHAPE_TYPES = ("B", "H", "I", "Q")
VALUE_TYPES = {"uint8": "B", "uint32": "I"}


def read_mds(folder: Path) -> Iterator[dict[str, Any]]:
    """The samples that an `index.json` leads to, shard by shard."""
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        content = read_shard_bytes(folder, shard)
        (count,) = struct.unpack_from("<I", content)
        offsets = struct.unpack_from(f"<{count + 1}I", content, 4)
        header = json.loads(content[4 * (count + 2) : offsets[0]])
        assert count == shard["samples"]
        assert header == {key: shard[key] for key in header}
        for number in range(count):
            yield read_sample(content[offsets[number] : offsets[number + 1]], shard)


def read_shard_bytes(folder: Path, shard: dict[str, Any]) -> bytes:
    """A shard's bytes, decompressed; sizes must be what the index says."""
    raw = shard["raw_data"]
    if shard["compression"] is None:
        assert shard["zip_data"] is None
        content = (folder / raw["basename"]).read_bytes()
    else:
        packed = (folder / shard["zip_data"]["basename"]).read_bytes()
        assert len(packed) == shard["zip_data"]["bytes"]
        content = pa.decompress(packed, decompressed_size=raw["bytes"], codec="zstd", asbytes=True)
    assert len(content) == raw["bytes"]
    return content


def read_sample(content: bytes, shard: dict[str, Any]) -> dict[str, Any]:
    """One sample's columns."""
    free = sum(size is None for size in shard["column_sizes"])
    sizes = list(struct.unpack_from(f"<{free}I", content))
    place = 4 * free
    values: dict[str, Any] = {}
    for name, encoding, size in zip(
        shard["column_names"], shard["column_encodings"], shard["column_sizes"], strict=True
    ):
        length = sizes.pop(0) if size is None else size
        values[name] = decode(encoding, content[place : place + length])
        place += length
    assert place == len(content)
    return values


def decode(encoding: str, content: bytes) -> Any:
    """One value: text, a 64-bit integer, or an array as nested lists."""
    if encoding == "str":
        return content.decode()
    if encoding == "int":
        return struct.unpack("<q", content)[0]
    dimensions, code = content[0] >> 2, content[0] & 3
    shape = struct.unpack_from(f"<{dimensions}{SHAPE_TYPES[code]}", content, 1)
    values = content[1 + dimensions * 2**code :]
    kind = VALUE_TYPES[encoding.removeprefix("ndarray:")]
    flat = list(struct.unpack(f"<{len(values) // struct.calcsize(kind)}{kind}", values))
    if dimensions == 1:
        return flat
    rows, columns = shape
    return [flat[row * columns : (row + 1) * columns] for row in range(rows)]


def read_prolong(folder: Path, *, masked: bool = False, most_tokens: int = 1 << 32) -> Iterator[dict[str, Any]]:
    """What ProLong's collator makes of each sample: spans joined, the first label of each span without loss.

    Spans of one token are dropped and those beyond `most_tokens` are cut; labels are not shifted yet.
    """
    for sample in read_mds(folder):
        tokens = sample["input_ids"]
        learned = sample["mask"] if masked else [1] * len(tokens)
        spans = sample.get("indices", [[0, len(tokens)]])
        batch: dict[str, list[int]] = {"input_ids": [], "labels": [], "seq_lengths": []}
        for start, end in spans:
            end = min(end, start + most_tokens - len(batch["input_ids"]))
            if end - start > 1:
                labels = [t if m else -100 for t, m in zip(tokens[start:end], learned[start:end], strict=True)]
                batch["input_ids"] += tokens[start:end]
                batch["labels"] += [-100, *labels[1:]]
                batch["seq_lengths"].append(end - start)
        yield batch


def read_parquet(folder: Path) -> list[dict[str, Any]]:
    """The rows of all Parquet files, in the order of their names."""
    return [row for file in sorted((folder / "data").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def read_megatron(folder: Path) -> list[list[int]]:
    """The documents of `train.bin`, found by `train.idx`."""
    index = (folder / "train.idx").read_bytes()
    magic, version, code, sequences, documents = struct.unpack_from("<9sQBQQ", index)
    assert (magic, version) == (b"MMIDIDX\0\0", 1)
    place = struct.calcsize("<9sQBQQ")
    lengths = np.frombuffer(index, np.int32, sequences, place)
    pointers = np.frombuffer(index, np.int64, sequences, place + 4 * sequences)
    borders = np.frombuffer(index, np.int64, documents, place + 12 * sequences)
    assert place + 12 * sequences + 8 * documents == len(index)
    assert borders.tolist() == list(range(sequences + 1))
    kind = {8: np.dtype("<u2"), 4: np.dtype("<i4")}[code]
    tokens = (folder / "train.bin").read_bytes()
    assert len(tokens) == int(lengths.sum()) * kind.itemsize
    return [np.frombuffer(tokens, kind, n, p).tolist() for n, p in zip(lengths, pointers, strict=True)]


def read_nanotron(folder: Path) -> list[list[int]]:
    """The documents of all `.ds` files, found by their indexes."""
    found = []
    for file in sorted(folder.glob("*.ds")):
        name, count, _ = file.with_name(f"{file.name}.metadata").read_text().split("\n")
        tokens = np.frombuffer(file.read_bytes(), {"2": "<u2", "4": "<u4"}[name.split("|")[1]]).tolist()
        ends = np.frombuffer(file.with_name(f"{file.name}.index").read_bytes(), "<u8").tolist()
        assert ends[-1] == len(tokens) == int(count)
        found += [tokens[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return found


def read_jsonl(folder: Path) -> list[dict[str, Any]]:
    """The rows of all JSON Lines files, decompressed where they end in `.zst`."""
    found = []
    for file in sorted(folder.glob("train-*")):
        content = file.read_bytes()
        if file.suffix == ".zst":
            content = pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
        found += [json.loads(line) for line in content.decode().split("\n") if line]
    return found


def read_olmo(folder: Path, width: int) -> list[tuple[list[int], list[int] | None]]:
    """The documents of all arrays by their `.csv.gz`, with their labels' mask where there is one."""
    found: list[tuple[list[int], list[int] | None]] = []
    for borders in sorted(folder.glob("token_ids_part_*.csv.gz")):
        part = borders.name.split("_")[-1].removesuffix(".csv.gz")
        content = (folder / f"token_ids_part_{part}.npy").read_bytes()
        tokens = struct.unpack(f"<{len(content) // width}{'H' if width == 2 else 'I'}", content)
        masks = folder / f"labels_mask_part_{part}.npy"
        mask = list(masks.read_bytes()) if masks.exists() else None
        for line in gzip.decompress(borders.read_bytes()).decode().splitlines():
            start, end = map(int, line.split(","))
            found.append((list(tokens[start:end]), None if mask is None else mask[start:end]))
    return found


def read_torchtitan(folder: Path) -> list[list[int]]:
    """The documents between the offsets, as the pretokenised source of its documentation takes them."""
    content = (folder / "tokens.bin").read_bytes()
    tokens = struct.unpack(f"<{len(content) // 4}I", content)
    offsets = np.load(folder / "document_offsets.npy").tolist()
    return [list(tokens[start:end]) for start, end in itertools.pairwise(offsets)]


def read_nanogpt(folder: Path) -> list[list[int]]:
    """The documents of all `.bin` files, by the header and by `.bos.idx`."""
    found = []
    for file in sorted(folder.glob("*.bin")):
        content = file.read_bytes()
        magic, version, count, width = struct.unpack_from("<4i", content)
        assert (magic, version) == ({2: 20240520, 4: 278895051}[width], 1)
        assert content[16:1024] == bytes(1008)
        tokens = struct.unpack(f"<{count}{'H' if width == 2 else 'I'}", content[1024:])
        begins = file.with_name(file.name.replace(".bin", ".bos.idx")).read_bytes()
        starts = [*struct.unpack(f"<{len(begins) // 4}i", begins), count]
        found += [list(tokens[start:end]) for start, end in itertools.pairwise(starts)]
    return found


def read_litdata(folder: Path) -> list[list[int]]:
    """The items of all chunks of an `index.json`, which are tensors of int32 without a header."""
    index = json.loads((folder / "index.json").read_text())
    assert index["config"]["data_format"] == ["no_header_tensor:16"]
    found = []
    for chunk in index["chunks"]:
        content = (folder / chunk["filename"]).read_bytes()
        (count,) = struct.unpack_from("<I", content)
        places = struct.unpack_from(f"<{count + 1}I", content, 4)
        assert (places[0], places[-1]) == (4 * (count + 2), len(content))
        assert (count, chunk["dim"]) == (chunk["chunk_size"], (places[-1] - places[0]) // 4)
        for start, end in itertools.pairwise(places):
            found.append(list(struct.unpack(f"<{(end - start) // 4}i", content[start:end])))
    return found


def read_numpy(folder: Path) -> list[tuple[list[int], list[int] | None]]:
    """The documents of all arrays, with their mask where there is one."""
    found: list[tuple[list[int], list[int] | None]] = []
    for file in sorted(folder.glob("tokens_*.npy")):
        tokens = np.load(file).tolist()
        masks = folder / file.name.replace("tokens", "loss_mask")
        mask = np.load(masks).astype(int).tolist() if masks.exists() else None
        for start, end in itertools.pairwise(np.load(folder / file.name.replace("tokens", "document_offsets"))):
            found.append((tokens[start:end], None if mask is None else mask[start:end]))
    return found


def collate_bridge(rows: list[dict[str, Any]]) -> list[list[tuple[list[int], list[int]]]]:
    """Inputs and labels of each document of each row, as the collator cuts them; -100 where its mask is 0."""
    collated = []
    for row in rows:
        borders = [*row["seq_start_id"], len(row["input_ids"])]
        documents = []
        for start, end in itertools.pairwise(borders):
            labels = row["input_ids"][start + 1 : end]
            mask = row["loss_mask"][start : end - 1]
            kept = [label if learnt else -100 for label, learnt in zip(labels, mask, strict=True)]
            documents.append((row["input_ids"][start : end - 1], kept))
        collated.append(documents)
    return collated
