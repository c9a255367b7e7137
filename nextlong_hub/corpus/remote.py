"""Files of other servers by their URL: whatever fsspec has a file system for, such as `s3://…` and `https://…`."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO, Any

from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus.patterns import has_magic, matches
from nextlong_hub.errors import AuthError, DataError, NetworkError, NextLongError
from nextlong_hub.hub.address import is_address

_CONTENT_KEYS = ("ETag", "etag", "e_tag", "md5", "md5Hash", "content_md5", "Content-MD5", "Digest")
"""What file systems call that which stands for a file's content."""
_TIME_KEYS = ("LastModified", "Last-Modified", "last_modified", "mtime", "created")
"""What they call the time of its last change, which says less: a copy has another."""
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
_WEB = ("http", "https")
_REFUSED, _GONE = (401, 403), (404, 410)
"""Status codes of HTTP."""
_NO_LOGIN = frozenset({"ClientAuthenticationError", "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"})
"""Faults of those libraries that a login mends."""
_QUERY = re.compile(r"(?<=\w)\?[^\s'\")]+")
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


def is_web(url: str) -> bool:
    """Whether a URL is that of a web server, which knows files only, and folders as pages of links."""
    return _scheme(url) in _WEB


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
        filesystem.invalidate_cache()  # a long process would not see what has changed since it last looked
        is_pattern = has_magic(without_query(url) if is_web(url) else url)
        if not is_pattern or filesystem.exists(path):
            entry = filesystem.info(path)
            if entry["type"] == "file" and not _is_page_of_links(url, entry):
                root, _, name = without_query(url).rpartition("/")
                query = url.removeprefix(without_query(url))
                return replace(_files(filesystem, root, {name: entry}, is_folder=False), query=query)
            below = url.rstrip("/")
            return _files(filesystem, below, _below(filesystem, _folder(url, path)), is_folder=True)
        parts = url.split("/")
        fixed = next(number for number, part in enumerate(parts) if has_magic(part))
        below, pattern = "/".join(parts[:fixed]), "/".join(parts[fixed:])
        found = _below(filesystem, _folder(below, _open(below)[1]))
        chosen = {name: entry for name, entry in found.items() if matches(pattern, name)}
        return _files(filesystem, below, chosen, is_folder=False)


def top_files(url: str) -> list[str]:
    """The names of the files right below the URL of a folder; none where the server does not list them.

    Raises:
        DataError, AuthError, NetworkError: see `list_files`.
    """
    try:
        with url_errors(url):
            filesystem, path = _open(url)
            found = filesystem.ls(_folder(url, path), detail=True)
    except DataError:
        return []
    return sorted(entry["name"].rpartition("/")[2] for entry in found if entry["type"] == "file")


def read_text(url: str, most_bytes: int) -> str:
    """The beginning of a file by its URL.

    Raises:
        DataError, AuthError, NetworkError: see `list_files`.
    """
    with open_url(url) as file, url_errors(url):
        return file.read(most_bytes).decode("utf-8", "replace")


def open_url(url: str) -> IO[bytes]:
    """Open a file by its URL; bytes are fetched as they are read.

    Of a server that only gives whole files, one is fetched into a temporary file first.

    Raises:
        DataError, AuthError, NetworkError: see `list_files`.
    """
    with url_errors(url):
        filesystem, path = _open(url)
        file: IO[bytes] = filesystem.open(path, "rb")
        if _scheme(url) not in _WEB or _gives_parts(file):
            return file
        file.close()
        whole = TemporaryFile()  # noqa: SIM115 (whoever opened it closes it)
        with filesystem.open(path, "rb", block_size=0) as stream:
            while block := stream.read(_BLOCK_BYTES):
                whole.write(block)
        whole.seek(0)
        return whole


@contextmanager
def url_errors(url: str) -> Iterator[None]:
    """Turn the faults of a server, and of the library that talks to it, into ours.

    Raises:
        DataError, AuthError, NetworkError: see `list_files`.
    """
    shown = without_query(url)
    scheme = _scheme(url)
    try:
        yield
    except (ImportError, ValueError) as error:
        if isinstance(error, ValueError) and "rotocol" not in str(error):
            raise
        package = _PACKAGES.get(scheme)
        remedy = f"pip install {package}" if package else "give a path, hf://, s3:// or https://"
        raise DataError(f"{shown}: {scheme}:// cannot be read here ({error}); {remedy}") from error
    except PermissionError as error:
        raise _refused(shown, error) from error
    except OSError as error:
        raise _of_server(shown, error) from error
    except Exception as error:
        if not _is_of_a_client(error):
            raise
        raise _of_server(shown, error) from error


def _of_server(shown: str, error: Exception) -> NextLongError:
    """What a fault of a server is, by the status that it answered with; fsspec puts others of its own around it."""
    cause = error.__cause__ if _is_of_a_client(error.__cause__) else error
    status = _status(cause)
    if status in _REFUSED or type(cause).__name__ in _NO_LOGIN:
        return _refused(shown, cause)
    if status in _GONE or (isinstance(error, FileNotFoundError) and cause is error):
        return DataError(f"there is nothing at {shown}; check the address")
    return NetworkError(
        f"{shown} could not be read ({_said(cause)}); check the address and the connection, then run it again"
    )


def _refused(shown: str, error: BaseException | None) -> AuthError:
    return AuthError(f"the server does not let you read {shown} ({_said(error)}); log in to it, or ask for access")


def _status(error: BaseException | None) -> int | None:
    """The status of HTTP that aiohttp or botocore was answered with."""
    response = getattr(error, "response", None)
    answered = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return getattr(error, "status", None) or answered


def _said(error: BaseException | None) -> str:
    """A fault in its own words, in one line and without what may be a password."""
    message = getattr(error, "message", None)
    words = f"{_status(error)} {message}" if message else str(error)
    return _QUERY.sub("", " ".join(words.split())) or type(error).__name__


def _is_of_a_client(error: BaseException | None) -> bool:
    """Whether an error comes from a library that talks to servers."""
    return type(error).__module__.partition(".")[0] in _CLIENTS


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    filesystem, path = fsspec.url_to_fs(url)
    return filesystem, str(path)


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _is_page_of_links(url: str, entry: Any) -> bool:
    """Whether what a web server gives is the list of a folder: each of its files looks the same to fsspec."""
    return is_web(url) and (without_query(url).endswith("/") or entry.get("mimetype") == "text/html")


def _folder(url: str, path: str) -> str:
    """The path of a folder; links of a page lie below its address only behind a slash."""
    return f"{path.rstrip('/')}/" if is_web(url) else path


def _gives_parts(file: IO[bytes]) -> bool:
    """Whether a web server gives parts of a file, which it only shows when it is asked to."""
    try:
        file.seek(-1, 2)
        file.read(1)
        file.seek(0)
    except ValueError:
        return False
    return True


def _below(filesystem: Any, folder: str) -> dict[str, Any]:
    """The files below a folder; an empty one may stand for the folder itself."""
    found = filesystem.find(folder, detail=True)
    top = folder.rstrip("/")
    names = {name.removeprefix(top).lstrip("/"): entry for name, entry in found.items()}
    return {name: entry for name, entry in names.items() if name and not name.endswith("/")}


def _files(filesystem: Any, root: str, entries: dict[str, Any], *, is_folder: bool) -> UrlFiles:
    return UrlFiles(
        root=root,
        bytes_of={name: int(entry.get("size") or 0) for name, entry in entries.items()},
        revisions={name: _version(filesystem, entry) for name, entry in entries.items()},
        is_folder=is_folder,
    )


def _version(filesystem: Any, entry: Any) -> str:
    """What stands for the content of a file: its size, and the best that its server says of it."""
    for keys in (_CONTENT_KEYS, _TIME_KEYS):
        said = [str(entry[key]) for key in keys if entry.get(key)]
        if said:
            return digest_of([entry.get("size"), *said])
    digest = hashlib.sha256()
    with filesystem.open(entry["name"], "rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
