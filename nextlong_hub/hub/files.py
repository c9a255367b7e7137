"""Everything the corpus asks of the Hub: files by `hf://` URL, datasets by name, and what its refusals mean.

Tokens, endpoint and offline mode are huggingface_hub's to read from the environment. A revision is resolved once, to a
commit, and every piece carries that commit: a dataset that moves on during a build does not change under it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote, unquote

from nextlong_hub.errors import AuthError, DataError, NetworkError, NextLongError, causes_of, come_from

_URL = re.compile(
    r"hf://datasets/(?P<repository>[^/@]+/[^/@]+)(?:@(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+))?(?:/(?P<path>.*))?"
)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_NETWORK_LIBRARIES = {"aiohttp", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
_MOST_SHARDS = 64
_CARD = "README.md"


def is_hub_name(path: str) -> bool:
    """Whether `path` has the form `user/name`."""
    return _NAME.fullmatch(path) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFiles:
    """The files that an `hf://` URL stands for."""

    root: str
    """URL, at a fixed commit, below which they lie."""
    commit: str
    bytes_of: dict[str, int]
    """Size of each file, by its name below the root."""
    is_folder: bool
    """Whether a folder was named, rather than a file or a glob."""


def list_files(url: str, revision: str | None) -> RemoteFiles:
    """List the files that an `hf://datasets/…` URL of a file, folder or glob stands for; never a repository's card.

    Raises:
        DataError: it is no such URL, or nothing is there.
        AuthError, NetworkError: see `hub_errors`.
    """
    match = _URL.fullmatch(url.rstrip("/"))
    if match is None:
        raise DataError(f"{url!r} is no address of a dataset's files; write it as hf://datasets/user/name/path")
    repository, path = match["repository"], match["path"] or ""
    revision = unquote(match["revision"]) if match["revision"] else revision
    commit = resolve_commit(repository, revision)
    base = f"datasets/{repository}@{quote(commit, safe='')}"
    with hub_errors(url):
        root, files, is_folder = _list(base, path)
    if root == base and path != _CARD:
        files.pop(_CARD, None)
    return RemoteFiles(root=f"hf://{root}", commit=commit, bytes_of=files, is_folder=is_folder)


def resolve_commit(name: str, revision: str | None) -> str:
    """Give the commit that `revision` of a dataset repository stands for now.

    Raises:
        DataError, AuthError, NetworkError: see `hub_errors`.
    """
    from huggingface_hub import HfApi

    with hub_errors(name, revision):
        return str(HfApi().dataset_info(name, revision=revision).sha)


def page_of(subject: str) -> str:
    """The address of a dataset's page; `subject` is its name, or the URL of anything in it."""
    from huggingface_hub import constants

    name = subject.removeprefix("hf://datasets/").split("@")[0]
    return f"{constants.ENDPOINT}/datasets/{'/'.join(name.split('/')[:2])}"


def open_file(url: str, *, cache_type: str = "readahead") -> IO[bytes]:
    """Open one file by its `hf://` URL; bytes are fetched as they are read.

    Args:
        url: The file.
        cache_type: fsspec's name for how much more is fetched than is read: `readahead` for a reader that goes through
            the file, `none` for one that knows the ranges it wants.
    """
    from huggingface_hub import HfFileSystem

    with hub_errors(url):
        return HfFileSystem().open(url, "rb", cache_type=cache_type)  # type: ignore[no-any-return]


def open_dataset(name: str, config: str | None, split: str, commit: str | None) -> Any:
    """Open a Hub dataset for streaming.

    Raises:
        DataError: it has no such configuration or split, or `datasets` cannot read it.
        AuthError, NetworkError: see `hub_errors`.
    """
    import datasets

    with hub_errors(name, commit):
        return datasets.load_dataset(name, config, split=split, revision=commit, streaming=True)


def shard_count(dataset: Any) -> int:
    """Into how many pieces a streamed dataset is split: each opens it anew, so not beyond a few dozen."""
    return max(1, min(_MOST_SHARDS, int(dataset.num_shards)))


@contextmanager
def hub_errors(subject: str, revision: str | None = None) -> Iterator[None]:
    """Say what a refusal of the Hub, or its silence, means for `subject` (a name or URL).

    Raises:
        AuthError: the repository is gated, or private, or asks for a login.
        NetworkError: the Hub cannot be reached, or is in offline mode.
        DataError: there is no such repository, revision, file, configuration or split.
    """
    try:
        yield
    except NextLongError:
        raise
    except Exception as error:
        raise (translated(error, subject, revision) or error) from error


def translated(error: BaseException, subject: str, revision: str | None = None) -> NextLongError | None:
    """The known fault that `error`, or one that caused it, stands for; None when it is something else."""
    from huggingface_hub import constants, errors

    name = subject.removeprefix("hf://datasets/").split("@")[0]
    page = page_of(subject)
    causes = list(causes_of(error))
    statuses = [getattr(getattr(cause, "response", None), "status_code", None) for cause in causes]

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if has(errors.OfflineModeIsEnabled):
        return NetworkError(f"{subject} is on the Hub, and HF_HUB_OFFLINE is set; unset it, or name local files")
    # `datasets` drops the cause and keeps these words of it.
    if has(errors.GatedRepoError) or any("is a gated dataset" in str(cause) for cause in causes):
        return AuthError(f"{subject} is gated; accept its conditions at {page}, then run `hf auth login`")
    if 401 in statuses or 403 in statuses:
        return AuthError(
            f"the Hub does not let you read {subject}: it is private, or there is none; check the name, or run "
            f"`hf auth login` with an account that can see {page}"
        )
    if has(errors.RevisionNotFoundError):
        return DataError(f"{subject} has no revision {revision!r}; see {page}/tree/main for those there are")
    if has(errors.RepositoryNotFoundError):
        return DataError(f"there is no dataset {subject} on the Hub; check the name, or give the path of a local file")
    if has(errors.EntryNotFoundError, FileNotFoundError) and not has(errors.LocalEntryNotFoundError):
        return DataError(f"there is nothing at {subject}; see {page}/tree/main for the files there are")
    if has(ConnectionError, TimeoutError, errors.HfHubHTTPError) or come_from(_NETWORK_LIBRARIES, causes):
        reason = str(causes[-1]).strip().split("\n")[0]
        return NetworkError(
            f"the Hub at {constants.ENDPOINT} could not be reached for {subject} ({reason}); check the connection, "
            "then run the same command again: finished work is kept"
        )
    if has(ValueError) or come_from({"datasets"}, causes):
        reason = " ".join(str(error).split())
        return DataError(
            f"{subject} cannot be read: {reason}; set config, split or revision of the source to fit, or read its "
            f"files as they are: hf://datasets/{name}"
        )
    return None


def _list(base: str, path: str) -> tuple[str, dict[str, int], bool]:
    """Give the folder below which the files lie, their sizes by name, and whether that folder itself was named."""
    from huggingface_hub import HfFileSystem

    filesystem = HfFileSystem()
    parts = path.split("/") if path else []
    fixed = next((number for number, part in enumerate(parts) if set(part) & set("*?[")), None)
    found: Any
    if fixed is not None:
        root = "/".join([base, *parts[:fixed]])
        found = filesystem.glob(f"{base}/{path}", detail=True)
    else:
        root = "/".join([base, *parts])
        entry = filesystem.info(root)
        if entry["type"] == "file":
            return root.rpartition("/")[0], {parts[-1]: entry["size"]}, False
        found = filesystem.find(root, detail=True)
    files = {key: entry for key, entry in found.items() if entry["type"] == "file"}
    return root, {key.removeprefix(f"{root}/"): entry["size"] for key, entry in files.items()}, fixed is None
