"""MDS folders as others have written them: where the shards are, and the rows in one.

An index is not trusted: names may not lead out of its folder, sizes must be those of the files, digests are checked
where it holds them, and nothing pickled is ever opened.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.core.foreign import content_within_limits, parse_json
from nextlong_hub.errors import DataError
from nextlong_hub.execution.base import InputAddress
from nextlong_hub.exports.mds import INDEX_NAME
from nextlong_hub.exports.mds_layout import VERSION, ShardColumns, can_decode, samples_of

_KNOWN = ("domain", "indices", "input_ids", "mask")
_LARGEST_ID = 2**31 - 1
_MOST_BYTES = 2 << 30
"""Of a shard, packed or not: it is held as a whole. Writers close one at 64 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One shard, as its index describes it."""

    folder: InputAddress
    """Where its index lies."""
    name: str
    """What its rows are called after: its file below the imported folder, without endings."""
    columns: ShardColumns
    samples: int
    compression: str | None
    file: str
    """Relative to `folder`."""
    file_bytes: int
    raw_bytes: int
    """Decompressed."""
    hashes: dict[str, str]
    """Digests of the file, by algorithm."""

    @property
    def path(self) -> Path:
        """Its file."""
        return Path(self.folder, self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class MdsRow:
    """One row: tokens, and which stretches of them are documents."""

    number: int
    """In its shard, from 0."""
    domain: str
    """Empty where the shard has none."""
    input_ids: NDArray[np.int32]
    """Shape: (tokens,)."""
    spans: NDArray[np.int64]
    """Start and end of each document, ascending; all of the row where the shard has no `indices`. Shape: (n, 2)."""
    mask: NDArray[np.int8] | None
    """1 where the loss is taken. Shape: (tokens,)."""


def is_mds(source: Path) -> bool:
    """Whether a folder holds an MDS index, itself or below."""
    return bool(_indexes(source))


def find_shards(source: Path) -> list[Shard]:
    """The shards of a folder in the order of its index; without one, of the folders below in the order of their names.

    Raises:
        DataError: an index cannot be used, or a file is missing or not as long as it says.
    """
    shards = [shard for index in _indexes(source) for shard in _shards_of(index, source)]
    if not shards:
        raise DataError(f"{source} has an {INDEX_NAME} without shards; there is nothing to import")
    return shards


def _indexes(source: Path) -> list[Path]:
    """The index of a folder or, without one, those below it; in a hidden folder lie others, like those of a build."""
    if (source / INDEX_NAME).is_file():
        return [source / INDEX_NAME]
    found = sorted(source.rglob(INDEX_NAME)) if source.is_dir() else []
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(source).parts)]


def read_rows(shard: Shard) -> Iterator[MdsRow]:
    """The rows of one shard; its whole content is in memory, 64 MiB as a rule.

    Raises:
        DataError: the file is damaged, or a row does not fit together; the message names both.
    """
    content = _content(shard)
    wanted = frozenset(_KNOWN) & set(shard.columns.names)
    count = 0
    try:
        for number, sample in enumerate(samples_of(content, shard.columns, wanted)):
            count += 1
            yield _row(number, sample)
    except DataError as error:
        raise DataError(f"{shard.path}: {error}; fetch it anew") from error
    if count != shard.samples:
        raise DataError(f"{shard.path}: holds {count:,} samples, and its index says {shard.samples:,}; fetch it anew")


def _shards_of(index: Path, source: Path) -> Iterator[Shard]:
    try:
        content = parse_json(content_within_limits(index))
        entries = content["shards"]
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']} instead of {VERSION}")
        for entry in entries:
            yield _shard_of(entry, index.parent, source)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{index} is no index of MDS shards that can be read ({error!r}); fetch it anew") from error


def _shard_of(entry: dict[str, Any], folder: Path, source: Path) -> Shard:
    if entry["format"] != "mds" or entry["version"] != VERSION:
        raise ValueError(f"a shard of format {entry['format']} {entry['version']}")
    described = entry["zip_data"] if entry["compression"] else entry["raw_data"]
    name = PurePosixPath(described["basename"])
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"a shard outside its folder: {name}")
    path = folder / name
    if not path.is_file():
        raise DataError(f"{path} is missing, and the index beside it names it; fetch it anew")
    if path.stat().st_size != described["bytes"]:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes, and its index says {described['bytes']:,}; fetch it anew"
        )
    if (size := max(described["bytes"], entry["raw_data"]["bytes"])) > _MOST_BYTES:
        raise DataError(
            f"{path} has {size:,} bytes, packed or not, and a shard of at most {_MOST_BYTES:,} can be read; write it "
            "again with a smaller size_limit"
        )
    columns = dict(zip(entry["column_names"], entry["column_encodings"], strict=True))
    _check_columns(columns, path)
    below = path.relative_to(source).as_posix()
    return Shard(
        folder=str(folder),
        name=below[: below.index(".mds")] if ".mds" in below else below,
        columns=ShardColumns(
            names=tuple(entry["column_names"]),
            encodings=tuple(entry["column_encodings"]),
            sizes=tuple(entry["column_sizes"]),
        ),
        samples=entry["samples"],
        compression=entry["compression"],
        file=str(name),
        file_bytes=described["bytes"],
        raw_bytes=entry["raw_data"]["bytes"],
        hashes=described["hashes"],
    )


def _check_columns(columns: dict[str, str], path: Path) -> None:
    if "input_ids" not in columns:
        raise DataError(
            f"{path} has the columns {', '.join(columns)}; rows of tokens need input_ids, so convert the text to "
            "JSON Lines first"
        )
    for name in _KNOWN:
        if name in columns and not can_decode(columns[name]):
            raise DataError(
                f"{path}: column {name} is stored as {columns[name]!r}, which is not opened: it may run code, or is "
                "no column of numbers or text"
            )


def _content(shard: Shard) -> memoryview:
    """The decompressed bytes of a shard."""
    content = shard.path.read_bytes()
    for algorithm, expected in shard.hashes.items():
        if algorithm in hashlib.algorithms_available and hashlib.new(algorithm, content).hexdigest() != expected:
            raise DataError(f"{shard.path} has another {algorithm} than its index says; fetch it anew")
    if not shard.compression:
        return memoryview(content)
    codec = shard.compression.partition(":")[0]
    try:
        codec = {"br": "brotli", "gz": "gzip"}.get(codec, codec)
        return memoryview(pa.decompress(content, decompressed_size=shard.raw_bytes, codec=codec, asbytes=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{shard.path} cannot be decompressed ({error}); fetch it anew") from error


def _row(number: int, sample: dict[str, Any]) -> MdsRow:
    ids = np.asarray(sample["input_ids"])
    if ids.ndim != 1 or not ids.size or not np.issubdtype(ids.dtype, np.integer):
        raise DataError(f"the input_ids of row {number} are {ids.dtype} of shape {ids.shape}, and no list of tokens")
    if ids.min() < 0 or ids.max() > _LARGEST_ID:
        raise DataError(f"the input_ids of row {number} go from {ids.min():,} to {ids.max():,}")
    spans = np.asarray(sample.get("indices", [[0, len(ids)]])).astype(np.int64)
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise DataError(f"the indices of row {number} have the shape {spans.shape} instead of (documents, 2)")
    flat = spans.reshape(-1)
    if (np.diff(flat, prepend=0) < 0).any() or flat[-1] > len(ids):
        raise DataError(f"the indices of row {number} overlap, or reach beyond its {len(ids):,} tokens")
    mask = sample.get("mask")
    if mask is not None and np.shape(mask) != ids.shape:
        raise DataError(f"the mask of row {number} has the shape {np.shape(mask)} instead of {ids.shape}")
    domain = sample.get("domain", "")
    return MdsRow(
        number=number,
        domain=domain if isinstance(domain, str) else str(domain),
        input_ids=ids.astype(np.int32),
        spans=spans[spans[:, 1] > spans[:, 0]],
        mask=None if mask is None else (np.asarray(mask) != 0).astype(np.int8),
    )
