"""Accounts and their permissions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nextlong_hub.testing.messages import Refusal, Request
from nextlong_hub.testing.repositories import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One user with one token."""

    name: str
    token: str
    organizations: tuple[str, ...] = ()
    """Organisations whose repositories the user may write."""
    reader_of: tuple[str, ...] = ()
    """Organisations of which the user is a member who may only read."""
    role: Literal["write", "read"] = "write"
    """Permission of the token."""
    only: str | None = None
    """The one repository that the token is for, as `datasets/tester/notes`; None: all that the user may see."""

    @property
    def memberships(self) -> Mapping[str, str]:
        """The user's role in each organisation."""
        roles: dict[str, str] = dict.fromkeys(self.organizations, self.role)
        return roles | dict.fromkeys(self.reader_of, "read")

    def owns(self, namespace: str) -> bool:
        """Whether the namespace, the part of a repository's name before the slash, is the user's."""
        return namespace == self.name or namespace in self.organizations


class Accounts:
    """The accounts of a Hub, and the refusals for missing permissions."""

    def __init__(self) -> None:
        self._by_token: dict[str, Account] = {}
        self._requests_left: dict[str, int] = {}

    def add(self, account: Account, requests: int | None = None) -> None:
        """Add an account, whose token is known for so many requests; None: for ever."""
        self._by_token[account.token] = account
        if requests is not None:
            self._requests_left[account.token] = requests

    def count(self, request: Request) -> None:
        """Count a request with a token that is not known for ever."""
        if request.token in self._requests_left:
            self._requests_left[request.token] = max(0, self._requests_left[request.token] - 1)

    def name_behind(self, token: str | None) -> str | None:
        """The name of the account with that token; None when there is none."""
        account = self._by_token.get(token or "")
        return account.name if account else None

    def asking(self, request: Request) -> Account | None:
        """The account behind a request; None for an anonymous one.

        Raises:
            Refusal: 401, the token is unknown.
        """
        if request.token is None:
            return None
        if request.token not in self._by_token or self._requests_left.get(request.token) == 0:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self._by_token[request.token]

    def known(self, request: Request) -> Account:
        """The account behind a request that must have one.

        Raises:
            Refusal: 401, there is no valid token.
        """
        account = self.asking(request)
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        return account

    def writer(self, request: Request, namespace: str, repository: str | None = None) -> Account:
        """The account behind a request that changes something in `namespace`, or a repository there.

        Raises:
            Refusal: 401 without a valid token, 403 when the token may not write there.
        """
        account = self.known(request)
        if not account.owns(namespace):
            raise Refusal(403, f'You don\'t have the rights to write under the namespace "{namespace}"')
        if account.only is not None and account.only != repository:
            raise Refusal(403, f"This token is for {account.only} alone")
        if account.role != "write":
            raise Refusal(403, "Forbidden: you must use a write token to upload to a repository.")
        return account

    def visible(self, request: Request, repository: Repository | None, name: str) -> Repository:
        """The repository found under `name`, if there is one that the account may see.

        Like the Hub, hides a private repository behind the same answer as one that does not exist.

        Raises:
            Refusal: 401 (anonymous) or 404, both with the code RepoNotFound.
        """
        account = self.asking(request)
        if repository is not None and (not repository.private or (account and account.owns(repository.namespace))):
            return repository
        if account is None:
            raise Refusal(401, "Invalid username or password.", "RepoNotFound")
        raise Refusal(404, f"Repository not found: {name}", "RepoNotFound")

    def open_gate(self, request: Request, repository: Repository) -> None:
        """Check that the account may read the files of a gated repository.

        Raises:
            Refusal: 401 (anonymous) or 403, both with the code GatedRepo.
        """
        if not repository.gated:
            return
        account = self.asking(request)
        if account is None:
            raise Refusal(
                401,
                f"Access to {repository.name} is restricted. You must have access to it and be authenticated to access"
                " it. Please log in.",
                "GatedRepo",
            )
        if not account.owns(repository.namespace) and account.name not in repository.readers:
            raise Refusal(
                403,
                f"Access to {repository.name} is restricted and you are not in the authorized list. Visit the"
                " repository's page to ask for access.",
                "GatedRepo",
            )
