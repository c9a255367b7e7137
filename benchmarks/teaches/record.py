"""The rows that the package built, as `RowTable`: which spans of the corpus they hold, and the digests of their ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.replay import RowTable, digest
from benchmarks.teaches.spans import Spans
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.reader import SplitReader

Span = tuple[int, int, int]
"""Number of a document in the corpus, first character, characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlaces:
    """Where chunks stand in the documents of the corpus."""

    numbers: Mapping[str, int]
    """The number of each document in the corpus, by its id."""
    starts: Mapping[str, NDArray[np.int64]]
    """First character of each chunk of a document, by its id. Shape of each: (chunks,)."""

    @classmethod
    def of(cls, store: ChunkStore, numbers: Mapping[str, int]) -> "ChunkPlaces":
        """Those of all documents in a store; `numbers` are those of the documents in the corpus, by id."""
        characters = store.characters_of_each(np.arange(store.chunks))
        before = np.concatenate(([0], np.cumsum(characters)))
        starts = {}
        for document in range(store.documents):
            first, last = store.first_chunk[document : document + 2].tolist()
            starts[store.document(document)[0]] = before[first:last] - before[first]
        return cls(numbers=numbers, starts=starts)

    def chunk(self, store: ChunkStore, chunk: int) -> Span:
        """A chunk of a store as a span of the corpus."""
        document = int(store.document_of(np.array([chunk]))[0])
        identity = store.document(document)[0]
        start = self.starts[identity][chunk - int(store.first_chunk[document])]
        return self.numbers[identity], int(start), store.characters_of(chunk)


_COLUMNS = ("text", "input_ids", "meta_document", "segments", "documents")


def record(split: SplitReader, places: ChunkPlaces) -> RowTable:
    """The rows of a configuration that the package built."""
    spans: list[Span] = []
    documents: list[int] = []
    counts: list[int] = []
    extended: list[int] = []
    digests: list[bytes] = []
    columns = [name for name in _COLUMNS if name in split.columns]
    for batch in split.batches(columns):
        for row in batch.to_pylist():
            found = [_spans_of(row, document, places) for document in _documents_of(row)]
            spans += [span for one in found for span in one]
            documents += map(len, found)
            counts.append(len(found))
            negatives = any(segment["role"] == "negative" for segment in row["segments"])
            extended.append(places.numbers[_documents_of(row)[0]["meta_document"]] if negatives else -1)
            digests.append(digest(np.array(row["input_ids"])))
    return RowTable(
        spans=Spans.of(spans),
        spans_in_document=np.array(documents, np.int16),
        documents_in_row=np.array(counts, np.int16),
        meta_document=np.array(extended, np.int32),
        digests=np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 8),
    )


def _documents_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The documents of a row; a row that is not packed is one."""
    if "documents" in row:
        return list(row["documents"])
    return [{"meta_document": row["meta_document"], "offset": 0, "start": 0, "end": len(row["text"])}]


def _spans_of(row: Mapping[str, Any], document: Mapping[str, Any], places: ChunkPlaces) -> list[Span]:
    """What one document of a row is put together from: the chunks of a sample, or a piece of a document."""
    start, end = document["start"], document["end"]
    segments = [one for one in row["segments"] if start <= one["start"] < end]
    if not any(one["role"] == "negative" for one in segments):
        return [(places.numbers[document["meta_document"]], document["offset"], end - start)]
    spans = [
        (places.numbers[one["document"]], int(places.starts[one["document"]][one["chunk"]]), one["end"] - one["start"])
        for one in segments
    ]
    if segments[-1]["end"] < end:  # cut behind a newline, where nothing of the next chunk is left
        spans.append((spans[-1][0], 0, 0))
    return spans
