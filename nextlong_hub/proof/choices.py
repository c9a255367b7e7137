"""What a recipe says, as far as it decides rows; read from the values in a manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STUMP_CHARACTERS = 200
_EXACT = ("bm25", "rank-bm25")
_REPEATING = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How documents are cut."""

    mode: str
    """`lossless` or `reference`."""
    longest: int
    """Characters of a chunk."""
    shortest: int
    """A shorter one is joined with its neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How a chunk is scored: what words are, and the formula."""

    formula: str
    """`lucene` or `okapi`."""
    k1: float
    b: float
    languages: tuple[str, ...]
    """Those whose stop words are left out."""
    keeps_short_words: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The choices of one recipe of samples."""

    target_tokens: int
    special_tokens: int
    """Around each row."""
    is_for_several: bool
    """Rows have their length under several tokenizers."""
    cutting: Cutting
    scoring: Scoring
    retriever: str
    is_whole: bool
    """Every chunk of the corpus is looked at, and no posting left out."""
    copy_share: float
    shingle_words: int
    first_rank: int
    guard: str
    guard_shingles: float
    times_on_end: int
    """From how often on end no row holds a few tokens; 0: as often as it comes."""
    longest_on_end: int
    """Tokens of the longest n-gram for which that counts."""
    is_interleaved: bool
    fill: str
    """`even` or `reference`."""
    separator: str
    characters_per_token: float
    """E of the paper's formula."""
    adjustment: float
    """w of the paper's formula."""

    @property
    def is_scored_again(self) -> bool:
        """Whether its scores are those of BM25, which are computed here."""
        return self.retriever in _EXACT

    @property
    def may_repeat(self) -> bool:
        """Whether its retriever repeats the meta-document, which lifts all rules of negatives but the bars."""
        return self.retriever == _REPEATING

    @classmethod
    def of(cls, recipe: Mapping[str, Any], languages: Sequence[str], tokenizers: int = 1) -> "Choices":
        """Those of a recipe with all its values written out.

        Args:
            recipe: JSON values.
            languages: whose stop words are left out where the recipe leaves that to the corpus.
            tokenizers: how many the rows were made for.
        """
        chunking, retrieval = recipe["chunking"], recipe["retrieval"]
        negatives, interleave = recipe["negatives"], recipe["interleave"]
        shortest, longest = chunking["minimum_characters"], chunking["chunk_characters"]
        stop_words = retrieval["stop_words"]
        return cls(
            target_tokens=recipe["target_length"],
            is_for_several=tokenizers > 1,
            special_tokens=int(recipe["add_bos_token"]) + int(recipe["add_eos_token"]),
            cutting=Cutting(
                mode=chunking["mode"],
                longest=longest,
                shortest=min(_STUMP_CHARACTERS, longest // 10) if shortest == "auto" else shortest,
            ),
            scoring=Scoring(
                formula=retrieval["formula"],
                k1=retrieval["k1"],
                b=retrieval["b"],
                languages=tuple(languages if stop_words == "auto" else stop_words),
                keeps_short_words=retrieval["keep_short_words"],
            ),
            retriever=retrieval["retriever"],
            is_whole=not retrieval["postings_budget"] and not retrieval["pool_chunks"],
            copy_share=negatives["near_duplicate"],
            shingle_words=negatives["shingle_words"],
            first_rank=negatives["first_rank"],
            guard=negatives["guard"],
            guard_shingles=negatives["guard_shingles"],
            times_on_end=recipe["repetition"]["times"],
            longest_on_end=recipe["repetition"]["longest_tokens"],
            is_interleaved=interleave["layout"] == "interleaved",
            fill=interleave["fill"],
            separator=interleave["separator"],
            characters_per_token=interleave["characters_per_token"],
            adjustment=interleave["adjustment"],
        )
