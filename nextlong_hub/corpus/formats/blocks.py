"""Bytes of JSON Lines and of plain texts, decompressed, a block at a time."""

import codecs
import io
import lzma
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nextlong_hub.corpus.formats.bounds import LONGEST_DOCUMENT_BYTES, Counted, ExpandsTooFar, Unpacked
from nextlong_hub.corpus.formats.damage import READ_ERRORS, is_damage
from nextlong_hub.corpus.pieces import BadDocument, BadReason
from nextlong_hub.corpus.reading import open_any
from nextlong_hub.corpus.remote import without_query
from nextlong_hub.errors import DataError

COMPRESSED = ("", ".gz", ".zst", ".zstd", ".bz2", ".xz")
"""What may follow the ending of a file that is read by blocks."""

_BLOCK_BYTES = 1 << 18
_COMPRESSIONS = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".xz": "xz"}
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDEST_WINDOW_BITS = 31
_WINDOW_FAULT = "too much memory"
"""Part of what Zstandard says of a window that is larger than the 128 MiB which every reader takes."""


def blocks(location: str) -> Iterator[bytes]:
    """Give the decompressed bytes of a file; what precedes a break in it is given before the break is raised.

    Raises:
        ExpandsTooFar: it is a decompression bomb.
        DataError: Zstandard compressed it with a window that needs another library, and there is none.
    """
    delivered = 0
    with decompressed(open_any(location), location) as stream:
        try:
            while block := stream.read(_BLOCK_BYTES):
                delivered += len(block)
                yield block
            return
        except READ_ERRORS as error:
            if not is_damage(error) or isinstance(error, ExpandsTooFar):
                raise
            is_wide_window = _WINDOW_FAULT in str(error)
    if is_wide_window:
        yield from _rest_with_wide_window(location, delivered)
        return
    # A failed read returns nothing of what it had decompressed, so the last block is read again, byte by byte.
    with decompressed(open_any(location), location) as stream:
        _skip(stream, delivered)
        rest = bytearray()
        try:
            while byte := stream.read(1):
                rest += byte
        except READ_ERRORS:
            yield bytes(rest)
            raise


def decompressed(handle: Any, name: str) -> Any:
    """The bytes of an open file, decompressed if its name says that they are compressed.

    Reading them raises `ExpandsTooFar` where they are too many.
    """
    compression = compression_of(name)
    if compression is None:
        return handle
    if compression == "xz":
        stream: Any = _Decompressing(lzma.LZMAFile(handle), lzma.LZMAError)  # noqa: SIM115 (whoever reads it closes it)
    else:
        native = handle if isinstance(handle, pa.NativeFile) else pa.PythonFile(handle, "r")
        stream = pa.CompressedInputStream(native, compression)
    return Counted(stream, Unpacked(handle.tell))


def compression_of(location: str) -> str | None:
    """How a file is compressed, as its name says."""
    name = without_query(location)
    return _COMPRESSIONS.get(name[name.rfind(".") :].lower())


def joined(parts: list[bytes]) -> bytes:
    """Join and empty `parts`, so that only the caller holds the bytes."""
    whole = parts[0] if len(parts) == 1 else b"".join(parts)
    parts.clear()
    return whole


def is_wide(content: bytes) -> bool:
    """Whether text starts as UTF-16 does: with its mark, or with every other byte zero."""
    return content.startswith(_WIDE_BOMS) or (len(content) > 3 and content[0:4].count(0) == 2 and 0 in content[0:2])


def wide_fault(path: str) -> BadDocument:
    """The fault of a file that `is_wide`."""
    return BadDocument(BadReason.INVALID_UTF8, path, "byte 0: the file looks like UTF-16")


class ByteStream(io.RawIOBase):
    """The bytes of blocks, for a library that reads so many at a time."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content = content
        self._rest = memoryview(b"")
        self.is_broken = False
        """Whether the file is damaged, and its readable part has been read."""
        self.given = 0
        """Bytes that were read."""

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as a block reaches; 0 at the end."""
        if not self._rest:
            try:
                self._rest = memoryview(next(self._content, b""))
            except READ_ERRORS:
                self.is_broken = True
                raise
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self.given += size
        return size

    def read(self, size: int = -1) -> bytes:
        """So many bytes, and fewer at the end only.

        Raises:
            pa.ArrowInvalid: so many were never meant: what asks for them read their number in a damaged file.
        """
        if size > LONGEST_DOCUMENT_BYTES:
            raise pa.ArrowInvalid(f"it names a part of {size:,} bytes")
        buffer = bytearray(size)
        view = memoryview(buffer)
        held = 0
        while held < size and (more := self.readinto(view[held:])):
            held += more
        return bytes(view[:held])


class _Decompressing:
    """A stream of Python's own libraries, whose errors become those of pyarrow's."""

    def __init__(self, stream: Any, error: type[Exception]) -> None:
        self._stream = stream
        self._error = error

    def close(self) -> None:
        """Close it; the file beneath stays open."""
        self._stream.close()

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end."""
        try:
            return bytes(self._stream.read(size))
        except EOFError as error:
            raise pa.ArrowInvalid(f"truncated: {error}") from error
        except self._error as error:
            raise pa.ArrowInvalid(str(error)) from error


def _rest_with_wide_window(location: str, delivered: int) -> Iterator[bytes]:
    """The blocks of a Zstandard file behind those delivered, by the library of Python 3.14 or its backport."""
    try:
        try:
            from compression import zstd
        except ImportError:
            from backports import zstd
    except ImportError as error:
        shown = without_query(location)
        raise DataError(
            f"{shown} was written with a window above 128 MiB (zstd --long), which needs Python 3.14 or the package "
            f"backports.zstd; pip install 'nextlong-hub[zstd]', or write it again: zstd -d --long=31 -c {shown} | "
            "zstd -o again.zst"
        ) from error
    options = {zstd.DecompressionParameter.window_log_max: _WIDEST_WINDOW_BITS}
    with open_any(location) as handle:
        opened = _Decompressing(zstd.ZstdFile(handle, options=options), zstd.ZstdError)
        stream = Counted(opened, Unpacked(handle.tell))
        _skip(stream, delivered)
        while block := stream.read(_BLOCK_BYTES):
            yield block


def _skip(stream: Any, count: int) -> None:
    while count > 0:
        count -= len(stream.read(min(count, _BLOCK_BYTES)))
