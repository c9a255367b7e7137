"""Files of other servers by their URL: whatever fsspec has a file system for, such as `s3://…` and `https://…`."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus.patterns import has_magic, matches
from nextlong_hub.errors import AuthError, DataError, NetworkError
from nextlong_hub.hub.address import is_address

_VERSION_KEYS = (
    "ETag",
    "etag",
    "e_tag",
    "md5",
    "md5Hash",
    "content_md5",
    "LastModified",
    "mtime",
    "last_modified",
    "created",
)
"""What file systems call that which changes with a file's content."""
_PACKAGES = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}
_CLIENTS = frozenset({"adlfs", "aiohttp", "azure", "botocore", "fsspec", "gcsfs"})
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlFiles:
    """The files that a URL stands for."""

    root: str
    """URL below which they lie."""
    bytes_of: dict[str, int]
    """Size of each file, by its name below the root; 0 where the server does not say."""
    revisions: dict[str, str]
    """What changes with each file's content, by its name: what the server says, else a digest of all its bytes."""
    is_folder: bool
    """Whether a folder was named, rather than a file or a glob."""
    query: str = ""
    """What follows the question mark in the URL of a file, with it."""


def is_url(path: str) -> bool:
    """Whether a path is the URL of another server than the Hub."""
    return "://" in path and not is_address(path)


def without_query(url: str) -> str:
    """A URL without what follows a question mark: it may hold a password."""
    return url.partition("?")[0] if is_url(url) else url


def list_files(url: str) -> UrlFiles:
    """List the files that a URL of a file, a folder or a glob stands for.

    Raises:
        DataError: nothing is there, or the package for such URLs is missing.
        AuthError: access was refused.
        NetworkError: the server could not be reached.
    """
    with url_errors(url):
        filesystem, path = _open(url)
        if not has_magic(url) or filesystem.exists(path):
            entry = filesystem.info(path)
            if entry["type"] == "file":
                root, _, name = without_query(url).rpartition("/")
                query = url.removeprefix(without_query(url))
                return replace(_files(filesystem, root, {name: entry}, is_folder=False), query=query)
            below = url.rstrip("/")
            return _files(filesystem, below, _below(filesystem, path), is_folder=True)
        parts = url.split("/")
        fixed = next(number for number, part in enumerate(parts) if has_magic(part))
        below, pattern = "/".join(parts[:fixed]), "/".join(parts[fixed:])
        found = _below(filesystem, _open(below)[1])
        chosen = {name: entry for name, entry in found.items() if matches(pattern, name)}
        return _files(filesystem, below, chosen, is_folder=False)


def open_url(url: str) -> IO[bytes]:
    """Open a file by its URL; bytes are fetched as they are read.

    Raises:
        DataError, AuthError, NetworkError: see `list_files`.
    """
    with url_errors(url):
        filesystem, path = _open(url)
        return filesystem.open(path, "rb")  # type: ignore[no-any-return]


@contextmanager
def url_errors(url: str) -> Iterator[None]:
    """Turn the faults of a server, and of the library that talks to it, into ours.

    Raises:
        DataError, AuthError, NetworkError: see `list_files`.
    """
    shown = without_query(url)
    scheme = url.partition("://")[0]
    try:
        yield
    except (ImportError, ValueError) as error:
        if isinstance(error, ValueError) and "rotocol" not in str(error):
            raise
        package = _PACKAGES.get(scheme)
        remedy = f"pip install {package}" if package else "give a path, hf://, s3:// or https://"
        raise DataError(f"{shown}: {scheme}:// cannot be read here ({error}); {remedy}") from error
    except FileNotFoundError as error:
        if _is_of_a_client(error.__cause__):  # fsspec says so of a server that did not answer, too
            raise NetworkError(f"{shown} could not be reached ({error.__cause__}); check the address") from error
        raise DataError(f"there is nothing at {shown}; check the address") from error
    except PermissionError as error:
        raise AuthError(
            f"the server does not let you read {shown} ({error}); log in to it, or ask for access"
        ) from error
    except OSError as error:
        raise NetworkError(f"{shown} could not be read ({error}); check the connection, then run it again") from error
    except Exception as error:
        if not _is_of_a_client(error):
            raise
        raise NetworkError(f"{shown} could not be read ({error}); check the connection, then run it again") from error


def _is_of_a_client(error: BaseException | None) -> bool:
    """Whether an error comes from a library that talks to servers."""
    return type(error).__module__.partition(".")[0] in _CLIENTS


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    filesystem, path = fsspec.url_to_fs(url)
    return filesystem, str(path)


def _below(filesystem: Any, folder: str) -> dict[str, Any]:
    found = filesystem.find(folder, detail=True)
    top = folder.rstrip("/")
    return {name.removeprefix(top).lstrip("/"): entry for name, entry in found.items()}


def _files(filesystem: Any, root: str, entries: dict[str, Any], *, is_folder: bool) -> UrlFiles:
    return UrlFiles(
        root=root,
        bytes_of={name: int(entry.get("size") or 0) for name, entry in entries.items()},
        revisions={name: _version(filesystem, entry) for name, entry in entries.items()},
        is_folder=is_folder,
    )


def _version(filesystem: Any, entry: Any) -> str:
    """What stands for the content of a file: its size and all that its server says of its version."""
    said = [str(entry[key]) for key in _VERSION_KEYS if entry.get(key)]
    if said:
        return digest_of([entry.get("size"), *said])
    digest = hashlib.sha256()
    with filesystem.open(entry["name"], "rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
