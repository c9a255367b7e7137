"""A score as the sum of its terms, and how a retriever that can explain its scores does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.retrieval.settings import RetrievalSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTerm:
    """One term that the query and the chunk have in common."""

    term: str
    """As the retriever's lexer writes it."""
    in_query: int
    """Occurrences in the query chunk."""
    in_chunk: int
    """Occurrences in the chunk that was found."""
    frequency: int
    """Chunks of the corpus that hold it."""
    idf: float
    weight: float
    """What it adds to the score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A score, term by term."""

    terms: tuple[SharedTerm, ...]
    """In the order in which the search adds their weights up."""
    score: float
    """Their sum, as the search returns it, rounded to float32."""
    chunks: int
    """Chunks the frequencies were counted in."""
    chunk_words: int
    """Words of the chunk that was found, stop words left out."""
    mean_words: float
    """Words of a chunk on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """How a retriever explains its scores."""

    explain: Callable[[Path, ChunkStore, RetrievalSettings, int, int], Explanation]
    """Takes the finished index, its store and settings, the query chunk and the chunk that was found. Raises
    DataError: the index is missing, or was made from another store or with other settings."""
    passage: Callable[[str, Mapping[str, float], int], list[tuple[str, float]]]
    """Takes a chunk's text, the weight of each term, and a length in characters. Returns the stretch in which the
    heaviest terms come together: pieces, back to back, each with the weight of the term that it is, or 0."""
