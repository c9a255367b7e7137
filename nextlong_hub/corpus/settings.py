"""A source of a corpus, as a recipe names it."""

from pydantic import Field

from nextlong_hub.core.settings import Section


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
    """When set, a document's text is a JSON object of those of these columns that its row has, whatever they hold, and
    `text_column` is not read."""
    config: str | None = None
    """Configuration of a Hub dataset."""
    split: str = "train"
    """Split of a Hub dataset."""
    revision: str | None = None
    """Revision of a Hub dataset."""
