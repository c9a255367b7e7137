"""Counts of a finished configuration, read back from its files: what was published, not what was planned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nextlong_hub.manifest import SegmentRecord
from nextlong_hub.shards import read_table

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def tally(files: Sequence[Path]) -> SegmentRecord:
    """Count the segments of all rows in `files`."""
    segments = pa.concat_tables([read_table(path, ["segments"]) for path in files])["segments"]
    flat = pa.chunked_array([pc.list_flatten(chunk) for chunk in segments.chunks], segments.type.value_type)
    flat = flat.combine_chunks()
    negative = pc.equal(pc.struct_field(flat, "role"), "negative").to_numpy(zero_copy_only=False)
    documents = pc.struct_field(flat, "document").dictionary_encode().indices.to_numpy(zero_copy_only=False)
    chunks = pc.struct_field(flat, "chunk").to_numpy(zero_copy_only=False)
    scores = pc.struct_field(flat, "score").to_numpy(zero_copy_only=False)[negative]
    identities = documents[negative].astype(np.int64) << 32 | chunks[negative]
    uses = np.sort(np.unique(identities, return_counts=True)[1])
    return SegmentRecord(
        meta=int((~negative).sum()),
        negative=int(negative.sum()),
        distinct_negatives=len(uses),
        largest_reuse=int(uses[-1]) if len(uses) else 0,
        reuse_gini=_gini(uses),
        score_quantiles={
            f"{share:.0%}": round(float(np.quantile(scores, share)), 4) for share in _QUANTILES if len(scores)
        },
    )


def _gini(ascending: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Gini coefficient of counts in ascending order: Σ (2i - n - 1) x_i / (n Σ x_i)."""
    count = len(ascending)
    if not count:
        return 0.0
    ranks = 2 * np.arange(1, count + 1) - count - 1
    return round(float((ranks * ascending).sum() / (count * ascending.sum())), 4)
