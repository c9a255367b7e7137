"""Counts of the segments of a finished configuration, read back from its published files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import SegmentRecord
from nextlong_hub.dataset.shards import read_table

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def tally(files: Sequence[Path], store: ChunkStore | None = None) -> SegmentRecord:
    """Count the segments of all rows in `files`, one file at a time.

    Args:
        files: Parquet files of one configuration.
        store: the corpus; with it the tokens of negatives are also counted by the source of their document.

    Raises:
        DataError: a file is damaged.
    """
    counts = _Counts()
    for path in files:
        counts.add(read_table(path, ["segments"])["segments"], store)
    return counts.record()


@dataclass(slots=True)
class _Counts:
    meta: int = 0
    negative: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    """Numbers the documents of negatives in the order in which they are met."""
    chunks: list[NDArray[np.int64]] = field(default_factory=list)
    """Distinct negatives of each file, as document number << 32 | chunk number. Shape of each: (negatives,)."""
    uses: list[NDArray[np.int64]] = field(default_factory=list)
    """How many segments each entry of `chunks` has. Shape of each: (negatives,)."""
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    tokens: Counter[str] = field(default_factory=Counter)
    """Tokens of negatives by the source of their document."""

    def add(self, segments: pa.ChunkedArray, store: ChunkStore | None) -> None:
        """Count the segments of one file."""
        flat = pa.chunked_array([pc.list_flatten(part) for part in segments.chunks], segments.type.value_type)
        is_negative = pc.equal(pc.struct_field(flat, "role"), "negative")
        negatives = flat.filter(is_negative).combine_chunks()
        self.negative += len(negatives)
        self.meta += len(flat) - len(negatives)
        if not len(negatives):
            return
        documents = pc.struct_field(negatives, "document").dictionary_encode()
        names = documents.dictionary
        numbers = np.array([self.numbers.setdefault(name, len(self.numbers)) for name in names.to_pylist()], np.int64)
        place = documents.indices.to_numpy(zero_copy_only=False)
        chunks, uses = np.unique(
            numbers[place] << 32 | pc.struct_field(negatives, "chunk").to_numpy(zero_copy_only=False),
            return_counts=True,
        )
        self.chunks.append(chunks)
        self.uses.append(uses)
        self.scores.append(pc.struct_field(negatives, "score").to_numpy(zero_copy_only=False))
        if store is not None:
            tokens = np.bincount(place, pc.struct_field(negatives, "tokens").to_numpy(zero_copy_only=False), len(names))
            for source, count in zip(store.sources_of(names).to_pylist(), tokens.tolist(), strict=True):
                self.tokens[source] += int(count)

    def record(self) -> SegmentRecord:
        """The counts of all files together."""
        chunks, where = np.unique(np.concatenate([np.zeros(0, np.int64), *self.chunks]), return_inverse=True)
        uses = np.sort(np.bincount(where, np.concatenate([np.zeros(0), *self.uses]), len(chunks)).astype(np.int64))
        scores = np.concatenate([np.zeros(0, np.float32), *self.scores])
        return SegmentRecord(
            meta=self.meta,
            negative=self.negative,
            distinct_negatives=len(uses),
            largest_reuse=int(uses[-1]) if len(uses) else 0,
            reuse_gini=gini(uses),
            score_quantiles={
                f"{share:.0%}": round(float(np.quantile(scores, share)), 4) for share in _QUANTILES if len(scores)
            },
            negative_tokens=dict(sorted(self.tokens.items())),
        )


def gini(ascending: NDArray[np.int64]) -> float:
    """Gini coefficient of counts in ascending order: Σ (2i - n - 1) x_i / (n Σ x_i)."""
    count = len(ascending)
    if not count:
        return 0.0
    ranks = 2 * np.arange(1, count + 1) - count - 1
    return round(float((ranks * ascending).sum() / (count * ascending.sum())), 4)
