"""What comes from the Hub is believed only where it is what the Hub lists, and a push ends whatever the Hub shows.

Each case changes answers of a local Hub as a proxy, a page to log in or a slow replica does, and pushes with the real
`huggingface_hub`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_session import Outcome, Session, files_in

from nextlong_hub.testing import LocalHub

pytestmark = pytest.mark.slow

OFTEN = 99
PORTAL = b"<!doctype html><title>Hotel wifi</title>Please log in"
WORDS = "\n## Known problems\n\nWritten by a person, and nowhere else.\n"
ALTERED = {
    "cut": lambda body: body[: len(body) // 2],
    "a page to log in": lambda body: PORTAL,
    "empty": lambda body: b"",
    "longer": lambda body: body + b" ",
    "one byte": lambda body: b"?" + body[1:],
}


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """One Hub; each case has a repository of its own."""
    with LocalHub() as running:
        yield running


@pytest.fixture(scope="module")
def session(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A process that pushes."""
    with Session(hub, tmp_path_factory.mktemp("session")) as opened:
        yield opened


def published(hub: LocalHub, session: Session, folder: Path, name: str) -> str:
    """Push a dataset and let a person add to its card; gives the card."""
    assert session.push(folder, name).code == 0
    card = hub.files("datasets", name)["README.md"].decode() + WORDS
    hub.put("datasets", name, {"README.md": card})
    return card


@pytest.mark.parametrize("altered", ALTERED)
def test_one_bad_answer_for_the_card_loses_no_words(
    altered: str, hub: LocalHub, session: Session, dataset: Path
) -> None:
    """A card that does not arrive as it is listed is read again: what a person wrote stays, and nothing else comes."""
    name = f"tester/card-{list(ALTERED).index(altered)}"
    card = published(hub, session, dataset, name)
    fault = hub.fail("GET", f"{name}/resolve/.*README", alter=ALTERED[altered])
    outcome = session.push(dataset, name)
    assert (outcome.code, fault.times) == (0, 0), outcome.err
    assert hub.files("datasets", name)["README.md"].decode() == card
    assert b"Hotel wifi" not in (dataset / "README.md").read_bytes()


def test_a_card_that_never_arrives_ends_the_push(hub: LocalHub, session: Session, dataset: Path) -> None:
    """Behind a page to log in a push ends with the reason, and changes nothing here or there."""
    name = "tester/card-never"
    published(hub, session, dataset, name)
    before, here = hub.files("datasets", name), (dataset / "README.md").read_bytes()
    fault = hub.fail("GET", f"{name}/resolve/.*README", alter=ALTERED["a page to log in"], times=OFTEN)
    outcome = session.push(dataset, name)
    fault.times = 0
    assert outcome.code == 5
    assert "README.md at" in outcome.err
    assert "is not the file that is listed there" in outcome.err
    assert hub.files("datasets", name) == before
    assert (dataset / "README.md").read_bytes() == here


def test_a_bad_answer_for_the_manifest_leaves_no_old_files(hub: LocalHub, session: Session, dataset: Path) -> None:
    """The manifest on the Hub says which files were ours; a cut one is read again, so that old files are removed."""
    name = "tester/manifest"
    published(hub, session, dataset, name)
    manifest = json.loads(hub.files("datasets", name)["manifest.json"])
    [config] = manifest["configs"].values()
    path = "data/tiny/train-00009-of-00010.parquet"
    config["files"].append({**config["files"][0], "path": path})
    hub.put("datasets", name, {"manifest.json": json.dumps(manifest), path: b"old"})
    fault = hub.fail("GET", f"{name}/resolve/.*manifest", alter=ALTERED["cut"])
    outcome = session.push(dataset, name)
    assert (outcome.code, fault.times) == (0, 0), outcome.err
    assert set(hub.files("datasets", name)) - {".gitattributes"} == files_in(dataset)


def lagging(hub: LocalHub, session: Session, folder: Path, name: str, times: int) -> Outcome:
    """Push to a Hub that shows the branch as it was, so many times after the commit."""
    hub.put("datasets", name, {"LICENSE": "words"})
    head = hub.commits("datasets", name)[0].oid
    hub.fail(
        "POST",
        f"{name}/commit/main",
        alter=lambda body: [
            hub.fail("GET", f"/api/datasets/{name}$", alter=lambda b: replaced_head(b, head), times=times),
            body,
        ][1],
    )
    return session.push(folder, name)


def replaced_head(body: bytes, head: str) -> bytes:
    """What a repository says of itself, with an older head."""
    return json.dumps({**json.loads(body), "sha": head, "siblings": []}).encode()


def own_commits(hub: LocalHub, name: str) -> int:
    """Commits that pushes made."""
    return sum(commit.title.startswith("Publish") for commit in hub.commits("datasets", name))


def test_a_commit_that_shows_late_is_waited_for(hub: LocalHub, session: Session, built: Path) -> None:
    """A replica that is behind gives no second commit."""
    outcome = lagging(hub, session, built, "tester/late", 3)
    assert outcome.code == 0, outcome.err
    assert outcome.report is not None
    assert outcome.report["status"] == "pushed"
    assert own_commits(hub, "tester/late") == 1


def test_a_commit_that_never_shows_ends_the_push(hub: LocalHub, session: Session, built: Path) -> None:
    """The push ends, makes one commit, and names it."""
    outcome = lagging(hub, session, built, "tester/never", OFTEN)
    assert outcome.code == 5
    commit = hub.commits("datasets", "tester/never")[0].oid
    assert f"does not show commit {commit[:12]} yet, which the Hub says is done" in outcome.err
    assert own_commits(hub, "tester/never") == 1


def test_a_listing_that_lies_ends_the_push(hub: LocalHub, session: Session, built: Path) -> None:
    """Where the new head is shown with other digests than were sent, one commit is made and not a second."""
    name = "tester/lies"
    hub.put("datasets", name, {"LICENSE": "words"})

    def lie(body: bytes) -> bytes:
        files = json.loads(body)
        for file in files:
            if "lfs" in file:
                file["lfs"]["oid"] = "0" * 64
        return json.dumps(files).encode()

    hub.fail("GET", f"{name}/tree/", alter=lie, times=OFTEN).times = OFTEN
    outcome = session.push(built, name)
    assert outcome.code == 5, outcome.err
    assert "which the Hub says is done" in outcome.err
    assert own_commits(hub, name) == 1


def test_somebody_who_undoes_each_push_ends_it(hub: LocalHub, session: Session, built: Path) -> None:
    """A bot that removes our data after each commit is met six times, not for ever."""
    name = "tester/undone"
    hub.put("datasets", name, {"LICENSE": "words"})

    def undo(body: bytes) -> bytes:
        data = [path for path in hub.files("datasets", name) if path.startswith("data/")]
        hub.put("datasets", name, {}, remove=data)
        return body

    fault = hub.fail("POST", f"{name}/commit/main", alter=undo, times=OFTEN)
    outcome = session.push(built, name)
    fault.times = 0
    assert outcome.code == 6
    assert "was changed by somebody else 6 times" in outcome.err
    assert own_commits(hub, name) == 6


def test_a_listing_without_an_end_ends_the_push(hub: LocalHub, session: Session, built: Path) -> None:
    """Pages that link to themselves are read once."""
    name = "tester/endless"
    hub.put("datasets", name, {"LICENSE": "words"})
    hub.requests.clear()
    fault = hub.fail("GET", f"{name}/tree/", alter=lambda body: json.dumps(json.loads(body) * 2).encode(), times=OFTEN)
    outcome = session.push(built, name)
    fault.times = 0
    assert outcome.code == 5
    assert "names .gitattributes twice" in outcome.err
    assert len(hub.requests_to("GET", f"{name}/tree/")) == 3
