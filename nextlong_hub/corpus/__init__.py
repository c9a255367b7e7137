"""The corpus: named sources of any mix of formats become one ordered stream of documents.

    sources ▶ discover ▶ pieces ▶ read ▶ documents

A `Piece` is data: it travels in a task to whichever worker reads it. Where things are:

    pieces      what travels, and the ways in which a document can be bad
    discovery   from a path to the files that are read, and from files to pieces
    remote      everything that asks the Hub: `hf://` files and datasets by name
    memory      a `datasets.Dataset` that the caller holds
    rows        from an Arrow batch or a JSON object to documents
    tables      readers of Parquet, Arrow and `datasets`
    lines       readers of JSON Lines and of plain text
    reading     `read`: one door for all formats, and what happens to a bad document
    identity    the digest of a corpus, and the check that its ids are unique
"""

from nextlong_hub.corpus.discovery import DEMO, discover
from nextlong_hub.corpus.formats.memory import MemorySource, memory_source
from nextlong_hub.corpus.identity import RepeatedId, digest, repeated_ids, require_unique_ids
from nextlong_hub.corpus.pieces import BadReason, Piece, Skipped
from nextlong_hub.corpus.reading import read

__all__ = [
    "DEMO",
    "BadReason",
    "MemorySource",
    "Piece",
    "RepeatedId",
    "Skipped",
    "digest",
    "discover",
    "memory_source",
    "read",
    "repeated_ids",
    "require_unique_ids",
]
