"""The state that all routes share: repositories, accounts, and pending uploads."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from nextlong_hub.testing.accounts import Accounts
from nextlong_hub.testing.messages import Refusal, Request
from nextlong_hub.testing.repositories import Kind, Library, Repository
from nextlong_hub.testing.xet import XetStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A trusted publisher of one repository."""

    resource: str
    """As `datasets/tester/notes`."""
    seconds: int
    """How long a token lasts, as the Hub says."""
    requests: int | None
    """For how many requests a token is known; None: for ever."""


@dataclass(slots=True, kw_only=True)
class HubState:
    """The state of a running Hub."""

    endpoint: str
    library: Library
    accounts: Accounts
    part_bytes: int | None
    """Large files above this size are uploaded in parts of this size; None: always in one piece."""
    page_entries: int
    """Entries in one page of a listing."""
    commit_bytes: int | None
    """Largest commit request that is taken; None: any."""
    xet: XetStorage | None = None
    """Where large files arrive through Xet; None: Xet is off."""
    trusted: dict[str, Trust] = field(default_factory=dict)
    """The trusted publisher of each repository that has one, by `datasets/tester/notes`."""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """Parts of large files that have arrived, by sha256 and part number from 1."""
    arrived: set[tuple[str, str]] = field(default_factory=set)
    """Large files that were uploaded, each as the page of its repository and its sha256."""

    def readable(self, request: Request, kind: str, name: str) -> Repository:
        """The repository that a request reads.

        Raises:
            Refusal: it does not exist, or the account may not see it.
        """
        name = unquote(name)
        return self.accounts.visible(request, self.library.find(kind, name), name)

    def writable(self, request: Request, kind: str, name: str) -> Repository:
        """The repository that a request changes.

        Raises:
            Refusal: it does not exist, or the account may not change it.
        """
        repository = self.readable(request, kind, name)
        self.accounts.writer(request, repository.namespace, f"{repository.kind}/{repository.name}")
        return repository

    def has_large_file(self, sha256: str) -> bool:
        """Whether a large file has arrived; what came through Xet is taken over from there."""
        if sha256 in self.library.blobs:
            return True
        content = self.xet.read(sha256) if self.xet else None
        return content is not None and self.library.blobs.add(content) == sha256

    def knows_large_file(self, repository: Repository, sha256: str) -> bool:
        """Whether a large file need not be uploaded again to a repository: it was, or one of its commits has it."""
        if (self.page_url(repository), sha256) in self.arrived:
            return True
        return any(
            entry.large and entry.sha256 == sha256
            for commit in repository.commits.values()
            for entry in commit.tree.values()
        )

    def page_url(self, repository: Repository) -> str:
        """The address of a repository's page; models have no prefix."""
        return f"{self.endpoint}/{url_prefix(repository.kind)}{repository.name}"


def url_prefix(kind: Kind) -> str:
    """What stands before a repository's name in its URLs."""
    return "" if kind == "models" else f"{kind}/"


def kind_of(repo_type: str | None) -> Kind:
    """The kind for a repository type as it stands in a request's body: `dataset`, `space`, `model` or nothing.

    Raises:
        Refusal: 400, there is no such type.
    """
    kinds: dict[str | None, Kind] = {None: "models", "model": "models", "dataset": "datasets", "space": "spaces"}
    if repo_type not in kinds:
        raise Refusal(400, f"the local Hub has no repositories of type {repo_type!r}")
    return kinds[repo_type]
