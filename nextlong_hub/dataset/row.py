"""One row as Python sees it."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.dataset.schema import DOCUMENT_TYPE, SEGMENT_TYPE
from nextlong_hub.errors import DataError
from nextlong_hub.records import PackedDocument, Segment

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; what its file has no column for, or was not asked for, is empty."""

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
    """One row a segment, with the columns of `SEGMENT_TYPE`."""
    documents: pa.Table
    """Of a packed row: one row a document, with the columns of `DOCUMENT_TYPE`; else empty."""
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
    values = {name: table[name][0] for name in table.column_names}
    tokens = _numbers(values.get("input_ids"), np.int32)
    return Row(
        number=number,
        config=config,
        id=_value(values, "id", ""),
        text=_value(values, "text", ""),
        input_ids=tokens,
        token_count=_value(values, "token_count", len(tokens)),
        meta_document=_value(values, "meta_document", ""),
        source=_value(values, "source", ""),
        segments=_structs(values.get("segments"), SEGMENT_TYPE),
        documents=_structs(values.get("documents"), DOCUMENT_TYPE),
        loss_mask=_numbers(values.get("loss_mask"), np.int8),
    )


def _value(values: dict[str, Any], name: str, missing: Any) -> Any:
    scalar = values.get(name)
    value = None if scalar is None else scalar.as_py()
    return missing if value is None else value


def _numbers(scalar: Any, kind: type[_Number]) -> NDArray[_Number]:
    if scalar is None or not scalar.is_valid:
        return np.zeros(0, kind)
    return np.asarray(scalar.values.to_numpy(zero_copy_only=False), kind)


def _structs(scalar: Any, kind: pa.StructType) -> pa.Table:
    schema = pa.schema(list(kind))
    if scalar is None or not scalar.is_valid:
        return schema.empty_table()
    return pa.table([scalar.values.field(field.name).cast(field.type) for field in schema], schema=schema)
