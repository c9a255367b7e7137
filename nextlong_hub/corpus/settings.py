"""A source of a corpus, and how its documents are read and cut."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from nextlong_hub.core.settings import Section
from nextlong_hub.method.settings import ChunkingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSettings:
    """How documents are read and cut: the choices of a recipe that decide the chunk store."""

    chunking: ChunkingSettings
    on_bad_document: Literal["fail", "skip"]
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of the filters that leave documents out, by the names of the filters."""


class SourceSettings(Section):
    """One named source of a corpus."""

    name: str = Field(min_length=1)
    path: str = Field(min_length=1)
    """A file, a folder, a glob, `hf://datasets/…`, or the name of a Hub dataset."""
    weight: float | None = Field(None, gt=0)
    """Share of the meta-documents relative to the other sources. When no source has a weight, each gives in proportion
    to its documents; when some have one, the others weigh 1."""
    license: str | None = None
    text_column: str = "text"
    id_column: str = "id"
    record_columns: tuple[str, ...] = ()
    """When set, a document's text is a JSON object of those of these columns that its row has, of any type, and
    `text_column` is not read."""
    config: str | None = None
    """Configuration of a Hub dataset."""
    split: str = "train"
    """Split of a Hub dataset."""
    revision: str | None = None
    """Revision of a Hub dataset."""
