"""The seven verbs of a storage."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nextlong_hub.core.files import digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What is known of a file, or of all files of a folder together, without reading them."""

    bytes: int
    version: str
    """Changes whenever the content does; a copy elsewhere may have another one."""

    @classmethod
    def of(cls, files: Mapping[str, "Stat"]) -> "Stat | None":
        """What is known of a folder, from its files by their names, in order; None of no file."""
        if not files:
            return None
        version = digest_of([[name, one.bytes, one.version] for name, one in files.items()])
        return cls(bytes=sum(one.bytes for one in files.values()), version=version)


class Storage(Protocol):
    """Files by their names, which are paths with `/` below the storage: `store-0123456789ab/part-00000/text.bin`.

    A name may be that of a folder, and then stands for all files below it. A file is whole or absent for every reader;
    a folder is whole once whoever wrote it says so elsewhere. What is localised keeps its content for good: names hold
    digests of all that decides it. Small files, which are read and written, may change.
    """

    @property
    def local(self) -> Path:
        """The folder of this machine in which the files lie by their names, once they are localised."""
        ...

    def localise(self, names: Iterable[str]) -> AbstractContextManager[None]:
        """Bring files and folders to this machine, unless they are here, and keep them until the block ends.

        Raises:
            StorageError: there is no such file, or no space for it.
            AuthError, NetworkError: the storage refuses, or cannot be reached.
        """
        ...

    def publish(self, name: str) -> None:
        """Let all machines have a file or a folder that was written on this one, in its place below `local`.

        Raises:
            StorageError, AuthError, NetworkError: see `localise`.
        """
        ...

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None where there is none.

        Raises:
            StorageError, AuthError, NetworkError: see `localise`.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, for all machines at once.

        Raises:
            StorageError, AuthError, NetworkError: see `localise`.
        """
        ...

    def stat(self, name: str) -> Stat | None:
        """What is known of a file or a folder; None where there is none.

        Raises:
            StorageError, AuthError, NetworkError: see `localise`.
        """
        ...

    def list(self, name: str) -> Mapping[str, Stat]:
        """The files below a folder by their names, in order; none where there is none.

        Raises:
            StorageError, AuthError, NetworkError: see `localise`.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file, or a folder and all that is in it; one that is not there is good.

        Raises:
            StorageError, AuthError, NetworkError: see `localise`.
        """
        ...
