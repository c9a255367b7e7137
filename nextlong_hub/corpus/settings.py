"""A source of a corpus, and how its documents are read and cut."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from nextlong_hub.core.amounts import parse_amount
from nextlong_hub.core.settings import Section
from nextlong_hub.corpus.pieces import Amount
from nextlong_hub.corpus.secrets import OnSecret
from nextlong_hub.errors import RecipeError
from nextlong_hub.method.settings import ChunkingSettings

BYTES_A_TOKEN = 4
"""A limit in tokens is one in bytes of UTF-8: no tokenizer sees a text before it is read, and about so many bytes make
a token in most languages."""

USUAL_ID_COLUMNS = ("id", "conversation_id", "prompt_id", "doc_id", "uuid")
"""Where ids are looked for when no other column is named, the first that there is; the first one stands for all."""

EVERY_COLUMN = "*"
"""The one record column that stands for all that a row has."""

EVERY_PART = "*"
"""The configuration or split that stands for all that a dataset has."""

_DOCUMENTS = "docs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSettings:
    """How documents are read and cut: the choices of a recipe that decide the chunk store."""

    chunking: ChunkingSettings
    on_bad_document: Literal["fail", "skip"]
    on_secret: OnSecret = "mask"
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of the filters that leave documents out, by the names of the filters."""
    keep_segments: bool = False
    """Keep the segments that rows of our own datasets have."""


class SourceSettings(Section):
    """One named source of a corpus."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"limit"})

    name: str = Field(min_length=1)
    path: str = Field(min_length=1)
    """A file, a folder, a glob, `hf://datasets/…`, the name of a Hub dataset, or a URL that fsspec knows. A dataset may
    be followed by `:config` and `@split`."""
    weight: float | None = Field(default=None, ge=1e-6, le=1e6)
    """Share of the meta-documents relative to the other sources. When no source has a weight, each gives in proportion
    to its documents; when some have one, the others weigh 1."""
    license: str | None = None
    text_column: str = "text"
    """Dots lead into objects: `message.content`."""
    id_column: str = USUAL_ID_COLUMNS[0]
    """`id` stands for the usual ones: see `USUAL_ID_COLUMNS`."""
    record_columns: tuple[str, ...] = ()
    """When set, a document's text is a JSON object of those of these columns that its row has, of any type, and
    `text_column` is not read; `*` stands for all columns."""
    config: str | None = None
    """Configuration of a dataset: one of its card, or of the Hub. None: the only one, or its default; `*`: all."""
    split: str | None = None
    """Split of a dataset. None: `train`, or whatever the files hold that a path or glob names; `*`: all."""
    revision: str | None = None
    """Revision of a Hub dataset."""
    limit: str | None = None
    """Stop reading after so much: `2B` tokens, or `5000docs`."""

    @field_validator("limit")
    @classmethod
    def _is_an_amount(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_limit(value)
            except RecipeError as error:
                raise ValueError(str(error)) from error
        return value

    @property
    def most(self) -> Amount | None:
        """What is read of it at most; None for all of it."""
        return None if self.limit is None else parse_limit(self.limit)


def parse_limit(text: str) -> Amount:
    """Read `2B` as tokens, `5000docs` or `10Kdocs` as documents.

    Raises:
        RecipeError: it is neither.
    """
    amount = text.strip().removesuffix(_DOCUMENTS)
    try:
        number = parse_amount(amount, "limit")
    except RecipeError as error:
        raise RecipeError(f"limit {text!r} is no amount; write tokens as 500M or 2B, documents as 5000docs") from error
    if amount != text.strip():
        return Amount(documents=number)
    return Amount(text_bytes=number * BYTES_A_TOKEN)
