"""Tables of documents become tables of packed rows, without copying single texts or tokens.

Arrow stores a column of lists as one long array and the offsets at which the lists begin. The values of consecutive
documents are already adjacent there, so that packing them into a row only drops the offsets between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.schema import (
    COLUMNS,
    DOCUMENT_LENGTHS,
    DOCUMENT_TYPE,
    LOSS_MASK,
    RowKind,
    kinds_of,
    row_schema,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """What is put behind a document that shares a row."""

    multiple: int
    """Documents get a multiple of so many tokens."""
    token: int
    """The id that is put there; no loss is taken on it."""

    def of(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens of padding behind documents of so many tokens."""
        return -lengths % self.multiple


def as_documents(table: pa.Table, *, tokens: bool, padding: Padding | None = None) -> pa.Table:
    """Rows of one document each, with the columns of packed rows; those that a table of samples lacks are added.

    Args:
        table: samples, or packed rows of one document.
        tokens: keep `input_ids`.
        padding: is put behind each document, with a loss mask that says so.
    """
    kinds = kinds_of(table.column_names)
    if RowKind.PACKED not in kinds:
        documents = {
            **{field.name: _whole(table[field.name]) for field in DOCUMENT_TYPE if field.name in table.column_names},
            **{name: pa.array(np.zeros(table.num_rows, np.int32)) for name in ("offset", "start", "padding")},
            "end": pc.utf8_length(_whole(table["text"])).cast(pa.int32()),
            "tokens": _whole(table["token_count"]),
        }
        structs = pa.StructArray.from_arrays(
            [documents[field.name] for field in DOCUMENT_TYPE], fields=list(DOCUMENT_TYPE)
        )
        each = pa.array(np.arange(table.num_rows + 1), pa.int32())
        table = table.append_column("documents", pa.ListArray.from_arrays(each, structs))
        table = table.append_column(DOCUMENT_LENGTHS, pa.ListArray.from_arrays(each, documents["tokens"]))
    is_masked = RowKind.WITH_MASK in kinds or padding is not None
    schema = row_schema(tokens=tokens, packed=True, masked=is_masked, inputs=RowKind.WITH_INPUTS in kinds)
    if padding is not None:
        table = _padded(table, padding)
    elif table.schema.field("documents").type != schema.field("documents").type:  # a unit of before
        place = table.column_names.index("documents")
        table = table.set_column(place, "documents", _one_each(table, padding=np.zeros(table.num_rows, np.int64)))
    return table.select(schema.names)


def _padded(table: pa.Table, padding: Padding) -> pa.Table:
    """Rows of one document each, with padding behind its tokens."""
    lengths = table["token_count"].to_numpy().astype(np.int64)
    added = padding.of(lengths)
    after = lengths + added
    offsets = pa.array(np.cumsum([0, *after]), pa.int32())
    # Where the tokens of the documents stand among those of the padded ones.
    places = np.arange(lengths.sum()) + np.repeat(np.cumsum(added) - added, lengths)

    def spread(values: NDArray[np.integer[Any]], fill: int, kind: pa.DataType) -> pa.ListArray:
        flat = np.full(int(after.sum()), fill, kind.to_pandas_dtype())
        flat[places] = values
        return pa.ListArray.from_arrays(offsets, pa.array(flat))

    ids = pc.list_flatten(_whole(table["input_ids"])).to_numpy()
    has_mask = LOSS_MASK in table.column_names
    mask = pc.list_flatten(_whole(table[LOSS_MASK])).to_numpy() if has_mask else np.ones(len(ids), np.int8)
    each = pa.array(np.arange(table.num_rows + 1), pa.int32())
    changed = {
        "input_ids": spread(ids, padding.token, pa.int32()),
        LOSS_MASK: spread(mask, 0, pa.int8()),
        "token_count": pa.array(after, pa.int32()),
        DOCUMENT_LENGTHS: pa.ListArray.from_arrays(each, pa.array(after, pa.int32())),
        "documents": _one_each(table, tokens=after, padding=added),
    }
    kept = {name: table[name] for name in table.column_names if name not in changed}
    return pa.table(kept | changed)


def _one_each(table: pa.Table, **changed: NDArray[np.int64]) -> pa.ListArray:
    """The one document of each row, with some of its numbers changed."""
    documents = pc.list_flatten(_whole(table["documents"]))
    fields = [
        pa.array(changed[field.name], field.type) if field.name in changed else pc.struct_field(documents, field.name)
        for field in DOCUMENT_TYPE
    ]
    each = pa.array(np.arange(table.num_rows + 1), pa.int32())
    return pa.ListArray.from_arrays(each, pa.StructArray.from_arrays(fields, fields=list(DOCUMENT_TYPE)))


def merge(documents: pa.Table, counts: NDArray[np.int64], ids: Sequence[str]) -> pa.Table:
    """Merge rows of one document each into rows of several.

    Args:
        documents: the result of `as_documents`, in the order in which the rows take them.
        counts: how many documents each row takes. Shape: (rows,).
        ids: the ids of the merged rows.
    """
    borders = np.concatenate([[0], np.cumsum(counts)])
    characters = pc.utf8_length(_whole(documents["text"])).to_numpy().astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(characters)])
    before = ends[:-1] - np.repeat(ends[borders[:-1]], counts)  # characters of its row before each document
    columns = {
        "id": pa.array(ids, pa.string()),
        "text": _joined_texts(_whole(documents["text"]), borders),
        "token_count": pa.array(np.add.reduceat(documents["token_count"].to_numpy(), borders[:-1]).astype(np.int32)),
    }
    for column in COLUMNS:
        if column.is_list and column.name in documents.column_names:
            lists = _whole(documents[column.name])
            columns[column.name] = (
                _joined_lists(lists, borders) if column.struct is None else _joined_structs(lists, borders, before)
            )
    return pa.table([columns[name] for name in documents.column_names], schema=documents.schema)


def _joined_texts(texts: pa.LargeStringArray, borders: NDArray[np.int64]) -> pa.LargeStringArray:
    _, offsets, characters = texts.buffers()
    starts = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1][borders]
    return pa.LargeStringArray.from_buffers(len(borders) - 1, pa.py_buffer(starts), characters)


def _joined_lists(lists: pa.ListArray, borders: NDArray[np.int64]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(lists.offsets.to_numpy()[borders], pa.int32()), lists.values)


def _joined_structs(lists: pa.ListArray, borders: NDArray[np.int64], before: NDArray[np.int64]) -> pa.ListArray:
    """Lists of spans in characters; `before` shifts those of a document by the characters of its row before it."""
    starts = lists.offsets.to_numpy()
    spans = lists.values.slice(starts[0], starts[-1] - starts[0])
    shift = np.repeat(before, np.diff(starts))
    columns = {field.name: spans.field(number) for number, field in enumerate(spans.type)}
    for name in ("start", "end"):
        columns[name] = pa.array((columns[name].to_numpy() + shift).astype(np.int32))
    shifted = pa.StructArray.from_arrays(list(columns.values()), fields=list(spans.type))
    return pa.ListArray.from_arrays(pa.array(starts[borders] - starts[0], pa.int32()), shifted)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one contiguous array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
