"""Publish a dataset folder: check, look, compare, ask, upload, commit once, check again.

Every round looks at the Hub anew and does what is missing. So a fault at any point needs no repair: the next round, or
the next run, finds what is done and goes on. A round commits on top of exactly the commit it looked at
(`parent_commit`), so that a change of somebody else makes the Hub refuse it and not be overwritten.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from huggingface_hub import CommitOperationAdd

from nextlong_hub.errors import DataError, StorageError
from nextlong_hub.execution.progress import NullProgress, Progress, Stages
from nextlong_hub.hub.changes import LocalFile
from nextlong_hub.hub.errors import Moved, TooLarge, conflict
from nextlong_hub.hub.repository import MAIN, Proposal, Remote, Repository, addition, dataset_name, sent_sha256
from nextlong_hub.hub.retry import Patience, Retries, Transient
from nextlong_hub.publish.card_merge import remember_card
from nextlong_hub.publish.contents import Publication, read_publication
from nextlong_hub.publish.plan import PushPlan, Round, Wishes, plan_round, require_access
from nextlong_hub.publish.pull_request import Limits, Step, fill, finish, mark_of
from nextlong_hub.publish.remote_check import RemoteReport, check
from nextlong_hub.recipe import default_config
from nextlong_hub.verification import Fault

Result = TypeVar("Result")
Status = Literal["pushed", "proposed", "unchanged"]

_MOST_CONFLICTS = 6
_UPLOADS = 20
"""Into so many parts, as a rule, an upload is divided, so that its progress shows."""
_SMALLEST_PART = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What a push has done."""

    status: Status
    plan: PushPlan
    commit: str
    """The commit that holds the dataset."""
    proposal: str | None
    """Page of the pull request; None when there is none."""
    failed_tries: int
    """Requests that failed on the way and were made good."""
    faults: tuple[Fault, ...]
    """What the check afterwards found on the Hub; empty if all is well."""
    default_config: str


def push(
    folder: Path,
    name: str,
    *,
    private: bool | None = None,
    revision: str = MAIN,
    create_pr: bool = False,
    message: str | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
    limits: Limits | None = None,
) -> PushReport:
    """Publish a dataset folder as a dataset of the Hub, in one commit.

    Args:
        folder: A finished dataset folder.
        name: `USER/NAME`; made when it is not there.
        private: Who may see a repository that is made; None: as the account has set. That of one which is there
            already never changes.
        revision: The branch; made when it is not there.
        create_pr: End with a pull request instead of a commit on main.
        message: First line of the commit message.
        progress: Hears about the stages.
        patience: How long to keep asking a Hub that does not answer.
        limits: What one commit may hold.

    Raises:
        DataError: the folder is not finished or not what its manifest says, may not be published, or the Hub does not
            take it; there is no such repository to propose to.
        AuthError: nobody is logged in, or may not write there.
        NetworkError: the Hub did not answer in spite of several tries; the same call again goes on from there.
        ConflictError: the repository is not as visible as asked for, or others change it all the time.
        StorageError: no space, here or on the Hub.
    """
    prepared = prepare_push(
        folder,
        name,
        private=private,
        revision=revision,
        create_pr=create_pr,
        message=message,
        progress=progress,
        patience=patience,
        limits=limits,
    )
    return prepared.carry_out(progress)


def prepare_push(
    folder: Path,
    name: str,
    *,
    private: bool | None = None,
    revision: str = MAIN,
    create_pr: bool = False,
    message: str | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
    limits: Limits | None = None,
) -> "PreparedPush":
    """Check the folder, look at the Hub and compare, but change nothing: what `push` does first.

    Args and errors are those of `push`.
    """
    stages = Stages(progress or NullProgress())
    name = dataset_name(name)
    if create_pr and revision != MAIN:
        raise DataError(f"a pull request goes to {MAIN}; leave out the revision {revision!r}, or create_pr")
    with stages.stage("check", None, "files") as checked:
        publication = read_publication(folder, checked)
    wishes = Wishes(
        revision=revision,
        private=private,
        create_pr=create_pr,
        message=message or f"Publish {', '.join(publication.manifest.configs)} with nextlong-hub",
    )
    return PreparedPush(publication, name, wishes, patience or Patience(), limits or Limits(), stages)


class PreparedPush:
    """A push that knows what it is going to do.

    Args:
        publication: The folder, checked.
        name: `USER/NAME`.
        wishes: What the user asks for.
        patience: How long to keep asking.
        limits: What one commit may hold.
        stages: Hears about the look at the Hub.

    Raises:
        See `push`.
    """

    def __init__(
        self,
        publication: Publication,
        name: str,
        wishes: Wishes,
        patience: Patience,
        limits: Limits,
        stages: Stages,
    ) -> None:
        self._publication = publication
        self._repository = Repository(name, patience.answer_seconds)
        self._wishes = wishes
        self._limits = limits
        self._stages = stages
        self._looks = Retries(patience)
        self._sends = Retries(patience)
        self._attempted: list[str] = []
        """Ids of the rounds whose commit may have been made."""
        self._proposal: Proposal | None = None
        """The newest pull request of this push."""
        self._is_too_large = False
        """Whether the Hub has said that one commit is too large."""
        self._operations: dict[tuple[str, str, str | None], CommitOperationAdd] = {}
        """What was uploaded or is about to be, by path, sha256 and what the Hub had there."""
        self._uploaded: set[str] = set()
        """sha256 of the files that were uploaded."""
        with self._stages.stage("look at the Hub", None, "files"):
            account = self._trying(self._repository.account)
            self._first = self._look()
        require_access(self._repository, self._first.remote, self._wishes, account)

    @property
    def plan(self) -> PushPlan:
        """What is going to be done."""
        return self._first.plan

    def carry_out(self, progress: Progress | None = None) -> PushReport:
        """Publish what is missing, round after round, until nothing is.

        Args:
            progress: Hears about the stages.

        Raises:
            See `push`.
        """
        self._stages = Stages(progress or NullProgress())
        now, conflicts = self._first, 0
        while now.plan.changes:
            try:
                self._publish(now)
                if self._wishes.create_pr:
                    return self._after_proposal()
            except Transient as fault:
                self._sends.after(fault)
            except Moved as fault:
                conflicts += 1
                if conflicts == _MOST_CONFLICTS:
                    raise conflict(self._repository.name, conflicts, str(fault)) from fault
            except TooLarge as fault:
                if self._is_too_large or self._wishes.revision != MAIN:
                    raise StorageError(f"the Hub does not take this in one commit: {fault}") from fault
                self._is_too_large = True
            with self._stages.stage("look at the Hub", None, "files"):
                now = self._look()
        return self._after_push(now)

    def _report(self, status: Status, plan: PushPlan, commit: str, faults: tuple[Fault, ...]) -> PushReport:
        """What has been done."""
        configs = self._publication.manifest.configs
        return PushReport(
            status=status,
            plan=plan,
            commit=commit,
            proposal=self._repository.proposal_url(self._proposal) if self._proposal else None,
            failed_tries=self._looks.total + self._sends.total + self._repository.failed_tries,
            faults=faults,
            default_config=default_config(configs),
        )

    def _trying(self, step: Callable[[], Result]) -> Result:
        """Do something that only reads, again if need be."""
        while True:
            try:
                result = step()
            except Transient as fault:
                self._looks.after(fault)
            except (Moved, TooLarge) as fault:
                raise DataError(f"the Hub does not take this: {fault}") from fault
            else:
                self._looks.succeeded()
                return result

    def _look(self) -> Round:
        remote = self._trying(lambda: self._repository.look(self._wishes.revision))
        limits = None if self._is_too_large else self._limits
        return self._trying(lambda: plan_round(self._publication, self._repository, remote, self._wishes, limits))

    def _publish(self, now: Round) -> None:
        """Do one round: afterwards the Hub holds the dataset or, the first time, the repository to put it into."""
        if now.remote is None:
            self._repository.create(self._wishes.private)
            return
        if now.plan.in_steps or self._wishes.create_pr:
            self._publish_by_proposal(now)
            return
        if not now.remote.has_branch:
            self._repository.create_branch(self._wishes.revision, now.remote.head)
        self._attempted.append(now.push_id)
        everything = [change.path for change in now.plan.changes.of("added", "changed", "removed")]
        self._send(now, everything, now.remote, self._wishes.revision)

    def _publish_by_proposal(self, now: Round) -> None:
        mark = mark_of(now.push_id)
        proposal = self._repository.find_proposal(mark) or self._repository.propose(f"{self._wishes.message} {mark}")
        self._proposal = proposal

        def send(step: Step, remote: Remote, revision: str) -> None:
            self._send(now, step, remote, revision)
            self._sends.succeeded()

        fill(self._repository, proposal, now.files, now.stale, send, self._limits)
        finish(self._repository, proposal, merge=not self._wishes.create_pr)

    def _send(self, now: Round, step: Step, remote: Remote, revision: str) -> None:
        """Upload the files of a step and commit them, on top of what was seen."""
        additions = [self._operation(now.files[path], remote) for path in step if path in now.files]
        self._upload(additions, now.files, revision)
        with self._stages.stage("commit", None, "files") as done:
            self._repository.commit(
                additions,
                [path for path in step if path not in now.files],
                message=self._wishes.message,
                push_id=now.push_id,
                parent=remote.head,
                revision=revision,
            )
            done(len(step))
        self._operations.clear()  # one that has been committed cannot be committed again

    def _operation(self, file: LocalFile, remote: Remote) -> CommitOperationAdd:
        """How a file is sent; made anew when the Hub has other bytes there than when it was uploaded."""
        there = remote.files.get(file.path)
        key = (file.path, file.sha256, there.oid if there else None)
        return self._operations.setdefault(key, addition(file))

    def _upload(self, additions: Sequence[CommitOperationAdd], files: dict[str, LocalFile], revision: str) -> None:
        """Send what is large, part by part, and make sure that it was what the manifest says."""
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

    def _after_proposal(self) -> PushReport:
        if self._proposal is None:
            raise DataError(f"{self._repository.page} is gone; run the same command again")
        revision = self._proposal.revision
        found = self._check(self._trying(lambda: self._repository.look(revision)))
        return self._report("proposed", self.plan, found.commit, found.faults)

    def _after_push(self, now: Round) -> PushReport:
        """Compare the Hub with the manifest, and say whether it was this push that made it so."""
        found = self._check(now.remote)
        remember_card(self._publication.folder, self._repository.name, self._publication.card, now.card)
        own = None
        if self._attempted:
            own = self._trying(lambda: self._repository.own_commit(self._attempted, self._wishes.revision))
        status: Status = "pushed" if own or self._proposal else "unchanged"
        plan = replace(self.plan, notes=now.plan.notes)
        return self._report(status, plan, own or found.commit, found.faults)

    def _check(self, remote: Remote | None) -> RemoteReport:
        if remote is None:
            raise DataError(f"{self._repository.page} is gone; run the same command again")
        with self._stages.stage("verify", None, "files") as done:
            found = self._trying(lambda: check(self._repository, remote))
            done(found.files)
        return found
