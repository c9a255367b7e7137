"""The export writer: a folder whose files are complete or absent, and its manifest.

`nextlong-export.json` is written twice: first with the request, so that a killed run can be started again, and at the
end with the sha256 of every file. It does not depend on the clock or the machine.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from nextlong_hub.core.files import (
    digest_of,
    is_left_aside,
    read_json,
    sha256_of,
    storage_errors,
    write_json,
    written_aside,
)
from nextlong_hub.core.ownership import OwnFiles, listed_names
from nextlong_hub.errors import ConflictError, argument

EXPORT_NAME = "nextlong-export.json"

_OWN = ".nextlong-files.jsonl"
"""The names of the files that unfinished runs have made; a finished export has them in its manifest."""

_TOOL = "nextlong-hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One finished file."""

    path: str
    """Relative to the folder, with forward slashes."""
    sha256: str
    bytes: int


def finished_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the finished export in a folder; None if there is none, or it is not as it was written."""
    content = read_json(folder / EXPORT_NAME)
    if not isinstance(content, dict) or "files" not in content:
        return None
    digest = content.pop("digest", None)
    return content if digest == digest_of(content) else None


def damaged_files(folder: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files of a finished export that are not as they were written: their names, and what is wrong with each.

    Raises:
        StorageError: one cannot be read.
    """
    for file in content["files"]:
        path = folder / file["path"]
        if not path.is_file():
            yield file["path"], "is missing"
        elif path.stat().st_size != file["bytes"] or sha256_of(path) != file["sha256"]:
            yield file["path"], "is not the file that was written: its size or sha256 is another"


class Stream:
    """A file that is being written, and its digest."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self._digest = hashlib.sha256()
        self.bytes = 0

    def write(self, content: bytes | memoryview) -> None:
        """Append bytes."""
        self._handle.write(content)
        self._digest.update(content)
        self.bytes += memoryview(content).nbytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes written so far."""
        return self._digest.hexdigest()


class ExportWriter:
    """Writes the files of one export into its folder, one after the other."""

    def __init__(self, folder: Path, head: Mapping[str, Any], *, force: bool = False) -> None:
        """Claim `folder`, and create it if it is missing.

        Args:
            folder: absent, empty, or holding the same export, finished or not.
            head: everything that determines the bytes.
            force: write into a folder that holds something else, too, and replace files that have the names of ours;
                of another export, all of its files.

        Raises:
            ConflictError: it holds something else.
            StorageError: it cannot be written.
        """
        self._folder = folder
        self._head = {"tool": _TOOL, "kind": "export", **head}
        self._files: list[ExportedFile] = []
        self._force = force
        self._claim()
        self._own = OwnFiles(folder, folder / _OWN, self._listed(), may_replace=force)

    def finished(self) -> dict[str, Any] | None:
        """The manifest of an earlier run that finished and whose files are unchanged; else None."""
        content = finished_manifest(self._folder)
        if content is None or self._changes() or next(damaged_files(self._folder, content), None):
            return None
        return content

    def begin(self) -> None:
        """Write the request, and remove incomplete files of a killed process.

        Raises:
            ConflictError: an earlier export lies behind a link by now.
            StorageError: the folder cannot be written.
        """
        self._own.claim(self._listed())
        if self._changes():
            self._own.remove(self._listed())
        write_json(self._folder / EXPORT_NAME, self._head)
        self._own.remove_incomplete()

    @contextmanager
    def stream(self, name: str) -> Iterator[Stream]:
        """Write a file piece by piece; it gets its name when the block ends without an error.

        Raises:
            ConflictError: a file that is not ours has that name.
            StorageError: the disk is full or cannot be written.
        """
        self._own.claim([name])
        with written_aside(self._folder / name) as aside, aside.open("wb") as handle:
            stream = Stream(handle)
            yield stream
        self._files.append(ExportedFile(path=name, sha256=stream.sha256, bytes=stream.bytes))

    def put(self, name: str, content: bytes | memoryview) -> None:
        """Write a whole file.

        Raises:
            StorageError: the disk is full or cannot be written.
        """
        with self.stream(name) as stream:
            stream.write(content)

    def commit(self, counts: Mapping[str, int], **proven: str) -> dict[str, Any]:
        """Write the manifest of all files and return it; `proven` goes into it."""
        files = sorted(self._files, key=lambda file: file.path)
        content = {**self._head, "counts": dict(counts), **proven, "files": [asdict(file) for file in files]}
        write_json(self._folder / EXPORT_NAME, {**content, "digest": digest_of(content)})
        self._own.forget_record()
        return content

    def _listed(self) -> list[str]:
        """The files of a finished export."""
        content = read_json(self._folder / EXPORT_NAME)
        files = content.get("files") if isinstance(content, dict) else None
        paths = [file.get("path") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
        return [EXPORT_NAME, *(path for path in paths if isinstance(path, str))]

    def _claim(self) -> None:
        with storage_errors(self._folder):
            if self._folder.exists() and not self._folder.is_dir():
                raise ConflictError(
                    f"{self._folder} is a file, but a folder is needed; choose another {argument('output')}"
                )
            self._folder.mkdir(parents=True, exist_ok=True)
            names = sorted(path.name for path in self._folder.iterdir() if not is_left_aside(path))
        if not names:
            return
        if self._force:
            return
        if self._earlier() is None:
            raise ConflictError(
                f"{self._folder} already holds {listed_names(names)} and was not made by nextlong-hub export; choose "
                f"an empty or new folder with {argument('output')}, or give {argument('force', True)} to export into "
                "it nevertheless"
            )
        if changes := self._changes():
            raise ConflictError(
                f"{self._folder} holds another export ({', '.join(changes)} differ); choose another "
                f"{argument('output')}, or give {argument('force', True)} to replace it"
            )

    def _earlier(self) -> dict[str, Any] | None:
        """What an export of ours that lies in the folder was made of."""
        content = read_json(self._folder / EXPORT_NAME)
        return content if isinstance(content, dict) and content.get("tool") == _TOOL else None

    def _changes(self) -> list[str]:
        """In what that is another export; nothing where there is none."""
        earlier = self._earlier()
        return [] if earlier is None else [key for key in self._head if earlier.get(key) != self._head[key]]
