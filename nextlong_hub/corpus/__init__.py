"""The corpus: named sources of any mix of formats become one ordered stream of documents, cut into chunks.

    sources ▶ discover ▶ pieces ▶ read ▶ documents ▶ filters ▶ ingest ▶ chunk store

A `Piece` is data: it travels in a task to the worker that reads it. The files here:

    settings    a source of the recipe, and how documents are read and cut
    pieces      what travels, and the ways in which a document can be bad
    discovery   from a path to the files that are read, and from files to pieces
    formats/    Parquet, Arrow, JSON Lines, text and datasets: a file a format
    rows        from an Arrow batch or a JSON object to documents
    reading     `read`: a piece of any format, and what happens to a bad document
    filters/    documents that are left out by their content
    identity    the digest of a corpus, and the check that its ids are unique
    ingest      the stage: every piece is read, filtered and cut into the chunk store
    store       the cut corpus on disk
    texts       chunk texts by document id and number
    order       the order in which documents are taken
"""

from typing import TYPE_CHECKING

from nextlong_hub.core.lazy import names_imported_when_used

if TYPE_CHECKING:
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

__getattr__ = names_imported_when_used(
    __name__,
    {
        "DEMO": "discovery",
        "BadReason": "pieces",
        "MemorySource": "formats.memory",
        "Piece": "pieces",
        "RepeatedId": "identity",
        "Skipped": "pieces",
        "digest": "identity",
        "discover": "discovery",
        "memory_source": "formats.memory",
        "read": "reading",
        "repeated_ids": "identity",
        "require_unique_ids": "identity",
    },
)
