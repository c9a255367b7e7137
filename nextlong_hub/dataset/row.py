"""One row as Python sees it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.dataset.schema import COLUMNS, Column
from nextlong_hub.errors import DataError
from nextlong_hub.records import PackedDocument, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; a field is empty where the file lacks its column, or the column was not read."""

    number: int
    """Place in its configuration, from 0."""
    config: str
    id: str
    text: str
    input_ids: NDArray[np.int32]
    """Shape: (tokens,)."""
    token_count: int
    meta_document: str
    source: str
    """The meta-document's source."""
    segments: pa.Table
    """One row for each segment, with the columns of `SEGMENT_TYPE`."""
    documents: pa.Table
    """Of a packed row: one row for each document, with the columns of `DOCUMENT_TYPE`; else empty."""
    loss_mask: NDArray[np.int8]
    """1 where the loss is taken; empty where it is taken everywhere. Shape: (tokens,) or (0,)."""

    @property
    def segment_list(self) -> tuple[Segment, ...]:
        """The segments as records."""
        return tuple(Segment(**values) for values in self.segments.to_pylist())

    @property
    def document_list(self) -> tuple[PackedDocument, ...]:
        """The documents of a packed row as records."""
        return tuple(PackedDocument(**values) for values in self.documents.to_pylist())

    @property
    def meta_chunks(self) -> list[int]:
        """Numbers of the segments that are meta-chunks, ascending."""
        return [number for number, role in enumerate(self.segments["role"].to_pylist()) if role == "meta"]

    def segment_text(self, number: int) -> str:
        """The text of one segment; a negative number counts from the end.

        Raises:
            DataError: there is no such segment.
        """
        count = self.segments.num_rows
        if not -count <= number < count:
            raise DataError(f"segment {number} was asked for, and the row has {count:,}: 0 to {count - 1:,}")
        return self.text[self.segments["start"][number].as_py() : self.segments["end"][number].as_py()]


def row_from(table: pa.Table, number: int, config: str) -> Row:
    """Row `number` of a configuration from its table, which holds that row alone."""
    fields = {column.field or column.name: column for column in COLUMNS}
    values = {field: _value(column, table) for field, column in fields.items() if field in Row.__slots__}
    if values["token_count"] is None:
        values["token_count"] = len(values["input_ids"])
    return Row(number=number, config=config, **values)


def _value(column: Column, table: pa.Table) -> Any:
    """What a row shows of a column: None for a number that is not there, else something empty."""
    scalar = table[column.name][0] if column.name in table.column_names else pa.scalar(None, column.type)
    if column.struct is not None:
        return _entries(scalar, pa.schema(list(column.struct)))
    if column.is_list:
        kind = column.type.value_type.to_pandas_dtype()
        return np.asarray(scalar.values.to_numpy(zero_copy_only=False), kind) if scalar.is_valid else np.zeros(0, kind)
    value = scalar.as_py()
    return "" if value is None and not pa.types.is_integer(column.type) else value


def _entries(scalar: pa.ListScalar, schema: pa.Schema) -> pa.Table:
    """A list of structs as a table; of foreign ones the fields that ours have, of older ones 0 for `LATER_FIELDS`."""
    if not scalar.is_valid:
        return schema.empty_table()
    there = {field.name for field in scalar.values.type}
    columns = [
        scalar.values.field(field.name).cast(field.type)
        if field.name in there
        else pa.repeat(pa.scalar(0).cast(field.type), len(scalar.values))
        for field in schema
    ]
    return pa.table(columns, schema=schema)
