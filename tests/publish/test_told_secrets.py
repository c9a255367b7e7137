"""No secret leaves: neither by the words of a commit, nor by what any command prints or writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from building import run_command
from hub_session import Session

from nextlong_hub.testing import LocalHub

pytestmark = pytest.mark.slow

PASSWORD = "correct-horse"
TOKEN = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567"


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """A Hub."""
    with LocalHub() as running:
        yield running


def guarded(hub: LocalHub) -> str:
    """The address of the Hub with a user and a password, as that of a mirror within a company."""
    return hub.endpoint.replace("://", f"://me:{PASSWORD}@")


def test_a_password_in_the_address_of_the_hub_is_never_told(hub: LocalHub, dataset: Path, tmp_path: Path) -> None:
    """Not by results, errors, JSON or a traceback, and not in what is published or kept."""
    name = "tester/guarded"
    hub.put("datasets", name, {"LICENSE": "words"})
    with Session(hub, tmp_path, environment={"HF_ENDPOINT": guarded(hub)}) as session:
        for arguments in (
            ["push", dataset, name, "--dry-run", "--json"],
            ["push", dataset, name, "--yes"],
            ["push", dataset, name, "--json"],
            ["push", dataset, "tester/none/none", "--debug"],
            ["verify", f"hf://datasets/{name}", "--json"],
            ["verify", "hf://datasets/tester/nothing"],
            ["inspect", f"hf://datasets/{name}", "--json"],
            ["doctor", "--online", "--json"],
            ["doctor", "--online"],
            ["card", dataset],
        ):
            session.run(*arguments)
        for pattern in ("whoami", "/tree/", "/resolve/"):
            fault = hub.fail("GET", pattern, status=500, times=99)
            session.run("push", dataset, name)
            session.run("inspect", f"hf://datasets/{name}", "--debug")
            fault.times = 0
        assert name in session.printed
        assert PASSWORD not in session.printed
    for content in hub.files("datasets", name).values():
        assert PASSWORD.encode() not in content
    for path in dataset.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_a_token_in_a_message_is_not_published(hub: LocalHub, dataset: Path, tmp_path: Path) -> None:
    """It is left out of the commit, and the user is told so before."""
    with Session(hub, tmp_path) as session:
        outcome = session.run("push", dataset, "tester/message", "--message", f"With {TOKEN} by me", "--yes")
        assert outcome.code == 0, outcome.err
        assert "looks like a token" in outcome.out
        assert TOKEN not in session.printed
    titles = [commit.title for commit in hub.commits("datasets", "tester/message")]
    assert titles[0] == "With hf_… by me"


@pytest.mark.parametrize("value", ["http://[::1", "http://host:port", "file:///etc"])
def test_an_address_that_is_none_is_one_line(value: str, dataset: Path) -> None:
    """Each command that needs the Hub ends with exit code 2, and names HF_ENDPOINT; others do not care."""
    done = run_command("push", dataset, "me/data", HF_ENDPOINT=value)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: HF_ENDPOINT is no address of a server (")
    assert "Traceback" not in done.stderr
