"""What a push has to do: one look at the Hub, compared with the folder, and whether it may be done at all."""

import hashlib
from dataclasses import dataclass

from nextlong_hub.dataset.folder import CARD_NAME
from nextlong_hub.dataset.manifest import MANIFEST_NAME
from nextlong_hub.errors import AuthError, ConflictError, DataError
from nextlong_hub.hub.changes import Changes, LocalFile, compare
from nextlong_hub.hub.repository import MAIN, Account, Remote, Repository
from nextlong_hub.publish.card_merge import PublishedCard, card_to_publish
from nextlong_hub.publish.contents import Publication, stale_files
from nextlong_hub.publish.pull_request import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asks for."""

    revision: str
    """The branch."""
    private: bool | None
    """Who may see a repository that is made; None: as the account has set."""
    create_pr: bool
    """End with a pull request for others to merge."""
    message: str
    """First line of the commit message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlan:
    """What a push is going to do."""

    name: str
    page: str
    revision: str
    exists: bool
    """Whether the repository is there already."""
    private: bool | None
    """Who sees it: as it is, or as asked for when it is new; None: as the account has set for new ones."""
    changes: Changes
    proposes: bool
    """Whether it ends as a pull request for others to merge."""
    in_steps: bool
    """Whether it is too much for one commit, so that a pull request is filled in steps and merged."""
    notes: tuple[str, ...]
    """What one should know before saying yes, one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One look at the Hub, and what follows from it."""

    plan: PushPlan
    remote: Remote | None
    card: PublishedCard
    files: dict[str, LocalFile]
    """What the branch shall hold, by path, in the order in which it is sent."""
    stale: frozenset[str]
    """What earlier pushes left on the branch."""
    push_id: str
    """Digest of what is published and of the commit it is published on."""


def plan_round(
    publication: Publication,
    repository: Repository,
    remote: Remote | None,
    wishes: Wishes,
    limits: Limits | None,
) -> Round:
    """Compare the folder with what is on the branch.

    Args:
        publication: The folder.
        repository: Where to ask for card and manifest.
        remote: The branch as it is; None when there is no repository yet.
        wishes: What the user asks for.
        limits: What one commit may hold; None when one commit has proved too large.

    Raises:
        See `faults.hub_errors`.
    """
    content = repository.read(CARD_NAME, remote.head) if remote and CARD_NAME in remote.files else None
    theirs = content.decode("utf-8", "replace") if content is not None else None
    card = card_to_publish(publication.folder, repository.name, publication.card, theirs)
    files = publication.with_card(card.on_the_hub)
    there = remote.files if remote else {}
    previous = repository.read(MANIFEST_NAME, remote.head) if remote and MANIFEST_NAME in there else None
    stale = stale_files(previous, there)
    changes = compare(files, there, stale)
    plan = PushPlan(
        name=repository.name,
        page=repository.page,
        revision=wishes.revision,
        exists=remote is not None,
        private=remote.private if remote else wishes.private,
        changes=changes,
        proposes=wishes.create_pr,
        in_steps=wishes.revision == MAIN and (limits is None or not limits.fit(changes, files)),
        notes=(*card.notes, *publication.warnings, *_notes(repository, remote)),
    )
    listed = [[path, file.sha256] for path, file in sorted(files.items())]
    identity = f"{listed} without {sorted(stale)} on {remote.head if remote else None}"
    push_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
    return Round(plan=plan, remote=remote, card=card, files=files, stale=stale, push_id=push_id)


def require_access(repository: Repository, remote: Remote | None, wishes: Wishes, account: Account) -> None:
    """Refuse before a byte is sent what the Hub would refuse afterwards.

    Raises:
        AuthError: the token only reads, or the account may not write there.
        DataError: there is nothing to propose to.
        ConflictError: the repository is not as visible as asked for.
    """
    page, namespace = repository.page, repository.name.partition("/")[0]
    if not account.may_write:
        raise AuthError(f"your token can only read, and {page} is to be written; run `hf auth login` with another")
    if wishes.create_pr and remote is None:
        raise DataError(f"there is no {page} that you can see, so nothing to propose to; leave out --create-pr")
    if not wishes.create_pr and namespace not in account.writable:
        owners = ", ".join(f"{owner}/…" for owner in sorted(account.writable))
        raise AuthError(
            f"you are logged in as {account.name}, who may not write at {page}; name it as one of {owners}, or use "
            "--create-pr to propose it"
        )
    if remote is not None and wishes.private is not None and wishes.private != remote.private:
        is_now, wanted = ("private", "public") if remote.private else ("public", "private")
        raise ConflictError(
            f"{page} is {is_now}, and a push never changes who sees a dataset; leave out --{wanted}, or change it in "
            "the settings there first"
        )


def _notes(repository: Repository, remote: Remote | None) -> list[str]:
    if remote is None:
        kind = repository.is_other_kind()
        return [f"There is a {kind} of that name; this makes a dataset beside it."] if kind else []
    if remote.gated:
        return ["The dataset is gated: its readers must accept its conditions before they can load it."]
    return []
