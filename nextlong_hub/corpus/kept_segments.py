"""Rows of our own datasets know where each of their characters came from: their segments are kept beside the text.

They travel as JSON in the metadata of a document, and are stored with its id. Columns of the same name that hold
something else are not taken for them.
"""

import json
from typing import Any

import pyarrow as pa

SEGMENTS_COLUMN = "segments"

_FIELDS = frozenset({"role", "document", "chunk", "start", "end", "tokens", "rank", "score"})


def are_segments(kind: pa.DataType) -> bool:
    """Whether a column of that type holds segments of ours."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return is_list and pa.types.is_struct(kind.value_type) and {field.name for field in kind.value_type} >= _FIELDS


def kept_segments(value: Any) -> str | None:
    """The segments of one row as JSON; None where they are none of ours."""
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(one, dict) and one.keys() >= _FIELDS for one in value):
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
