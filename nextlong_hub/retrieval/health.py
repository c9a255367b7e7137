"""How healthy an answer looks: what goes to the manifest, so that a bad index cannot hide in good-looking rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.records import Hits

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def health(hits: Hits) -> dict[str, Any]:
    """Summarise the answers to some queries, as JSON values.

    * `zero_hit_share`: queries that found nothing; a high share means stop words or the lexer do not fit the language;
    * `filled_share`: places of all (query, rank) filled with a hit;
    * `hub_reuse`: how often chunks are found; `max` by how many queries the most popular one, `gini` how unequal the
      chunks that are found at all are (0: all alike, near 1: a few chunks answer everything);
    * `score_quantiles`: over all hits, and `first_score_quantiles` over each query's best.

    The share of near-duplicates is not known here: which hits copy a meta-chunk is decided where negatives are chosen,
    and is reported there.
    """
    found = hits.chunks >= 0
    queries, places = found.shape
    _, reuse = np.unique(hits.chunks[found], return_counts=True)
    answered = found.any(axis=1)
    return {
        "queries": queries,
        "k": places,
        "zero_hit_share": float(1 - answered.mean()) if queries else 0.0,
        "filled_share": float(found.mean()) if found.size else 0.0,
        "hub_reuse": {"chunks": len(reuse), "max": int(reuse.max(initial=0)), "gini": _gini(reuse)},
        "score_quantiles": _quantiles(hits.scores[found]),
        "first_score_quantiles": _quantiles(hits.scores[answered, :1].ravel()),
    }


def _gini(values: NDArray[np.int64]) -> float:
    """The Gini coefficient of counts above 0; 0 for none."""
    if not len(values):
        return 0.0
    ascending = np.sort(values)
    ranks = np.arange(1, len(values) + 1)
    return float(2 * (ranks * ascending).sum() / (len(values) * ascending.sum()) - (len(values) + 1) / len(values))


def _quantiles(scores: NDArray[np.float32]) -> dict[str, float]:
    if not len(scores):
        return {}
    return {f"{q:g}": float(v) for q, v in zip(_QUANTILES, np.quantile(scores, _QUANTILES), strict=True)}
