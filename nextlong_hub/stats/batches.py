"""What one batch of rows says, as NumPy arrays: each segment's row, text and place."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The texts of packed rows, row after row. Shape of every array: (documents,)."""

    row: _Ints
    """Number of the row in the batch."""
    ids: list[str]
    sources: list[str]
    offset: _Ints
    """Its first character in the document of the corpus."""
    start: _Ints
    """In characters of the row's text."""
    end: _Ints
    tokens: _Ints
    """Without padding."""
    padding: _Ints
    """Tokens behind them; 0 in rows that were made before there was such a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The segments of a batch, row after row. Shape of every array: (segments,)."""

    row: _Ints
    """Number of the row in the batch."""
    text: _Ints
    """Number of the text in the batch: the row's or, of a packed row, the document's."""
    roles: list[str]
    """The different roles."""
    role: _Ints
    """Place in `roles`."""
    documents: list[str]
    """The different documents of the corpus."""
    document: _Ints
    """Place in `documents`."""
    chunk: _Ints
    start: _Ints
    """In characters of the row's text."""
    end: _Ints
    tokens: _Ints
    rank: _Ints
    score: NDArray[np.float64]
    own_rank: _Ints
    """0 in rows that were made before there was such a field."""

    @property
    def is_meta(self) -> NDArray[np.bool_]:
        """Whether it is a meta-chunk. Shape: (segments,)."""
        return self._is("meta")

    @property
    def is_negative(self) -> NDArray[np.bool_]:
        """Whether it is a hard negative; what is neither is a message. Shape: (segments,)."""
        return self._is("negative")

    def _is(self, role: str) -> NDArray[np.bool_]:
        number = self.roles.index(role) if role in self.roles else -1
        return np.asarray(self.role == number)

    @property
    def in_sample(self) -> NDArray[np.bool_]:
        """Whether its text holds hard negatives. Shape: (segments,)."""
        return np.isin(self.text, self.text[self.is_negative])

    def where(self, those: NDArray[np.bool_]) -> "Segments":
        """Some of them. `those` has the shape (segments,)."""
        arrays = {
            field.name: getattr(self, field.name)[those]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **arrays)

    @property
    def meta_places(self) -> _Ints:
        """Where the meta-chunks are among all segments. Shape: (meta-chunks,)."""
        return np.flatnonzero(self.is_meta)


def read_documents(column: pa.ChunkedArray | pa.Array) -> Documents:
    """Flatten the column `documents`."""
    row, flat = _flattened(column)
    padding = _numbers(flat, "padding") if flat.type.get_field_index("padding") >= 0 else np.zeros_like(row)
    return Documents(
        row=row,
        ids=_words(flat, "id").to_pylist(),
        sources=_words(flat, "source").to_pylist(),
        offset=_numbers(flat, "offset"),
        start=_numbers(flat, "start"),
        end=_numbers(flat, "end"),
        tokens=_numbers(flat, "tokens") - padding,
        padding=padding,
    )


def read_segments(column: pa.ChunkedArray | pa.Array, documents: Documents | None = None) -> Segments:
    """Flatten the column `segments`; `documents` are those of packed rows."""
    row, flat = _flattened(column)
    role = _words(flat, "role").dictionary_encode()
    document = _words(flat, "document").dictionary_encode()
    start = _numbers(flat, "start")
    text = row
    if documents is not None:
        text = np.searchsorted(documents.row << 32 | documents.start, row << 32 | start, side="right") - 1
    return Segments(
        row=row,
        text=text,
        roles=role.dictionary.to_pylist(),
        role=role.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        documents=document.dictionary.to_pylist(),
        document=document.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        chunk=_numbers(flat, "chunk"),
        start=start,
        end=_numbers(flat, "end"),
        tokens=_numbers(flat, "tokens"),
        rank=_numbers(flat, "rank"),
        score=pc.fill_null(pc.struct_field(flat, "score"), math.nan).to_numpy(zero_copy_only=False).astype(np.float64),
        own_rank=_numbers(flat, "own_rank") if flat.type.get_field_index("own_rank") >= 0 else np.zeros_like(row),
    )


def negatives_after_meta(segments: Segments) -> _Ints:
    """How many negatives follow each meta-chunk, up to the next one of its text. Shape: (meta-chunks,)."""
    places = segments.meta_places
    block = np.searchsorted(places, np.arange(len(segments.row)), side="right") - 1
    belongs = (block >= 0) & segments.is_negative
    belongs[belongs] = segments.text[belongs] == segments.text[places[block[belongs]]]
    return np.bincount(block[belongs], minlength=len(places))


def distances(segments: Segments) -> tuple[_Ints, _Ints]:
    """Tokens of negatives, and characters, between a meta-chunk and the next one of its text.

    Shape of both: (meta-chunks that another one follows in their text,).
    """
    places = segments.meta_places
    here, there = places[:-1], places[1:]
    together = segments.text[here] == segments.text[there]
    here, there = here[together], there[together]
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(segments.tokens)])
    return before[there] - before[here + 1], segments.start[there] - segments.end[here]


def last_ends(row: _Ints, end: _Ints, rows: int) -> _Ints:
    """The furthest end in each row. Shape: (rows,)."""
    furthest = np.zeros(rows, np.int64)
    np.maximum.at(furthest, row, end)
    return furthest


def _flattened(column: pa.ChunkedArray | pa.Array) -> tuple[_Ints, pa.StructArray]:
    """The number of the row for each entry of a column of lists, and the entries."""
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists), dtype=np.int64), lengths), pc.list_flatten(lists)


def _numbers(flat: pa.StructArray, name: str) -> Any:
    return pc.fill_null(pc.struct_field(flat, name), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def _words(flat: pa.StructArray, name: str) -> Any:
    return pc.fill_null(pc.struct_field(flat, name).cast(pa.string()), "")
