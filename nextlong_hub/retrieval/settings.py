"""…"""

from typing import Literal

from pydantic import Field

from nextlong_hub.core.settings import Section


class RetrievalSettings(Section):
    """How hard negatives are found (NExtLong §3.1.2, with BM25 in place of embeddings)."""

    retriever: Literal["bm25", "rank-bm25"] = "bm25"
    formula: Literal["lucene", "okapi"] = "lucene"
    """`okapi` is rank-bm25's exact formula, including its floor under negative idf."""
    k1: float = Field(1.5, ge=0)
    b: float = Field(0.75, ge=0, le=1)
    stop_words: tuple[str, ...] = ("en",)
    """Languages whose function words are ignored; empty keeps every word."""
    keep_short_words: bool = False
    """Keep words of a single character: "C", "R", "I"."""
    shard_chunks: int = Field(65_536, ge=1, le=65_536)
    """Chunks in one index shard; a shard's accumulators fit the second-level cache."""
    postings_budget: float = Field(0.0, ge=0)
    """0: exact. Else the postings read for one query, as a multiple of the number of chunks."""
    pool_chunks: int = Field(0, ge=0)
    """0: the whole corpus. Else each query sees a seeded subset of index shards of about this many chunks."""
