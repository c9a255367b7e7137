"""Whatever fails on the way, a push ends with exactly one commit or with none, says so by its exit code, and can go on.

Each case breaks something on a local Hub, pushes with the real `huggingface_hub`, mends it and pushes again.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hub_session import Outcome, Session, files_in

from nextlong_hub.testing import InjectedFault, LocalHub

pytestmark = pytest.mark.slow

OFTEN = 99
"""As often as anybody could try."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that goes wrong, and how it must end."""

    what: str
    method: str = "POST"
    path: str = r"/commit/main"
    fault: dict[str, Any] = field(default_factory=dict)
    code: int = 0
    says: str = ""
    """Regular expression for the message, when it ends badly."""
    retry_policy: dict[str, float] = field(default_factory=dict)
    creates: bool = False
    """Whether the repository is not there yet."""


RATE = {"RateLimit": '"api";r=0;t=0', "RateLimit-Policy": '"fixed window";"api";q=1000;w=300'}
NOWHERE = {"Location": "http://nowhere.invalid/"}
NOT_FOUND = {"headers": {"X-Error-Code": "RepoNotFound"}}
QUOTA = {"X-Error-Message": "Private repository storage limit reached, see your plan"}
CASES = [
    Case(what="401 who are you", method="GET", path="whoami", fault={"status": 401}, code=4, says="hf auth login"),
    Case(
        what="401 repository", method="GET", path="api/datasets/", fault={"status": 401}, code=4, says="hf auth login"
    ),
    Case(what="401 no such repository", method="GET", path="api/datasets/", fault={"status": 401, **NOT_FOUND}),
    Case(what="403 commit", fault={"status": 403, "times": OFTEN}, code=4, says="write access"),
    Case(what="403 upload", path="objects/batch", fault={"status": 403}, code=4, says="write access"),
    Case(what="403 quota", path="objects/batch", fault={"status": 403, "headers": QUOTA}, code=7, says="no more space"),
    Case(what="404 commit", fault={"status": 404}, code=1, says="check the name"),
    Case(what="409 once", fault={"status": 409}),
    Case(what="409 always", fault={"status": 409, "times": OFTEN}, code=6, says="changed by somebody else"),
    Case(what="412 twice", fault={"status": 412, "times": 2}),
    Case(what="412 always", fault={"status": 412, "times": OFTEN}, code=6, says="changed by somebody else"),
    Case(what="413 once: by pull request", fault={"status": 413}),
    Case(what="413 always", path="/commit/", fault={"status": 413, "times": OFTEN}, code=7, says="does not take"),
    Case(what="413 upload", method="PUT", path="large-files", fault={"status": 413, "times": OFTEN}, code=7),
    Case(what="429 Retry-After", fault={"status": 429, "times": 3, "headers": {"Retry-After": "0"}}),
    Case(what="429 RateLimit", fault={"status": 429, "times": 3, "headers": RATE}),
    Case(
        what="429 come back in an hour",
        fault={"status": 429, "times": OFTEN, "headers": {"Retry-After": "3600"}},
        code=5,
        says="asks to wait 3600 seconds",
    ),
    *(Case(what=f"{status} twice", fault={"status": status, "times": 2}) for status in (500, 502, 503, 504)),
    Case(what="500 always", fault={"status": 500, "times": OFTEN}, code=5, says="answered 500, 6 times"),
    Case(what="500 whoami", method="GET", path="whoami", fault={"status": 500, "times": 2}),
    Case(what="500 listing", method="GET", path="/tree/", fault={"status": 500, "times": 2}),
    Case(what="500 preupload", path="/preupload/", fault={"status": 500, "times": 2}),
    Case(what="500 LFS batch", path="objects/batch", fault={"status": 500, "times": 2}),
    Case(what="500 PUT", method="PUT", path="large-files", fault={"status": 500, "times": 2}),
    Case(what="500 PUT always", method="PUT", path="large-files", fault={"times": OFTEN}, code=5, says="6 times"),
    Case(what="500 card check", path="validate-yaml", fault={"status": 500, "times": 2}),
    Case(what="500 create", path="repos/create", fault={"status": 500, "times": 2}, creates=True),
    Case(what="reset mid-PUT", method="PUT", path="large-files", fault={"reset_after_bytes": 9000, "times": 2}),
    Case(what="reset mid-commit", fault={"reset_after_bytes": 300, "times": 2}),
    Case(what="commit answer lost", fault={"drop_after": True}),
    Case(what="create answer lost", path="repos/create", fault={"drop_after": True}, creates=True),
    Case(what="upload answer lost", method="PUT", path="large-files", fault={"drop_after": True}),
    Case(what="DNS once", fault={"status": 307, "headers": NOWHERE}),
    Case(
        what="DNS always",
        method="GET",
        path="whoami",
        fault={"status": 307, "headers": NOWHERE, "times": OFTEN},
        code=5,
    ),
    *(
        Case(what=f"200 and {body!r} for {what}", method=method, path=path, fault={"status": 200, "body": body})
        for what, method, path in (("whoami", "GET", "whoami"), ("commit", "POST", "/commit/main"))
        for body in ([], {}, 7, "log in")
    ),
    Case(
        what="200 and a login page always",
        method="GET",
        path="whoami",
        fault={"status": 200, "body": "log in", "times": OFTEN},
        code=5,
        says="no answer of a Hub, but that of a proxy",
    ),
    Case(what="timeout commit", fault={"delay_seconds": 1.5}, retry_policy={"answer_seconds": 0.4}),
    Case(
        what="timeout always",
        method="GET",
        path="whoami",
        fault={"delay_seconds": 5.0, "times": OFTEN},
        code=5,
        retry_policy={"answer_seconds": 0.15, "tries": 3},
    ),
    Case(
        what="400 card refused",
        path="validate-yaml",
        fault={"status": 400, "body": {"errors": [{"message": "bad tag"}]}},
        code=1,
        says="bad tag",
    ),
]


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """One Hub; each case has a repository of its own."""
    with LocalHub() as running:
        yield running


@pytest.fixture(scope="module")
def session(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A process that pushes; in the end the token must be nowhere in what it printed."""
    with Session(hub, tmp_path_factory.mktemp("session")) as opened:
        yield opened
        assert hub.account.token[:12] not in opened.printed


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str, Outcome | None, int], None]:
    """Put a line into the table at the end of the test run."""

    def told(what: str, outcome: Outcome | None, commits: int) -> None:
        code = outcome.code if outcome else 0
        record_property("push fault", (what, f"exit {code}", f"{commits} commit{'s' * (commits != 1)}"))

    return told


def commits_of_pushes(hub: LocalHub, name: str) -> int:
    """How many commits main has beyond those that were there before; 0 when there is no repository."""
    with contextlib.suppress(KeyError):
        return len([commit for commit in hub.commits("datasets", name) if not commit.title.startswith(BEFORE)])
    return 0


BEFORE = ("initial commit", "put by the test")


def files_of(hub: LocalHub, name: str) -> set[str]:
    """What the dataset holds beyond what the Hub put there."""
    return set(hub.files("datasets", name)) - {".gitattributes", "LICENSE"}


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_a_fault_ends_with_one_commit_or_none_and_the_next_push_goes_on(
    case: Case, hub: LocalHub, session: Session, built: Path, tell: Callable[..., None]
) -> None:
    """Exit 0 means one whole commit; any other exit means that nothing was published, and the same push works then."""
    name = f"tester/fault-{CASES.index(case)}"
    if not case.creates:
        hub.put("datasets", name, {"LICENSE": "words"})
    fault: InjectedFault = hub.fail(case.method, case.path, **case.fault)
    outcome = session.push(built, name, retry_policy={"first_seconds": 0.01, **case.retry_policy})
    assert fault.times < case.fault.get("times", 1), "the fault never happened"
    fault.times = 0
    commits = commits_of_pushes(hub, name)
    tell(case.what, outcome, commits)
    assert outcome.code == case.code, outcome.err
    if case.code:
        assert commits == 0
        assert files_of(hub, name) == set()
        message = outcome.err[outcome.err.index("Error: ") :]
        assert "nothing half was published" in message or case.code in (1, 4, 7), message
        if case.says:
            assert pytest.raises(AssertionError, match=case.says).matches(AssertionError(message)), message
    else:
        assert (commits, files_of(hub, name)) == (1, files_in(built))
        assert outcome.report is not None
        assert (outcome.report["status"], outcome.report["faults"]) == ("pushed", [])
        assert outcome.report["failed_tries"] > 0 or case.what.startswith(("401", "409", "412", "413"))
    again = session.push(built, name)
    assert again.report is not None, again.err
    assert again.report["status"] == ("unchanged" if case.code == 0 else "pushed")
    assert (commits_of_pushes(hub, name), files_of(hub, name)) == (1, files_in(built))


def test_a_failing_upload_is_not_retried_by_two_at_once(hub: LocalHub, session: Session, built: Path) -> None:
    """huggingface_hub's own tries count: a large file that is never taken is sent six times, not thirty-six."""
    name = "tester/tries"
    hub.put("datasets", name, {"LICENSE": "words"})
    fault = hub.fail("PUT", "large-files", times=OFTEN)
    hub.requests.clear()
    assert session.push(built, name).code == 5
    fault.times = 0
    assert set(sent(hub).values()) == {6}


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_killed_push_is_finished_by_the_next(
    moment: str, hub: LocalHub, session: Session, built: Path, tell: Callable[..., None]
) -> None:
    """Killed between upload and commit, or before the answer: the next push sends nothing twice and commits once."""
    name = f"tester/killed-{moment.partition(' ')[0]}"
    hub.put("datasets", name, {"LICENSE": "words"})
    path = "validate-yaml" if moment.startswith("before") else f"{name}/commit/main"
    hub.requests.clear()
    fault = hub.fail("POST", path, delay_seconds=30.0)
    process = subprocess.Popen(
        [sys.executable, "-c", "from nextlong_hub.cli import main; main()", "push", str(built), name],
        env=os.environ | hub.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: fault.times == 0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert set(sent(hub).values()) == {1}
    again = session.push(built, name)
    tell(f"kill -9 {moment}, then rerun", again, commits_of_pushes(hub, name))
    assert again.report is not None, again.err
    assert again.report["status"] == ("pushed" if moment.startswith("before") else "unchanged")
    assert set(sent(hub).values()) == {1}
    assert (commits_of_pushes(hub, name), files_of(hub, name)) == (1, files_in(built))


def test_a_card_edited_during_a_push_keeps_the_edit(
    hub: LocalHub, session: Session, dataset: Path, tell: Callable[..., None]
) -> None:
    """Somebody commits to the card between our look and our commit: both survive, and there is one commit of ours."""
    name = "tester/edited"
    hub.put("datasets", name, {"LICENSE": "words", "README.md": (dataset / "README.md").read_text()})
    fault = hub.fail("POST", f"{name}/preupload", delay_seconds=0.5)
    session.start(folder=str(dataset), name=name, retry_policy={}, limits={})
    wait_for(lambda: fault.times == 0)
    edited = (dataset / "README.md").read_text() + "\nWritten by a person meanwhile.\n"
    hub.put("datasets", name, {"README.md": edited})
    outcome = session.result()
    tell("card edited at the same time", outcome, commits_of_pushes(hub, name))
    assert outcome.code == 0, outcome.err
    assert [request.status for request in hub.requests_to("POST", f"{name}/commit/main")] == [412, 200]
    assert "Written by a person meanwhile." in hub.files("datasets", name)["README.md"].decode()
    assert (commits_of_pushes(hub, name), files_of(hub, name)) == (1, files_in(dataset))


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/tree/"), ("POST", "objects/batch")],
    ids=["between the check and its turn", "just before it is sent"],
)
def test_a_file_that_changes_while_it_is_sent_is_never_committed(
    method: str, path: str, hub: LocalHub, session: Session, dataset: Path, tell: Callable[..., None]
) -> None:
    """Another byte of the same length: nothing is published, and the push that follows the mended file publishes it."""
    name = f"tester/changed-{method.lower()}"
    hub.put("datasets", name, {"LICENSE": "words"})
    [shard] = (dataset / "data" / "tiny").iterdir()
    content = shard.read_bytes()
    fault = hub.fail(method, path, delay_seconds=0.5)
    session.start(folder=str(dataset), name=name, retry_policy={"first_seconds": 0.01}, limits={})
    wait_for(lambda: fault.times == 0)
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    outcome = session.result()
    tell("a shard changed while it was sent", outcome, commits_of_pushes(hub, name))
    assert outcome.code == 1, outcome.err
    assert "changed" in outcome.err
    assert (commits_of_pushes(hub, name), files_of(hub, name)) == (0, set())
    shard.write_bytes(content)
    assert session.push(dataset, name).code == 0
    assert (commits_of_pushes(hub, name), files_of(hub, name)) == (1, files_in(dataset))


def test_a_full_cache_does_not_hinder_a_push(
    hub: LocalHub, built: Path, small_disk: Path, tmp_path: Path, tell: Callable[..., None]
) -> None:
    """Nothing of a push goes through the cache of huggingface_hub, so that it may be full."""
    fill(small_disk)
    home = {"HF_HOME": str(small_disk / "home"), "HF_HUB_CACHE": str(small_disk / "home/hub")}
    with Session(hub, tmp_path, environment=home) as session:
        outcome = session.push(built, "tester/full")
    tell("disk full in the cache", outcome, commits_of_pushes(hub, "tester/full"))
    assert outcome.code == 0, outcome.err
    assert (commits_of_pushes(hub, "tester/full"), files_of(hub, "tester/full")) == (1, files_in(built))


def test_a_full_disk_below_xet_is_a_storage_error(
    built: Path, small_disk: Path, tmp_path: Path, tell: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Xet cannot write its shards the push ends with exit code 7 and no commit."""
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with LocalHub(xet=True) as hub, Session(hub, tmp_path) as session:
        fill(small_disk)
        outcome = session.push(built, "tester/full")
        tell("disk full below Xet", outcome, commits_of_pushes(hub, "tester/full"))
        assert outcome.code == 7, outcome.err
        assert "no space is left" in outcome.err
        assert commits_of_pushes(hub, "tester/full") == 0


def sent(hub: LocalHub) -> Counter[str]:
    """How often each large file was sent."""
    return Counter(request.target.partition("?")[0] for request in hub.requests_to("PUT", "large-files/whole"))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something has happened; a minute is more than anything here takes."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it has not happened within a minute")


def fill(folder: Path) -> None:
    """Leave no space on the disk that holds a folder."""
    with (folder / "filler").open("wb", buffering=0) as handle, contextlib.suppress(OSError):
        while True:
            handle.write(b"\0" * 1024)
