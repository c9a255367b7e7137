"""The storage of the Hub: bytes by sha256, and repositories of commits over them, in memory or in a folder."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import unquote

from nextlong_hub.core.files import read_json, write_bytes, write_json
from nextlong_hub.testing.messages import Refusal

Kind = Literal["datasets", "models", "spaces"]
"""The kind of a repository, as it stands in URLs."""

KINDS: tuple[Kind, ...] = get_args(Kind)

LARGE_FILE_SUFFIXES = tuple(
    f".{name}"
    for name in (
        *("arrow", "mds", "npy", "npz", "parquet", "h5", "bin", "pickle", "safetensors"),
        *("bz2", "gz", "tar", "zip", "zst", "jpg", "png", "pdf", "mp3", "wav"),
    )
)
"""Files the Hub's default `.gitattributes` keeps in large file storage; the rest goes there by size or content."""

LARGE_FILE_BYTES = 10 * 1024 * 1024

_GIT_ATTRIBUTES = "".join(f"*{s} filter=lfs diff=lfs merge=lfs -text\n" for s in LARGE_FILE_SUFFIXES).encode()


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def git_oid(content: bytes) -> str:
    """The name git gives to a file: sha1 over its bytes and length."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_large(path: str, size_bytes: int, sample: bytes) -> bool:
    """Whether a file belongs into large file storage; `sample` is its beginning."""
    return path.endswith(LARGE_FILE_SUFFIXES) or size_bytes > LARGE_FILE_BYTES or b"\0" in sample


class BlobStore:
    """Bytes under their sha256: in memory, or one file each in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}

    def __contains__(self, sha256: str) -> bool:
        return self._path(sha256).is_file() if self._folder else sha256 in self._memory

    def add(self, content: bytes) -> str:
        """Keep `content` and return its sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self._folder is None:
            self._memory[sha256] = content
        elif sha256 not in self:
            write_bytes(self._path(sha256), content)
        return sha256

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes from `start` up to, not including, `stop`; None: up to the end."""
        if self._folder is None:
            return self._memory[sha256][start:stop]
        with self._path(sha256).open("rb") as handle:
            handle.seek(start)
            return handle.read() if stop is None else handle.read(stop - start)

    def _path(self, sha256: str) -> Path:
        return (self._folder or Path()) / sha256


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit."""

    oid: str
    """Git's name for the file, or for its pointer when it is a large one."""
    size: int
    """Of the file itself, in bytes."""
    sha256: str
    """Where the blob store has the bytes."""
    large: bool
    """Kept in large file storage."""

    @property
    def etag(self) -> str:
        """What downloads are cached under."""
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One state of a repository."""

    oid: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    tree: Mapping[str, Entry]
    """Every file of the repository, by path."""

    def under(self, folder: str) -> dict[str, Entry]:
        """The files inside a folder, sorted by path; all of them for the empty path."""
        prefix = f"{folder}/" if folder else ""
        return {path: entry for path, entry in sorted(self.tree.items()) if path.startswith(prefix)}


@dataclass(slots=True, kw_only=True)
class Discussion:
    """A discussion or a pull request; a pull request's commits are on the branch `refs/pr/<number>`."""

    number: int
    title: str
    author: str
    is_pull_request: bool
    status: Literal["draft", "open", "closed", "merged"]
    created: str
    events: list[dict[str, Any]] = field(default_factory=list)
    """As the Hub lists them: comments, changes of status."""
    merge_commit: str | None = None


@dataclass(slots=True, kw_only=True)
class Repository:
    """One repository with all its history."""

    kind: Kind
    name: str
    """`<namespace>/<name>`."""
    private: bool = False
    gated: bool = False
    """Everyone may see the repository and its listing; only the owner and the readers may read its files."""
    readers: list[str] = field(default_factory=list)
    """Names of accounts that may read a gated repository."""
    created: str = field(default_factory=now)
    branches: dict[str, str] = field(default_factory=dict)
    """Head commit of each branch; `refs/pr/<number>` is a branch too."""
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    discussions: list[Discussion] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """The user or organisation it belongs to."""
        return self.name.partition("/")[0]

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or (the beginning of) a commit's name stands for, still percent-encoded.

        Raises:
            Refusal: 404 with the code RevisionNotFound.
        """
        revision = unquote(revision)
        short = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        oid = self.branches.get(short) or self.tags.get(short)
        if oid is None and len(revision) >= 7:
            oid = next((known for known in self.commits if known.startswith(revision)), None)
        if oid is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def commit(
        self, branch: str, tree: Mapping[str, Entry], *, title: str, message: str = "", author: str = ""
    ) -> Commit:
        """Put a new commit on top of a branch, or begin the branch with it."""
        parent = self.branches.get(branch)
        identity = json.dumps([parent, len(self.commits), title, message, sorted((p, e.oid) for p, e in tree.items())])
        commit = Commit(
            oid=hashlib.sha1(identity.encode()).hexdigest(),
            parent=parent,
            title=title,
            message=message,
            author=author,
            date=now(),
            tree=dict(tree),
        )
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def history(self, commit: Commit) -> Iterator[Commit]:
        """A commit and all before it, newest first."""
        at: Commit | None = commit
        while at is not None:
            yield at
            at = self.commits[at.parent] if at.parent else None

    def last_change(self, commit: Commit, path: str) -> Commit:
        """The newest commit, at `commit` or before, that changed a file."""
        changed = commit
        for earlier in self.history(commit):
            if earlier.tree.get(path) != commit.tree.get(path):
                break
            changed = earlier
        return changed

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Repository":
        """Read back what `dataclasses.asdict` wrote."""
        commits = {
            oid: Commit(**{**c, "tree": {path: Entry(**e) for path, e in c["tree"].items()}})
            for oid, c in value["commits"].items()
        }
        return cls(**{**value, "commits": commits, "discussions": [Discussion(**d) for d in value["discussions"]]})


class Library:
    """All repositories of a Hub and their bytes; in a folder they outlive the server."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.blobs = BlobStore(folder / "blobs" if folder else None)
        self._repositories: dict[tuple[str, str], Repository] = {}
        for path in sorted((folder / "repositories").glob("*/*.json")) if folder else ():
            repository = Repository.from_json(read_json(path))
            self._repositories[repository.kind, repository.name] = repository

    def find(self, kind: str, name: str) -> Repository | None:
        """The repository of that kind and name, if there is one."""
        return self._repositories.get((kind, name))

    def all(self, kind: str) -> list[Repository]:
        """The repositories of one kind, by name."""
        return [repository for key, repository in sorted(self._repositories.items()) if key[0] == kind]

    def create(self, repository: Repository) -> Repository:
        """Add a repository; like on the Hub it begins with one commit that holds `.gitattributes`."""
        self._repositories[repository.kind, repository.name] = repository
        attributes = {".gitattributes": self.entry(".gitattributes", _GIT_ATTRIBUTES)}
        repository.commit("main", attributes, title="initial commit", author=repository.namespace)
        self.keep(repository)
        return repository

    def delete(self, repository: Repository) -> None:
        """Remove a repository."""
        del self._repositories[repository.kind, repository.name]
        if self._folder:
            self._path(repository).unlink()

    def keep(self, repository: Repository) -> None:
        """Write a changed repository down, when there is a folder."""
        if self._folder:
            write_json(self._path(repository), asdict(repository))

    def entry(self, path: str, content: bytes) -> Entry:
        """Keep the bytes of a file and describe it."""
        sha256 = self.blobs.add(content)
        if is_large(path, len(content), content[:512]):
            return large_entry(sha256, len(content))
        return Entry(git_oid(content), len(content), sha256, large=False)

    def read(self, entry: Entry) -> bytes:
        """The bytes of a file."""
        return self.blobs.read(entry.sha256)

    def _path(self, repository: Repository) -> Path:
        folder = (self._folder or Path()) / "repositories" / repository.kind
        return folder / f"{repository.name.replace('/', '--')}.json"


def large_entry(sha256: str, size_bytes: int) -> Entry:
    """Describe a file of the large file storage; git itself holds only a pointer to it."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size_bytes}\n"
    return Entry(git_oid(pointer.encode()), size_bytes, sha256, large=True)
