"""The languages that a corpus is found to be in, of those whose stop words are known."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLanguages:
    """The languages whose stop words a retriever leaves out where the recipe leaves the choice to the corpus."""

    shares: Mapping[str, float]
    """Share of the chunks looked at that are in each of them, in the order of their codes; empty where there is none.
    Rounded to four places."""
    chunks: int
    """Chunks looked at."""
