"""Publish a dataset folder: check, compare with the Hub, confirm, upload, commit once, check again.

Every attempt reads the state of the Hub again and does what is missing, so that a failure at any point needs no repair:
the next attempt, or the next run, resumes. An attempt commits on top of exactly the commit that it read
(`parent_commit`), so that the Hub rejects it when the dataset has changed meanwhile, and no change is overwritten.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from nextlong_hub.errors import ConflictError, DataError, StorageError
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.hub.address import dataset_name
from nextlong_hub.hub.budget import Spending, spending
from nextlong_hub.hub.changes import LocalFile
from nextlong_hub.hub.redact import without_secrets
from nextlong_hub.hub.repository import MAIN, Addition, PullRequest, Remote, Repository, addition, sent_sha256
from nextlong_hub.hub.retry import Moved, Retries, RetryPolicy, TooLarge, Transient
from nextlong_hub.publish.card_merge import remember_card
from nextlong_hub.publish.contents import Contents, read_contents
from nextlong_hub.publish.plan import Attempt, PushOptions, PushPlan, plan_attempt, require_access, require_own_branch
from nextlong_hub.publish.pull_request import Limits, Step, fill, finish, mark_of
from nextlong_hub.publish.remote_check import RemoteReport, check
from nextlong_hub.recipe import default_config
from nextlong_hub.verification import Fault

Result = TypeVar("Result")
Status = Literal["pushed", "proposed", "unchanged"]

_MOST_CONFLICTS = 6
_UPLOADS = 20
"""Number of parts that a large upload is divided into, so that its progress shows."""
_SMALLEST_PART = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """The result of a push."""

    status: Status
    """Committed to the branch, proposed by a pull request, or nothing to do."""
    plan: PushPlan
    commit: str
    """The commit that holds the dataset."""
    proposal: str | None
    """Page of the pull request; None when there is none."""
    failed_tries: int
    """Requests that failed and succeeded on a later try."""
    faults: tuple[Fault, ...]
    """Faults that the check after the push found on the Hub; empty when it matches the manifest."""
    default_config: str
    """The configuration that `load_dataset` reads when none is named."""


def push(
    folder: Path,
    name: str,
    *,
    private: bool | None = None,
    revision: str = MAIN,
    create_pr: bool = False,
    message: str | None = None,
    remove_foreign: bool = False,
    retry_policy: RetryPolicy | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> PushReport:
    """Publish a dataset folder as a dataset of the Hub, in one commit.

    Args:
        folder: A finished dataset folder.
        name: `USER/NAME`; created when it does not exist.
        private: See `PushOptions`, as for all that follow.
        revision: The branch.
        create_pr: End with a pull request.
        message: First line of the commit message.
        remove_foreign: Remove data files there that no push of ours put there.
        retry_policy: When and how long failed requests are repeated.
        limits: What one commit may hold.
        progress: Receives the stages.

    Raises:
        DataError: the folder is not finished, does not match its manifest, may not be published, or the Hub rejects it;
            there is no such repository to open a pull request at.
        AuthError: there is no login, or it may not write there.
        NetworkError: the Hub did not answer after several tries; the same call again resumes.
        ConflictError: the repository has another visibility than requested, changes all the time, or holds data that no
            push of ours put there.
        StorageError: no space, here or on the Hub.
    """
    options = PushOptions(
        private=private,
        revision=revision,
        create_pr=create_pr,
        message=message,
        remove_foreign=remove_foreign,
        retry_policy=retry_policy or RetryPolicy(),
        limits=limits or Limits(),
    )
    return prepare_push(folder, name, options, progress=progress).carry_out(progress)


def prepare_push(folder: Path, name: str, options: PushOptions, *, progress: Progress | None = None) -> "PreparedPush":
    """Check the folder and compare it with the Hub, but change nothing: what `push` does first.

    Args:
        folder: A finished dataset folder.
        name: `USER/NAME`.
        options: How to publish.
        progress: Receives the stages.

    Raises:
        DataError, AuthError, NetworkError, ConflictError: see `push`.
    """
    stages = ProgressTracker(progress or NullProgress())
    name = dataset_name(name)
    with stages.stage("check", None, "files") as checked:
        contents = read_contents(folder, checked)
    return PreparedPush(contents, name, options, stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What the Hub has said is done."""

    what: str
    before: str | None
    """Head of the branch before it; None when there was no repository."""
    commit: str | None
    """Its commit; None when the Hub does not say which."""
    is_complete: bool
    """Whether nothing is to be done after it."""


class PreparedPush:
    """A push with its plan, ready to be carried out.

    Args:
        contents: The folder, checked.
        name: `USER/NAME`.
        options: How to publish.
        stages: Receives the stages.

    Raises:
        DataError, AuthError, NetworkError, ConflictError: see `push`.
    """

    def __init__(self, contents: Contents, name: str, options: PushOptions, stages: ProgressTracker) -> None:
        self._contents = contents
        self._repository = Repository(name, options.retry_policy.answer_seconds)
        self._options = options
        published = f"Publish {', '.join(contents.manifest.configs)} with nextlong-hub"
        self._message = without_secrets(options.message or published)
        self._stages = stages
        self._looks = Retries(options.retry_policy)
        self._sends = Retries(options.retry_policy)
        self._push_ids: list[str] = []
        """Ids of the attempts whose commit may have been made."""
        self._pull_request: PullRequest | None = None
        """The newest pull request of this push."""
        self._is_too_large = False
        """Whether the Hub has said that one commit is too large."""
        self._additions: dict[tuple[str, str, str | None], Addition] = {}
        """What was uploaded or is about to be, by path, sha256 and what the Hub had there."""
        self._uploaded: set[str] = set()
        """sha256 of the files that were uploaded."""
        self._spending = Spending(options.retry_policy.budget)
        with spending(self._spending), self._stages.stage("look at the Hub", None, "files"):
            account = self._trying(self._repository.account)
            self._first = self._look()
        require_access(self._repository, self._first.remote, options, account)

    @property
    def plan(self) -> PushPlan:
        """The plan."""
        return self._first.plan

    def carry_out(self, progress: Progress | None = None) -> PushReport:
        """Publish what is missing, attempt after attempt, until the Hub holds everything.

        Args:
            progress: Receives the stages.

        Raises:
            DataError, AuthError, NetworkError, ConflictError, StorageError: see `push`.
        """
        self._stages = ProgressTracker(progress or NullProgress())
        with spending(self._spending):
            return self._carry_out()

    def _carry_out(self) -> PushReport:
        attempt, conflicts = self._first, 0
        made: _Made | None = None
        require_own_branch(attempt.plan)
        while attempt.plan.changes:
            try:
                if made is not None:
                    self._require_seen(made, attempt.remote)
                made = self._publish(attempt)
                if self._options.create_pr:
                    return self._after_pull_request()
            except Transient as fault:
                self._sends.wait_after(fault)
            except Moved as fault:
                made = None
                conflicts += 1
                if conflicts == _MOST_CONFLICTS:
                    raise ConflictError(
                        f"{self._repository.name} was changed by somebody else {conflicts} times while this was being "
                        f"published ({fault}); nothing half was published: run the same command again"
                    ) from fault
            except TooLarge as fault:
                if self._is_too_large or self._options.revision != MAIN:
                    raise StorageError(f"the Hub does not take this in one commit: {fault}") from fault
                self._is_too_large = True
            with self._stages.stage("look at the Hub", None, "files"):
                attempt = self._look()
            require_own_branch(attempt.plan)
        return self._after_push(attempt)

    def _report(self, status: Status, plan: PushPlan, commit: str, faults: tuple[Fault, ...]) -> PushReport:
        """Make the report."""
        configs = self._contents.manifest.configs
        return PushReport(
            status=status,
            plan=plan,
            commit=commit,
            proposal=self._repository.pull_request_url(self._pull_request) if self._pull_request else None,
            failed_tries=self._looks.total + self._sends.total + self._repository.failed_tries,
            faults=faults,
            default_config=default_config(configs),
        )

    def _trying(self, step: Callable[[], Result]) -> Result:
        """Do a step that only reads, and repeat it after each transient fault."""
        while True:
            try:
                result = step()
            except Transient as fault:
                self._looks.wait_after(fault)
            except (Moved, TooLarge) as fault:
                raise DataError(f"the Hub does not take this: {fault}") from fault
            else:
                self._looks.succeeded()
                return result

    def _look(self) -> Attempt:
        remote = self._trying(lambda: self._repository.look(self._options.revision))
        return self._trying(
            lambda: plan_attempt(
                self._contents, self._repository, remote, self._options, is_too_large=self._is_too_large
            )
        )

    def _require_seen(self, made: "_Made", remote: Remote | None) -> None:
        """Find out why what was made does not show; ends well only where the next step follows it.

        Raises:
            Transient: the Hub still shows what was there before, or not all of what was made.
            Moved: somebody has changed it since.
        """
        head = remote.head if remote else None
        if head == made.before or (head == made.commit and made.is_complete):
            raise Transient(f"{self._repository.page} does not show {made.what} yet, which the Hub says is done")
        if made.is_complete:
            raise Moved(f"what was published there in {made.what} is not there any more")

    def _publish(self, attempt: Attempt) -> "_Made":
        """Carry out one attempt: afterwards the Hub holds the dataset or, the first time, an empty repository."""
        if attempt.remote is None:
            self._repository.create(self._options.private)
            return _Made(what="the new dataset", before=None, commit=None, is_complete=False)
        before = attempt.remote.head
        if attempt.plan.in_steps or self._options.create_pr:
            self._publish_by_pull_request(attempt)
            return _Made(what="the merged pull request", before=before, commit=None, is_complete=True)
        if not attempt.remote.has_branch:
            self._repository.create_branch(self._options.revision, attempt.remote.head)
        self._push_ids.append(attempt.push_id)
        everything = [change.path for change in attempt.plan.changes.of("added", "changed", "removed")]
        commit = self._send(attempt, everything, attempt.remote, self._options.revision)
        return _Made(what=f"commit {commit[:12]}", before=before, commit=commit, is_complete=True)

    def _publish_by_pull_request(self, attempt: Attempt) -> None:
        mark = mark_of(attempt.push_id)
        found = self._repository.find_pull_request(mark)
        pull_request = found or self._repository.create_pull_request(f"{self._message} {mark}")
        self._pull_request = pull_request

        def send(step: Step, remote: Remote, revision: str) -> None:
            self._send(attempt, step, remote, revision)
            self._sends.succeeded()

        fill(self._repository, pull_request, attempt.files, attempt.stale, send, self._options.limits)
        finish(self._repository, pull_request, merge=not self._options.create_pr)

    def _send(self, attempt: Attempt, step: Step, remote: Remote, revision: str) -> str:
        """Upload the files of a step and commit them, on top of the commit that was read; returns the commit."""
        additions = [self._addition(attempt.files[path], remote) for path in step if path in attempt.files]
        self._upload(additions, attempt.files, revision)
        with self._stages.stage("commit", None, "files") as done:
            commit = self._repository.commit(
                additions,
                [path for path in step if path not in attempt.files],
                message=self._message,
                push_id=attempt.push_id,
                parent=remote.head,
                revision=revision,
            )
            done(len(step))
        self._additions.clear()  # one that has been committed cannot be committed again
        return commit

    def _addition(self, file: LocalFile, remote: Remote) -> Addition:
        """The addition that sends a file; a new one when the Hub has other bytes there than when it was uploaded."""
        there = remote.files.get(file.path)
        key = (file.path, file.sha256, there.oid if there else None)
        return self._additions.setdefault(key, addition(file))

    def _upload(self, additions: Sequence[Addition], files: dict[str, LocalFile], revision: str) -> None:
        """Upload large files, part by part, and check that they match the manifest."""
        size = max(_SMALLEST_PART, -(-len(additions) // _UPLOADS))
        sizes = {path: file.size_bytes for path, file in files.items()}
        with self._stages.stage("upload", sum(sizes[a.path_in_repo] for a in additions), "bytes") as done:
            for start in range(0, len(additions), size):
                part = additions[start : start + size]
                self._repository.upload(part, revision)
                for operation in part:
                    if sent_sha256(operation) != files[operation.path_in_repo].sha256:
                        raise DataError(
                            f"{operation.path_in_repo} changed while it was being sent; nothing was published: run "
                            "`nextlong-hub verify` on the folder, then push again"
                        )
                if not self._uploaded >= (sent := {sent_sha256(operation) for operation in part}):
                    self._uploaded |= sent
                    self._sends.succeeded()
                done(sum(sizes[operation.path_in_repo] for operation in part))

    def _after_pull_request(self) -> PushReport:
        if self._pull_request is None:
            raise DataError(f"{self._repository.page} is gone; run the same command again")
        revision = self._pull_request.revision
        found = self._check(self._trying(lambda: self._repository.look(revision)))
        return self._report("proposed", self.plan, found.commit, found.faults)

    def _after_push(self, attempt: Attempt) -> PushReport:
        """Compare the Hub with the manifest, and report whether this push made the commit."""
        found = self._check(attempt.remote)
        remember_card(self._contents.folder, self._repository.name, self._contents.card, attempt.card)
        own = None
        if self._push_ids:
            own = self._trying(lambda: self._repository.own_commit(self._push_ids, self._options.revision))
        status: Status = "pushed" if own or self._pull_request else "unchanged"
        plan = replace(self.plan, notes=attempt.plan.notes)
        return self._report(status, plan, own or found.commit, found.faults)

    def _check(self, remote: Remote | None) -> RemoteReport:
        if remote is None:
            raise DataError(f"{self._repository.page} is gone; run the same command again")
        with self._stages.stage("verify", None, "files") as done:
            found = self._trying(lambda: check(self._repository, remote))
            done(found.files)
        return found
