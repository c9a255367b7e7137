"""What a push must do with whatever huggingface_hub is installed; `check_hub_versions.py` runs this in many places."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.testing import LocalHub, make_documents, tiny_recipe, write_corpus

COMMAND = [sys.executable, "-c", "from nextlong_hub.cli import main; main()"]
LOAD = """
from datasets import load_dataset
rows = load_dataset("tester/nextlong", "tiny", split="train")
stream = load_dataset("tester/nextlong", "tiny", split="train", streaming=True)
print(rows.num_rows, [row["text"] for row in stream] == rows["text"][:])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset of four rows."""
    place = tmp_path_factory.mktemp("world")
    corpus = write_corpus(place / "corpus.jsonl", make_documents(40))
    sources = (SourceSettings(name="world", path=str(corpus)),)
    request = BuildRequest(recipes=(tiny_recipe(),), sources=sources, tokenizer="demo", rows={"tiny": 4})
    build(request, place / "dataset")
    return place / "dataset"


def run(hub: LocalHub, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the owner."""
    return subprocess.run(
        command, env=os.environ | hub.environment(), capture_output=True, text=True, check=False, timeout=120
    )


def push(hub: LocalHub, folder: Path, *options: str) -> dict[str, Any]:
    """Push; what the command printed."""
    done = run(hub, *COMMAND, "push", str(folder), "tester/nextlong", "--json", "--quiet", *options)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("xet", [False, True], ids=["lfs", "xet"])
def test_a_push_is_one_commit_that_loads(xet: bool, folder: Path) -> None:
    """Published, verified, loaded whole and as a stream; the same again makes no commit."""
    with LocalHub(xet=xet) as hub:
        first, again = push(hub, folder), push(hub, folder)
        assert (first["status"], first["faults"], again["status"]) == ("pushed", [], "unchanged")
        assert len(hub.commits("datasets", "tester/nextlong")) == 2
        assert bool(hub.requests_to("PUT", "large-files")) is not xet
        verified = run(hub, *COMMAND, "verify", "hf://datasets/tester/nextlong")
        assert verified.returncode == 0, verified.stdout
        assert run(hub, sys.executable, "-c", LOAD).stdout == "4 True\n"


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        ("POST", "/commit/", {"status": 412}),
        ("POST", "/commit/", {"status": 429, "headers": {"Retry-After": "0"}}),
        ("POST", "/commit/", {"status": 500, "headers": {"Retry-After": "0"}}),
        ("POST", "/commit/", {"drop_after": True}),
        ("POST", "/preupload/", {"status": 503, "headers": {"Retry-After": "0"}}),
        ("POST", "objects/batch", {"status": 503, "headers": {"Retry-After": "0"}}),
        ("PUT", "large-files", {"reset_after_bytes": 9000}),
        ("POST", "/commit/", {"status": 413}),
    ],
    ids=["412", "429", "500", "lost answer", "preupload 503", "batch 503", "reset", "413"],
)
def test_a_fault_is_made_good(method: str, path: str, fault: dict[str, Any], folder: Path) -> None:
    """One whole commit in the end."""
    with LocalHub() as hub:
        hub.fail(method, path, **fault)
        assert push(hub, folder)["status"] == "pushed"
        assert len(hub.commits("datasets", "tester/nextlong")) == 2


def test_nothing_is_waited_for_without_end(folder: Path) -> None:
    """An answer that does not come is a fault like any other."""
    code = f"""
from pathlib import Path
from nextlong_hub.publish import RetryPolicy, push
policy = RetryPolicy(answer_seconds=0.5, first_seconds=0.01)
print(push(Path({str(folder)!r}), "tester/nextlong", retry_policy=policy).status)
"""
    with LocalHub() as hub:
        hub.fail("POST", "/commit/", delay_seconds=20.0)
        done = run(hub, sys.executable, "-c", code)
        assert done.stdout == "pushed\n", done.stderr
        assert len(hub.commits("datasets", "tester/nextlong")) == 2


def test_a_proposal_is_made(folder: Path) -> None:
    """Main stays as it is."""
    with LocalHub() as hub:
        before = hub.put("datasets", "tester/nextlong", {"LICENSE": "words"})
        answer = push(hub, folder, "--create-pr")
        assert (answer["status"], answer["proposal"].rpartition("/")[2]) == ("proposed", "1")
        assert hub.commits("datasets", "tester/nextlong")[0] == before
