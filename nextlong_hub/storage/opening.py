"""How a storage is named to another machine, and opened there."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.storage.base import Storage
from nextlong_hub.storage.folder import FolderStorage
from nextlong_hub.storage.remote import RemoteStorage, scratch_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAddress:
    """A storage, as one machine names it to another."""

    place: str
    """An absolute path, or a URL."""
    scratch: str = ""
    """The folder of each machine for what it fetches; empty takes one among the system's temporary files."""
    scratch_bytes: int | None = None
    """Most bytes there; None takes half of what is free."""

    @classmethod
    def of(cls, place: str, scratch: Path | None = None, scratch_bytes: int | None = None) -> "StorageAddress":
        """The address of a place that may be a relative path of this machine."""
        return cls(
            place=place if is_url(place) else str(Path(place).absolute()),
            scratch="" if scratch is None else str(scratch.absolute()),
            scratch_bytes=scratch_bytes,
        )

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
    if not is_url(place):
        return FolderStorage(Path(place))
    if place.startswith("file://"):
        raise RecipeError(f"{place} is a folder of one machine; give {argument('work-dir')} its path instead")
    return RemoteStorage(place, scratch or scratch_of(place), scratch_bytes)


@lru_cache(maxsize=4)
def _opened(address: StorageAddress) -> Storage:
    return open_storage(address.place, Path(address.scratch) if address.scratch else None, address.scratch_bytes)
