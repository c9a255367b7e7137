"""Differences between the files of a dataset and those on the Hub, found by their digests."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file as the Hub lists it."""

    size_bytes: int
    oid: str
    """git's name of it: sha1 over its length and bytes; for a large file, over those of its pointer."""
    sha256: str | None
    """Only for a large file, kept by Git LFS or Xet."""


class ListedContent:
    """Compares content that arrives block by block with a file that the Hub lists.

    Args:
        listed: The file.
    """

    def __init__(self, listed: RemoteFile) -> None:
        self._listed = listed
        self._digest = hashlib.sha256() if listed.sha256 else _git_digest(listed.size_bytes)
        self.size_bytes = 0
        """Of what has come."""

    def update(self, block: bytes) -> None:
        """Take the next block."""
        self._digest.update(block)
        self.size_bytes += len(block)

    def copy(self) -> "ListedContent":
        """One that goes on from here by itself."""
        other = ListedContent(self._listed)
        other._digest = self._digest.copy()
        other.size_bytes = self.size_bytes
        return other

    @property
    def can_be_listed(self) -> bool:
        """Whether no more has come than is listed."""
        return self.size_bytes <= self._listed.size_bytes

    @property
    def is_listed(self) -> bool:
        """Whether what has come is the whole file."""
        listed = self._listed
        return self.size_bytes == listed.size_bytes and self._digest.hexdigest() == (listed.sha256 or listed.oid)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """One file to be published."""

    path: str
    """In the repository."""
    size_bytes: int
    sha256: str
    source: Path | bytes
    """Path of a data file; the content of any other file, so that exactly the checked bytes are sent."""

    def is_same(self, remote: RemoteFile) -> bool:
        """Whether the Hub has exactly these bytes."""
        if remote.sha256 is not None:
            return remote.sha256 == self.sha256
        return remote.size_bytes == self.size_bytes and remote.oid == git_oid(self.content())

    def content(self) -> bytes:
        """Its bytes."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a push does with one file."""

    path: str
    kind: Kind
    size_bytes: int
    """Of the file as it will be; of a removed one as it was."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a push does with every file that is published or was."""

    files: tuple[Change, ...]
    """Those to be published in the order in which they are sent, then those to be removed, by path."""

    def of(self, *kinds: Kind) -> list[Change]:
        """The files of these kinds."""
        return [file for file in self.files if file.kind in kinds]

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return len(self.of("unchanged")) < len(self.files)

    @property
    def sent_bytes(self) -> int:
        """Size of all files that are new or changed, in bytes; unchanged files are not sent."""
        return sum(file.size_bytes for file in self.of("added", "changed"))


def compare(local: Mapping[str, LocalFile], remote: Mapping[str, RemoteFile], stale: frozenset[str]) -> Changes:
    """Compare what is to be published with what is on a branch.

    Args:
        local: Everything to be published, by path, in the order in which it is to be sent.
        remote: Everything on the branch, by path.
        stale: Paths to remove, as far as they are there and not published anew.
    """
    return Changes(tuple(_changes(local, remote, stale)))


def _changes(
    local: Mapping[str, LocalFile], remote: Mapping[str, RemoteFile], stale: frozenset[str]
) -> Iterator[Change]:
    for path, file in local.items():
        there = remote.get(path)
        kind: Kind = "added" if there is None else "unchanged" if file.is_same(there) else "changed"
        yield Change(path=path, kind=kind, size_bytes=file.size_bytes)
    for path in sorted(stale & remote.keys() - local.keys()):
        yield Change(path=path, kind="removed", size_bytes=remote[path].size_bytes)


def git_oid(content: bytes) -> str:
    """Name a file with this content as git does."""
    digest = _git_digest(len(content))
    digest.update(content)
    return digest.hexdigest()


def _git_digest(size_bytes: int) -> "hashlib._Hash":
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
