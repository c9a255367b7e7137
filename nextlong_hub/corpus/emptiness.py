"""Whether a field of a row says anything: what has no value is not missed, what has one must be used or told.

Null, false, a blank text, an empty list, and an object of nothing else have no value.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_STRINGS = (pa.types.is_string, pa.types.is_large_string)
_BYTES = (pa.types.is_binary, pa.types.is_large_binary)


def has_value(value: Any) -> bool:
    """Whether a value of JSON, or of a Python object in its place, says anything."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Mapping):
        return any(map(has_value, value.values()))
    if isinstance(value, list | tuple):
        return len(value) > 0
    return value is not None and value is not False


def values_there(column: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
    """For each row of a column whether `has_value` holds, without its values as Python objects. Shape: (rows,)."""
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays([pa.nulls(0, pa.bool_()), *map(values_there, column.chunks)])
    kind = column.type
    if pa.types.is_dictionary(kind):
        return pc.fill_null(values_there(column.dictionary).take(column.indices), False)
    if pa.types.is_struct(kind):
        there = pa.array(np.zeros(len(column), bool))
        for field in column.flatten():  # null where the struct is
            there = pc.or_(there, values_there(field))
        return there
    if any(is_kind(kind) for is_kind in _LISTS):
        there = pc.greater(pc.list_value_length(column), 0)
    elif any(is_kind(kind) for is_kind in _STRINGS):
        there = _says(column)
    elif any(is_kind(kind) for is_kind in _BYTES):
        there = pc.greater(pc.binary_length(column), 0)
    else:
        there = column if pa.types.is_boolean(kind) else column.is_valid()
    return pc.fill_null(there, False)


def _says(column: pa.Array) -> pa.BooleanArray:
    """For each string whether it is more than white space; one that is no UTF-8 is, and a fault to be told."""
    try:
        return pc.and_not(pc.greater(pc.binary_length(column), 0), pc.utf8_is_space(column))
    except pa.ArrowInvalid:
        values = column.cast(pa.large_binary()).to_pylist()
        return pa.array([None if value is None else has_value(value.decode("utf-8", "replace")) for value in values])
