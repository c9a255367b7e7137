"""The plan of a push: options, comparison of the folder with the Hub, and the check of permissions."""

import hashlib
from dataclasses import dataclass, field

from nextlong_hub.dataset.folder import CARD_NAME
from nextlong_hub.dataset.manifest import MANIFEST_NAME
from nextlong_hub.dataset.preview import told
from nextlong_hub.errors import AuthError, ConflictError, DataError, argument
from nextlong_hub.hub.changes import Changes, LocalFile, compare
from nextlong_hub.hub.keyless import RESOURCE, dataset_of
from nextlong_hub.hub.redact import without_secrets
from nextlong_hub.hub.repository import MAIN, Account, Remote, Repository
from nextlong_hub.hub.retry import RetryPolicy
from nextlong_hub.publish.card_merge import PublishedCard, card_to_publish
from nextlong_hub.publish.contents import Contents, is_data, stale_files
from nextlong_hub.publish.pull_request import Limits

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """How to publish.

    Raises:
        DataError: a pull request to another branch than main is asked for.
    """

    private: bool | None = None
    """Visibility of a new repository; None: the default of the account. That of an existing one never changes."""
    revision: str = MAIN
    """The branch; created when it does not exist."""
    create_pr: bool = False
    """End with a pull request for others to merge instead of a commit on main."""
    message: str | None = None
    """First line of the commit message; None: one that names the configurations."""
    remove_foreign: bool = False
    """Remove data files and recipes on the branch that no push of ours put there, in the same commit."""
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    """When and how long failed requests are repeated."""
    limits: Limits = field(default_factory=Limits)
    """What one commit may hold."""

    def __post_init__(self) -> None:
        if self.create_pr and self.revision != MAIN:
            raise DataError(f"a pull request goes to {MAIN}; leave out the revision {self.revision!r}, or create_pr")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlan:
    """What a push is going to do."""

    name: str
    """`USER/NAME`."""
    page: str
    """Its web page."""
    revision: str
    """The branch."""
    exists: bool
    """Whether the repository exists already."""
    private: bool | None
    """Whether the repository is private, or will be when it is new; None: the default of the account."""
    changes: Changes
    foreign: tuple[str, ...]
    """Data files and recipes on the branch that no push of ours put there and that are to stay: with them the branch is
    not what the manifest says."""
    proposes: bool
    """Whether it ends as a pull request for others to merge."""
    in_steps: bool
    """Whether it is too large for one commit, so that a pull request is filled in steps and merged."""
    notes: tuple[str, ...]
    """Warnings to show before the user confirms, one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to publish: the state of the Hub, and the plan for it."""

    plan: PushPlan
    remote: Remote | None
    """The branch as it was read; None when there is no repository yet."""
    card: PublishedCard
    files: dict[str, LocalFile]
    """What the branch is to hold, by path, in the order in which it is sent."""
    stale: frozenset[str]
    """Paths that are to be removed unless they are published anew: what earlier pushes left on the branch and, if that
    is asked for, what others did."""
    push_id: str
    """Digest of what is published and of the commit it is published on."""


def plan_attempt(
    contents: Contents,
    repository: Repository,
    remote: Remote | None,
    options: PushOptions,
    *,
    is_too_large: bool,
) -> Attempt:
    """Compare the folder with what is on the branch.

    Args:
        contents: The files to publish.
        repository: The repository, for its card and manifest.
        remote: The branch as it is; None when there is no repository yet.
        options: How to publish.
        is_too_large: Whether the Hub has refused it as one commit.

    Raises:
        DataError: the card on the Hub cannot be read.
        AuthError, NetworkError, Transient: see `hub_errors`.
    """
    card_there = repository.read(CARD_NAME, remote) if remote else None
    theirs = card_there.decode("utf-8", "replace") if card_there is not None else None
    card = card_to_publish(contents.folder, repository.name, contents.card, theirs)
    files = contents.with_card(card.on_the_hub)
    there = remote.files if remote else {}
    previous = repository.read(MANIFEST_NAME, remote) if remote else None
    stale = stale_files(previous, there)
    foreign = frozenset(path for path in there if is_data(path)) - stale - files.keys()
    if options.remove_foreign:
        stale, foreign = stale | foreign, frozenset()
    changes = compare(files, there, stale)
    plan = PushPlan(
        name=repository.name,
        page=repository.page,
        revision=options.revision,
        exists=remote is not None,
        private=remote.private if remote else options.private,
        changes=changes,
        foreign=tuple(sorted(foreign)),
        proposes=options.create_pr,
        in_steps=options.revision == MAIN and (is_too_large or not options.limits.fit(changes, files)),
        notes=(
            *card.notes,
            *contents.warnings,
            *(told(name, preview) for name, preview in contents.manifest.previews.items()),
            *_notes(repository, remote),
            *_notes_on_message(options.message),
        ),
    )
    listed = [[path, file.sha256] for path, file in sorted(files.items())]
    identity = f"{listed} without {sorted(stale)} on {remote.head if remote else None}"
    push_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
    return Attempt(plan=plan, remote=remote, card=card, files=files, stale=stale, push_id=push_id)


def require_access(repository: Repository, remote: Remote | None, options: PushOptions, account: Account) -> None:
    """Check the permissions before anything is sent.

    Raises:
        AuthError: the token only reads, or the account may not write there.
        DataError: there is nothing to propose to.
        ConflictError: the repository is not as visible as asked for.
    """
    page, namespace = repository.page, repository.name.partition("/")[0]
    if account.only is not None:
        _require_keyless_access(repository, remote, account.only)
    if not account.may_write:
        raise AuthError(f"your token can only read, and {page} is to be written; run `hf auth login` with another")
    if options.create_pr and remote is None:
        raise DataError(
            f"there is no {page} that you can see, so nothing to propose to; leave out {argument('create-pr', True)}"
        )
    if account.only is None and not options.create_pr and namespace not in account.writable:
        owners = ", ".join(f"{owner}/…" for owner in sorted(account.writable))
        raise AuthError(
            f"you are logged in as {account.name}, who may not write at {page}; name it as one of {owners}, or use "
            f"{argument('create-pr', True)} to propose it"
        )
    if remote is not None and options.private is not None and options.private != remote.private:
        is_now, wanted = ("private", "public") if remote.private else ("public", "private")
        raise ConflictError(
            f"{page} is {is_now}, and a push never changes who sees a dataset; leave out --{wanted}, or change it in "
            "the settings there first"
        )


def _require_keyless_access(repository: Repository, remote: Remote | None, only: str) -> None:
    if dataset_of(only) != repository.name:
        raise AuthError(
            f"the keyless login is for {only}, and {repository.page} is to be written; set {RESOURCE} to "
            f"datasets/{repository.name}"
        )
    if remote is None:
        raise AuthError(
            f"there is no {repository.page}, and a keyless login cannot make it; make it once, and add this job as a "
            "trusted publisher in its settings"
        )


def require_own_branch(plan: PushPlan) -> None:
    """Check that the branch will hold nothing but what the manifest lists.

    Raises:
        ConflictError: others have put data there.
    """
    if plan.foreign:
        more = f" and {len(plan.foreign) - _SHOWN:,} more" if len(plan.foreign) > _SHOWN else ""
        raise ConflictError(
            f"{plan.page} holds data that no push of nextlong-hub put there: {', '.join(plan.foreign[:_SHOWN])}{more}; "
            f"nothing was sent: push with {argument('remove-foreign', True)} to remove it in the same commit, or to a "
            "dataset of its own"
        )


def _notes_on_message(message: str | None) -> list[str]:
    if message and without_secrets(message) != message:
        return ["The message holds what looks like a token, a key or a password, which is left out of it."]
    return []


def _notes(repository: Repository, remote: Remote | None) -> list[str]:
    if remote is None:
        kind = repository.other_kind()
        return [f"There is a {kind} of that name; this makes a dataset beside it."] if kind else []
    if remote.gated:
        return ["The dataset is gated: its readers must accept its conditions before they can load it."]
    return []
