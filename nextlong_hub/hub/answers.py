"""What an answer of the Hub must be to be believed, whatever its status says.

A proxy, the page to log in to a network, or a lost connection answers 200 as well. Here it is said what was asked for,
by the address of a request, and what of it shows in the answer: bytes of a file are compared with the listing of its
repository, and everything else must be JSON of its kind.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from nextlong_hub.core.foreign import parse_json
from nextlong_hub.hub.changes import ListedContent, RemoteFile
from nextlong_hub.hub.listing import is_commit
from nextlong_hub.hub.retry import NotTheHub

_NAME = r"(?P<name>[^/]+(?:/[^/]+)?)"
_API = rf"/api/(?P<kind>datasets|models|spaces)/{_NAME}"
_FILE = re.compile(
    r"/(?:(?P<kind>datasets|spaces)/)?(?P<name>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
)
_TREE = re.compile(rf"{_API}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?")
_PATHS = re.compile(rf"{_API}/paths-info/[^/]+")
_COMMITS = re.compile(rf"{_API}/commits/[^/]+")
_REPOSITORY = re.compile(rf"{_API}(?:/revision/[^/]+)?")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_KINDS = {None: "model", "models": "model", "datasets": "dataset", "spaces": "space"}
_WHOLE, _PART, _NO_SUCH_PART = 200, 206, 416
GIVES_BYTES = (_WHOLE, _PART, _NO_SUCH_PART)
"""The statuses that say something about the bytes of a file; 416 says that it ends before them."""
_MOST_HELD = 64
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFile:
    """A request for a file at a commit, or for a part of it."""

    kind: str
    """`dataset`, `model` or `space`."""
    name: str
    commit: str
    path: str
    start: int
    """Of the wanted bytes."""
    stop: int | None
    """Behind the last of them; None: the end of the file."""
    is_part: bool
    """Whether a part was asked for, be it all of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedListing:
    """A request for the first page of a tree."""

    kind: str
    name: str
    revision: str
    path: str


def asked_file(path: str, range_header: str) -> AskedFile | None:
    """The file that a request is for; None where it is for something else, or for a revision that may move.

    Args:
        path: Of the address, below the endpoint, percent-encoded.
        range_header: The header `Range` of the request; empty when there is none.
    """
    match = _FILE.fullmatch(path)
    if match is None or match["name"].startswith("api/") or not is_commit(match["revision"]):
        return None
    span = _RANGE.fullmatch(range_header.replace(" ", ""))
    if range_header and span is None:
        return None
    return AskedFile(
        kind=_KINDS[match["kind"]],
        name=match["name"],
        commit=match["revision"],
        path=unquote(match["path"]),
        start=int(span[1]) if span else 0,
        stop=int(span[2]) + 1 if span and span[2] else None,
        is_part=span is not None,
    )


def asked_listing(path: str) -> AskedListing | None:
    """The tree that a request is for; None where it is for something else."""
    match = _TREE.fullmatch(path)
    if match is None:
        return None
    return AskedListing(
        kind=_KINDS[match["kind"]], name=match["name"], revision=unquote(match["revision"]), path=match["path"] or ""
    )


def parsed_answer(path: str, body: bytes) -> Any:
    """The value of an answer of the Hub's API.

    Args:
        path: Of the address, below the endpoint.
        body: Decompressed.

    Raises:
        NotTheHub: it is no JSON, or not what the Hub answers there.
    """
    try:
        value = parse_json(body)
    except ValueError:
        words = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
        raise NotTheHub(f"it answered {words!r}, which is no JSON" if words else "it answered nothing") from None
    entries = value if isinstance(value, list) else []
    if _TREE.fullmatch(path) or _PATHS.fullmatch(path):
        is_good = isinstance(value, list) and all(
            isinstance(one, dict) and {"path", "type"} <= one.keys() for one in entries
        )
    elif _COMMITS.fullmatch(path):
        is_good = isinstance(value, list) and all(isinstance(one, dict) and "id" in one for one in entries)
    elif path == "/api/whoami-v2":
        is_good = isinstance(value, dict) and "name" in value
    elif _REPOSITORY.fullmatch(path):
        is_good = isinstance(value, dict) and "id" in value
    else:
        is_good = isinstance(value, dict | list)
    if not is_good:
        words = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
        raise NotTheHub(f"it answered {words}, which is no {path.rpartition('/')[2] or 'answer'} of a Hub")
    return value


def required_span(asked: AskedFile, listed: RemoteFile | None, status: int, headers: Any) -> tuple[int, int] | None:
    """The first byte that an answer must have, and the one behind its last; None when it rightly gives none.

    Args:
        asked: What was asked for.
        listed: The file as the Hub lists it; None when it lists none.
        status: Of the answer, one of `GIVES_BYTES`.
        headers: Of the answer, by their names.

    Raises:
        NotTheHub: it is an answer to another question.
    """
    if listed is None:
        raise NotTheHub(f"it gave {asked.path} of {asked.name}, which the Hub does not list")
    size = listed.size_bytes
    start, stop = asked.start, size if asked.stop is None else min(asked.stop, size)
    if status == _NO_SUCH_PART:
        if start >= size:
            return None
        raise _other_file(asked)
    if status == _WHOLE:
        start, stop = 0, size
    elif headers.get("Content-Range", "").strip() != f"bytes {start}-{stop - 1}/{size}":
        raise _other_file(asked)
    is_wanted = not asked.is_part or (start, stop) == (asked.start, asked.stop or size)
    length = headers.get("Content-Length", "")
    if not is_wanted or (length.isdigit() and int(length) != stop - start):
        raise _other_file(asked)
    return start, stop


class _Begun:
    """Digests of files that are read part by part, by the place where the next part begins."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._at: OrderedDict[tuple[AskedFile, int], ListedContent] = OrderedDict()

    def keep(self, file: AskedFile, content: ListedContent) -> None:
        """Keep what was read up to a place; the oldest are forgotten."""
        with self._lock:
            self._at[file, content.size_bytes] = content
            while len(self._at) > _MOST_HELD:
                self._at.popitem(last=False)

    def up_to(self, file: AskedFile, start: int) -> ListedContent | None:
        """A copy of what was read up to a place; None when it is not known."""
        with self._lock:
            found = self._at.get((file, start))
            return found.copy() if found is not None else None


_begun = _Begun()


class PartCheck:
    """Compares a part of a file, block by block, with what the Hub lists.

    The size of the part must be right. Where it begins with the file, or with the end of a part that was read before,
    it is hashed, and the whole file must have the digest that is listed.

    Args:
        asked: What was asked for.
        listed: The file as the Hub lists it.
        span: The first byte of the part, and the one behind its last.
    """

    def __init__(self, asked: AskedFile, listed: RemoteFile, span: tuple[int, int]) -> None:
        self._asked = asked
        self._left_bytes = span[1] - span[0]
        self._file = AskedFile(
            kind=asked.kind, name=asked.name, commit=asked.commit, path=asked.path, start=0, stop=None, is_part=False
        )
        self._content = ListedContent(listed) if span[0] == 0 else _begun.up_to(self._file, span[0])
        self._is_last = span[1] == listed.size_bytes

    def take(self, block: bytes) -> None:
        """Take the next block.

        Raises:
            NotTheHub: more came than belongs to the part.
        """
        self._left_bytes -= len(block)
        if self._left_bytes < 0:
            raise _other_file(self._asked)
        if self._content is not None:
            self._content.update(block)

    def end(self) -> None:
        """Judge the part, which has ended.

        Raises:
            NotTheHub: less came than belongs to the part, or the file is another.
        """
        if self._left_bytes or (self._is_last and self._content is not None and not self._content.is_listed):
            raise _other_file(self._asked)
        if self._content is not None and not self._is_last:
            _begun.keep(self._file, self._content)


def below_endpoint(url: str, endpoint: str) -> str | None:
    """The path of an address below that of the Hub, without its query; None when it is another server's."""
    there, hub = urlsplit(url), urlsplit(endpoint)
    base = hub.path.rstrip("/")
    if (there.scheme, there.hostname, there.port) != (hub.scheme, hub.hostname, hub.port):
        return None
    return there.path.removeprefix(base) if there.path.startswith(f"{base}/") else None


def _other_file(asked: AskedFile) -> NotTheHub:
    return NotTheHub(f"the answer for {asked.path} at {asked.name} is not the file that is listed there")
