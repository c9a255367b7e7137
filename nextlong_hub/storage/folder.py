"""A folder that every machine sees under one path: nothing is copied, and publishing is the rename that was made."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nextlong_hub.core.files import is_left_aside, remove, storage_errors, write_bytes
from nextlong_hub.errors import StorageError
from nextlong_hub.storage.base import Stat


class FolderStorage:
    """See `Storage`."""

    def __init__(self, folder: Path) -> None:
        self.local = folder.absolute()

    @contextmanager
    def localise(self, names: Iterable[str]) -> Iterator[None]:
        """See `Storage.localise`."""
        for path in (self.local / name for name in names):
            if not path.exists():
                raise StorageError(
                    f"there is no {path}, where a task looks for it; every machine must see the work folder under this "
                    "path: put it on storage that they share, then run the same command again"
                )
        yield

    def publish(self, name: str) -> None:
        """See `Storage.publish`: what was written here is there."""

    def read(self, name: str) -> bytes | None:
        """See `Storage.read`."""
        try:
            return (self.local / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, content: bytes) -> None:
        """See `Storage.write`."""
        write_bytes(self.local / name, content)

    def stat(self, name: str) -> Stat | None:
        """See `Storage.stat`."""
        path = self.local / name
        if path.is_dir():
            return Stat.of(self.list(name))
        try:
            return _stat_of(path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list(self, name: str) -> dict[str, Stat]:
        """See `Storage.list`."""
        with storage_errors(self.local / name):
            return dict(sorted(self._below(self.local / name)))

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        remove(self.local / name)

    def _below(self, folder: Path) -> Iterator[tuple[str, Stat]]:
        for place, _, names in os.walk(folder):
            for path in (Path(place, name) for name in names):
                with suppress(FileNotFoundError):  # somebody has removed it since
                    if not is_left_aside(path):
                        yield path.relative_to(self.local).as_posix(), _stat_of(path.stat())


def _stat_of(status: os.stat_result) -> Stat:
    return Stat(bytes=status.st_size, version=str(status.st_mtime_ns))
