"""A digest of rows: the same for equal rows, whatever wrote the Parquet file and however it is cut into row groups.

The sha256 of a file changes with the version of pyarrow that writes it; this one does not. It is the sha256 over, for
each leaf of the schema, its path, its type and the sha256 of its values in row order (little-endian numbers, UTF-8),
and for each list or string the sha256 of its lengths.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_OFFSETS = {pa.string(): np.int32, pa.large_string(): np.int64}
"""Types of text, and that of the offsets in their arrays; how wide those are is no part of the rows."""


class RowDigest:
    """Collects rows table by table; all tables have one schema, without nulls."""

    def __init__(self) -> None:
        self._streams: dict[str, hashlib._Hash] = {}

    def update(self, table: pa.Table) -> None:
        """Add the next rows."""
        for name in table.column_names if table.num_rows else ():
            for chunk in table[name].chunks:
                self._add(name, chunk)

    def hexdigest(self) -> str:
        """The digest of the rows so far, in hexadecimal."""
        streams = {path: stream.hexdigest() for path, stream in self._streams.items()}
        return hashlib.sha256(repr(sorted(streams.items())).encode()).hexdigest()

    def _add(self, path: str, values: pa.Array) -> None:
        if pa.types.is_struct(values.type):
            for field, child in zip(values.type, values.flatten(), strict=True):
                self._add(f"{path}.{field.name}", child)
        elif pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
            self._feed(f"{path}: lengths", pc.cast(pc.list_value_length(values), pa.int64()))
            self._add(f"{path}[]", values.flatten())
        elif values.type in _OFFSETS:
            self._feed(f"{path}: lengths", pc.cast(pc.binary_length(values), pa.int64()))
            _, offsets, content = values.buffers()
            bounds = np.frombuffer(offsets, _OFFSETS[values.type])[[values.offset, values.offset + len(values)]]
            self._stream(f"{path}: string").update(memoryview(content or b"")[slice(*bounds.tolist())])
        elif not pa.types.is_primitive(values.type):
            raise TypeError(f"{path} has the type {values.type}, which has no place in the digest of rows")
        else:
            self._feed(f"{path}: {values.type}", values)

    def _feed(self, path: str, numbers: pa.Array) -> None:
        content = numbers.to_numpy(zero_copy_only=False)
        self._stream(path).update(np.ascontiguousarray(content, content.dtype.newbyteorder("<")).data)

    def _stream(self, path: str) -> "hashlib._Hash":
        return self._streams.setdefault(path, hashlib.sha256())


def digest_rows(tables: Iterable[pa.Table]) -> str:
    """The digest of the rows of tables, one after the other."""
    digest = RowDigest()
    for table in tables:
        digest.update(table)
    return digest.hexdigest()
