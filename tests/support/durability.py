"""A recorder of what a power cut can take: it notes each flush and each rename, and lets them happen."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Event:
    """One call that makes something lasting."""

    what: str
    """`flush` or `rename`."""
    file: tuple[int, int]
    """Device and number of the file or folder: they stay when it is renamed."""
    size: int
    """Bytes at that moment, of a file."""
    name: str
    """Of a rename: the new path."""


@dataclass(slots=True)
class Recorder:
    """What has happened so far, in order."""

    events: list[Event] = field(default_factory=list)

    def of(self, path: Path) -> list[tuple[int, str]]:
        """What happened to a file, its place in the order first: `flush` means with all that it holds now."""
        status = path.stat()
        own = (status.st_dev, status.st_ino)
        return [
            (number, event.what)
            for number, event in enumerate(self.events)
            if event.file == own and (event.what == "rename" or path.is_dir() or event.size == status.st_size)
        ]

    def renamed(self, path: Path) -> int | None:
        """The place in the order at which a file got its name last; None when it never was renamed."""
        found = [number for number, event in enumerate(self.events) if event.name == str(path)]
        return found[-1] if found else None

    def is_lasting(self, path: Path) -> bool:
        """Whether a file was flushed whole before it got its name, and its folder after."""
        named = self.renamed(path)
        if named is None:
            return any(what == "flush" for _, what in self.of(path))
        before = any(what == "flush" and number < named for number, what in self.of(path))
        return before and any(what == "flush" and number > named for number, what in self.of(path.parent))


@contextmanager
def recorded() -> Iterator[Recorder]:
    """Note what this process does until the block ends."""
    recorder = Recorder()
    flush, replace, rename = os.fsync, os.replace, os.rename

    def noted_flush(handle: Any) -> None:
        flush(handle)
        status = os.fstat(handle if isinstance(handle, int) else handle.fileno())
        recorder.events.append(Event("flush", (status.st_dev, status.st_ino), status.st_size, ""))

    def noting(move: Any) -> Any:
        def moved(source: Any, target: Any, **more: Any) -> None:
            status = os.stat(source)  # noqa: PTH116 (paths of any kind)
            move(source, target, **more)
            recorder.events.append(Event("rename", (status.st_dev, status.st_ino), status.st_size, os.fspath(target)))

        return moved

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", noted_flush)
        patch.setattr(os, "replace", noting(replace))
        patch.setattr(os, "rename", noting(rename))
        yield recorder
