"""Which files below a folder are ours: only these are replaced or removed, and nothing is reached through a link.

A folder that we write into may hold files of people: a picture, notes, a corpus that somebody moved there. A file is
ours when its name stands in the folder's record, or in a manifest of ours that lists it. The record is written before
the file is, so that a run which is killed in between leaves nothing that the next one takes for a person's.

    claim     before files are written
    remove    what an earlier state left
    foreign   what is not ours, to be told
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from nextlong_hub.core.files import left_aside_of, remove, storage_errors, write_bytes
from nextlong_hub.errors import ConflictError, argument

_SHOWN = 3


class OwnFiles:
    """The files below one folder that are ours, by their names relative to it, with forward slashes."""

    def __init__(
        self, folder: Path, record: Path | None, listed: Iterable[str] = (), *, may_replace: bool | None = None
    ) -> None:
        """Read the record.

        Args:
            folder: what the names are relative to.
            record: the file that keeps the names; None keeps them no longer than this object.
            listed: names that are ours besides, of a manifest.
            may_replace: a file that is not ours may be claimed, as a person asked for it; a folder never. None where
                nobody can ask for it.
        """
        self._folder = folder
        self._may_replace = may_replace
        self._record = record
        self._recorded = {*_recorded(record)} if record is not None else set()
        self._names = {name for name in (*listed, *self._recorded) if _is_below(name)}

    @property
    def has_record(self) -> bool:
        """Whether a run of ours has kept names in this folder."""
        return self._record is not None and self._record.is_file()

    def claim(self, names: Iterable[str]) -> None:
        """Make names ours; call it before their files are written.

        Raises:
            ConflictError: a file that is not ours has one of the names, or a link leads out of the folder.
            StorageError: the record cannot be written.
        """
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if link := _link_above(self._folder, name):
                raise ConflictError(
                    f"{link} is a symbolic link, and nothing is written through one; put a folder in its place, or "
                    "choose as output a folder on the disk that it leads to"
                )
        foreign = [name for name in wanted if name not in self._names and self._is_kept(self._folder / name)]
        if foreign:
            raise ConflictError(
                f"{self._folder} holds {listed_names(foreign)}, not made by nextlong-hub, where a file of that name is "
                f"to be written; move it away, {self._way_out}"
            )
        self._names.update(wanted)
        unrecorded = [name for name in wanted if name not in self._recorded]
        if unrecorded and self._record is not None:
            with storage_errors(self._record), self._record.open("a", encoding="utf-8") as handle:
                handle.writelines(f"{json.dumps(name)}\n" for name in unrecorded)
                handle.flush()
                os.fsync(handle.fileno())
            self._recorded.update(unrecorded)

    def forget_record(self) -> None:
        """Remove the record: from now on a manifest lists what is ours.

        Raises:
            StorageError: it cannot be removed.
        """
        if self._record is not None:
            with storage_errors(self._record):
                remove(self._record)
            self._recorded = set()

    def besides(self, names: Iterable[str]) -> tuple[str, ...]:
        """Files of ours that are there and are not among `names`, in order."""
        return tuple(name for name in sorted(self._names.difference(names)) if self._is_there(name))

    def remove(self, names: Iterable[str]) -> tuple[str, ...]:
        """Remove files, those that are ours and that no link leads to; give the names of what was removed.

        Raises:
            StorageError: one cannot be removed.
        """
        removed = tuple(name for name in names if name in self._names and self._is_there(name))
        with storage_errors(self._folder):
            for name in removed:
                remove(self._folder / name)
        self._names.difference_update(removed)
        if self._record is not None and not self._recorded.isdisjoint(removed):
            self._recorded.difference_update(removed)
            write_bytes(self._record, "".join(f"{json.dumps(name)}\n" for name in sorted(self._recorded)).encode())
        return removed

    def remove_incomplete(self) -> None:
        """Remove what killed processes left half written of files of ours; call it where no other process writes.

        Raises:
            StorageError: one cannot be removed.
        """
        ours = {self._folder / name for name in self._names if _link_above(self._folder, name) is None}
        with storage_errors(self._folder):
            for folder in sorted({path.parent for path in ours if path.parent.is_dir()}):
                for path in [path for path in folder.iterdir() if left_aside_of(path) in ours]:
                    remove(path)

    def foreign(self, below: str) -> tuple[str, ...]:
        """Files below one of its folders that are not ours and not hidden, in order; links are named, not followed."""
        if (self._folder / below).is_symlink():
            return (below,)
        found = []
        for place, folders, files in os.walk(self._folder / below):
            links = [name for name in folders if (Path(place) / name).is_symlink()]
            found += [(Path(place) / name).relative_to(self._folder).as_posix() for name in (*files, *links)]
        return tuple(sorted(name for name in found if name not in self._names and not Path(name).name.startswith(".")))

    @property
    def _way_out(self) -> str:
        if self._may_replace is None:
            return "or choose another output"
        return f"or give {argument('force', True)} to replace it" if not self._may_replace else "it is a folder"

    def _is_kept(self, path: Path) -> bool:
        """Whether something is there that must not be replaced."""
        is_folder = path.is_dir() and not path.is_symlink()
        return is_folder if self._may_replace else os.path.lexists(path)

    def _is_there(self, name: str) -> bool:
        path = self._folder / name
        return _link_above(self._folder, name) is None and (path.is_symlink() or path.is_file())


def refuse_other_file(path: Path, mark: bytes, what: str) -> None:
    """Make sure that a single file may be written: there is none, or one that begins with our mark.

    Args:
        path: where it is to be written.
        mark: bytes within the first 1,024 of every such file of ours.
        what: what it is to be, for the message.

    Raises:
        ConflictError: another file is there, or a link.
    """
    with storage_errors(path):
        if not os.path.lexists(path):
            return
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as handle:
                if mark in handle.read(1024):
                    return
    raise ConflictError(
        f"{path} is there and is no {what} of nextlong-hub; choose another file, or give "
        f"{argument('force', True)} to replace it"
    )


def listed_names(names: Iterable[str], shown: int = _SHOWN) -> str:
    """The first of several names, and how many more there are."""
    known = list(names)
    more = f" and {len(known) - shown:,} more" if len(known) > shown else ""
    return ", ".join(known[:shown]) + more


def first_link_below(folder: Path) -> Path | None:
    """The first link below a folder, which itself may be reached through one; None where there is none."""
    for place, folders, files in os.walk(folder):
        for name in sorted((*folders, *files)):
            if (Path(place) / name).is_symlink():
                return Path(place) / name
    return None


def _link_above(folder: Path, name: str) -> Path | None:
    """The first link among the folders that lead from `folder` to a file below it."""
    return next((step for step in _steps(folder, name) if step.is_symlink()), None)


def _is_below(name: str) -> bool:
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts


def _steps(folder: Path, name: str) -> Iterator[Path]:
    for part in Path(name).parts[:-1]:
        folder = folder / part
        yield folder


def _recorded(record: Path) -> Iterator[str]:
    """The names that a record holds; a last line that a killed process left half written names no file."""
    if not record.is_file():
        return
    for line in record.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            name = json.loads(line)
        except ValueError:
            continue
        if isinstance(name, str):
            yield name
