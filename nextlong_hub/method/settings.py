"""The choices of the method (NExtLong §3)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nextlong_hub.core.settings import Section
from nextlong_hub.method.order import STRONGEST_PREFERENCE, log2_steps
from nextlong_hub.method.periods import FEWEST_TIMES, LONGEST_PERIOD, TIMES_MASKED, find_runs

_STUMP_CHARACTERS = 200
"""Titles and captions are shorter, paragraphs rarely."""
_AUTO_TARGETS = (65_536, 524_288)
"""Target lengths between which longer documents come to be preferred."""
_USUAL_PATIENCE = 2_048
"""A corpus with two hundred near-copies of every text still gave a row for each four hundred candidates."""


class ChunkingSettings(Section):
    """How a document is cut into meta-chunks (NExtLong §3.1.1)."""

    before: ClassVar[Mapping[str, Any]] = {"minimum_characters": 0}
    main_choice: ClassVar[str] = "mode"

    mode: Literal["lossless", "reference"] = "lossless"
    """`lossless`: joined chunks give the document back. `reference`: the authors' chunker, quirks included."""
    chunk_characters: int = Field(default=2048, ge=1, lt=2**31)
    minimum_characters: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    """`lossless`: a shorter chunk, such as a title, is joined with the one behind it, the last one with the one before
    it: by itself it says too little to find a hard negative by. Chunks may thereby become longer than
    `chunk_characters`, by less than twice this. `auto`: 200, or a tenth of `chunk_characters` where that is less. 0
    joins none."""

    @model_validator(mode="after")
    def _stumps_are_shorter_than_chunks(self) -> Self:
        if self.shortest_characters > self.chunk_characters:
            raise ValueError(
                f"minimum_characters = {self.minimum_characters} is more than chunk_characters = "
                f"{self.chunk_characters}, so that every chunk would be joined; lower the one or raise the other"
            )
        return self

    @property
    def shortest_characters(self) -> int:
        """What `minimum_characters` means, `auto` worked out."""
        if self.minimum_characters == "auto":
            return min(_STUMP_CHARACTERS, self.chunk_characters // 10)
        return self.minimum_characters


WHOLE_DOCUMENT = ChunkingSettings(chunk_characters=2**31 - 1)
"""No cut: no document is longer, so each is a single chunk."""


class MetaDocumentSettings(Section):
    """Which documents are extended."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"patience"})
    before: ClassVar[Mapping[str, Any]] = {"choice": "nested", "length_preference": 0.0}
    main_choice: ClassVar[str] = "choice"

    choice: Literal["disjoint", "nested", "linked"] = "disjoint"
    """`disjoint`: no document is extended for two configurations of a folder. `nested`: every configuration takes the
    first documents of one order, so that they share them. `linked` (experimental): disjoint, and documents whose own
    chunks resemble each other come first: a quarter of them all, by the retriever's scores of each chunk for the others
    as a share of that for itself, then the next quarter. `verify` does not check that order, which takes an index."""
    length_preference: Literal["auto"] | Annotated[float, Field(ge=0, le=STRONGEST_PREFERENCE)] = "auto"
    """How much longer documents are preferred: the chance of a document grows with this power of the links that it
    gives, one less than its chunks. 0: not at all. `auto`: 0 up to a target of 65,536 tokens, 1 from 524,288, and
    between them with the logarithm of the target; 0 where documents are nested, whose order is one for all."""
    minimum_chunks: int = Field(default=2, ge=1, le=1_000_000)
    """A document of one chunk has no long-range dependency to learn."""
    maximum_share: float = Field(default=0.5, gt=0, le=1)
    """Longest own text, as a share of the target length: beyond it there is no room for negatives."""
    patience: int | None = Field(default=None, ge=1)
    """How many documents may be tried for each row: as soon as fewer than one in so many gave a row, no more of them
    are tried, and there are fewer rows than asked for, or none. None: 2,048."""

    @property
    def tries_for_a_row(self) -> int:
        """What `patience` means, None worked out."""
        return self.patience or _USUAL_PATIENCE

    def preference_at(self, target_length: int) -> float:
        """What `length_preference` means in rows of so many tokens, `auto` worked out."""
        if self.length_preference != "auto":
            return self.length_preference
        least, most, target = log2_steps(np.array([*_AUTO_TARGETS, target_length], np.uint64)).tolist()
        return 0.0 if self.choice == "nested" else min(1.0, max(0, target - least) / (most - least))


class NegativeSettings(Section):
    """Which retrieved chunks may serve as hard negatives."""

    near_duplicate: float = Field(default=0.5, gt=0, le=1)
    """Share of common word shingles from which a chunk counts as a copy of a meta-chunk: a false negative."""
    shingle_words: int = Field(default=5, ge=1, le=1000)
    first_rank: int = Field(default=1, ge=1, le=65_536)
    """Chunks that the retriever ranks before this place are passed over: 9 leaves out the eight most alike."""
    guard: Literal["off", "shingles", "tokens"] = "off"
    """What is passed over because the row repeats it already. `shingles`: near-copies of another negative of the row.
    `tokens`: chunks whose runs of eight tokens are in the row already, which is stricter."""
    guard_shingles: float = Field(default=0.3, gt=0, le=1)
    """Share of common word shingles from which a chunk is a near-copy of another negative."""
    guard_tokens: float = Field(default=0.02, gt=0, le=1)
    """Share of a chunk's runs of eight tokens from which it repeats the row."""


class RepetitionSettings(Section):
    """Which runs of a few tokens on end no row may hold: OLMo-core and MaxText drop the whole loss of such a row.

    What a row is made of is chosen so that none arises: a chunk that holds one is no negative, and a document that has
    such a chunk is not extended; nor is one taken whole, or a conversation, that holds one.
    """

    times: int = Field(default=TIMES_MASKED, ge=0, le=1_000_000)
    """How often on end: what repeats as often, or more often, is left out. At least 3; 0 leaves out nothing."""
    longest_tokens: int = Field(default=LONGEST_PERIOD, ge=1, le=64)
    """Tokens of the longest n-gram that is looked for."""

    @model_validator(mode="after")
    def _twice_is_no_run(self) -> Self:
        if 0 < self.times < FEWEST_TIMES:
            raise ValueError(
                f"times = {self.times}, but what stands once or twice is no repetition; set {FEWEST_TIMES} or more, or "
                "0 to leave out nothing"
            )
        return self

    def forbids(self, times: int) -> bool:
        """Whether no row may hold what stands so often on end."""
        return 0 < self.times <= times

    def found_in(self, tokens: NDArray[np.integer]) -> bool:
        """Whether some ids hold what no row may hold. Shape: (tokens,)."""
        return self.times > 0 and len(find_runs(tokens, self.longest_tokens, self.times)) > 0


ANY_REPETITION = RepetitionSettings(times=0)
"""Nothing is left out for what it repeats on end."""


class InterleaveSettings(Section):
    """How the sample is laid out (NExtLong §3.2)."""

    main_choice: ClassVar[str] = "layout"

    layout: Literal["interleaved", "none"] = "interleaved"
    """`interleaved`: negatives behind each meta-chunk. `none`, a control: the whole meta-document, then its
    negatives in the same order."""
    fill: Literal["even", "reference"] = "even"
    """`even`: negatives spread evenly until the target is reached. `reference`: the paper's k for every meta-chunk."""
    separator: str = Field(default="\n", max_length=1000)
    characters_per_token: float = Field(default=4.0, ge=0.01, le=1000)
    """E of the paper's formula (`fill = "reference"`)."""
    adjustment: float = Field(default=1.5, gt=0, le=1000)
    """w of the paper's formula (`fill = "reference"`)."""
