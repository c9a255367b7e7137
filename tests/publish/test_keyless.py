"""Pushes from CI without a secret: the identity of a job is exchanged for a token of one dataset, again and again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_session import Outcome, Session, files_in

from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.keyless import identity_token

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """One Hub; each case has a dataset of its own."""
    with LocalHub() as running:
        yield running


@pytest.fixture(scope="module")
def session(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A process that pushes; nothing secret is in what it prints."""
    with Session(hub, tmp_path_factory.mktemp("session")) as opened:
        yield opened
        assert "Traceback" not in opened.printed
        assert "hf_jwt" not in opened.printed


@pytest.fixture
def name(hub: LocalHub, request: pytest.FixtureRequest) -> str:
    """An empty dataset."""
    called = f"tester/nextlong-{abs(hash(request.node.nodeid)) % 10**9}"
    hub.put("datasets", called, {})
    hub.requests.clear()
    return called


def run(session: Session, environment: dict[str, str], *arguments: str | Path) -> Outcome:
    """Run a command as a job of the CI does, with no token in its environment."""
    session.start(arguments=list(map(str, arguments)), token="", environment=environment)
    return session.result()


def exchanges(hub: LocalHub) -> int:
    """How often a token was given."""
    return len([request for request in hub.requests_to("POST", "/oauth/token") if request.status == 200])


def test_a_job_pushes_without_a_token(hub: LocalHub, session: Session, built: Path, name: str) -> None:
    """One exchange, one commit, and the account is not asked for: the token belongs to none."""
    outcome = run(session, hub.trust(name), "push", built, name, "--yes")
    assert outcome.code == 0, outcome.err
    assert exchanges(hub) == 1
    assert set(hub.files("datasets", name)) - {".gitattributes"} == files_in(built)
    assert not hub.requests_to("GET", "whoami")


@pytest.mark.parametrize("lasting", [{"seconds": 1}, {"requests": 12}], ids=["short", "withdrawn"])
def test_a_token_that_ends_is_renewed(
    lasting: dict[str, int], hub: LocalHub, session: Session, built: Path, name: str
) -> None:
    """Whether the Hub said so or not, a push outlives its token, and makes one commit."""
    outcome = run(session, hub.trust(name, **lasting), "push", built, name, "--yes")
    assert outcome.code == 0, outcome.err
    assert exchanges(hub) > 1
    assert sum(commit.title.startswith("Publish") for commit in hub.commits("datasets", name)) == 1


def test_another_ci_gives_its_identity_itself(hub: LocalHub, session: Session, built: Path, name: str) -> None:
    """`HF_OIDC_ID_TOKEN` is exchanged as it is."""
    given = {"GITHUB_ACTIONS": "", "HF_OIDC_ID_TOKEN": identity_token(hub.endpoint)}
    outcome = run(session, hub.trust(name) | given, "push", built, name, "--yes")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"HF_OIDC_ID_TOKEN": identity_token("https://elsewhere.example")}, "audience 'https://elsewhere.example'"),
        ({"HF_OIDC_RESOURCE": "datasets/tester/other"}, "datasets/tester/other trusts no publisher"),
        ({"HF_OIDC_RESOURCE": ""}, "you are not logged in"),
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}, "id-token: write"),
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "another"}, "this is no job of the CI"),
        ({"GITHUB_ACTIONS": ""}, "no OIDC id token is available"),
    ],
)
def test_a_refused_exchange_is_one_line(
    change: dict[str, str], says: str, hub: LocalHub, session: Session, built: Path, name: str
) -> None:
    """Exit code 4, the reason and what to do; nothing is published."""
    outcome = run(session, hub.trust(name) | change, "push", built, name, "--yes")
    assert outcome.code == 4, outcome.err
    [line] = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
    assert says in line
    assert "HF_TOKEN" in line
    assert not hub.files("datasets", name).keys() - {".gitattributes"}


def test_a_login_for_another_dataset_is_told(hub: LocalHub, session: Session, built: Path, name: str) -> None:
    """The token of one dataset writes no other, and makes none."""
    hub.put("datasets", "tester/other", {})
    other = run(session, hub.trust(name), "push", built, "tester/other", "--yes")
    assert (other.code, "set HF_OIDC_RESOURCE to datasets/tester/other" in other.err) == (4, True), other.err
    missing = run(session, hub.trust("tester/none"), "push", built, "tester/none", "--yes")
    assert (missing.code, "a keyless login cannot make it" in missing.err) == (4, True), missing.err


@pytest.mark.parametrize("command", ["doctor", "verify", "push --dry-run"])
def test_no_command_ends_in_a_traceback(command: str, hub: LocalHub, session: Session, built: Path, name: str) -> None:
    """Where the exchange fails, each command that asks the Hub says so in one line."""
    arguments = {
        "doctor": ["doctor", "--online", "--json"],
        "verify": ["verify", f"hf://datasets/{name}"],
        "push --dry-run": ["push", str(built), name, "--dry-run"],
    }
    outcome = run(session, hub.trust(name) | {"GITHUB_ACTIONS": ""}, *arguments[command])
    assert outcome.code in (1, 4), outcome
    assert "keyless login" in outcome.out + outcome.err
    assert "nobody foresaw" not in outcome.err
