"""The Hub's content-addressed storage: a folder that the real `hf_xet` writes to instead of the real server.

A client that asks for a write token is sent to `local://FOLDER`. The files it has left there are found again by their
sha256, which a shard records beside the file's own hash (Xet protocol specification, "Shard Format"), and are put
together again by `hf_xet` itself, so that they can be served like any other file.
"""

import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

_HEADER_BYTES = 48
_ENTRY_BYTES = 48
_END = b"\xff" * 32
_HAS_VERIFICATION = 1 << 31
_HAS_METADATA = 1 << 30


class XetStorage:
    """Files uploaded through Xet, in a folder of this machine.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """What a client must know as the address of the storage."""
        return f"local://{self._folder}"

    def read(self, sha256: str) -> bytes | None:
        """The bytes of a file; None when it has not been uploaded."""
        for found, file_hash, size_bytes in self._files():
            if found == sha256:
                return self._download(file_hash, size_bytes)
        return None

    def _files(self) -> Iterator[tuple[str, str, int]]:
        """sha256, Xet's own hash and size in bytes of every file."""
        for shard in sorted((self._folder / "xet" / "xorbs" / "shards").glob("*.mdb")):
            content = shard.read_bytes()
            at = _HEADER_BYTES
            while content[at : at + 32] != _END:
                file_hash = content[at : at + 32]
                flags, entries = struct.unpack_from("<II", content, at + 32)
                at += _ENTRY_BYTES
                sizes = [struct.unpack_from("<I", content, at + _ENTRY_BYTES * n + 36)[0] for n in range(entries)]
                at += _ENTRY_BYTES * entries * (2 if flags & _HAS_VERIFICATION else 1)
                if flags & _HAS_METADATA:
                    yield _in_words(content[at : at + 32]), _in_words(file_hash), sum(sizes)
                    at += _ENTRY_BYTES

    def _download(self, file_hash: str, size_bytes: int) -> bytes:
        """Put a file together, from a copy of the storage: its index is locked for as long as its writer lives."""
        import hf_xet

        with tempfile.TemporaryDirectory(prefix="local-hub-xet-") as scratch:
            copy, file = Path(scratch) / "storage", Path(scratch) / "file"
            shutil.copytree(self._folder, copy)
            session = hf_xet.XetSession()
            with session.new_file_download_group(endpoint=f"local://{copy}") as group:
                group.start_download_file(hf_xet.XetFileInfo(file_hash, size_bytes), str(file))
            return file.read_bytes()


def _in_words(digest: bytes) -> str:
    """32 bytes as Xet writes them: four 64-bit little-endian words in hexadecimal."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", digest))
