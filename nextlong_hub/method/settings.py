"""The choices of the method (NExtLong §3)."""

from typing import Literal

from pydantic import Field

from nextlong_hub.core.settings import Section


class ChunkingSettings(Section):
    """How a document is cut into meta-chunks (NExtLong §3.1.1)."""

    mode: Literal["lossless", "reference"] = "lossless"
    """`lossless`: joined chunks give the document back. `reference`: the authors' chunker, quirks included."""
    chunk_characters: int = Field(2048, ge=1)


WHOLE_DOCUMENT = ChunkingSettings(chunk_characters=2**31 - 1)
"""No cut: no document is longer, so each is a single chunk."""


class MetaDocumentSettings(Section):
    """Which documents are extended."""

    minimum_chunks: int = Field(2, ge=1)
    """A document of one chunk has no long-range dependency to learn."""
    maximum_share: float = Field(0.5, gt=0, le=1)
    """Longest own text, as a share of the target length: beyond it there is no room for negatives."""


class NegativeSettings(Section):
    """Which retrieved chunks may serve as hard negatives."""

    near_duplicate: float = Field(0.5, gt=0, le=1)
    """Share of common word shingles from which a chunk counts as a copy of a meta-chunk: a false negative."""
    shingle_words: int = Field(5, ge=1)


class InterleaveSettings(Section):
    """How the sample is laid out (NExtLong §3.2)."""

    fill: Literal["even", "reference"] = "even"
    """`even`: negatives spread evenly until the target is reached. `reference`: the paper's k for every meta-chunk."""
    separator: str = "\n"
    characters_per_token: float = Field(4.0, gt=0)
    """E of the paper's formula (`fill = "reference"`)."""
    adjustment: float = Field(1.5, gt=0)
    """w of the paper's formula (`fill = "reference"`)."""
