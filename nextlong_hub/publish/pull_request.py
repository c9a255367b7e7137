"""A pull request that is filled in steps, so that a dataset too large for one commit reaches main in one.

`load_dataset` does not read the branch of a pull request. It is filled by as many commits as are needed and then merged
into main by one. A run that ends before leaves a draft; the same push finds it by the mark in its title and resumes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nextlong_hub.errors import DataError, StorageError
from nextlong_hub.hub.changes import Changes, LocalFile, compare
from nextlong_hub.hub.repository import PullRequest, Remote, Repository
from nextlong_hub.hub.retry import Moved, TooLarge

_MARK_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one commit may hold; the Hub recommends at most about a hundred files."""

    files: int = 100
    inline_bytes: int = 50_000_000
    """Content within the commit itself: that of files which are not in Git LFS or Xet."""

    def fit(self, changes: Changes, files: Mapping[str, LocalFile]) -> bool:
        """Whether one commit can hold all changes."""
        return len(steps_of(changes, files, self)) <= 1


Step = list[str]
"""Paths that one commit adds, changes or removes."""

Send = Callable[[Step, Remote, str], None]
"""Makes one commit of a step on top of what is on a branch, given by its name."""


def steps_of(changes: Changes, files: Mapping[str, LocalFile], limits: Limits) -> list[Step]:
    """Divide changes into commits; the order stays: data before the card and the manifest, removals last."""
    steps: list[Step] = []
    inline = 0
    for change in changes.of("added", "changed") + changes.of("removed"):
        file = files.get(change.path)
        size = file.size_bytes if file is not None and isinstance(file.source, bytes) else 0
        if not steps or len(steps[-1]) >= limits.files or (inline and inline + size > limits.inline_bytes):
            steps.append([])
            inline = 0
        steps[-1].append(change.path)
        inline += size
    return steps


def mark_of(push_id: str) -> str:
    """The end of the title of a push's pull request."""
    return f"[nextlong-push {push_id[:_MARK_DIGITS]}]"


def fill(
    repository: Repository,
    pull_request: PullRequest,
    files: Mapping[str, LocalFile],
    stale: frozenset[str],
    send: Send,
    limits: Limits,
) -> None:
    """Make the branch of a pull request hold the dataset, in as many commits as are needed.

    Raises:
        StorageError: the Hub rejects a commit of a single file as too large.
        Transient, Moved: see `hub_errors`; the next attempt resumes.
    """
    for remote, step in _missing(repository, pull_request, files, stale, limits):
        try:
            send(step, remote, pull_request.revision)
        except TooLarge as fault:
            if len(step) == 1:
                raise StorageError(f"the Hub does not take {step[0]} even alone: {fault}") from fault
            fewer = Limits(files=len(step) // 2, inline_bytes=limits.inline_bytes // 2)
            fill(repository, pull_request, files, stale, send, fewer)
            return


def _missing(
    repository: Repository,
    pull_request: PullRequest,
    files: Mapping[str, LocalFile],
    stale: frozenset[str],
    limits: Limits,
) -> Iterator[tuple[Remote, Step]]:
    """The next step, with the branch as it is before it, until there is none."""
    while True:
        remote = repository.look(pull_request.revision)
        if remote is None or not remote.has_branch:
            raise DataError(f"{repository.pull_request_url(pull_request)} is gone; run the same command again")
        steps = steps_of(compare(files, remote.files, stale), files, limits)
        if not steps:
            return
        yield remote, steps[0]


def finish(repository: Repository, pull_request: PullRequest, *, merge: bool) -> None:
    """Open a filled pull request for review, or merge it into main.

    Raises:
        Moved: main has changed in a way that conflicts with it; it is closed.
    """
    if pull_request.is_draft:
        repository.mark_ready(pull_request)
    if not merge:
        return
    try:
        repository.merge_pull_request(pull_request)
    except Moved:
        repository.close_pull_request(pull_request, "main has changed since; a new pull request follows.")
        raise
