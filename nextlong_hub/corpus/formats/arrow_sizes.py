"""How large the record batches of an Arrow file are once they are read, which is always as a whole.

Each message says in a few hundred bytes how long its buffers are, and a packed buffer begins with its length unpacked:
so a file is looked through before anything of it is held.
"""

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from nextlong_hub.corpus.formats.bounds import MOST_BATCH_BYTES, TooLarge, Unpacked

_MAGIC = b"ARROW1"
_MOST_METADATA_BYTES = 64 << 20
_CONTINUED = 0xFFFFFFFF
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_AS_IT_IS = -1
"""The length that a buffer names which was not packed after all."""


class _Batch(NamedTuple):
    """What the metadata of one record batch say."""

    body: int
    """Bytes in the file."""
    buffers: list[tuple[int, int]]
    """First byte within the body and number of bytes of each."""
    is_packed: bool


def require_bounded(handle: IO[bytes], size: int) -> None:
    """Refuse a file with a record batch that is too large to be held; what is damaged is left for pyarrow to refuse.

    Raises:
        TooLarge: there is one.
        ExpandsTooFar: it is a decompression bomb.
        pa.ArrowInvalid, OSError: the file cannot be read.
    """
    handle.seek(0)
    is_file = handle.read(len(_MAGIC)) == _MAGIC
    try:
        for place in _blocks(handle, size) if is_file else _messages(handle, size):
            _check(handle, place)
    except (struct.error, IndexError, ValueError):
        return


def _check(handle: IO[bytes], place: int) -> None:
    metadata, body = _metadata(handle, place)
    batch = _batch_of(metadata)
    if batch is None:
        return
    sizes = [size for _, size in batch.buffers]
    if batch.is_packed:
        unpacked = Unpacked(lambda: batch.body)
        sizes = [_unpacked_size(handle, body + start, size) for start, size in batch.buffers]
        unpacked.add(sum(sizes))
    if max(batch.body, sum(sizes)) > MOST_BATCH_BYTES:
        raise TooLarge(f"a record batch of {max(batch.body, sum(sizes)):,} bytes, and at most {MOST_BATCH_BYTES:,}")


def _unpacked_size(handle: IO[bytes], place: int, size: int) -> int:
    if size <= 8:
        return size
    handle.seek(place)
    (length,) = struct.unpack("<q", handle.read(8))
    return size if length == _AS_IT_IS else max(0, length)


def _messages(handle: IO[bytes], size: int) -> Iterator[int]:
    """Where the messages of a stream begin, one behind the other."""
    place = 0
    while place < size:
        metadata, body = _metadata(handle, place)
        if not metadata:
            return
        yield place
        place = body + max(0, _Table.root(metadata).number(3, "<q"))


def _blocks(handle: IO[bytes], size: int) -> Iterator[int]:
    """Where the dictionaries and record batches of a file begin, as its footer says."""
    handle.seek(size - 10)
    (length,) = struct.unpack("<i", handle.read(4))
    if not 0 < length <= min(size, _MOST_METADATA_BYTES):
        return
    handle.seek(size - 10 - length)
    footer = _Table.root(handle.read(length))
    for field in (2, 3):
        start, count = footer.vector(field)
        for number in range(count):
            yield struct.unpack_from("<q", footer.content, start + 24 * number)[0]


def _metadata(handle: IO[bytes], place: int) -> tuple[bytes, int]:
    """The metadata of the message that begins at a place, and where its body begins."""
    handle.seek(place)
    (length,) = struct.unpack("<I", handle.read(4))
    start = place + 4
    if length == _CONTINUED:
        (length,) = struct.unpack("<I", handle.read(4))
        start += 4
    if length > _MOST_METADATA_BYTES:
        raise TooLarge(f"a description of {length:,} bytes, and at most {_MOST_METADATA_BYTES:,}")
    return handle.read(length), start + length


def _batch_of(metadata: bytes) -> _Batch | None:
    """The record batch that a message holds, by itself or as a dictionary; None for one of another kind."""
    message = _Table.root(metadata)
    kind = message.number(1, "<B")
    if kind not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        return None
    batch = message.table(2) if kind == _RECORD_BATCH else message.table(2).table(1)
    start, count = batch.vector(2)
    buffers = [struct.unpack_from("<qq", metadata, start + 16 * number) for number in range(count)]
    return _Batch(message.number(3, "<q"), buffers, batch.has(3))


class _Table(NamedTuple):
    """A table of a flatbuffer; its fields are known by their numbers.

    Reading what is none raises `struct.error` or `IndexError`.
    """

    content: bytes
    place: int

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, struct.unpack_from("<I", content, 0)[0])

    def number(self, field: int, form: str) -> int:
        place = self._field(field)
        return struct.unpack_from(form, self.content, place)[0] if place else 0

    def has(self, field: int) -> bool:
        return self._field(field) > 0

    def table(self, field: int) -> "_Table":
        return _Table(self.content, self._pointed(field))

    def vector(self, field: int) -> tuple[int, int]:
        """Where the entries begin, and how many there are."""
        if not self.has(field):
            return 0, 0
        place = self._pointed(field)
        return place + 4, min(struct.unpack_from("<I", self.content, place)[0], len(self.content))

    def _pointed(self, field: int) -> int:
        place = self._field(field)
        return place + int(struct.unpack_from("<I", self.content, place)[0])

    def _field(self, field: int) -> int:
        """Where a field's value stands; 0 where the table has none."""
        described = self.place - struct.unpack_from("<i", self.content, self.place)[0]
        size = struct.unpack_from("<H", self.content, described)[0]
        entry = 4 + 2 * field
        offset = struct.unpack_from("<H", self.content, described + entry)[0] if entry < size else 0
        return self.place + offset if offset else 0
