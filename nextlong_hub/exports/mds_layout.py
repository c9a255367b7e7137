"""The bytes of an MDS shard, both ways: the format of mosaicml-streaming, version 2.

    uint32                 number of samples
    uint32 (samples + 1,)  where each sample begins in the file, and where the last one ends
    JSON                   the columns, sorted by name
    samples                each: uint32 sizes of its columns of no fixed size, then the columns

All numbers are little-endian. An array of known type is one byte `dimensions << 2 | code`, its shape in unsigned
integers of 2**code bytes, the smallest that will do, and its values in C order.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.errors import DataError

VERSION = 2

_OFFSET_BYTES = 4
_SHAPE_TYPES: tuple[np.dtype[Any], ...] = (np.dtype("<u1"), np.dtype("<u2"), np.dtype("<u4"), np.dtype("<u8"))
_NAMED_TYPES = {
    f"{kind}{8 * size}": np.dtype(f"<{letter}{size}")
    for kind, letter in (("uint", "u"), ("int", "i"), ("float", "f"))
    for size in (1, 2, 4, 8)
    if (kind, size) != ("float", 1)
}
_NUMBERED_TYPES = {
    number: _NAMED_TYPES[name]
    for number, name in (
        *((8, "uint8"), (9, "int8"), (16, "uint16"), (17, "int16"), (18, "float16"), (32, "uint32")),
        *((33, "int32"), (34, "float32"), (64, "uint64"), (65, "int64"), (66, "float64")),
    )
}
"""Code of the element type in an array of no fixed type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardColumns:
    """The columns of a shard, sorted by name."""

    names: tuple[str, ...]
    encodings: tuple[str, ...]
    sizes: tuple[int | None, ...]
    """Bytes of a column of fixed size; None for others."""


def columns_of(encodings: Mapping[str, str]) -> ShardColumns:
    """ShardColumns by their encodings: `str`, `int` or `ndarray:uint32`."""
    names = sorted(encodings)
    return ShardColumns(
        names=tuple(names),
        encodings=tuple(encodings[name] for name in names),
        sizes=tuple(8 if encodings[name] == "int" else None for name in names),
    )


def encode_array(values: NDArray[Any]) -> bytes:
    """Encode an array of fixed type.

    Raises:
        DataError: it has no element; the format has no empty arrays.
    """
    if not values.size:
        raise DataError("MDS cannot hold an array without elements; leave that row out")
    code = next(code for code, kind in enumerate(_SHAPE_TYPES) if max(values.shape) < 1 << 8 * kind.itemsize)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    shape = np.array(values.shape, _SHAPE_TYPES[code])
    return bytes([values.ndim << 2 | code]) + shape.tobytes() + little.tobytes()


def encode_sample(columns: ShardColumns, values: Mapping[str, NDArray[Any] | str | int]) -> bytes:
    """Encode one sample from its values by column."""
    encoded = [_encode(values[name]) for name in columns.names]
    free = [len(content) for content, size in zip(encoded, columns.sizes, strict=True) if size is None]
    return b"".join([np.array(free, "<u4").tobytes(), *encoded])


def config_bytes(columns: ShardColumns, settings: Mapping[str, Any]) -> bytes:
    """The JSON between the offsets and the samples of a shard."""
    return json.dumps(shard_config(columns, settings), sort_keys=True).encode()


def shard_config(columns: ShardColumns, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The column metadata of a shard and of its entry in the index; `settings` are those of the writer."""
    return {
        "version": VERSION,
        "format": "mds",
        "column_names": list(columns.names),
        "column_encodings": list(columns.encodings),
        "column_sizes": list(columns.sizes),
        **settings,
    }


def head_bytes(samples: Sequence[bytes], config: bytes) -> bytes:
    """All of a shard before its first sample."""
    first = _OFFSET_BYTES * (len(samples) + 2) + len(config)
    offsets = first + np.cumsum([0, *map(len, samples)], dtype=np.int64)
    return np.uint32(len(samples)).tobytes() + offsets.astype("<u4").tobytes() + config


def samples_of(shard: memoryview, columns: ShardColumns, wanted: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Read the samples of a shard, `wanted` columns only; other columns are not decoded.

    Raises:
        DataError: the bytes are no shard of these columns. The message says what is wrong, not in which file.
    """
    if len(shard) < 2 * _OFFSET_BYTES:
        raise DataError(f"has {len(shard)} bytes, too few for a shard")
    count = int(np.frombuffer(shard[:_OFFSET_BYTES], "<u4")[0])
    if len(shard) < _OFFSET_BYTES * (count + 2):
        raise DataError(f"says that it holds {count:,} samples, and ends before it says where they are")
    offsets = np.frombuffer(shard[_OFFSET_BYTES : _OFFSET_BYTES * (count + 2)], "<u4").astype(np.int64)
    if offsets[0] < _OFFSET_BYTES * (count + 2) or offsets[-1] != len(shard) or (np.diff(offsets) < 0).any():
        raise DataError("has samples outside the file")
    for number, (start, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        try:
            yield _sample(shard[start:end], columns, wanted)
        except (ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
            raise DataError(f"its sample {number} does not fit its columns ({error})") from error


def can_decode(encoding: str) -> bool:
    """Whether a column can be read: text, numbers and arrays of them; never pickled objects."""
    base, _, rest = encoding.partition(":")
    if base == "ndarray":
        return not rest or rest.partition(":")[0] in _NAMED_TYPES
    return encoding in ("str", "int") or encoding in _NAMED_TYPES


def _encode(value: NDArray[Any] | str | int) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        return np.array(value, "<i8").tobytes()
    return encode_array(value)


def _sample(sample: memoryview, columns: ShardColumns, wanted: frozenset[str]) -> dict[str, Any]:
    free = sum(size is None for size in columns.sizes)
    sizes = iter(np.frombuffer(sample[: _OFFSET_BYTES * free], "<u4").tolist())
    place = _OFFSET_BYTES * free
    values = {}
    for name, encoding, fixed in zip(columns.names, columns.encodings, columns.sizes, strict=True):
        size = next(sizes) if fixed is None else fixed
        if name in wanted:
            values[name] = _decode(encoding, sample[place : place + size])
        place += size
    if place != len(sample):
        raise ValueError(f"its columns have {place:,} bytes of {len(sample):,}")
    return values


def _decode(encoding: str, content: memoryview) -> Any:
    base, _, rest = encoding.partition(":")
    if base == "ndarray":
        return _decode_array(content, *rest.partition(":")[::2])
    if encoding == "str":
        return str(content, "utf-8")
    kind = np.dtype("<i8") if encoding == "int" else _NAMED_TYPES[encoding]
    return np.frombuffer(content, kind, 1)[0].item()


def _decode_array(content: memoryview, kind_name: str, shape_text: str) -> NDArray[Any]:
    place = 0
    if kind_name:
        kind = _NAMED_TYPES[kind_name]
    else:
        kind, place = _NUMBERED_TYPES[content[0]], 1
    if shape_text:
        shape = [int(size) for size in shape_text.split(",")]
    else:
        dimensions, code = content[place] >> 2, content[place] & 3
        values_at = place + 1 + dimensions * _SHAPE_TYPES[code].itemsize
        shape = np.frombuffer(content[place + 1 : values_at], _SHAPE_TYPES[code], dimensions).tolist()
        place = values_at
    return np.frombuffer(content[place:], kind).reshape(shape)
