"""A filter: documents below a number of characters are left out, and counted as `too_short`."""

from pydantic import Field

from nextlong_hub.corpus.filters import Filter
from nextlong_hub.records import Document


class TooShort(Filter):
    """Its fields are what a recipe may set: `[filters.too-short]`, `characters = 500`."""

    characters: int = Field(default=200, ge=1)
    """Fewest characters of a document that is kept."""

    def reject(self, document: Document) -> str | None:
        """See `Filter.reject`."""
        return "too_short" if len(document.text) < self.characters else None


FILTER = TooShort
