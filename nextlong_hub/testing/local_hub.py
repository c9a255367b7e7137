"""The server: a Hugging Face Hub on 127.0.0.1 for as long as a test needs it."""

import re
import secrets
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from nextlong_hub.testing.accounts import Account, Accounts
from nextlong_hub.testing.faults import Faults, InjectedFault
from nextlong_hub.testing.keyless import CI_SECRET
from nextlong_hub.testing.messages import Answer, Request
from nextlong_hub.testing.repositories import Commit, Kind, Library, Repository
from nextlong_hub.testing.routes import answer_to
from nextlong_hub.testing.server import Server
from nextlong_hub.testing.state import HubState, Trust
from nextlong_hub.testing.xet import XetStorage

DROPPED = 0
"""Status in the log of a request without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request to the Hub, and the status of its answer."""

    method: str
    target: str
    """Path and query, as they came."""
    status: int
    """Of the answer; 0 when the connection was dropped instead."""
    user: str | None
    """Name of the account that asked; None for an anonymous or unknown one."""


class LocalHub:
    """A Hugging Face Hub for tests: real clients create, push, list and load against it, and failures can be injected.

    Speaks what `huggingface_hub` (0.34 to 2.x) and `datasets` (4.x, 5.x) ask for. Use it as a context manager, and give
    `environment()` to a process before it imports either library:

        with LocalHub() as hub:
            hub.put("datasets", "tester/notes", {"notes.txt": b"hello"})
            hub.fail("POST", r"/commit/", status=429, headers={"Retry-After": "0"})
            subprocess.run([sys.executable, "push.py"], env=os.environ | hub.environment(), check=True)
            assert hub.files("datasets", "tester/notes")["notes.txt"] == b"hello"

    Args:
        user: Name of the account whose token `environment()` hands out.
        organizations: Organisations that account may write to.
        folder: Keep repositories and bytes here, where a later LocalHub finds them again; None: in memory.
        part_bytes: Size above which large files are uploaded in parts of that size; None: always in one piece.
        page_entries: Entries in one page of a listing; the real Hub's number is the default.
        commit_bytes: Largest commit request that is taken, beyond it 413; None: any.
        xet: Take large files through Xet, as the real Hub does, instead of Git LFS; needs `hf_xet` in the test too.
    """

    def __init__(
        self,
        *,
        user: str = "tester",
        organizations: Collection[str] = (),
        folder: Path | None = None,
        part_bytes: int | None = None,
        page_entries: int = 1000,
        commit_bytes: int | None = None,
        xet: bool = False,
    ) -> None:
        self.requests: list[LoggedRequest] = []
        """Every request so far, oldest first; clear it to watch one step alone."""
        self._faults = Faults()
        self._lock = threading.RLock()
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._server = Server(self._serve, self._interrupt)
        self._state = HubState(
            endpoint=f"http://127.0.0.1:{self._server.server_address[1]}",
            library=Library(folder),
            accounts=Accounts(),
            part_bytes=part_bytes,
            page_entries=page_entries,
            commit_bytes=commit_bytes,
        )
        self._xet = xet
        self.account = self.add_account(user, organizations=organizations)
        """The account that `environment()` logs in."""

    def __enter__(self) -> Self:
        self._home = tempfile.TemporaryDirectory(prefix="local-hub-")
        if self._xet:
            self._state.xet = XetStorage(self.home / "xet-storage")
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        if self._home is not None:
            self._home.cleanup()

    @property
    def endpoint(self) -> str:
        """What `HF_ENDPOINT` must be: `http://127.0.0.1:<port>`."""
        return self._state.endpoint

    @property
    def home(self) -> Path:
        """A fresh `HF_HOME` that goes away with the Hub.

        Raises:
            RuntimeError: the Hub is not running.
        """
        if self._home is None:
            raise RuntimeError("the local Hub is not running; use it as `with LocalHub() as hub:`")
        return Path(self._home.name)

    def environment(self, account: Account | Literal["owner"] | None = "owner") -> dict[str, str]:
        """The environment variables that make a process talk to this Hub and to no other, with caches of its own.

        `huggingface_hub` and `datasets` read them when they are imported, so set them before.

        Args:
            account: The account that is logged in; None for no login.
        """
        token = self.account.token if account == "owner" else account.token if account else ""
        return {
            "HF_ENDPOINT": self.endpoint,
            "HF_TOKEN": token,
            "HF_HOME": str(self.home),
            "HF_HUB_CACHE": str(self.home / "hub"),
            "HF_DATASETS_CACHE": str(self.home / "datasets"),
            "HF_TOKEN_PATH": str(self.home / "token"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "0" if self._xet else "1",
            "HF_XET_CACHE": str(self.home / "xet-cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def add_account(
        self,
        name: str,
        *,
        organizations: Collection[str] = (),
        reader_of: Collection[str] = (),
        role: Literal["write", "read"] = "write",
    ) -> Account:
        """Make an account with a fresh token."""
        token = f"hf_{secrets.token_hex(16)}"
        account = Account(
            name=name, token=token, organizations=tuple(organizations), reader_of=tuple(reader_of), role=role
        )
        self._state.accounts.add(account)
        return account

    def trust(self, name: str, *, seconds: int = 3600, requests: int | None = None) -> dict[str, str]:
        """Make a CI job the trusted publisher of a dataset.

        Args:
            name: `<namespace>/<name>` of the dataset.
            seconds: How long the Hub says that a token lasts.
            requests: For how many requests a token is known; None: for ever.

        Returns:
            The environment of the job: that of GitHub Actions, no login, and `HF_OIDC_RESOURCE`.
        """
        resource = f"datasets/{name}"
        with self._lock:
            self._state.trusted[resource] = Trust(resource=resource, seconds=seconds, requests=requests)
        return self.environment(None) | {
            "HF_OIDC_RESOURCE": resource,
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.endpoint}/ci/identity",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": CI_SECRET,
        }

    def put(
        self,
        kind: Kind,
        name: str,
        files: Mapping[str, bytes | str],
        *,
        revision: str = "main",
        remove: Collection[str] = (),
        private: bool | None = None,
        gated: bool | None = None,
        title: str = "put by the test",
    ) -> Commit:
        """Commit files directly, without a client; the repository and the branch are made when they are missing.

        Args:
            kind: `datasets`, `models` or `spaces`.
            name: `<namespace>/<name>`.
            files: Content by path; text is stored as UTF-8.
            revision: The branch.
            remove: Paths to delete.
            private: Show the repository to its owner only; None leaves it as it is.
            gated: Restrict its files to the owner and the accounts given to `admit`; None leaves it as it is.
            title: First line of the commit message.
        """
        with self._lock:
            library = self._state.library
            repository = library.find(kind, name) or library.create(Repository(kind=kind, name=name))
            repository.private = repository.private if private is None else private
            repository.gated = repository.gated if gated is None else gated
            repository.branches.setdefault(revision, repository.at("main").oid)
            tree = {path: entry for path, entry in repository.at(revision).tree.items() if path not in remove}
            for path, content in files.items():
                tree[path] = library.entry(path, content.encode() if isinstance(content, str) else content)
            commit = repository.commit(revision, tree, title=title, author=repository.namespace)
            library.keep(repository)
            return commit

    def admit(self, kind: Kind, name: str, account: Account) -> None:
        """Let an account read the files of a gated repository.

        Raises:
            KeyError: there is no such repository.
        """
        with self._lock:
            repository = self._repository(kind, name)
            repository.readers.append(account.name)
            self._state.library.keep(repository)

    def files(self, kind: Kind, name: str, revision: str = "main") -> dict[str, bytes]:
        """Every file of a repository, by path.

        Raises:
            KeyError: there is no such repository.
        """
        with self._lock:
            tree = self._repository(kind, name).at(revision).tree
            return {path: self._state.library.read(entry) for path, entry in sorted(tree.items())}

    def commits(self, kind: Kind, name: str, revision: str = "main") -> list[Commit]:
        """The history of a branch, newest first.

        Raises:
            KeyError: there is no such repository.
        """
        with self._lock:
            repository = self._repository(kind, name)
            return list(repository.history(repository.at(revision)))

    def fail(
        self,
        method: str,
        path_pattern: str,
        *,
        status: int = 500,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        drop_after: bool = False,
        reset_after_bytes: int | None = None,
        delay_seconds: float = 0.0,
        alter: Callable[[bytes], bytes] | None = None,
        drip_seconds: float | None = None,
        rewrite: Callable[[Answer], Answer] | None = None,
    ) -> InjectedFault:
        """Make the next requests that match fail.

        Args:
            method: `GET`, `HEAD`, `POST`, `PUT` or `DELETE`.
            path_pattern: Regular expression searched for in the path with its query, percent-encoded as it came.
            status: Of the failing answer.
            times: How many requests fail; the fault that is returned counts them down.
            headers: More headers for the failing answer, `Retry-After` for example.
            body: JSON value of the failing answer.
            drop_after: Carry out the request, then close the connection without an answer.
            reset_after_bytes: Read this many bytes of the body, then reset the connection.
            delay_seconds: Carry out the request, but delay the answer.
            alter: Carry out the request, and give another body than that of its answer.
            drip_seconds: Carry out the request, and send its answer byte by byte, the headers too, each after so long.
            rewrite: Carry out the request, and give another answer than its own.

        To send the client to a host that does not exist, redirect it:
        `fail("POST", "/commit/", status=307, headers={"Location": "http://nowhere.invalid/"})`.

        Raises:
            re.error: the pattern is no regular expression.
        """
        fault = InjectedFault(
            method=method,
            path_pattern=path_pattern,
            status=status,
            times=times,
            headers=dict(headers or {}),
            body=body,
            drop_after=drop_after,
            reset_after_bytes=reset_after_bytes,
            delay_seconds=delay_seconds,
            alter=alter,
            drip_seconds=drip_seconds,
            rewrite=rewrite,
        )
        with self._lock:
            return self._faults.add(fault)

    def requests_to(self, method: str, path_pattern: str) -> list[LoggedRequest]:
        """The requests so far with that method whose path and query match a regular expression somewhere."""
        return [r for r in self.requests if r.method == method and re.search(path_pattern, r.target)]

    def _repository(self, kind: Kind, name: str) -> Repository:
        repository = self._state.library.find(kind, name)
        if repository is None:
            raise KeyError(f"the local Hub has no {kind}/{name}")
        return repository

    def _serve(self, request: Request, target: str) -> Answer | None:
        """Answer one request and log it; None: close the connection instead."""
        with self._lock:
            fault = self._faults.next_for(request.method, target)
            answer = fault.answer() if fault and fault.replaces_answer else answer_to(self._state, request)
            dropped = fault is not None and fault.drop_after
            self.requests.append(
                LoggedRequest(
                    method=request.method,
                    target=target,
                    status=DROPPED if dropped else answer.status,
                    user=self._state.accounts.name_behind(request.token),
                )
            )
            if dropped:
                return None
            return fault.follow(answer) if fault and not fault.replaces_answer else answer

    def _interrupt(self, method: str, target: str) -> int | None:
        """After how many bytes of its body to reset the connection of a request that has begun; log it if so."""
        with self._lock:
            fault = self._faults.next_for(method, target, before_body=True)
            if fault is None:
                return None
            self.requests.append(LoggedRequest(method=method, target=target, status=DROPPED, user=None))
            return fault.reset_after_bytes
