"""Promises of `nextlong-hub push`, kept through the real huggingface_hub and read back through the real datasets."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from building import make_request, read_rows
from hub_session import Session, files_in

from nextlong_hub.datacard.text import addressed
from nextlong_hub.pipeline import build
from nextlong_hub.testing import LocalHub

TOKEN = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567"
LOAD = """
import json
from datasets import load_dataset
streamed = load_dataset("tester/nextlong", "tiny", split="train", streaming=True)
whole = load_dataset("tester/nextlong", "tiny", split="train")
print(json.dumps([[row["text"] for row in streamed], whole["text"][:], whole["segments"][0]]))
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """One Hub for all tests; each uses a repository of its own."""
    with LocalHub(organizations=["friends"]) as running:
        yield running


@pytest.fixture(scope="module")
def session(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A process that pushes as the owner; nothing it ever prints holds the token."""
    with Session(hub, tmp_path_factory.mktemp("session")) as opened:
        yield opened
        assert hub.account.token[:12] not in opened.printed
        assert TOKEN[:12] not in opened.printed


@pytest.fixture(scope="module")
def other_built(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another dataset of the same corpus: fewer rows under another seed; nobody may change it."""
    output = tmp_path_factory.mktemp("other") / "dataset"
    build(make_request(corpus_file, rows=4, seed=7), output)
    return output


@pytest.fixture
def other(other_built: Path, tmp_path: Path) -> Path:
    """A copy of it to push."""
    return Path(shutil.copytree(other_built, tmp_path / "other" / "dataset"))


def titles(hub: LocalHub, name: str, revision: str = "main") -> list[str]:
    """The titles of a branch's commits, newest first, without the first of all."""
    return [commit.title for commit in hub.commits("datasets", name, revision)][:-1]


def pushed_files(hub: LocalHub, name: str, revision: str = "main") -> set[str]:
    """The files of a branch without what the Hub itself puts there."""
    return set(hub.files("datasets", name, revision)) - {".gitattributes"}


def changes(hub: LocalHub) -> list[str]:
    """The requests so far that change or send anything."""
    return [request.target for request in hub.requests if request.method not in ("GET", "HEAD")]


@pytest.mark.slow
@pytest.mark.parametrize("xet", [False, True], ids=["lfs", "xet"])
def test_what_is_pushed_loads_whole_and_as_a_stream(xet: bool, built: Path, tmp_path: Path) -> None:
    """The command publishes in one commit; `load_dataset` gives the rows of the folder; `verify hf://` agrees."""
    with LocalHub(xet=xet) as hub, Session(hub, tmp_path) as session:
        outcome = session.run("push", built, "tester/nextlong", "--message", "First rows")
        assert outcome.code == 0, outcome.err
        assert titles(hub, "tester/nextlong") == ["First rows"]
        assert pushed_files(hub, "tester/nextlong") == files_in(built)
        assert bool(hub.requests_to("PUT", "large-files")) is not xet
        assert outcome.out.rstrip().endswith('load_dataset("tester/nextlong", "tiny")')
        checked = session.run("verify", "hf://datasets/tester/nextlong", "--json")
        assert (checked.code, json.loads(checked.out)["faults"]) == (0, [])
        done = subprocess.run(
            [sys.executable, "-c", LOAD],
            env=os.environ | hub.environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    rows = read_rows(built)
    texts = [row["text"] for row in rows]
    streamed, whole, segments = json.loads(done.stdout)
    assert streamed == whole == texts
    assert len(texts) == 8
    assert [segment["document"] for segment in segments] == [segment["document"] for segment in rows[0]["segments"]]


def test_the_same_push_again_changes_nothing(hub: LocalHub, session: Session, built: Path) -> None:
    """It only looks, makes no commit and says so."""
    assert session.run("push", built, "tester/same").code == 0
    before = hub.commits("datasets", "tester/same")
    hub.requests.clear()
    again = session.run("push", built, "tester/same")
    assert (again.code, changes(hub)) == (0, [])
    assert "no commit was made" in again.out
    assert hub.commits("datasets", "tester/same") == before


def test_a_dry_run_shows_what_would_change_and_sends_nothing(
    hub: LocalHub, session: Session, built: Path, other: Path
) -> None:
    """Added, changed, removed and unchanged files, and the bytes to send, for a person and for a program."""
    hub.requests.clear()
    first = session.run("push", built, "tester/dry", "--dry-run", "--json")
    assert changes(hub) == []
    plan = json.loads(first.out)["plan"]
    assert {file["kind"] for file in plan["changes"]["files"]} == {"added"}
    assert [file["path"] for file in plan["changes"]["files"]][-1] == "manifest.json"
    assert session.run("push", built, "tester/dry").code == 0
    hub.requests.clear()
    shown = session.run("push", other, "tester/dry", "--dry-run")
    assert (shown.code, changes(hub)) == (0, [])
    assert "~ data/tiny/train-00000-of-00001.parquet" in shown.out
    assert "~ manifest.json" in shown.out
    assert "0 removed, 1 unchanged" in shown.out


def test_a_new_state_replaces_the_old_in_one_commit(
    hub: LocalHub, session: Session, built: Path, corpus_file: Path, tmp_path: Path
) -> None:
    """Data and recipes of the last push that the folder has no more are removed; what others put there stays."""
    from nextlong_hub.testing import tiny_recipe

    name = "tester/replaced"
    build(make_request(corpus_file, tiny_recipe(name="renamed"), rows=4), tmp_path / "renamed")
    assert session.run("push", built, name).code == 0
    theirs = {"LICENSE": "words", "notes/why.md": "words", "assets/logo.png": b"\x89PNG"}
    hub.put("datasets", name, theirs)
    outcome = session.run("push", tmp_path / "renamed", name)
    assert outcome.code == 0, outcome.err
    assert "- data/tiny/train-00000-of-00001.parquet" in outcome.out
    assert pushed_files(hub, name) == files_in(tmp_path / "renamed") | theirs.keys()
    assert len(titles(hub, name)) == 3


def test_words_written_into_the_card_on_the_hub_stay(
    hub: LocalHub, session: Session, dataset: Path, other: Path
) -> None:
    """A push keeps what a person has added there and brings it into the folder; another folder's push keeps it too."""
    name = "tester/words"
    assert session.run("push", dataset, name).code == 0
    edited = hub.files("datasets", name)["README.md"].decode() + "\nWritten by a person.\n"
    hub.put("datasets", name, {"README.md": edited})
    for folder in (dataset, dataset, other, other):
        outcome = session.run("push", folder, name)
        assert outcome.code == 0, outcome.err
        assert "Written by a person." in hub.files("datasets", name)["README.md"].decode()
        assert addressed((folder / "README.md").read_text(), name) == hub.files("datasets", name)["README.md"].decode()
    assert titles(hub, name).count("Publish tiny with nextlong-hub") <= 3


def test_the_card_on_the_hub_says_its_name(hub: LocalHub, session: Session, dataset: Path) -> None:
    """What a reader copies from the page works as it stands; people's words and the folder's card are left alone."""
    name, card = "tester/named", dataset / "README.md"
    card.write_text(card.read_text() + "\nUSER/NAME is how we write it.\n")
    before = card.read_text()
    assert session.run("push", dataset, name).code == 0
    there = hub.files("datasets", name)["README.md"].decode()
    assert 'load_dataset("tester/named", "tiny"' in there
    assert there.count("USER/NAME") == 1 and "USER/NAME is how we write it." in there
    assert card.read_text() == before
    assert session.run("push", dataset, name).code == 0
    assert len(titles(hub, name)) == 1


def test_words_written_into_the_card_of_the_folder_are_published(
    hub: LocalHub, session: Session, dataset: Path
) -> None:
    """Unless somebody has written on the Hub meanwhile: then theirs stay there, ours stay here, and we are told."""
    name, card = "tester/folder-words", dataset / "README.md"
    assert session.run("push", dataset, name).code == 0
    card.write_text(card.read_text() + "\nWritten here.\n")
    assert session.run("push", dataset, name).code == 0
    assert "Written here." in hub.files("datasets", name)["README.md"].decode()
    card.write_text(card.read_text().replace("Written here.", "Written here, and better."))
    hub.put("datasets", name, {"README.md": hub.files("datasets", name)["README.md"].decode() + "\nWritten there.\n"})
    outcome = session.run("push", dataset, name)
    assert outcome.code == 0, outcome.err
    assert "What you wrote into README.md here is not published" in outcome.out
    assert "Written there." in hub.files("datasets", name)["README.md"].decode()
    assert "Written here, and better." in card.read_text()


def test_who_may_see_a_dataset_never_changes(hub: LocalHub, session: Session, built: Path) -> None:
    """A new one is private if asked for; one that is there is refused if it is not as asked for, before anything."""
    assert session.run("push", built, "tester/hidden", "--private").code == 0
    assert session.run("push", built, "tester/shown").code == 0
    assert session.run("push", built, "tester/hidden").code == 0
    hub.requests.clear()
    for name, option, is_now in (("hidden", "--public", "private"), ("shown", "--private", "public")):
        refused = session.run("push", built, f"tester/{name}", option)
        assert refused.code == 6
        assert f"is {is_now}, and a push never changes who sees a dataset; leave out {option}" in refused.err
    assert changes(hub) == []
    stranger = hub.add_account("passer-by").token
    assert session.run("verify", "hf://datasets/tester/hidden", token=stranger).code == 1
    assert session.run("verify", "hf://datasets/tester/shown", token=stranger).code == 0


def test_a_proposal_leaves_main_alone_and_is_made_once(
    hub: LocalHub, session: Session, built: Path, other: Path
) -> None:
    """Anybody can propose; the pull request holds everything; the same proposal again opens no second one."""
    name = "tester/proposed"
    assert session.run("push", built, name).code == 0
    before = hub.commits("datasets", name)
    stranger = hub.add_account("stranger").token
    refused = session.run("push", other, name, token=stranger)
    assert (refused.code, "--create-pr to propose it" in refused.err) == (4, True)
    for _ in range(2):
        outcome = session.run("push", other, name, "--create-pr", token=stranger)
        assert outcome.code == 0, outcome.err
        assert f"{hub.endpoint}/datasets/{name}/discussions/1" in outcome.out
    assert hub.commits("datasets", name) == before
    assert pushed_files(hub, name, "refs/pr/1") == files_in(other)
    with pytest.raises(Exception, match="refs/pr/2"):
        hub.commits("datasets", name, "refs/pr/2")


def test_what_is_too_much_for_one_commit_arrives_at_once_all_the_same(
    hub: LocalHub, session: Session, built: Path
) -> None:
    """A pull request is filled in steps and merged: main goes from nothing to everything in one commit."""
    name = "tester/steps"
    outcome = session.push(built, name, limits={"files": 2})
    assert outcome.report is not None, outcome.err
    assert (outcome.report["status"], outcome.report["faults"]) == ("pushed", [])
    assert outcome.report["plan"]["in_steps"]
    assert len(titles(hub, name)) == 1
    assert pushed_files(hub, name) == files_in(built)
    steps = hub.commits("datasets", name, "refs/pr/1")
    sizes = [len(commit.tree) for commit in reversed(steps)]
    assert len(steps) > 2
    assert all(later - earlier <= 2 for earlier, later in pairwise(sizes))


def test_steps_that_were_interrupted_go_on_in_the_same_pull_request(
    hub: LocalHub, session: Session, built: Path
) -> None:
    """After a failure in the second step main is as it was; the next push fills the rest and merges."""
    name = "tester/resumed"
    hub.put("datasets", name, {"LICENSE": "words"})
    hub.requests.clear()
    fault = hub.fail("POST", "validate-yaml", status=500, times=99)  # the card is in the second step
    first = session.push(built, name, limits={"files": 2}, retry_policy={"first_seconds": 0.01})
    assert first.code == 5
    assert pushed_files(hub, name) == {"LICENSE"}
    assert "data/tiny/train-00000-of-00001.parquet" in pushed_files(hub, name, "refs/pr/1")
    fault.times = 0
    again = session.push(built, name, limits={"files": 2})
    assert again.report is not None, again.err
    assert again.report["proposal"].endswith("/discussions/1")
    assert pushed_files(hub, name) == files_in(built) | {"LICENSE"}
    sent = [request.target.partition("?")[0] for request in hub.requests_to("PUT", "large-files/whole")]
    assert len(sent) == len(set(sent)) > 0


def test_a_pull_request_that_does_not_go_together_is_replaced(hub: LocalHub, session: Session, built: Path) -> None:
    """When main has changed the same files, the pull request is closed and a new one made on top of what is there."""
    name = "tester/moved"
    hub.fail("POST", r"discussions/1/merge", status=409)
    outcome = session.push(built, name, limits={"files": 2})
    assert outcome.report is not None, outcome.err
    assert outcome.report["status"] == "pushed"
    assert len(titles(hub, name)) == 1
    assert pushed_files(hub, name) == files_in(built)


def test_a_lost_answer_to_the_merge_merges_once(hub: LocalHub, session: Session, built: Path) -> None:
    """The next look finds everything on main, and nothing is done again."""
    name = "tester/merged"
    hub.fail("POST", r"discussions/1/merge", drop_after=True)
    outcome = session.push(built, name, limits={"files": 2}, retry_policy={"first_seconds": 0.01})
    assert outcome.report is not None, outcome.err
    assert outcome.report["status"] == "pushed"
    assert len(titles(hub, name)) == 1


def test_a_branch_is_made_and_filled_beside_main(hub: LocalHub, session: Session, built: Path) -> None:
    """`--revision` publishes there and only there."""
    name = "tester/branch"
    hub.put("datasets", name, {"LICENSE": "words"})
    outcome = session.run("push", built, name, "--revision", "try/1")
    assert outcome.code == 0, outcome.err
    assert 'revision="try/1"' in outcome.out
    assert pushed_files(hub, name) == {"LICENSE"}
    assert pushed_files(hub, name, "try/1") == files_in(built) | {"LICENSE"}
    assert session.run("verify", f"hf://datasets/{name}@try%2F1").code == 0


@pytest.mark.parametrize("place", ["card", "parquet", "schema"])
def test_a_folder_that_holds_a_token_is_not_published(
    place: str, hub: LocalHub, session: Session, dataset: Path
) -> None:
    """In the card or in the metadata of a Parquet file: it is found before the Hub is even asked, and never shown."""
    if place == "card":
        card = dataset / "README.md"
        card.write_text(card.read_text() + f"\nexport HF_TOKEN={TOKEN}\n")
        found = f"README.md, line {len(card.read_text().splitlines())}"
    else:
        shard = next(dataset.glob("data/*/*.parquet"))
        table = pq.read_table(shard)
        if place == "schema":
            field = table.schema.field("id").with_metadata({"by": TOKEN})
            table = table.cast(table.schema.set(table.schema.get_field_index("id"), field))
        pq.write_table(table.replace_schema_metadata({"token": TOKEN} if place == "parquet" else {}), shard)
        seal(dataset, shard)
        found = f"{shard.relative_to(dataset).as_posix()}, in its metadata"
    hub.requests.clear()
    refused = session.run("push", dataset, "tester/leak")
    assert refused.code == 1
    assert found in refused.err
    assert hub.requests == []


def seal(folder: Path, shard: Path) -> None:
    """Make the manifest say of a changed shard what it is now."""
    from nextlong_hub.core.files import sha256_of
    from nextlong_hub.dataset.manifest import Manifest, read_manifest, write_manifest

    manifest = read_manifest(folder)
    assert manifest is not None
    values = manifest.model_dump(mode="json")
    for config in values["configs"].values():
        for file in config["files"]:
            if file["path"] == shard.relative_to(folder).as_posix():
                file |= {"sha256": sha256_of(shard), "bytes": shard.stat().st_size}
    write_manifest(folder, Manifest.model_validate(values))


def test_only_what_belongs_to_the_dataset_is_sent(hub: LocalHub, session: Session, dataset: Path) -> None:
    """Work in progress, secrets and strays beside it stay at home."""
    (dataset / ".env").write_text(f"HF_TOKEN={TOKEN}\n")
    (dataset / "stray.parquet").write_bytes(b"PAR1")
    (dataset / "data" / "notes.txt").write_text(TOKEN)
    outcome = session.run("push", dataset, "tester/belongs")
    assert outcome.code == 0, outcome.err
    assert (dataset / ".work").is_dir()
    assert pushed_files(hub, "tester/belongs") == files_in(dataset)


@pytest.mark.parametrize("damage", ["missing", "changed", "linked", "unfinished"])
def test_a_folder_that_is_not_what_it_says_is_refused_before_the_hub_is_asked(
    damage: str, hub: LocalHub, session: Session, dataset: Path, tmp_path: Path
) -> None:
    """A shard that is gone, altered or a symbolic link, or no manifest at all: exit 1 and not one request."""
    shard = next(dataset.glob("data/*/*.parquet"))
    if damage == "missing":
        shard.unlink()
    elif damage == "changed":
        shard.write_bytes(shard.read_bytes()[:-1] + b"0")
    elif damage == "linked":
        shutil.move(shard, tmp_path / "elsewhere.parquet")
        shard.symlink_to(tmp_path / "elsewhere.parquet")
    else:
        (dataset / "manifest.json").unlink()
    hub.requests.clear()
    refused = session.run("push", dataset, "tester/damaged")
    assert refused.code == 1
    assert "Error: " in refused.err
    assert hub.requests == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nextlong", "write it as USER/NAME"),
        ("a/b/c", "write it as USER/NAME"),
        ("tester/..", "cannot be the name"),
        ("tester/a b", "write it as USER/NAME"),
        ("models/tester/x", "only a dataset can hold this"),
        ("hf://spaces/tester/x", "only a dataset can hold this"),
    ],
)
def test_a_name_that_cannot_be_is_refused_at_once(
    name: str, words: str, hub: LocalHub, session: Session, built: Path
) -> None:
    """With what it must look like."""
    hub.requests.clear()
    refused = session.run("push", built, name)
    assert (refused.code, changes(hub)) == (1, [])
    assert words in refused.err


def test_who_may_not_write_is_told_before_a_byte_is_sent(hub: LocalHub, session: Session, built: Path) -> None:
    """A token that only reads, somebody else's name, nobody logged in: exit 4 and no request that changes anything."""
    reader = hub.add_account("reader", role="read")
    member = hub.add_account("member", organizations=["crew"], reader_of=["press"])
    cases = {
        ("reader/x", reader.token): "your token can only read",
        ("tester/x", member.token): "name it as one of crew/…, member/…, or use",
        ("press/x", member.token): "name it as one of crew/…, member/…, or use",
        ("tester/y", "hf_" + "nobody" * 6): "the Hub does not know you",
        ("tester/z", ""): "you are not logged in",
    }
    hub.requests.clear()
    for (name, token), words in cases.items():
        refused = session.run("push", built, name, token=token)
        assert (refused.code, words in refused.err) == (4, True), refused.err
    assert changes(hub) == []


def test_an_organisation_can_be_published_to(hub: LocalHub, session: Session, built: Path) -> None:
    """Of which the account is a member."""
    assert session.run("push", built, "friends/nextlong").code == 0
    assert pushed_files(hub, "friends/nextlong") == files_in(built)


def test_a_model_of_the_same_name_and_a_gate_are_mentioned(hub: LocalHub, session: Session, built: Path) -> None:
    """Neither hinders a push, but one wants to know."""
    hub.put("models", "tester/twin", {"config.json": "{}"})
    assert "There is a model of that name" in session.run("push", built, "tester/twin").out
    hub.put("datasets", "tester/gate", {"LICENSE": "words"}, gated=True)
    assert "The dataset is gated" in session.run("push", built, "tester/gate").out


@pytest.mark.slow
@pytest.mark.parametrize(("reply", "commits"), [("n", 0), ("y", 1)])
def test_on_a_terminal_one_is_asked(reply: str, commits: int, hub: LocalHub, built: Path) -> None:
    """Nothing is sent without a yes."""
    name = f"tester/asked-{reply}"
    hub.put("datasets", name, {"LICENSE": "words"})
    theirs, ours = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from nextlong_hub.cli import main; main()", "push", str(built), name, "-q"],
        env=os.environ | hub.environment() | {"TERM": "dumb"},
        stdin=ours,
        stdout=ours,
        stderr=ours,
    )
    os.close(ours)
    os.write(theirs, f"{reply}\n".encode())
    shown = b""
    try:
        while part := os.read(theirs, 4096):
            shown += part
    except OSError:  # the other side is closed: the command has ended
        pass
    os.close(theirs)
    assert process.wait() == 0, shown
    assert b"Publish this?" in shown
    assert len(titles(hub, name)) == 1 + commits


def test_a_published_dataset_is_checked_without_downloading_it(hub: LocalHub, session: Session, built: Path) -> None:
    """Whatever somebody changes on the Hub is named by `verify hf://`, exit 3; the commit of the push still passes."""
    name, address = "tester/checked", "hf://datasets/tester/checked"
    assert session.run("push", built, name).code == 0
    good = hub.commits("datasets", name)[0].oid
    hub.requests.clear()
    assert session.run("verify", address).code == 0
    downloaded = {request.target.rpartition("/")[2] for request in hub.requests_to("GET", "/resolve/")}
    assert downloaded == {"README.md", "manifest.json"}
    shard = "data/tiny/train-00000-of-00001.parquet"
    content = hub.files("datasets", name)[shard]
    card = hub.files("datasets", name)["README.md"].decode()
    for put, remove, words in (
        ({shard: content[:-1]}, [], f"{shard}: has {len(content) - 1:,} bytes instead of {len(content):,}"),
        ({shard: content[:-1] + b"0"}, [], f"{shard}: its sha256 is "),
        ({}, [shard], f"{shard}: is missing"),
        ({shard: content, "data/tiny/extra.parquet": b"PAR1"}, [], "data/tiny/extra.parquet: is not in the manifest"),
        ({"recipes/tiny.toml": "name = 1"}, ["data/tiny/extra.parquet"], "recipes/tiny.toml: is not the recipe"),
        ({}, ["recipes/tiny.toml"], "recipes/tiny.toml: is missing"),
        ({"README.md": card.replace(shard, "data/tiny/other.parquet")}, [], "README.md: its header lists other files"),
        ({}, ["README.md"], "README.md: is missing"),
        ({"manifest.json": "{}"}, [], "manifest.json: there is none"),
    ):
        hub.put("datasets", name, put, remove=remove)
        found = session.run("verify", address)
        assert found.code == 3
        assert words in found.out.splitlines()[0] or any(line.startswith(words) for line in found.out.splitlines())
    assert session.run("verify", f"{address}@{good}").code == 0


def test_data_that_others_put_there_stops_a_push_until_its_removal_is_asked_for(
    hub: LocalHub, session: Session, built: Path
) -> None:
    """The dry run names it, a push sends nothing and says how to go on, and that works, in one commit."""
    name, old = "tester/taken", "data/train-00000-of-00001.parquet"
    hub.put("datasets", name, {"README.md": "# Old", old: b"PAR1", "notes/mine.md": "stays"})
    before = titles(hub, name)
    planned = session.run("push", built, name, "--dry-run")
    assert planned.code == 0 and f"! {old}" in planned.out
    refused = session.run("push", built, name)
    assert refused.code == 6 and old in refused.err and "--remove-foreign" in refused.err
    assert titles(hub, name) == before
    pushed = session.run("push", built, name, "--remove-foreign")
    assert pushed.code == 0 and f"- {old}" in pushed.out
    assert len(titles(hub, name)) == len(before) + 1
    assert old not in hub.files("datasets", name) and "notes/mine.md" in hub.files("datasets", name)


def test_a_gated_dataset_says_where_to_ask(hub: LocalHub, session: Session, built: Path) -> None:
    """Its listing is open, its card is not: exit 4 and the page with its conditions."""
    hub.put("datasets", "tester/gated", {"README.md": "# Notes", "manifest.json": "{}"}, gated=True)
    guest = hub.add_account("guest").token
    for command in (["verify", "hf://datasets/tester/gated"], ["push", str(built), "tester/gated", "--create-pr"]):
        refused = session.run(*command, token=guest)
        assert refused.code == 4
        assert f"accept its conditions at {hub.endpoint}/datasets/tester/gated" in refused.err


@pytest.mark.slow
def test_offline_mode_is_respected(hub: LocalHub, built: Path, tmp_path: Path) -> None:
    """With HF_HUB_OFFLINE nothing is asked, not even several times: exit 5 with what to unset."""
    hub.requests.clear()
    with Session(hub, tmp_path, environment={"HF_HUB_OFFLINE": "1"}) as offline:
        refused = offline.run("push", built, "tester/offline")
    assert (refused.code, "unset it" in refused.err, hub.requests) == (5, True, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["hf://datasets/tester/nothing"], 1, "is no dataset that you can see"),
        (["hf://datasets/tester/there@v9"], 1, "has no revision 'v9'"),
        (["hf://models/tester/x"], 1, "write it as hf://datasets/USER/NAME"),
        (["hf://datasets/tester/there", "--tokenizer", "demo"], 2, "hf download tester/there --repo-type dataset"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(
    arguments: list[str], code: int, words: str, hub: LocalHub, session: Session
) -> None:
    """With what to do instead."""
    hub.put("datasets", "tester/there", {"LICENSE": "words"})
    refused = session.run("verify", *arguments)
    assert (refused.code, words in refused.err) == (code, True), refused.err


@pytest.mark.slow
def test_the_example_publishes_loads_and_verifies(corpus_file: Path, tmp_path: Path) -> None:
    """Run as it stands, in the folder above a dataset; what it loads is what it streams."""
    from nextlong_hub.testing import tiny_recipe

    build(make_request(corpus_file, tiny_recipe(name="128k"), rows=4), tmp_path / "nextlong")
    example = Path(__file__).parents[2] / "examples" / "03_push_to_a_local_hub.py"
    done = subprocess.run([sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no commit was made" in done.stdout
    assert "loaded:   4 rows, the first is the same: True" in done.stdout
