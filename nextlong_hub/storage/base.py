"""The seven verbs of a storage, and how one is named to another machine."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from nextlong_hub.core.files import digest_of
from nextlong_hub.errors import RecipeError, argument


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
    a folder is whole once whoever wrote it says so elsewhere.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAddress:
    """A storage, as one machine names it to another."""

    place: str
    """An absolute path, or a URL."""
    scratch: str = ""
    """The folder of each machine for what it fetches; empty takes one among the system's temporary files."""
    scratch_bytes: int | None = None
    """Most bytes there; None takes half of what is free."""

    def open(self) -> Storage:
        """The storage, opened once a process.

        Raises:
            RecipeError: see `open_storage`.
        """
        return _opened(self)


def is_url(place: str) -> bool:
    """Whether a place is a URL rather than a path of this machine."""
    return "://" in place


def open_storage(place: str, scratch: Path | None = None, scratch_bytes: int | None = None) -> Storage:
    """Open the storage at a path or a URL.

    Args:
        place: a folder that all machines see under this path, or a URL that fsspec knows.
        scratch: see `StorageAddress`; not used for a folder.
        scratch_bytes: see `StorageAddress`.

    Raises:
        RecipeError: there is no package for such URLs.
    """
    from nextlong_hub.storage.folder import FolderStorage
    from nextlong_hub.storage.remote import RemoteStorage, scratch_of

    if not is_url(place):
        return FolderStorage(Path(place))
    if place.startswith("file://"):
        raise RecipeError(f"{place} is a folder of one machine; give {argument('work-dir')} its path instead")
    return RemoteStorage(place, scratch or scratch_of(place), scratch_bytes)


@lru_cache(maxsize=4)
def _opened(address: StorageAddress) -> Storage:
    return open_storage(address.place, Path(address.scratch) if address.scratch else None, address.scratch_bytes)
