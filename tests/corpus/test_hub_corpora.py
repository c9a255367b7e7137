"""Promises of reading from the Hub, over real HTTP against a Hub that runs inside the test."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import TINY_TOML, run_commands

from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.worlds import make_documents, write_corpus

pytestmark = pytest.mark.slow

NOTES = "hf://datasets/tester/notes"
READER = """
import json, sys
from pydantic import TypeAdapter
from nextlong_hub.corpus import Piece, Skipped, discover, identify, read
from nextlong_hub.errors import NextLongError
from nextlong_hub.corpus.licences import stated_licences
from nextlong_hub.corpus.settings import SourceSettings

pieces_as_json = TypeAdapter(Piece)
for line in sys.stdin:
    settings = json.loads(line)
    policy = settings.pop("policy", "fail")
    answer = {"documents": []}
    try:
        pieces = discover([SourceSettings(name="notes", **settings)], piece_bytes=2000)
        named = SourceSettings(name="notes", **{**settings, "revision": pieces[0].revision})
        answer["licences"] = [[one.license, one.where] for one in stated_licences(named)]
        answer |= {"pieces": len(pieces), "digest": identify(pieces).digest, "revisions": [p.revision for p in pieces]}
        for piece in pieces:
            for result in read(pieces_as_json.validate_json(pieces_as_json.dump_json(piece)), policy):
                is_skipped = isinstance(result, Skipped)
                answer["documents"].append(result.reason if is_skipped else [result.id, result.text, result.source])
    except NextLongError as error:
        answer |= {"error": type(error).__name__, "exit_code": error.exit_code, "message": str(error)}
    print(json.dumps(answer), flush=True)
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
        line = '{"text": "x"}\n'
        grant = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy"
        carded = {"README.md": "---\nlicense: cc-by-nc-4.0\n---\n", "LICENSE": grant, "a.jsonl": line}
        running.put("datasets", "tester/carded", carded)
        running.put("datasets", "tester/granted", {"LICENSE.txt": grant, "data/a.jsonl": line})
        running.put("datasets", "tester/private", {"a.jsonl": '{"text": "x"}\n'}, private=True)
        running.put("datasets", "tester/gated", {"a.jsonl": '{"text": "x"}\n'}, gated=True)
        yield running


class Reader:
    """A process that talks to the Hub as an account does: a source in, what was read of it out."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER],
            env=os.environ | environment,
            cwd=folder,  # where no folder has the name of a dataset
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def read(self, path: str, **settings: str) -> dict[str, Any]:
        """Discover and read one source."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"path": path, **settings}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the reader died; its standard error says why"
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture(scope="module")
def owner(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader who is logged in as the owner of all repositories."""
    with Reader(hub.environment(), tmp_path_factory.mktemp("owner")) as reader:
        yield reader


def texts(answer: dict[str, Any]) -> list[str]:
    """The texts of the documents of an answer that holds no error."""
    assert "error" not in answer, answer
    return [document[1] for document in answer["documents"]]


def test_files_of_a_repository_are_read_like_local_ones(hub: LocalHub, owner: Reader) -> None:
    """A repository is read by its card's configuration, a folder, a glob and a file by what they name."""
    whole = owner.read(NOTES)
    assert texts(whole) == ["one", "two", "three"]
    assert set(whole["revisions"]) == {hub.commits("datasets", "tester/notes")[0].oid}
    folder = owner.read(f"{NOTES}/texts")
    assert folder["documents"] == [["README.md", "read me", "notes"], ["a.txt", "alpha", "notes"]]
    pattern = owner.read(f"{NOTES}@main/data/*.parquet")
    assert pattern["documents"] == [[f"id-{text}", text, "notes"] for text in ("one", "two", "three")]
    assert owner.read(f"{NOTES}/lines/x.jsonl.gz")["documents"] == [["x/1", "line", "notes"]]


def test_dataset_is_read_by_name_a_piece_a_shard(hub: LocalHub, owner: Reader) -> None:
    """`user/name` streams the split through `datasets`, each of its files a piece, at one commit."""
    notes = owner.read("tester/notes")
    assert notes["pieces"] == 2
    assert notes["documents"] == [[f"id-{text}", text, "notes"] for text in ("one", "two", "three")]
    assert set(notes["revisions"]) == {hub.commits("datasets", "tester/notes")[0].oid}
    lines = owner.read("tester/lines", text_column="body")
    assert lines["documents"] == [["tester/lines/0/0", "x", "notes"], ["tester/lines/0/1", "y", "notes"]]


def test_large_remote_parquet_is_split_and_fetched_by_parts(owner: Reader) -> None:
    """Row groups of a remote file are pieces too, and give its documents in order."""
    answer = owner.read("hf://datasets/tester/large")
    assert answer["pieces"] > 2
    assert texts(answer) == [f"{n} " * 50 for n in range(200)]


def test_commit_is_the_identity_of_a_remote_source(hub: LocalHub, owner: Reader) -> None:
    """A new commit is another corpus, and an older revision can still be asked for."""
    moving = "hf://datasets/tester/moving"
    hub.put("datasets", "tester/moving", {"a.jsonl": '{"text": "old"}\n'})
    old_commit = hub.commits("datasets", "tester/moving")[0].oid
    before = owner.read(moving)
    hub.put("datasets", "tester/moving", {"a.jsonl": '{"text": "new"}\n'})
    after = owner.read(moving)
    pinned = owner.read(f"{moving}@{old_commit}")
    by_name = owner.read("tester/moving", revision=old_commit)
    assert [texts(answer) for answer in (before, after, pinned, by_name)] == [["old"], ["new"], ["old"], ["old"]]
    assert before["digest"] == pinned["digest"] != after["digest"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"path": "tester/nothing"}, "there is no dataset tester/nothing on the Hub"),
        ({"path": "hf://datasets/tester/nothing/x.jsonl"}, "there is no dataset tester/nothing on the Hub"),
        ({"path": "tester/notes", "revision": "v9"}, "has no revision 'v9'"),
        ({"path": f"{NOTES}@v9"}, "has no revision 'v9'"),
        ({"path": f"{NOTES}/none.jsonl"}, f"there is nothing at {NOTES}/none.jsonl"),
        ({"path": f"{NOTES}/*.csv"}, "looked for *.arrow"),
        ({"path": "hf://models/x"}, "write it as hf://datasets/user/name/path"),
        ({"path": "tester/notes", "split": "dev"}, "Available splits: ['train']"),
        ({"path": "tester/notes", "config": "xl"}, "Available: ['default']"),
        ({"path": "tester/lines"}, 'did you mean text_column = "body"'),
    ],
)
def test_wrong_name_is_a_data_error_that_says_what_there_is(
    settings: dict[str, str], words: str, owner: Reader
) -> None:
    """A wrong dataset, revision, path, configuration, split or column is an error with what to set."""
    answer = owner.read(**settings)
    assert answer.get("error") in ("DataError", "BadDocumentError"), answer
    assert words in answer["message"]


def test_refusals_are_auth_errors_that_say_how_to_get_in(hub: LocalHub, owner: Reader, tmp_path: Path) -> None:
    """A private or gated dataset ends with exit code 4, the page to go to and the command to log in."""
    page = f"{hub.endpoint}/datasets/tester"
    needed = {
        "private": f"run `hf auth login` with an account that can see {page}/private",
        "gated": f"accept its conditions at {page}/gated, then run `hf auth login`",
    }
    with Reader(hub.environment(account=None), tmp_path) as nobody:
        for name, words in needed.items():
            for path in (f"tester/{name}", f"hf://datasets/tester/{name}"):
                answer = nobody.read(path)
                assert (answer["error"], answer["exit_code"]) == ("AuthError", 4)
                assert words in answer["message"]
    for name in needed:
        assert texts(owner.read(f"tester/{name}")) == texts(owner.read(f"hf://datasets/tester/{name}")) == ["x"]


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
    with Reader(hub.environment() | environment, tmp_path) as reader:
        for path in ("tester/notes", NOTES):
            answer = reader.read(path)
            assert (answer["error"], answer["exit_code"]) == ("NetworkError", 5)
            assert words in answer["message"]


@pytest.mark.parametrize("name", ["data/b.parquet", "lines/x.jsonl.gz", "texts/a.txt"])
def test_refusal_in_the_middle_is_never_a_bad_document(name: str, hub: LocalHub, owner: Reader) -> None:
    """When the Hub fails a download, nothing is skipped as damaged: the build stops with the Hub's error."""
    hub.fail("GET", rf"/resolve/.*{name}$", status=403)
    answer = owner.read(f"{NOTES}/{name}", policy="skip")
    assert (answer.get("error"), answer["documents"]) == ("AuthError", [])


def test_a_dry_run_believes_the_number_of_rows_that_a_dataset_states(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty stated rows in two shards are forty documents; without a number the message says what to do."""
    documents = make_documents(40)
    shards = {}
    for number in range(2):
        write_corpus(tmp_path / "shard.jsonl", documents[number::2])
        shards[f"data/{number}.jsonl"] = (tmp_path / "shard.jsonl").read_bytes()
    features = "  features: [{name: id, dtype: string}, {name: text, dtype: string}, {name: source, dtype: string}]\n"
    splits = "  splits: [{name: train, num_bytes: 1, num_examples: 40}]\n"
    files = "configs: [{config_name: default, data_files: data/*.jsonl}]\n"
    for name, stated in (("counted", f"dataset_info:\n{features}{splits}"), ("silent", "")):
        hub.put("datasets", f"tester/{name}", {"README.md": f"---\n{stated}{files}---\n", **shards})
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    monkeypatch.chdir(tmp_path)
    choices = ["--recipe", "tiny.toml", "--tokenizer", "demo", "--output", "none", "--dry-run", "--json"]
    counted, silent = run_commands(
        *(["build", "--corpus", f"tester/{name}", *choices] for name in ("counted", "silent")), **hub.environment()
    )
    assert counted[0] == 0, counted[2]
    assert json.loads(counted[1])["documents"] == len(documents)
    assert silent[0] == 1
    assert "does not say how many rows its split 'train' has" in silent[2]
    assert not (tmp_path / "none").exists()


def test_the_licence_of_a_repository_is_read(owner: Reader) -> None:
    """In the header of its card, else in a licence file, whatever part of the repository is named."""
    assert owner.read("tester/carded")["licences"] == [["cc-by-nc-4.0", "README.md"]]
    assert owner.read("hf://datasets/tester/carded/a.jsonl")["licences"] == [["cc-by-nc-4.0", "README.md"]]
    assert owner.read("hf://datasets/tester/granted/data")["licences"] == [["mit", "LICENSE.txt"]]
    assert owner.read("hf://datasets/tester/notes/data")["licences"] == []
