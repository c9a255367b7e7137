"""Promises of reading from the Hub, over real HTTP against a Hub that runs inside the test."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.testing import LocalHub

READER = """
import json, sys
from nextlong_hub.corpus import Piece, Skipped, digest, discover, read
from nextlong_hub.errors import NextLongError
from nextlong_hub.recipe import SourceSettings

for settings in json.loads(sys.argv[1]):
    policy = settings.pop("policy", "fail")
    answer = {"documents": []}
    try:
        pieces = discover([SourceSettings(name="notes", **settings)], piece_bytes=2000)
        answer |= {"pieces": len(pieces), "digest": digest(pieces, None), "revisions": [p.revision for p in pieces]}
        for piece in pieces:
            for result in read(Piece.from_json(json.loads(json.dumps(piece.to_json()))), policy):
                is_skipped = isinstance(result, Skipped)
                answer["documents"].append(result.reason if is_skipped else [result.id, result.text, result.source])
    except NextLongError as error:
        answer |= {"error": type(error).__name__, "exit_code": error.exit_code, "message": str(error)}
    print(json.dumps(answer))
"""


def parquet(texts: list[str], **options: Any) -> bytes:
    """The bytes of a Parquet file of texts."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [f"id-{text}" for text in texts], "text": texts}), sink, **options)
    return sink.getvalue()


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """A Hub with one dataset of every kind, a private and a gated one."""
    with LocalHub() as running:
        card = "---\nconfigs:\n- config_name: default\n  data_files: data/*.parquet\n---\n# Notes\n"
        running.put(
            "datasets",
            "tester/notes",
            {
                "README.md": card,
                ".gitattributes": "",
                "data/a.parquet": parquet(["one", "two"]),
                "data/b.parquet": parquet(["three"]),
                "lines/x.jsonl.gz": gzip.compress(b'{"text": "line"}\n'),
                "texts/a.txt": "alpha",
                "texts/README.md": "read me",
            },
        )
        running.put("datasets", "tester/lines", {"train.jsonl": '{"body": "x"}\n{"body": "y"}\n'})
        running.put(
            "datasets", "tester/large", {"big.parquet": parquet([f"{n} " * 50 for n in range(200)], row_group_size=20)}
        )
        running.put("datasets", "tester/private", {"a.jsonl": '{"text": "x"}\n'}, private=True)
        running.put("datasets", "tester/gated", {"a.jsonl": '{"text": "x"}\n'}, gated=True)
        yield running


def ask(
    hub: LocalHub,
    folder: Path,
    *sources: dict[str, Any],
    account: Literal["owner"] | None = "owner",
    **environment: str,
) -> list[dict[str, Any]]:
    """Discover and read each source in one fresh process, away from any folder of the Hub's names."""
    answer = subprocess.run(
        [sys.executable, "-c", READER, json.dumps(sources)],
        env=os.environ | hub.environment(account) | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def texts(answer: dict[str, Any]) -> list[str]:
    """The texts of the documents of an answer that holds no error."""
    assert "error" not in answer, answer
    return [document[1] for document in answer["documents"]]


def test_files_of_a_repository_are_read_like_local_ones(hub: LocalHub, tmp_path: Path) -> None:
    """A repository, a folder, a glob and a file are read by `hf://` address; the repository's card is no document."""
    base = "hf://datasets/tester/notes"
    whole, folder, pattern, file = ask(
        hub,
        tmp_path,
        {"path": base},
        {"path": f"{base}/texts"},
        {"path": f"{base}@main/data/*.parquet"},
        {"path": f"{base}/lines/x.jsonl.gz"},
    )
    assert texts(whole) == ["one", "two", "three", "line", "read me", "alpha"]
    assert folder["documents"] == [["README.md", "read me", "notes"], ["a.txt", "alpha", "notes"]]
    assert pattern["documents"] == [[f"id-{text}", text, "notes"] for text in ("one", "two", "three")]
    assert file["documents"] == [["x/1", "line", "notes"]]
    assert set(whole["revisions"]) == {hub.commits("datasets", "tester/notes")[0].oid}


def test_dataset_is_read_by_name_a_piece_a_shard(hub: LocalHub, tmp_path: Path) -> None:
    """`user/name` streams the split through `datasets`, each of its files a piece, at one commit."""
    notes, lines = ask(hub, tmp_path, {"path": "tester/notes"}, {"path": "tester/lines", "text_column": "body"})
    assert notes["pieces"] == 2
    assert notes["documents"] == [[f"id-{text}", text, "notes"] for text in ("one", "two", "three")]
    assert set(notes["revisions"]) == {hub.commits("datasets", "tester/notes")[0].oid}
    assert lines["documents"] == [["tester/lines/0/0", "x", "notes"], ["tester/lines/0/1", "y", "notes"]]


def test_large_remote_parquet_is_split_and_fetched_by_parts(hub: LocalHub, tmp_path: Path) -> None:
    """Row groups of a remote file are pieces too, and give its documents in order."""
    [answer] = ask(hub, tmp_path, {"path": "hf://datasets/tester/large"})
    assert answer["pieces"] > 2
    assert texts(answer) == [f"{n} " * 50 for n in range(200)]


def test_commit_is_the_identity_of_a_remote_source(hub: LocalHub, tmp_path: Path) -> None:
    """A new commit is another corpus, and an older revision can still be asked for."""
    hub.put("datasets", "tester/moving", {"a.jsonl": '{"text": "old"}\n'})
    old_commit = hub.commits("datasets", "tester/moving")[0].oid
    [before] = ask(hub, tmp_path, {"path": "hf://datasets/tester/moving"})
    hub.put("datasets", "tester/moving", {"a.jsonl": '{"text": "new"}\n'})
    after, pinned, by_name = ask(
        hub,
        tmp_path,
        {"path": "hf://datasets/tester/moving"},
        {"path": f"hf://datasets/tester/moving@{old_commit}"},
        {"path": "tester/moving", "revision": old_commit},
    )
    assert [texts(answer) for answer in (before, after, pinned, by_name)] == [["old"], ["new"], ["old"], ["old"]]
    assert before["digest"] == pinned["digest"] != after["digest"]


def test_wrong_names_are_data_errors_that_say_what_there_is(hub: LocalHub, tmp_path: Path) -> None:
    """A wrong dataset, revision, path, configuration, split or column is an error with what to set."""
    base = "hf://datasets/tester/notes"
    cases: list[tuple[dict[str, str], str]] = [
        ({"path": "tester/nothing"}, "there is no dataset tester/nothing on the Hub"),
        ({"path": "hf://datasets/tester/nothing/x.jsonl"}, "there is no dataset tester/nothing on the Hub"),
        ({"path": "tester/notes", "revision": "v9"}, "has no revision 'v9'"),
        ({"path": f"{base}@v9"}, "has no revision 'v9'"),
        ({"path": f"{base}/none.jsonl"}, f"there is nothing at {base}/none.jsonl"),
        ({"path": f"{base}/*.csv"}, "looked for *.parquet"),
        ({"path": "hf://models/x"}, "write it as hf://datasets/user/name/path"),
        ({"path": "tester/notes", "split": "dev"}, "Available splits: ['train']"),
        ({"path": "tester/notes", "config": "xl"}, "Available: ['default']"),
        ({"path": "tester/lines"}, 'did you mean text_column = "body"'),
    ]
    answers = ask(hub, tmp_path, *(settings for settings, _ in cases))
    for (settings, words), answer in zip(cases, answers, strict=True):
        assert answer.get("error") == "DataError", (settings, answer)
        assert words in answer["message"]


def test_refusals_are_auth_errors_that_say_how_to_get_in(hub: LocalHub, tmp_path: Path) -> None:
    """A private or gated dataset ends with exit code 4, the page to go to and the command to log in."""
    for answer in ask(
        hub, tmp_path, {"path": "tester/private"}, {"path": "hf://datasets/tester/private"}, account=None
    ):
        assert (answer["error"], answer["exit_code"]) == ("AuthError", 4)
        assert (
            f"hf auth login` with an account that can see {hub.endpoint}/datasets/tester/private" in answer["message"]
        )
    for answer in ask(hub, tmp_path, {"path": "tester/gated"}, {"path": "hf://datasets/tester/gated"}, account=None):
        assert (answer["error"], answer["exit_code"]) == ("AuthError", 4)
        assert (
            f"accept its conditions at {hub.endpoint}/datasets/tester/gated, then run `hf auth login`"
            in answer["message"]
        )
    for answer in ask(hub, tmp_path, {"path": "tester/private"}, {"path": "hf://datasets/tester/gated"}):
        assert texts(answer) == ["x"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set; unset it"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9 could not be reached"),
    ],
    ids=["offline", "unreachable"],
)
def test_hub_that_cannot_be_asked_is_a_network_error(
    environment: dict[str, str], words: str, hub: LocalHub, tmp_path: Path
) -> None:
    """Offline mode, or nobody at the endpoint, ends with exit code 5 and what to do."""
    for answer in ask(hub, tmp_path, {"path": "tester/notes"}, {"path": "hf://datasets/tester/notes"}, **environment):
        assert (answer["error"], answer["exit_code"]) == ("NetworkError", 5)
        assert words in answer["message"]


def test_refusal_in_the_middle_is_never_a_bad_document(hub: LocalHub, tmp_path: Path) -> None:
    """When the Hub fails a download, nothing is skipped as damaged: the build stops with the Hub's error."""
    names = ["data/a.parquet", "lines/x.jsonl.gz", "texts/a.txt"]
    for name in names:
        hub.fail("GET", rf"/resolve/.*{name}$", status=403, times=2)
    base = "hf://datasets/tester/notes"
    for answer in ask(hub, tmp_path, *({"path": f"{base}/{name}", "policy": "skip"} for name in names)):
        assert (answer.get("error"), answer["documents"]) == ("AuthError", [])
