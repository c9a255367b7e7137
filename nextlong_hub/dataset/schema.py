"""…"""

import pyarrow as pa

SEGMENT_TYPE = pa.struct(
    [
        ("role", pa.string()),
        ("document", pa.string()),
        ("chunk", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
        ("rank", pa.int32()),
        ("score", pa.float32()),
    ]
)
"""One chunk's span inside a row: `records.Segment`, field by field."""


DOCUMENT_TYPE = pa.struct(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("meta_document", pa.string()),
        ("offset", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
    ]
)
"""One document's place in a packed row: `records.PackedDocument`, field by field."""


_TYPES = {
    "id": pa.string(),
    "text": pa.large_string(),
    "input_ids": pa.list_(pa.int32()),
    "loss_mask": pa.list_(pa.int8()),
    "token_count": pa.int32(),
    "document_lengths": pa.list_(pa.int32()),
    "documents": pa.list_(DOCUMENT_TYPE),
    "meta_document": pa.string(),
    "source": pa.string(),
    "segments": pa.list_(SEGMENT_TYPE),
}


_REPEATING = (
    *("meta_document", "source", "documents.list.element.source"),
    *("segments.list.element.role", "segments.list.element.document"),
)
"""Columns that say the same again and again: stored as a dictionary."""


_OF_SAMPLES = frozenset({"meta_document", "source"})


_OF_PACKED_ROWS = frozenset({"document_lengths", "documents"})


def row_schema(*, tokens: bool, packed: bool = False, masked: bool = False) -> pa.Schema:
    """The columns of a row.

    Args:
        tokens: there is `input_ids`.
        packed: a row holds several documents: `documents` and `document_lengths` in place of `meta_document`, `source`.
        masked: there is `loss_mask`.
    """
    absent = set(_OF_SAMPLES if packed else _OF_PACKED_ROWS)
    absent |= {name for name, wanted in (("input_ids", tokens), ("loss_mask", masked)) if not wanted}
    return pa.schema([(name, kind) for name, kind in _TYPES.items() if name not in absent])
