"""The corpus: named sources of any mix of formats become one ordered stream of documents, cut into chunks.

    sources ▶ discover ▶ pieces ▶ read ▶ documents ▶ filters ▶ ingest ▶ chunk store

A `Piece` is data: it travels in a task to the worker that reads it. The files here:

    given       sources from whatever a Python caller gives; `in_memory`: rows that the caller holds become a file
    settings    a source of the recipe, and how documents are read and cut
    pieces      what travels, the ways in which a document can be bad, and what is met and not used
    naming      what a source is called, and the configuration and split that its path names
    listing     the files of a path, a folder, a glob; `remote` those of a URL; `patterns` the globs
    splits      which of them belong to the configuration and split that is meant
    endings     which format reads a file, by the end of its name
    left_out    files that are not read, by reason
    discovery   all of this: from sources to pieces
    formats/    Parquet, Arrow, JSON, CSV, text, archives and datasets: a file a format
    columns     which columns of a table are read
    row_sizes   how large rows become, and which are read together
    rows        from an Arrow batch or a JSON object to documents
    row_licences  what a row says of its licence
    reading     `read`: a piece of any format, and what happens to a bad document
    secrets     tokens and keys in documents: masked, unless the recipe says otherwise
    filters/    documents that are left out by their content
    evidence    what they found in them; `benchmark_runs`: the runs of words that none of them may hold
    states      what a file was when it was hashed
    identity    the digest of a corpus, and the check that its ids are unique
    limits      the order in which a source with a limit is read
    origins     what rows say of where they come from, counted
    telling     what is not read, in words
    ingest      the stage: every piece is read, masked, filtered and cut into the chunk store
    store       the cut corpus on disk
    texts       chunk texts by document id and number
    order       the order in which documents are taken
"""

from typing import TYPE_CHECKING

from nextlong_hub.core.lazy import names_imported_when_used

if TYPE_CHECKING:
    from nextlong_hub.corpus.discovery import Found, discover, find
    from nextlong_hub.corpus.identity import Identified, RepeatedId, identify, repeated_ids, require_unique_ids
    from nextlong_hub.corpus.in_memory import MemorySource, memory_source
    from nextlong_hub.corpus.listing import DEMO
    from nextlong_hub.corpus.pieces import BadReason, Piece, ReadingNotes, Skipped
    from nextlong_hub.corpus.reading import read

__all__ = [
    "DEMO",
    "BadReason",
    "Found",
    "Identified",
    "MemorySource",
    "Piece",
    "ReadingNotes",
    "RepeatedId",
    "Skipped",
    "discover",
    "find",
    "identify",
    "memory_source",
    "read",
    "repeated_ids",
    "require_unique_ids",
]

__getattr__ = names_imported_when_used(
    __name__,
    {
        "DEMO": "listing",
        "BadReason": "pieces",
        "Found": "discovery",
        "Identified": "identity",
        "MemorySource": "in_memory",
        "Piece": "pieces",
        "ReadingNotes": "pieces",
        "RepeatedId": "identity",
        "Skipped": "pieces",
        "discover": "discovery",
        "find": "discovery",
        "identify": "identity",
        "memory_source": "in_memory",
        "read": "reading",
        "repeated_ids": "identity",
        "require_unique_ids": "identity",
    },
)
