"""The cut corpus on disk: every chunk's text once, memory-mapped, in corpus order.

A store is a folder of parts, one for each piece of the corpus that was read, and each part is a handful of flat arrays:

    store.json                    counts, and the parts in corpus order
    part-00000/
        text.bin                  all chunks back to back, UTF-8
        chunk_offsets.npy         int64 (chunks + 1,)   chunk i is text[offsets[i]:offsets[i + 1]]
        chunk_characters.npy      int32 (chunks,)
        document_chunks.npy       int32 (documents,)    how many chunks each document was cut into
        documents.arrow           id: string, source: string, and segments: string where those are kept
        barred_chunks.npy         int32, ascending      chunks that no row may hold; only where there are any

Chunks and documents are numbered through the whole corpus, from 0. Text is read by ascending chunk number only: on a
spinning or remote disk that is the difference between one pass over a file and a seek for each negative.
"""

import bisect
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from nextlong_hub.core.files import read_json, storage_errors, write_array, write_json, written_aside
from nextlong_hub.core.mapping import map_array, map_bytes, map_scattered, map_table
from nextlong_hub.corpus.evidence import Evidence
from nextlong_hub.corpus.kept_segments import SEGMENTS_COLUMN
from nextlong_hub.corpus.secrets import SecretCounts
from nextlong_hub.errors import DataError
from nextlong_hub.records import ChunkSpan, Document, TextBlock

_DOCUMENT_SCHEMA = pa.schema([("id", pa.string()), ("source", pa.string())])
_SEGMENTS = pa.field(SEGMENTS_COLUMN, pa.string())
_DOCUMENTS_PER_BATCH = 8192
_BUFFER_BYTES = 1 << 20


_BARRED = "barred_chunks.npy"
_BYTES_A_CHUNK = 12
"""Its place in `chunk_offsets` and its entry in `chunk_characters`."""
_BYTES_A_DOCUMENT = 48
"""Its number of chunks, and an id and a source of usual length."""


def estimate_bytes(text_bytes: float, chunks: int, documents: int) -> int:
    """Bytes on disk of a store with so much text."""
    return round(text_bytes + _BYTES_A_CHUNK * chunks + _BYTES_A_DOCUMENT * documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCounts:
    """What one part holds."""

    name: str
    documents: int
    chunks: int
    characters: int
    bytes: int
    barred: int = 0
    """Chunks that no row may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginCounts:
    """The documents of a source whose rows name the same origin and licence."""

    source: str
    """What the rows say in their column `source`; empty where they say nothing."""
    license: str
    """What they say in their column `license`; empty where they say nothing."""
    documents: int
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCounts:
    """What one source gave."""

    name: str
    documents: int
    characters: int
    numbered: int = 0
    """Rows that have no id, and are called by their place."""
    unused: Mapping[str, int] = field(default_factory=dict)
    """Values of columns and fields that are not read, by name."""
    members: Mapping[str, int] = field(default_factory=dict)
    """Files within archives that are not read, by ending."""
    origins: tuple[OriginCounts, ...] = ()
    """What its rows say of where they come from; empty where they say nothing."""
    languages: Mapping[str, int] = field(default_factory=dict)
    """Documents by the language that their rows say they are in."""
    evidence: Evidence = field(default_factory=Evidence)
    """What filters found in documents that they left out or barred in part."""
    barred: Mapping[str, int] = field(default_factory=dict)
    """Chunks that no row may hold, by reason."""
    secrets: SecretCounts = field(default_factory=SecretCounts)
    """Tokens and keys that were found in its documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSummary:
    """The content of `store.json`."""

    id: str
    """Digest of what it was made from; equal ids mean equal stores."""
    documents: int
    chunks: int
    characters: int
    bytes: int
    skipped: dict[str, int]
    """Documents left out, by reason."""
    sources: tuple[SourceCounts, ...]
    """In the order of the corpus."""
    parts: tuple[PartCounts, ...]

    @property
    def barred(self) -> dict[str, int]:
        """Chunks that no row may hold, by reason."""
        counts = sum((Counter(source.barred) for source in self.sources), Counter[str]())
        return dict(sorted(counts.items()))


_SUMMARY = TypeAdapter(StoreSummary)


class PartWriter:
    """Writes one part, document by document, in memory bounded by the arrays (12 bytes a chunk), not by the text."""

    def __init__(self, folder: Path, *, segments: bool = False) -> None:
        self._folder = folder
        self._keeps_segments = segments
        self._schema = _DOCUMENT_SCHEMA.append(_SEGMENTS) if segments else _DOCUMENT_SCHEMA
        self._segments: list[str] = []
        self._offsets = array("q", [0])
        self._chunk_characters = array("i")
        self._document_chunks = array("i")
        self._barred = array("i")
        self._ids: list[str] = []
        self._sources: list[str] = []

    def __enter__(self) -> Self:
        with storage_errors(self._folder), ExitStack() as opened:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Aside, like all that may be written twice at once: a worker that was given up may still be writing.
            text, documents = (
                opened.enter_context(written_aside(self._folder / name)) for name in ("text.bin", "documents.arrow")
            )
            self._text = opened.enter_context(text.open("wb", _BUFFER_BYTES))
            names = opened.enter_context(pa.OSFile(str(documents), "wb"))
            self._documents = opened.enter_context(pa.ipc.new_file(names, self._schema))
            self._opened = opened.pop_all()
        return self

    def add(self, document: Document, spans: Sequence[ChunkSpan], barred: Iterable[int] = ()) -> None:
        """Append one document cut into `spans`; no row may hold those of the numbers `barred`, which ascend.

        Raises:
            StorageError: the disk is full.
        """
        self._barred.extend(len(self._chunk_characters) + number for number in barred)
        with storage_errors(self._folder):
            for span in spans:
                written = self._text.write(document.text[span.start : span.end].encode())
                self._offsets.append(self._offsets[-1] + written)
                self._chunk_characters.append(span.end - span.start)
            self._document_chunks.append(len(spans))
            self._ids.append(document.id)
            self._sources.append(document.source)
            if self._keeps_segments:
                self._segments.append(document.metadata.get(SEGMENTS_COLUMN, ""))
            if len(self._ids) == _DOCUMENTS_PER_BATCH:
                self._write_documents()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._opened.__exit__(kind, error, trace)
            return
        with storage_errors(self._folder), self._opened:
            self._write_documents()
        self._finish()

    @property
    def counts(self) -> PartCounts:
        """Counts of the documents added so far."""
        return PartCounts(
            name=self._folder.name,
            documents=len(self._document_chunks),
            chunks=len(self._chunk_characters),
            characters=sum(self._chunk_characters),
            bytes=self._offsets[-1],
            barred=len(self._barred),
        )

    def _finish(self) -> None:
        write_array(self._folder / "chunk_offsets.npy", np.frombuffer(self._offsets, np.int64))
        write_array(self._folder / "chunk_characters.npy", np.array(self._chunk_characters, np.int32))
        write_array(self._folder / "document_chunks.npy", np.array(self._document_chunks, np.int32))
        if self._barred:
            write_array(self._folder / _BARRED, np.array(self._barred, np.int32))

    def _write_documents(self) -> None:
        if self._ids:
            columns = [self._ids, self._sources, *([self._segments] if self._keeps_segments else [])]
            self._documents.write_batch(pa.record_batch(columns, schema=self._schema))
            self._ids, self._sources, self._segments = [], [], []


@dataclass(frozen=True, slots=True)
class _OpenPart:
    text: NDArray[np.uint8]
    """For reading in one pass."""
    scattered_text: NDArray[np.uint8]
    """The same, for reading a chunk here and there."""
    offsets: NDArray[np.int64]
    characters: NDArray[np.int32]
    documents: pa.Table


class ChunkStore:
    """A finished store, opened for reading; opening costs 8 bytes a document, text stays on disk."""

    def __init__(self, folder: Path) -> None:
        """Open the store in `folder`.

        Raises:
            DataError: there is no finished store.
        """
        self.folder = folder
        try:
            self.summary = _SUMMARY.validate_python(read_json(folder / "store.json"))
        except ValidationError as error:
            raise DataError(f"{folder} holds no finished chunk store; run the build again to make it") from error
        names = [part.name for part in self.summary.parts]
        counts = [np.load(folder / name / "document_chunks.npy") for name in names]
        self._parts = [_open_part(folder / name) for name in names]
        self._part_chunks = _starts([int(c.sum()) for c in counts])
        self._part_documents = _starts([len(c) for c in counts])
        self.first_chunk: NDArray[np.int64] = np.concatenate(([0], *counts)).cumsum(dtype=np.int64)
        """Document d owns chunks `first_chunk[d]` up to `first_chunk[d + 1]`. Shape: (documents + 1,)."""

    @property
    def documents(self) -> int:
        """Number of documents."""
        return len(self.first_chunk) - 1

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return int(self.first_chunk[-1])

    @property
    def id(self) -> str:
        """Digest of what the store was made from; equal ids mean equal stores."""
        return self.summary.id

    @cached_property
    def document_characters(self) -> NDArray[np.int64]:
        """Characters in each document. Shape: (documents,)."""
        counts = [np.zeros(0, np.int64)]
        for part, (first, end) in zip(self._parts, pairwise(self._part_documents), strict=True):
            ends = np.concatenate(([0], part.characters)).cumsum(dtype=np.int64)
            counts.append(np.diff(ends[self.first_chunk[first : end + 1] - self.first_chunk[first]]))
        return np.concatenate(counts)

    @cached_property
    def barred_chunks(self) -> NDArray[np.int64]:
        """The chunks that no row may hold, ascending. Shape: (barred chunks,)."""
        found = [np.zeros(0, np.int64)]
        for part, first in zip(self.summary.parts, self._part_chunks, strict=False):
            if part.barred:
                found.append(first + np.load(self.folder / part.name / _BARRED).astype(np.int64))
        return np.concatenate(found)

    @cached_property
    def barred_documents(self) -> NDArray[np.int64]:
        """The documents that have such chunks, ascending. Shape: (barred documents,)."""
        return np.unique(self.document_of(self.barred_chunks))

    def characters_of(self, chunk: int) -> int:
        """Characters in one chunk."""
        part = bisect.bisect_right(self._part_chunks, chunk) - 1
        return int(self._parts[part].characters[chunk - self._part_chunks[part]])

    def characters_of_each(self, chunks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Characters in each of many chunks. Shape: as `chunks`."""
        parts = np.searchsorted(self._part_chunks, chunks, side="right") - 1
        characters = np.zeros(len(chunks), np.int64)
        for part in np.unique(parts).tolist():
            own = parts == part
            characters[own] = self._parts[part].characters[chunks[own] - self._part_chunks[part]]
        return characters

    def document_of(self, chunks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The document each chunk belongs to. Shape: as `chunks`."""
        return np.searchsorted(self.first_chunk, chunks, side="right") - 1

    def document(self, number: int) -> tuple[str, str]:
        """A document's id and source."""
        part = bisect.bisect_right(self._part_documents, number) - 1
        row = self._parts[part].documents.slice(number - self._part_documents[part], 1)
        return row["id"][0].as_py(), row["source"][0].as_py()

    def segments(self, number: int) -> str:
        """The segments that a document has of its own, as JSON; empty where it has none, or they are not kept."""
        part = bisect.bisect_right(self._part_documents, number) - 1
        documents = self._parts[part].documents
        if SEGMENTS_COLUMN not in documents.column_names:
            return ""
        return str(documents[SEGMENTS_COLUMN][number - self._part_documents[part]].as_py())

    def document_number(self, document_id: str) -> int | None:
        """The number of the document with that id; None when there is none."""
        for part, first in zip(self._parts, self._part_documents[:-1], strict=True):
            place = part.documents["id"].index(document_id).as_py()
            if place >= 0:
                return first + int(place)
        return None

    def document_numbers(self, document_ids: pa.Array) -> NDArray[np.int64]:
        """The numbers of the documents with those ids, ascending; an id that no document has is left out."""
        found = [np.zeros(0, np.int64)]
        for part, first in zip(self._parts, self._part_documents[:-1], strict=True):
            is_named = pc.is_in(part.documents["id"], value_set=document_ids)
            found.append(first + np.flatnonzero(is_named.to_numpy()))
        return np.concatenate(found)

    def document_ids(self, numbers: NDArray[np.int64]) -> list[str]:
        """The ids of documents, in the order of their numbers as given."""
        ids = pa.chunked_array([chunk for part in self._parts for chunk in part.documents["id"].chunks], pa.string())
        found: list[str] = ids.take(pa.array(numbers)).to_pylist()
        return found

    def sources_of(self, document_ids: pa.Array) -> pa.Array:
        """The source of each document of that id; null where there is none. Shape: as `document_ids`."""
        found = pa.nulls(len(document_ids), pa.string())
        for part in self._parts:
            places = pc.index_in(document_ids, value_set=part.documents["id"])
            found = pc.coalesce(found, part.documents["source"].combine_chunks().take(places).cast(pa.string()))
        return found

    def blocks(self, start: int, stop: int) -> Iterator[TextBlock]:
        """The text of chunks `start` up to `stop`, as few blocks as the parts allow, in order."""
        for part, (first, end) in zip(self._parts, pairwise(self._part_chunks), strict=True):
            low, high = max(start, first), min(stop, end)
            if low < high:
                offsets = part.offsets[low - first : high - first + 1]
                text = part.text[offsets[0] : offsets[-1]]
                yield TextBlock(first_chunk=low, text=text, offsets=offsets - offsets[0])

    def texts(self, chunks: NDArray[np.int64]) -> dict[int, str]:
        """The text of `chunks`, gathered in one ascending pass over the corpus."""
        gathered: dict[int, str] = {}
        wanted = np.unique(chunks)
        for part, (first, end) in zip(self._parts, pairwise(self._part_chunks), strict=True):
            own = wanted[slice(*np.searchsorted(wanted, (first, end)))].tolist()
            is_one_pass = bool(own) and own[-1] - own[0] == len(own) - 1
            text = part.text if is_one_pass else part.scattered_text
            for chunk in own:
                start, stop = part.offsets[chunk - first : chunk - first + 2]
                gathered[chunk] = text[start:stop].tobytes().decode()
        return gathered


def finish_store(
    folder: Path,
    parts: Sequence[PartCounts],
    identity: str,
    skipped: Mapping[str, int],
    sources: Sequence[SourceCounts] = (),
) -> ChunkStore:
    """Declare the store complete: `store.json` is written last, so it exists only where all parts do."""
    summary = StoreSummary(
        id=identity,
        documents=sum(part.documents for part in parts),
        chunks=sum(part.chunks for part in parts),
        characters=sum(part.characters for part in parts),
        bytes=sum(part.bytes for part in parts),
        skipped=dict(sorted(skipped.items())),
        sources=tuple(sources),
        parts=tuple(parts),
    )
    write_json(folder / "store.json", asdict(summary))
    return ChunkStore(folder)


def store_stamp(folder: Path) -> tuple[int, int]:
    """Changes whenever the store in `folder` is declared complete again: its files may have been replaced."""
    status = (folder / "store.json").stat()
    return status.st_ino, status.st_mtime_ns


def document_ids(part: Path) -> pa.ChunkedArray:
    """The ids of the documents in one part's folder, memory-mapped, in order."""
    return _documents(part)["id"]


def _documents(part: Path) -> pa.Table:
    return map_table(part / "documents.arrow")


def _open_part(folder: Path) -> _OpenPart:
    return _OpenPart(
        text=map_bytes(folder / "text.bin"),
        scattered_text=map_scattered(folder / "text.bin"),
        offsets=map_array(folder / "chunk_offsets.npy"),
        characters=map_array(folder / "chunk_characters.npy"),
        documents=_documents(folder),
    )


def _starts(sizes: list[int]) -> list[int]:
    return [0, *accumulate(sizes)]


def open_store(folder: Path) -> ChunkStore:
    """The store in `folder`, opened once a process, and anew when it was finished again since."""
    return _store_of(folder, store_stamp(folder))


@lru_cache(maxsize=4)
def _store_of(folder: Path, stamp: tuple[int, int]) -> ChunkStore:
    return ChunkStore(folder)
