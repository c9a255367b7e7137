"""The index on disk: plain `.npz` files, memory-mapped, in shards of a fixed range of chunks.

    index.json                      the commit point: id, statistics, and each shard's name, size and sha256
    <id>/vocabulary.npz             by term, the most frequent term first
        idf                         float64 (terms,)
        frequencies                 int64  (terms,)             chunks that hold it
        term_bytes, term_starts     uint8, int64                how it is spelled: no search reads it, explanations do
    <id>/shard-00000.npz
        forward_…                   the forward index: see `Forward`
        postings_…                  the inverted index: see `Postings`
        lengths                     uint32 (chunks,)            words of each chunk, stop words left out

A term that only one chunk uses is not in the index: it cannot add to the score of any other. That is half of a
vocabulary. Such a term still counts for lengths and for okapi's mean idf. Terms that only one document uses add to no
hit's score, but to that of its own chunks for each other.

Cost for each (chunk, distinct term): 5 bytes forward and 3 bytes of postings; 1 byte a chunk for each dense term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, read_json
from nextlong_hub.errors import DataError
from nextlong_hub.retrieval.base import IndexSample, SearchCost
from nextlong_hub.retrieval.bm25.arrays import map_arrays, write_arrays
from nextlong_hub.retrieval.settings import RetrievalSettings

INDEX_FORMAT = 4
"""Raised whenever the same corpus and settings start to give other index bytes."""
VOCABULARY = ("idf", "frequencies", "term_bytes", "term_starts")
"""Arrays of the vocabulary; see `Index`."""
COLUMN_STEP = 32
"""The width of a dense column is a multiple of it."""
BUCKET_BITS = 6
"""A bucket of the directory spans 2^6 term numbers."""


class Forward(NamedTuple):
    """The terms of each chunk of a shard; a named tuple, because compiled code accepts it."""

    row_starts: NDArray[np.int64]
    """Chunk c has the entries `row_starts[c]` up to `row_starts[c + 1]`. Shape: (chunks + 1,)."""
    terms: NDArray[np.uint32]
    """Term numbers, ascending within a chunk. Shape: (entries,)."""
    counts: NDArray[np.uint8]
    """Their occurrences; 255 stands for that many or more. Shape: (entries,)."""
    large_places: NDArray[np.int64]
    """The entries whose count is 255, ascending. Shape: (large,)."""
    large_counts: NDArray[np.uint32]
    """Their true counts. Shape: (large,)."""


class Postings(NamedTuple):
    """Where each term of a shard occurs, and how much it weighs there."""

    directory: NDArray[np.uint32]
    """The shard's terms, ascending. Shape: (directory,)."""
    starts: NDArray[np.int64]
    """Row r of the directory has the postings `starts[r]` up to `starts[r + 1]`; dense terms have none."""
    peaks: NDArray[np.uint8]
    """Largest impact of each term of the directory, in steps. Shape: (directory,)."""
    chunks: NDArray[np.uint16]
    """Chunk in the shard, ascending within a term. Shape: (postings,)."""
    impacts: NDArray[np.uint8]
    """Impact in steps, rounded up. Shape: (postings,)."""
    dense: NDArray[np.uint8]
    """Impacts of terms 0, 1, …, the most frequent, in every chunk of the shard. Shape: (dense terms, width)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexShard:
    """One shard."""

    forward: Forward
    postings: Postings
    lengths: NDArray[np.uint32]
    """Words of each chunk, stop words left out. Shape: (chunks,)."""

    @property
    def chunks(self) -> int:
        """Chunks in the shard."""
        return len(self.lengths)


def save_shard(path: Path, shard: IndexShard) -> None:
    """Write one shard.

    Raises:
        StorageError: no space is left.
    """
    arrays = {f"forward_{name}": values for name, values in shard.forward._asdict().items()}
    arrays |= {f"postings_{name}": values for name, values in shard.postings._asdict().items()}
    write_arrays(path, {**arrays, "lengths": shard.lengths})


def load_shard(path: Path) -> IndexShard:
    """Map one shard into memory, read-only."""
    arrays = map_arrays(path)
    return IndexShard(
        forward=Forward(**{name: arrays[f"forward_{name}"] for name in Forward._fields}),
        postings=Postings(**{name: arrays[f"postings_{name}"] for name in Postings._fields}),
        lengths=arrays["lengths"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A finished index, opened; memory-mapped, so that all processes of a machine share one copy."""

    statistics: dict[str, Any]
    """`chunks`, `terms`, `dense_terms`, `mean_length`, `step`: see `build.Statistics`."""
    idf: NDArray[np.float64]
    """Shape: (terms,)."""
    frequencies: NDArray[np.int64]
    """Chunks that hold each term. Shape: (terms,)."""
    term_bytes: NDArray[np.uint8]
    """The terms' UTF-8 bytes, back to back. Shape: (bytes,)."""
    term_starts: NDArray[np.int64]
    """Term t is `term_bytes[term_starts[t]:term_starts[t + 1]]`. Shape: (terms + 1,)."""
    first_chunk: NDArray[np.int64]
    """Shard s owns chunks `first_chunk[s]` up to `first_chunk[s + 1]`. Shape: (shards + 1,)."""
    shards: Sequence[IndexShard]
    buckets: Sequence[NDArray[np.int64]]
    """For each shard: where the terms from 64 * i on begin in its directory. Shape of each: (terms / 64 + 2,)."""


def estimate(settings: RetrievalSettings, sample: IndexSample, chunks: int) -> SearchCost:
    """What the index of so many chunks takes, from that of a sample.

    Bytes grow with the chunks: a little too much, since a vocabulary grows more slowly than its corpus. A query reads
    postings of all chunks, or of those in its pool.
    """
    growth = chunks / sample.chunks
    pooled = max(1.0, settings.pool_chunks / sample.chunks) if settings.pool_chunks else growth
    return SearchCost(
        index_bytes=round(sample.bytes * chunks / sample.chunks),
        index_tasks=-(-chunks // settings.shard_chunks),
        query_growth=min(growth, pooled),
    )


def building_choices(settings: RetrievalSettings) -> dict[str, Any]:
    """The settings an index's bytes depend on, as JSON values; what is chosen at search time is left out."""
    return settings.model_dump(mode="json", exclude={"postings_budget", "pool_chunks"})


def index_id(store_id: str, settings: RetrievalSettings, stop_words: Sequence[str], unicode_version: str) -> str:
    """Digest of everything an index's bytes depend on."""
    return digest_of([INDEX_FORMAT, store_id, building_choices(settings), list(stop_words), unicode_version])


def read_index_summary(folder: Path) -> dict[str, Any] | None:
    """The content of a finished index's `index.json`; None when there is none."""
    summary = read_json(folder / "index.json")
    return summary if isinstance(summary, dict) and "id" in summary else None


def require_index(folder: Path, identity: str) -> dict[str, Any]:
    """The summary of the finished index in `folder`, which must be the one named `identity`.

    Raises:
        DataError: there is none, or it was made from something else.
    """
    summary = read_index_summary(folder)
    if summary is None or summary["id"] != identity:
        came = "no finished index" if summary is None else f"index {summary['id']}"
        raise DataError(
            f"{folder} holds {came}, and this corpus and these retrieval settings need index {identity}; "
            "run the build again to make it"
        )
    return summary


def open_index(folder: Path, identity: str) -> Index:
    """Open the finished index in `folder`.

    Raises:
        DataError: see `require_index`; or a shard is missing or does not have its size.
    """
    summary = require_index(folder, identity)
    home = folder / identity
    for shard in summary["shards"]:
        path = home / f"{shard['name']}.npz"
        if not path.is_file() or path.stat().st_size != shard["bytes"]:
            raise DataError(
                f"{path} is missing or cut short, and the index needs its {shard['bytes']} bytes; "
                f"remove {folder} and run the build again"
            )
    shards = [load_shard(home / f"{shard['name']}.npz") for shard in summary["shards"]]
    vocabulary = map_arrays(home / "vocabulary.npz")
    edges = np.arange(0, summary["statistics"]["terms"] + (2 << BUCKET_BITS), 1 << BUCKET_BITS)
    return Index(
        statistics=summary["statistics"],
        **{name: vocabulary[name] for name in VOCABULARY},
        first_chunk=np.cumsum([0, *(shard.chunks for shard in shards)], dtype=np.int64),
        shards=shards,
        buckets=[np.searchsorted(shard.postings.directory, edges) for shard in shards],
    )
