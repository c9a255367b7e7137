"""MDS, for ProLong and NExtLong's own trainer: shards of mosaicml-streaming with `input_ids` and `indices`.

The trainer reads `indices` as the documents of a row, takes no loss on the first token of each, and keeps attention
within a document. A sample is one document, `[[0, length]]`; eight of 64K packed to 512K are `[[0, 65536], …]`.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.dataset import best_fit as packing
from nextlong_hub.exports import mds_layout
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import UNKNOWN_SOURCE, ExportRow
from nextlong_hub.exports.writer import ExportWriter

INDEX_NAME = "index.json"

_COLUMNS = {
    "domain": "str",
    "indices": "ndarray:uint32",
    "input_ids": "ndarray:uint32",
    "length": "int",
}
_MASK = {"mask": "ndarray:uint8"}
_ZSTD_LEVEL = 3
"""What `compression: "zstd"` means to mosaicml-streaming."""
"""Offsets in a shard have 32 bits."""
_FILES = ("raw_data", "zip_data")


class _Folder:
    """One MDS folder: shards, and the entries of its index."""

    def __init__(self, writer: ExportWriter, prefix: str, settings: ExportSettings) -> None:
        self._writer = writer
        self._prefix = prefix
        self._settings = settings
        self._columns = mds_layout.columns_of(_COLUMNS | (_MASK if settings.masked else {}))
        self._writer_settings = {
            "compression": settings.compression,
            "hashes": list(settings.hashes),
            "size_limit": settings.shard_bytes,
        }
        self._config = mds_layout.config_bytes(self._columns, self._writer_settings)
        self._samples: list[bytes] = []
        self._bytes = self._empty_bytes = len(self._config) + 8
        self.entries: list[dict[str, Any]] = []

    def add(self, row: ExportRow) -> None:
        """Append one row; the shard is closed first when the row would make it too large."""
        values: dict[str, NDArray[Any] | str | int] = {
            "input_ids": row.input_ids.astype(np.uint32),
            "indices": packing.indices(row.document_lengths),
            "length": len(row.input_ids),
            "domain": row.source,
        }
        if self._settings.masked:
            values["mask"] = np.ones(len(row.input_ids), np.uint8) if row.loss_mask is None else row.loss_mask
        sample = mds_layout.encode_sample(self._columns, values)
        if self._samples and self._bytes + len(sample) + 4 > self._settings.shard_bytes:
            self._close()
        self._samples.append(sample)
        self._bytes += len(sample) + 4

    def finish(self) -> None:
        """Write the last shard and the index."""
        if self._samples:
            self._close()
        self._writer.put(self._prefix + INDEX_NAME, _index(self.entries))

    def _close(self) -> None:
        name = f"shard.{len(self.entries):05d}.mds"
        parts = [mds_layout.head_bytes(self._samples, self._config), *self._samples]
        entry: dict[str, Any] = {
            "samples": len(self._samples),
            "raw_data": self._describe(name, parts),
            "zip_data": None,
            **mds_layout.shard_config(self._columns, self._writer_settings),
        }
        if self._settings.compression:
            parts = [pa.Codec("zstd", _ZSTD_LEVEL).compress(b"".join(parts), asbytes=True)]
            name += ".zstd"
            entry["zip_data"] = self._describe(name, parts)
        with self._writer.stream(self._prefix + name) as stream:
            for part in parts:
                stream.write(part)
        self.entries.append(entry)
        self._samples, self._bytes = [], self._empty_bytes

    def _describe(self, name: str, parts: list[bytes]) -> dict[str, Any]:
        hashes = {}
        for algorithm in self._settings.hashes:
            digest = hashlib.new(algorithm)
            for part in parts:
                digest.update(part)
            hashes[algorithm] = digest.hexdigest()
        return {"basename": name, "bytes": sum(map(len, parts)), "hashes": hashes}


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write shards of `shard_bytes` and their index; by source, a folder for each and an index of all above them.

    Memory holds one open shard, or one for each source.
    """
    folders: dict[str, _Folder] = {}
    for row in rows:
        prefix = f"{folder_name(row.source)}/" if settings.by_source else ""
        if prefix not in folders:
            folders[prefix] = _Folder(writer, prefix, settings)
        folders[prefix].add(row)
    for _, folder in sorted(folders.items()):
        folder.finish()
    if settings.by_source:
        writer.put(INDEX_NAME, _index([_below(p, entry) for p, f in sorted(folders.items()) for entry in f.entries]))


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents of each sample, by `indices`, of the shards that the index names."""
    for entry in json.loads((folder / INDEX_NAME).read_bytes())["shards"]:
        columns = mds_layout.columns_of(dict(zip(entry["column_names"], entry["column_encodings"], strict=True)))
        raw = entry["raw_data"]
        content = (folder / (entry["zip_data"] or raw)["basename"]).read_bytes()
        if entry["zip_data"]:
            content = pa.Codec("zstd").decompress(content, raw["bytes"], asbytes=True)
        for sample in mds_layout.samples_of(memoryview(content), columns, frozenset(columns.names)):
            ids = sample["input_ids"].astype(np.int32)
            mask = sample.get("mask", np.ones(len(ids), np.uint8))
            for start, end in sample["indices"].tolist():
                yield ReadDocument(input_ids=ids[start:end], loss_mask=mask[start:end])


def folder_name(source: str) -> str:
    """A source as a folder name; other characters are percent-encoded, so that names stay distinct."""
    quoted = quote(source or UNKNOWN_SOURCE, safe="")
    return quoted.replace(".", "%2E", 1) if quoted.startswith(".") else quoted


def _index(entries: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": mds_layout.VERSION, "shards": entries}, sort_keys=True).encode()


def _below(prefix: str, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry for the index of the parent folder."""
    moved = {key: {**entry[key], "basename": prefix + entry[key]["basename"]} for key in _FILES if entry[key]}
    return entry | moved


FORMAT = ExportFormat(
    name="mds",
    reader="ProLong, NExtLong (mosaicml-streaming)",
    trainer_setting="--tokenized_mds_train {0}        # ProLong's and NExtLong's trainer",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=True,
    takes_loss_mask=True,
    shard_bytes=1 << 26,
    most_shard_bytes=2**32 - 1,
    compressions=("zstd",),
    hashes=("blake2b", "md5", "sha1", "sha256"),
    takes_sources_apart=True,
)
