"""One dataset repository on the Hub: its files, and the few requests with which a push changes it.

Every method either succeeds or raises an error of the table `wording.WRITING`; none retries.
"""

import hashlib
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    build_hf_headers,
    disable_progress_bars,
    enable_progress_bars,
    get_session,
    hf_raise_for_status,
)

from nextlong_hub.errors import AuthError, DataError
from nextlong_hub.hub.address import page_of
from nextlong_hub.hub.budget import spending
from nextlong_hub.hub.changes import ListedContent, LocalFile, RemoteFile
from nextlong_hub.hub.errors import hub_errors, is_unknown_login
from nextlong_hub.hub.keyless import dataset_of, keyless_resource
from nextlong_hub.hub.listing import DATASET, tree_of
from nextlong_hub.hub.retry import Transient, counted_tries
from nextlong_hub.hub.wording import WRITING

Addition = CommitOperationAdd
"""A file on its way into a commit, as huggingface_hub keeps it."""

MAIN = constants.DEFAULT_REVISION
"""The branch that `load_dataset` reads."""

TRAILER = "nextlong-push-id: "
"""Begins the line of a commit's message by which a push finds its own commit."""

_MOST_BYTES_READ = 64 << 20
"""Of a card or a manifest."""
_BLOCK_BYTES = 1 << 20
_LEAST_BYTES_A_SECOND = 10_000
"""A file that comes more slowly than this, after the wait for the first byte, does not come."""
_PUBLISHER = "a trusted publisher"
_DESCRIPTION = "Made by nextlong-hub push."
_WARNINGS = (
    "Warnings while validating metadata",  # the card was checked before
    "Use 'content=<...>' to upload raw bytes",  # how huggingface_hub calls httpx
    "Cannot (dis|en)able progress bars",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who is logged in."""

    name: str
    writable: frozenset[str]
    """Namespaces in which the account may write."""
    may_write: bool
    """Whether the token may write at all."""
    only: str | None = None
    """What a keyless login is for, and nothing else: `datasets/USER/NAME`; None of any other login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A branch of the repository, at one commit."""

    head: str
    files: Mapping[str, RemoteFile]
    private: bool
    gated: bool
    has_branch: bool
    """Whether the branch is there already; otherwise the head is that of main, from which it will begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request that this package has made."""

    number: int
    """In the discussions of the repository."""
    is_draft: bool

    @property
    def revision(self) -> str:
        """The branch that holds its changes."""
        return f"refs/pr/{self.number}"


class Repository:
    """A dataset repository, whether it exists already or not.

    Args:
        name: `USER/NAME`.
        answer_seconds: How long to wait for an answer.

    Raises:
        AuthError, DataError, NetworkError, StorageError, Transient, Moved, TooLarge: from any method; see `hub_errors`.
    """

    def __init__(self, name: str, answer_seconds: float) -> None:
        self.name = name
        self._seconds = answer_seconds
        self._api = HfApi(library_name="nextlong-hub")
        self._at: dict[str, Any] = {"repo_id": name, "repo_type": DATASET}
        self._has_answered = False
        self.failed_tries = 0
        """Failed tries that huggingface_hub itself has followed by one that succeeded."""

    @property
    def page(self) -> str:
        """Its web page."""
        return page_of(self.name)

    @contextmanager
    def _request(self) -> Iterator[None]:
        with counted_tries() as counter, spending() as spent:
            before = spent.failed_tries
            try:
                with hub_errors(self.name, WRITING), _limited(self._seconds):
                    yield
            except Transient as fault:
                fault.tries = max(fault.tries, counter.most)
                raise
            except AuthError as error:
                if self._has_answered and keyless_resource() and is_unknown_login(error):
                    raise Transient("the token of the keyless login is not taken any more") from error
                raise
        self._has_answered = True
        self.failed_tries += counter.total + spent.failed_tries - before

    def account(self) -> Account:
        """Request who is logged in, and where that account may write; a keyless login says it by itself."""
        with self._request():
            if only := keyless_resource():
                get_token()
                return Account(name=_PUBLISHER, writable=frozenset(), may_write=dataset_of(only) is not None, only=only)
            try:
                who = self._api.whoami()
            except LocalTokenNotFoundError as error:
                raise AuthError("you are not logged in to the Hub; run `hf auth login`, or set HF_TOKEN") from error
            name = str(who["name"])
            token = (who.get("auth") or {}).get("accessToken") or {}
            organizations = [o["name"] for o in who.get("orgs") or () if o.get("roleInOrg") != "read"]
        return Account(name=name, writable=frozenset({name, *organizations}), may_write=token.get("role") != "read")

    def look(self, revision: str = MAIN) -> Remote | None:
        """List what is on a branch now; None when there is no such repository, or none that this account can see."""
        with self._request():
            try:
                info = self._api.repo_info(**self._at, timeout=self._seconds)
            except RepositoryNotFoundError as error:
                if getattr(error.response, "status_code", None) == 401 and not _says_not_found(error):
                    raise
                return None
            at, has_branch = info, True
            if revision != MAIN:
                try:
                    at = self._api.repo_info(**self._at, revision=revision, timeout=self._seconds)
                except RevisionNotFoundError:
                    has_branch = False
            files = tree_of(self._api, self.name, at)
        return Remote(
            head=str(at.sha), files=files, private=bool(info.private), gated=bool(info.gated), has_branch=has_branch
        )

    def other_kind(self) -> str | None:
        """Return `model` or `space` when there is one of that name, None when there is neither."""
        with self._request():
            return next((kind for kind in ("model", "space") if self._api.repo_exists(self.name, repo_type=kind)), None)

    def read(self, path: str, remote: Remote) -> bytes | None:
        """Read a file that fits into memory, past every cache; None when the branch lists none.

        What comes is believed only where it is what the branch lists: proxies and captive portals answer with pages of
        their own, and a lost connection with a part.
        """
        listed = remote.files.get(path)
        if listed is None:
            return None
        if listed.size_bytes > _MOST_BYTES_READ:
            raise DataError(
                f"{path} at {self.page} has {listed.size_bytes:,} bytes, and at most {_MOST_BYTES_READ:,} are read; "
                "remove it there, or push to a dataset of its own"
            )
        return b"".join(self._blocks(path, remote.head, listed))

    def sha256(self, path: str, remote: Remote) -> str:
        """The sha256 of a file that the branch lists, in hexadecimal; read where the Hub does not keep it."""
        listed = remote.files[path]
        if listed.sha256 is not None:
            return listed.sha256
        digest = hashlib.sha256()
        for block in self._blocks(path, remote.head, listed):
            digest.update(block)
        return digest.hexdigest()

    def _blocks(self, path: str, commit: str, listed: RemoteFile) -> Iterator[bytes]:
        """Yield a file's content; the last block comes only when the whole is what is listed."""
        check = ListedContent(listed)
        deadline = time.monotonic() + self._seconds + listed.size_bytes / _LEAST_BYTES_A_SECOND
        url = hf_hub_url(self.name, path, repo_type=DATASET, revision=commit)
        held = b""
        with self._request(), _streamed(url, build_hf_headers()) as (answer, blocks):
            hf_raise_for_status(answer)
            for block in blocks:
                check.update(block)
                if not check.can_be_listed:
                    break
                if time.monotonic() > deadline:
                    raise Transient(f"{path} at {self.page} does not arrive: {check.size_bytes:,} bytes came in time")
                yield held
                held = block
            if not check.is_listed:
                raise Transient(
                    f"the answer for {path} at {self.page} is not the file that is listed there (a proxy or a page to "
                    "log in may have answered)"
                )
        yield held

    def create(self, private: bool | None) -> None:
        """Create the repository; with None its visibility is the account's default."""
        with self._request():
            self._api.create_repo(**self._at, private=private)

    def create_branch(self, branch: str, start: str) -> None:
        """Create a branch at a commit."""
        with self._request():
            self._api.create_branch(**self._at, branch=branch, revision=start)

    def upload(self, additions: Sequence[Addition], revision: str) -> None:
        """Send the content of large files ahead of the commit; what the Hub has already is not sent again."""
        with self._request(), _quietly():
            self._api.preupload_lfs_files(**self._at, additions=list(additions), revision=revision, free_memory=False)

    def commit(
        self,
        additions: Sequence[Addition],
        removed: Collection[str],
        *,
        message: str,
        push_id: str,
        parent: str,
        revision: str,
    ) -> str:
        """Make one commit on top of `parent`, or none; returns its oid."""
        deletions = [CommitOperationDelete(path, is_folder=False) for path in sorted(removed)]
        with self._request(), _quietly():
            info = self._api.create_commit(
                **self._at,
                operations=[*additions, *deletions],
                commit_message=message,
                commit_description=f"{TRAILER}{push_id}",
                parent_commit=parent,
                revision=revision,
            )
        return str(info.oid)

    def own_commit(self, push_ids: Collection[str], revision: str) -> str | None:
        """Find the newest commit of a branch that one of these pushes made."""
        marks = {f"{TRAILER}{push_id}" for push_id in push_ids}
        with self._request():
            commits = self._api.list_repo_commits(**self._at, revision=revision)
        return next((c.commit_id for c in commits if marks & {*c.title.splitlines(), *c.message.splitlines()}), None)

    def find_pull_request(self, mark: str) -> PullRequest | None:
        """Find the pull request, draft or open, whose title ends with `mark`."""
        seen = set()
        with self._request():
            for found in self._api.get_repo_discussions(**self._at, discussion_type="pull_request"):
                if found.num in seen:
                    raise Transient(f"the pull requests of {self.page} are listed without an end")
                seen.add(found.num)
                if found.title.endswith(mark) and found.status in ("draft", "open"):
                    return PullRequest(number=found.num, is_draft=found.status == "draft")
        return None

    def create_pull_request(self, title: str) -> PullRequest:
        """Create a pull request, as a draft without changes."""
        with self._request():
            made = self._api.create_pull_request(self.name, title, repo_type=DATASET, description=_DESCRIPTION)
        return PullRequest(number=made.num, is_draft=True)

    def mark_ready(self, pull_request: PullRequest) -> None:
        """Turn a draft into an open pull request."""
        with self._request():
            self._api.change_discussion_status(self.name, pull_request.number, "open", repo_type=DATASET)

    def close_pull_request(self, pull_request: PullRequest, reason: str) -> None:
        """Close a pull request without merging it."""
        with self._request():
            self._api.change_discussion_status(
                self.name, pull_request.number, "closed", comment=reason, repo_type=DATASET
            )

    def merge_pull_request(self, pull_request: PullRequest) -> None:
        """Bring a pull request into main, as one commit."""
        with self._request():
            self._api.merge_pull_request(self.name, pull_request.number, repo_type=DATASET)

    def pull_request_url(self, pull_request: PullRequest) -> str:
        """The web page of a pull request."""
        return f"{self.page}/discussions/{pull_request.number}"


def addition(file: LocalFile) -> Addition:
    """Prepare a file for upload and commit."""
    return Addition(file.path, file.source if isinstance(file.source, bytes) else str(file.source))


def sent_sha256(operation: Addition) -> str:
    """The sha256 of the bytes that were sent."""
    return operation.upload_info.sha256.hex()


def _says_not_found(error: HfHubHTTPError) -> bool:
    """Whether a 401 is about the repository: huggingface_hub reports a refused token as a missing repository too."""
    return error.response.headers.get("X-Error-Code") == "RepoNotFound"


@contextmanager
def _streamed(url: str, headers: Mapping[str, str]) -> Iterator[tuple[Any, Iterator[bytes]]]:
    """Request a file without holding it in memory; gives the answer, and its content in blocks."""
    session: Any = get_session()
    if hasattr(session, "timeout"):  # a client of httpx, see `_limited`
        with session.stream("GET", url, headers=headers) as answer:
            yield answer, answer.iter_bytes(_BLOCK_BYTES)
    else:
        with session.get(url, headers=headers, stream=True) as answer:
            yield answer, answer.iter_content(_BLOCK_BYTES)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Bound the wait for an answer: huggingface_hub itself sets no bound."""
    session: Any = get_session()
    if hasattr(session, "timeout"):  # a client of httpx
        before, session.timeout = session.timeout, seconds
        try:
            yield
        finally:
            session.timeout = before
    else:  # a session of requests, which huggingface_hub used before 1.0
        session.request = partial(type(session).request, session, timeout=seconds)
        try:
            yield
        finally:
            del session.request


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep huggingface_hub's bars from drawing over ours, and its warnings about itself and the card from the user."""
    shows_bars = not are_progress_bars_disabled()
    with warnings.catch_warnings():
        for message in _WARNINGS:
            warnings.filterwarnings("ignore", message)
        if shows_bars:
            disable_progress_bars()
        try:
            yield
        finally:
            if shows_bars:
                enable_progress_bars()
