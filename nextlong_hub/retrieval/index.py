"""The index on disk: plain `.npy` files, memory-mapped, in shards of a fixed range of chunks.

    index.json                      the commit point: id, statistics, names of the shards
    <id>/idf.npy                    float64 (terms,)            by term, the most frequent term first
    <id>/frequencies.npy            int64 (terms,)              chunks that hold it
    <id>/shard-00000/
        row_starts.npy              int64  (chunks + 1,)        forward index: a chunk's terms, ascending …
        forward_terms.npy           uint32 (postings,)
        forward_counts.npy          uint8  (postings,)          … and their occurrences, 255 = see large_counts
        large_places.npy            int64  (large,)             places in forward_counts that hold 255, ascending
        large_counts.npy            uint32 (large,)             what stands there
        lengths.npy                 uint32 (chunks,)            words, stop words left out
        directory.npy               uint32 (directory,)         the shard's terms, ascending
        posting_starts.npy          int64  (directory + 1,)     a term's postings; dense terms have none
        peaks.npy                   uint8  (directory,)         its largest impact
        posting_chunks.npy          uint16 (sparse postings,)   chunk in the shard
        posting_impacts.npy         uint8  (sparse postings,)   impact in steps, rounded up
        dense.npy                   uint8  (dense terms, width) impacts of the terms most chunks hold

A term that only one document uses has no place in the index: a chunk is never matched with its own document, so such a
term cannot add to any score. Half of a vocabulary is like that. It still counts for lengths and for okapi's mean idf.

Cost for each (chunk, distinct term): 5 bytes forward and 3 bytes of postings; 1 byte a chunk for each dense term.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.errors import DataError
from nextlong_hub.files import digest_of, read_json
from nextlong_hub.recipe import RetrievalSettings

INDEX_FORMAT = 1
"""Raised whenever the same corpus and settings start to give other index bytes."""
GROUP = 32
"""Chunks looked at together when candidates are collected; the width of a dense column is a multiple of it."""
_BUCKET_BITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexShard:
    """One shard's arrays; see the module for what each is."""

    row_starts: NDArray[np.int64]
    forward_terms: NDArray[np.uint32]
    forward_counts: NDArray[np.uint8]
    large_places: NDArray[np.int64]
    large_counts: NDArray[np.uint32]
    lengths: NDArray[np.uint32]
    directory: NDArray[np.uint32]
    posting_starts: NDArray[np.int64]
    peaks: NDArray[np.uint8]
    posting_chunks: NDArray[np.uint16]
    posting_impacts: NDArray[np.uint8]
    dense: NDArray[np.uint8]

    @property
    def chunks(self) -> int:
        """Chunks in the shard."""
        return len(self.lengths)


def save_shard(folder: Path, shard: IndexShard) -> None:
    """Write the arrays into an existing folder."""
    for field in fields(shard):
        np.save(folder / f"{field.name}.npy", getattr(shard, field.name))


def load_shard(folder: Path) -> IndexShard:
    """Map a shard's arrays into memory, read-only."""
    return IndexShard(**{field.name: load_array(folder / f"{field.name}.npy") for field in fields(IndexShard)})


def load_array(path: Path) -> NDArray[Any]:
    """Map one array, read-only, as a plain array: a kernel is compiled once for each type it meets."""
    return np.asarray(np.load(path, mmap_mode="r"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A finished index, opened; memory-mapped, so that all processes of a machine share one copy."""

    statistics: dict[str, Any]
    """`chunks`, `terms`, `dense_terms`, `mean_length`, `step`: see `build`."""
    idf: NDArray[np.float64]
    """Shape: (terms,)."""
    frequencies: NDArray[np.int64]
    """Chunks that hold each term. Shape: (terms,)."""
    first_chunk: NDArray[np.int64]
    """Shard s owns chunks `first_chunk[s]` up to `first_chunk[s + 1]`. Shape: (shards + 1,)."""
    shards: Sequence[IndexShard]
    buckets: Sequence[NDArray[np.int64]]
    """For each shard: where the terms from 64 * i on begin in its directory. Shape of each: (terms / 64 + 2,)."""


def index_id(store_id: str, settings: RetrievalSettings, stop_words: Sequence[str], unicode_version: str) -> str:
    """Digest of everything an index's bytes depend on; what is chosen at search time is left out."""
    chosen = settings.model_dump(mode="json", exclude={"postings_budget", "pool_chunks"})
    return digest_of([INDEX_FORMAT, store_id, chosen, list(stop_words), unicode_version])


def read_index_summary(folder: Path) -> dict[str, Any] | None:
    """The content of a finished index's `index.json`; None when there is none."""
    summary = read_json(folder / "index.json")
    return summary if isinstance(summary, dict) and "id" in summary else None


def open_index(folder: Path, identity: str) -> Index:
    """Open the finished index in `folder`.

    Raises:
        DataError: there is none, or it was made from something else than `identity` says.
    """
    summary = read_index_summary(folder)
    if summary is None or summary["id"] != identity:
        came = "no finished index" if summary is None else f"index {summary['id']}"
        raise DataError(
            f"{folder} holds {came}, and this corpus and these retrieval settings need index {identity}; "
            "run the build again to make it"
        )
    home = folder / identity
    shards = [load_shard(home / name) for name in summary["shards"]]
    edges = np.arange(0, summary["statistics"]["terms"] + (2 << _BUCKET_BITS), 1 << _BUCKET_BITS)
    return Index(
        statistics=summary["statistics"],
        idf=load_array(home / "idf.npy"),
        frequencies=load_array(home / "frequencies.npy"),
        first_chunk=np.cumsum([0, *(shard.chunks for shard in shards)], dtype=np.int64),
        shards=shards,
        buckets=[np.searchsorted(shard.directory, edges) for shard in shards],
    )
