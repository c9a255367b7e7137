"""The retrieval section of a recipe: the retriever and its options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator

from nextlong_hub.core.settings import Section

Option = bool | int | float | str
"""The value of an option of a retriever."""


class RetrievalSettings(Section):
    """How hard negatives are found (NExtLong §3.1.2, by default with BM25 in place of embeddings)."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"options"})
    main_choice: ClassVar[str] = "retriever"
    before: ClassVar[Mapping[str, Any]] = {"stop_words": ("en",)}

    retriever: str = "bm25"
    """Name of a registered retriever. All other choices but `options` are those of `bm25`, `rank-bm25` and `hybrid`."""
    formula: Literal["lucene", "okapi"] = "lucene"
    """`okapi` is rank-bm25's exact formula, including its floor under negative idf."""
    k1: float = Field(default=1.5, ge=0)
    b: float = Field(default=0.75, ge=0, le=1)
    stop_words: tuple[str, ...] | Literal["auto"] = "auto"
    """Languages whose function words are ignored; empty keeps every word. `auto`: those that the corpus is found to be
    in, one in twenty of its chunks at least."""
    keep_short_words: bool = False
    """Keep words of a single character: "C", "R", "I"."""
    shard_chunks: int = Field(default=65_536, ge=1, le=65_536)
    """Chunks in one index shard; a shard's accumulators fit the second-level cache."""
    postings_budget: float = Field(default=0.0, ge=0, le=1e6)
    """0: exact. Else the postings read for one query, as a multiple of the number of chunks."""
    pool_chunks: int = Field(default=0, ge=0, lt=2**63)
    """0: the whole corpus. Else each query sees a seeded subset of index shards of about this many chunks."""
    options: dict[str, Option | tuple[Option, ...]] = Field(default={})
    """Choices of any other retriever, checked against its `Retriever.options`."""
    _places: dict[str, Path] = PrivateAttr(default_factory=dict)
    """Where files of this machine lie that options name: no part of the recipe, which is published."""

    @field_validator("stop_words", mode="before")
    @classmethod
    def _one_language_is_a_list(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "auto":
            return (value,)
        return tuple(value) if isinstance(value, list) else value  # as JSON writes it

    @property
    def stop_word_languages(self) -> tuple[str, ...]:
        """The languages whose function words are ignored.

        Raises:
            TypeError: they are left to a corpus that was not looked at: see `retrieval.settled`.
        """
        if self.stop_words == "auto":
            raise TypeError("the stop words are left to the corpus; settle the settings first")
        return self.stop_words

    def place_of(self, option: str) -> str:
        """Where the file lies that an option names."""
        return str(self._places.get(option, self.options.get(option, "")))

    def with_place(self, option: str, place: Path) -> Self:
        """The settings with an option that names a file by the last part of its path only."""
        copied = self.model_copy(update={"options": {**self.options, option: place.name}})
        copied._places = {**self._places, option: place}
        return copied
