"""Tables of documents become tables of packed rows, without copying single texts or tokens.

Arrow stores a column of lists as one long array and the offsets at which the lists begin. The values of consecutive
documents are already adjacent there, so that packing them into a row only drops the offsets between them.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.schema import COLUMNS, DOCUMENT_LENGTHS, DOCUMENT_TYPE, RowKind, kinds_of, row_schema


def as_documents(table: pa.Table, *, tokens: bool) -> pa.Table:
    """Rows of one document each, with the columns of packed rows; those that a table of samples lacks are added.

    Args:
        table: samples, or packed rows of one document.
        tokens: keep `input_ids`.
    """
    kinds = kinds_of(table.column_names)
    if RowKind.PACKED not in kinds:
        documents = {
            **{field.name: _whole(table[field.name]) for field in DOCUMENT_TYPE if field.name in table.column_names},
            **{name: pa.array(np.zeros(table.num_rows, np.int32)) for name in ("offset", "start")},
            "end": pc.utf8_length(_whole(table["text"])).cast(pa.int32()),
            "tokens": _whole(table["token_count"]),
        }
        structs = pa.StructArray.from_arrays(
            [documents[field.name] for field in DOCUMENT_TYPE], fields=list(DOCUMENT_TYPE)
        )
        each = pa.array(np.arange(table.num_rows + 1), pa.int32())
        table = table.append_column("documents", pa.ListArray.from_arrays(each, structs))
        table = table.append_column(DOCUMENT_LENGTHS, pa.ListArray.from_arrays(each, documents["tokens"]))
    schema = row_schema(
        tokens=tokens, packed=True, masked=RowKind.WITH_MASK in kinds, inputs=RowKind.WITH_INPUTS in kinds
    )
    return table.select(schema.names)


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
