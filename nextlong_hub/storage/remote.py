"""A store of objects by its URL: what a task reads is fetched once a machine, what it wrote is put there by one write.

    <scratch>/<name>              what was fetched, or written here
    <scratch>/.versions/<name>    the version that was; last touched when it was last needed
    <scratch>/.pins/              what the running tasks of each process need
    <scratch>/.fetch.lock         one process of a machine fetches at a time, the others find what it has fetched

The scratch is bounded: before something is fetched, what was not needed for the longest time and is needed by no
running task goes.
"""

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from nextlong_hub.core.files import digest_of, is_left_aside, remove, storage_errors, sweep, write_bytes, written_aside
from nextlong_hub.errors import AuthError, NetworkError, NextLongError, RecipeError, StorageError, argument
from nextlong_hub.storage.base import Stat

_PACKAGES = {"s3": "nextlong-hub[s3]", "s3a": "nextlong-hub[s3]", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs"}
_CONTENT_KEYS = ("ETag", "etag", "e_tag", "md5Hash", "content_md5", "LastModified", "last_modified", "mtime", "created")
"""What file systems call that which changes with a file, the best first."""
_REFUSED = (401, 403)
_KEY = re.compile(r"(?<=\w)\?[^\s'\")]+")


def scratch_of(url: str) -> Path:
    """The folder of this machine for what is fetched from a URL, where none is given."""
    return Path(tempfile.gettempdir(), f"nextlong-hub-{os.getuid() if hasattr(os, 'getuid') else 0}", digest_of(url))


class RemoteStorage:
    """See `Storage`."""

    def __init__(self, url: str, scratch: Path, scratch_bytes: int | None = None) -> None:
        """Open the storage at a URL.

        Args:
            url: of a folder, which need not be there.
            scratch: the folder for what is fetched.
            scratch_bytes: most bytes there; None takes half of what is free and what it holds already.

        Raises:
            RecipeError: there is no package for such URLs.
        """
        import fsspec

        self.url = url.rstrip("/")
        self.local = scratch.absolute()
        self._most_bytes = scratch_bytes
        self._fetched: dict[str, dict[str, Stat]] = {}
        """What was localised by this process. A name stands for the same content for good, so nobody is asked again."""
        try:
            self._files, self._root = fsspec.url_to_fs(self.url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            scheme = url.partition("://")[0]
            package = _PACKAGES.get(scheme)
            remedy = f'pip install "{package}"' if package else "give a path, s3:// or another URL that fsspec knows"
            raise RecipeError(f"{argument('work-dir')} {scheme}:// cannot be used here ({error}); {remedy}") from error

    @contextmanager
    def localise(self, names: Iterable[str]) -> Iterator[None]:
        """See `Storage.localise`."""
        wanted = tuple(names)
        pin = self.local / ".pins" / f"{os.getpid()}-{uuid.uuid4().hex}"
        write_bytes(pin, "\n".join(wanted).encode())
        try:
            for name in wanted:
                self._fetch(name)
            yield
        finally:
            sweep(pin)

    def publish(self, name: str) -> None:
        """See `Storage.publish`."""
        path = self.local / name
        if path.is_file():
            self._put(name)
            return
        there = self._found(name)
        for file in sorted(path.rglob("*")):
            one = file.relative_to(self.local).as_posix()
            is_there = one in there and self._is_here(one, there[one], written=True)
            if file.is_file() and not is_left_aside(file) and not is_there:
                self._put(one)

    def read(self, name: str) -> bytes | None:
        """See `Storage.read`."""
        try:
            with self._faults(name):
                content: bytes = self._files.cat_file(self._path(name))
                return content
        except _NothingThereError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """See `Storage.write`."""
        with self._faults(name):
            self._files.pipe_file(self._path(name), content)

    def stat(self, name: str) -> Stat | None:
        """See `Storage.stat`."""
        found = self._found(name)
        return found[name] if name in found else Stat.of(found)

    def list(self, name: str) -> dict[str, Stat]:
        """See `Storage.list`."""
        return {one: stat for one, stat in self._found(name).items() if one != name}

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        for one in self._found(name):
            with self._faults(one):
                self._files.rm_file(self._path(one))
        for path in (self.local / name, self.local / ".versions" / name):
            remove(path)
        self._fetched.clear()

    def _fetch(self, name: str) -> None:
        with storage_errors(self.local / name), FileLock(self.local / ".fetch.lock"):
            wanted = self._fetched.get(name, {})
            if not wanted or not all(self._is_here(one, stat) for one, stat in wanted.items()):
                wanted = self._fetched[name] = self._found(name)
            if not wanted:
                raise StorageError(
                    f"there is no {name} in {self.url}, where a task looks for it; run the same command again, which "
                    "makes what is missing"
                )
            lacking = {one: stat for one, stat in wanted.items() if not self._is_here(one, stat)}
            if lacking:
                self._make_room(sum(stat.bytes for stat in lacking.values()), name)
            for one, stat in lacking.items():
                with self._faults(one), written_aside(self.local / one) as aside:
                    self._files.get_file(self._path(one), str(aside))
                self._note(one, stat)
            for one in wanted.keys() - lacking.keys():
                (self.local / ".versions" / one).touch()

    def _put(self, name: str) -> None:
        with self._faults(name):
            self._files.put_file(str(self.local / name), self._path(name))
            self._note(name, _stat_of(self._files.info(self._path(name))))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else str(self._root)

    def _found(self, name: str) -> dict[str, Stat]:
        """The file of that name, or all files below it, in order."""
        try:
            with self._faults(name):
                self._files.invalidate_cache()
                entries = self._files.find(self._path(name), detail=True)
        except _NothingThereError:
            return {}
        top = str(self._root).strip("/")
        names = {path.strip("/").removeprefix(top).strip("/"): entry for path, entry in entries.items()}
        return {one: _stat_of(entry) for one, entry in sorted(names.items()) if one and entry["type"] == "file"}

    def _is_here(self, name: str, stat: Stat, *, written: bool = False) -> bool:
        """Whether this machine holds that version of a file; `written`: and has not written another one since."""
        try:
            version, changed = (self.local / ".versions" / name).read_text().split()
            status = (self.local / name).stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return False
        return (version, status.st_size) == (stat.version, stat.bytes) and not (
            written and changed != str(status.st_mtime_ns)
        )

    def _note(self, name: str, stat: Stat) -> None:
        changed = (self.local / name).stat().st_mtime_ns
        write_bytes(self.local / ".versions" / name, f"{stat.version} {changed}".encode())

    def _make_room(self, wanted: int, name: str) -> None:
        """Remove what was not needed for the longest time, until so many bytes more have room.

        Raises:
            StorageError: they never have.
        """
        kept, sizes = dict[str, int](), dict[str, int]()
        for path in (self.local / ".versions").rglob("*"):
            one = path.relative_to(self.local / ".versions").as_posix()
            with suppress(FileNotFoundError):  # others write here, too
                if path.is_file() and not is_left_aside(path):
                    kept[one], sizes[one] = path.stat().st_mtime_ns, (self.local / one).stat().st_size
        held = sum(sizes.values())
        most = self._most_bytes
        if most is None:
            most = held + shutil.disk_usage(self.local).free // 2
        pinned = self._pinned()
        for one in sorted(sizes, key=lambda one: (kept[one], one)):
            if held + wanted <= most:
                return
            if not any(one == pin or one.startswith(f"{pin}/") for pin in pinned):
                sweep(self.local / one)
                sweep(self.local / ".versions" / one)
                held -= sizes[one]
        if held + wanted > most:
            raise StorageError(
                f"{self.local} may hold {most:,} bytes, and the tasks that run here need {held + wanted:,} "
                f"({name} among them); give more with {argument('scratch-bytes')}, or a larger disk with "
                f"{argument('scratch')}"
            )

    def _pinned(self) -> set[str]:
        """What the running tasks of this machine need; pins of processes that have ended are removed."""
        names: set[str] = set()
        for pin in (self.local / ".pins").glob("[0-9]*-*"):
            if not _is_alive(int(pin.name.partition("-")[0])):
                sweep(pin)
                continue
            with suppress(FileNotFoundError):  # its task has ended
                names.update(pin.read_text().split("\n"))
        return names

    @contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        """Turn the faults of the store, and of the library that talks to it, into ours.

        Raises:
            AuthError, NetworkError: it refuses, or cannot be reached.
        """
        place = f"{self.url}/{name}"
        try:
            yield
        except NextLongError:
            raise
        except FileNotFoundError as error:
            raise _NothingThereError(
                f"there is no {place}; make the bucket, or give another {argument('work-dir')}"
            ) from error
        except PermissionError as error:
            raise _refused(place, error) from error
        except OSError as error:
            if error.filename is not None and str(error.filename).startswith(str(self.local)):
                raise
            raise _unreachable(place, error) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in {"botocore", "aiobotocore", "aiohttp", "gcsfs", "azure"}:
                raise
            raise (_refused if "redential" in type(error).__name__ else _unreachable)(place, error) from error


class _NothingThereError(StorageError):
    """There is no such object."""


def _refused(place: str, error: Exception) -> NextLongError:
    return AuthError(
        f"{place} may not be read or written ({_said(error)}); set the credentials of the store on every machine, or "
        f"give another {argument('work-dir')}"
    )


def _unreachable(place: str, error: Exception) -> NextLongError:
    answered = getattr(error.__cause__, "response", None)
    metadata = answered.get("ResponseMetadata", {}) if isinstance(answered, dict) else {}
    if metadata.get("HTTPStatusCode") in _REFUSED:
        return _refused(place, error)
    return NetworkError(
        f"{place} cannot be read or written ({_said(error)}); run the same command again: finished work is kept"
    )


def _said(error: Exception) -> str:
    """A fault in one line, without what may be a password."""
    return _KEY.sub("", " ".join(str(error).split())) or type(error).__name__


def _stat_of(entry: dict[str, Any]) -> Stat:
    size = int(entry["size"] or 0)
    said = next((str(entry[key]) for key in _CONTENT_KEYS if entry.get(key)), "")
    return Stat(bytes=size, version=digest_of([size, said]))


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # where such a signal ends the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
