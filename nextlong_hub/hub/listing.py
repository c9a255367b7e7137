"""What the Hub lists: the files of a dataset at a commit, cross-checked, and single files, for whoever reads them.

One answer is not believed alone. The tree of a commit must hold each file that the repository's description names, so
that neither an empty answer nor a page that is missing makes files vanish.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from nextlong_hub.hub.address import page_of
from nextlong_hub.hub.changes import RemoteFile
from nextlong_hub.hub.retry import NotTheHub

DATASET = "dataset"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_LISTINGS = 16
_MOST_FILES = 4096

Listing = Mapping[str, RemoteFile]
"""The files of a repository at a commit, by path."""


class _Known:
    """Listings and files that have been seen; the oldest are forgotten."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listings: OrderedDict[tuple[str, str, str], Listing] = OrderedDict()
        self._files: OrderedDict[tuple[str, str, str, str], RemoteFile] = OrderedDict()

    def add_listing(self, kind: str, name: str, commit: str, files: Listing) -> None:
        """Keep all files of a repository at a commit."""
        with self._lock:
            self._listings[kind, name, commit] = files
            while len(self._listings) > _MOST_LISTINGS:
                self._listings.popitem(last=False)

    def add_file(self, kind: str, name: str, commit: str, path: str, file: RemoteFile) -> None:
        """Keep one file."""
        with self._lock:
            self._files[kind, name, commit, path] = file
            while len(self._files) > _MOST_FILES:
                self._files.popitem(last=False)

    def file(self, kind: str, name: str, commit: str, path: str) -> RemoteFile | None:
        """One file; None where there is none.

        Raises:
            KeyError: it has not been seen.
        """
        with self._lock:
            listing = self._listings.get((kind, name, commit))
            return listing.get(path) if listing is not None else self._files[kind, name, commit, path]


_known = _Known()


def tree_of(api: Any, name: str, info: Any, below: str = "") -> dict[str, RemoteFile]:
    """List the files of a dataset, or of a folder in it.

    Args:
        api: The `HfApi` to ask.
        name: `USER/NAME`.
        info: What the Hub says of it at the commit that is wanted: a `DatasetInfo`.
        below: The folder; empty for all.

    Raises:
        NotTheHub: the pages of the listing have no end, or lack a file that the dataset has.
        Exception: whatever huggingface_hub raises.
    """
    from huggingface_hub.hf_api import RepoFile

    commit = str(info.sha)
    files: dict[str, RemoteFile] = {}
    for entry in api.list_repo_tree(name, below or None, repo_type=DATASET, recursive=True, revision=commit):
        if not isinstance(entry, RepoFile):
            continue
        if entry.path in files:  # pages that link to themselves would never end
            raise NotTheHub(f"the listing of {page_of(name)} names {entry.path} twice")
        files[entry.path] = _remote_file(entry)
    named = {one.rfilename for one in info.siblings or ()}
    missing = sorted(path for path in named - files.keys() if path.startswith(f"{below}/" if below else ""))
    if missing:
        raise NotTheHub(f"the listing of {page_of(name)} lacks {missing[0]}, which it says it has")
    if not below:
        _known.add_listing(DATASET, name, commit, files)
    return files


def listed_file(kind: str, name: str, commit: str, path: str) -> RemoteFile | None:
    """One file of a repository as the Hub lists it; None where it lists none.

    Args:
        kind: `dataset`, `model` or `space`.
        name: `USER/NAME`.
        commit: The commit.
        path: The file.

    Raises:
        Exception: whatever huggingface_hub raises.
    """
    try:
        return _known.file(kind, name, commit, path)
    except KeyError:
        pass
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    found = HfApi().get_paths_info(name, [path], revision=commit, repo_type=kind)
    file = next((_remote_file(entry) for entry in found if isinstance(entry, RepoFile) and entry.path == path), None)
    if file is not None:
        _known.add_file(kind, name, commit, path, file)
    return file


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit, so that its files never change."""
    return _COMMIT.fullmatch(revision) is not None


def _remote_file(entry: Any) -> RemoteFile:
    sha256 = entry.lfs.sha256 if entry.lfs else None
    return RemoteFile(size_bytes=int(entry.size), oid=str(entry.blob_id), sha256=sha256)
