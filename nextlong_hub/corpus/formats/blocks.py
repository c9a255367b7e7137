"""Bytes of JSON Lines and of plain texts, decompressed, a block at a time."""

import codecs
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nextlong_hub.corpus.formats.damage import READ_ERRORS, is_damage
from nextlong_hub.corpus.pieces import BadDocument, BadReason
from nextlong_hub.corpus.reading import open_any

LONGEST_TEXT_BYTES = 1 << 30
"""A line or text beyond this is refused: a decompression bomb, or no text."""

_BLOCK_BYTES = 1 << 18
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def blocks(location: str) -> Iterator[bytes]:
    """Give the decompressed bytes of a file; what precedes a break in it is given before the break is raised."""
    delivered = 0
    with _decompressed(location) as stream:
        try:
            while block := stream.read(_BLOCK_BYTES):
                delivered += len(block)
                yield block
            return
        except READ_ERRORS as error:
            if not is_damage(error):
                raise
    # A failed read returns nothing of what it had decompressed, so the last block is read again, byte by byte.
    with _decompressed(location) as stream:
        while delivered > 0:
            delivered -= len(stream.read(min(delivered, _BLOCK_BYTES)))
        rest = bytearray()
        try:
            while byte := stream.read(1):
                rest += byte
        except READ_ERRORS:
            yield bytes(rest)
            raise


def compression_of(location: str) -> str | None:
    """How a file is compressed, as its name says; as pyarrow calls it."""
    return next((name for suffix, name in _COMPRESSIONS.items() if location.lower().endswith(suffix)), None)


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


def _decompressed(location: str) -> Any:
    handle = open_any(location)
    compression = compression_of(location)
    if compression is None:
        return handle
    native = handle if isinstance(handle, pa.NativeFile) else pa.PythonFile(handle, "r")
    return pa.CompressedInputStream(native, compression)
