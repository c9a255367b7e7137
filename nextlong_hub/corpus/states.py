"""What a local file was when its digest was taken, so that a corpus which changes while it is read is noticed.

The digest of a corpus is taken before it is read, maybe hours before. A piece carries the state of each of its files;
`reading.read` compares it once the piece is read. The kernel sets the time of change and no program can set it back,
so a settled file with the times it had holds the bytes it had. Only a change within one tick of the clock could hide:
files that were so young are hashed again.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nextlong_hub.core.files import sha256_of
from nextlong_hub.errors import DataError

_TICK_NS = 2_000_000_000
"""The coarsest clock of a file system that is in use (FAT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """One local file, as it was hashed."""

    bytes: int
    inode: int
    mtime_ns: int
    ctime_ns: int
    sha256: str
    is_settled: bool
    """Whether its last change was long enough before the hashing that a later one must show in the times."""

    def is_untouched(self, path: Path) -> bool:
        """Whether nothing can have happened to `path` since; False for a file that was young when it was hashed.

        Raises:
            OSError: it has gone.
        """
        return self.is_settled and _stamp_of(path) == self.stamp

    def holds_for(self, path: Path) -> bool:
        """Whether `path` still holds the bytes that were hashed: a new link to it, or other permissions, do not matter.

        Raises:
            OSError: it has gone, or cannot be read.
        """
        return self.is_untouched(path) or sha256_of(path) == self.sha256

    @property
    def stamp(self) -> Mapping[str, int]:
        """All but the digest."""
        return {"bytes": self.bytes, "inode": self.inode, "mtime_ns": self.mtime_ns, "ctime_ns": self.ctime_ns}


def state_of(path: Path) -> FileState:
    """Hash a file.

    Raises:
        DataError: it is being changed.
        OSError: it is not there, or cannot be read.
    """
    started_ns = time.time_ns()
    stamp = _stamp_of(path)
    sha256 = sha256_of(path)
    if _stamp_of(path) != stamp:
        raise changed(str(path))
    return FileState(
        **stamp, sha256=sha256, is_settled=max(stamp["mtime_ns"], stamp["ctime_ns"]) + _TICK_NS < started_ns
    )


def changed(path: str) -> DataError:
    """The error for a file that is not any more what was hashed."""
    return DataError(
        f"{path} changed while it was read; leave the corpus as it is while a command reads it (or read a copy), then "
        "run the same command again"
    )


def _stamp_of(path: Path) -> dict[str, int]:
    status = path.stat()
    return {
        "bytes": status.st_size,
        "inode": status.st_ino,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
    }
