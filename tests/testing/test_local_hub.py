"""The local Hub is enough of a Hub for the real clients, each run in a process of its own as users run them."""

import json
import os
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.testing import Account, LocalHub

pytestmark = pytest.mark.slow

README = """---
license: mit
configs:
- config_name: 128k
  data_files:
  - split: train
    path: data/128k/train-*
---
# Notes
"""


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A running Hub whose large files go in parts of 100 kB."""
    with LocalHub(part_bytes=100_000) as running:
        yield running


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """Two Parquet shards, the second above 100 kB, and the card that names them."""
    data = tmp_path / "folder" / "data" / "128k"
    data.mkdir(parents=True)
    for shard, characters in enumerate((10, 120_000)):
        noise = "".join(chr(97 + (i * i + i // 7) % 26) for i in range(characters))
        table = pa.table({"id": [f"row-{shard}"], "text": [noise]})
        pq.write_table(table, data / f"train-{shard:05d}-of-00002.parquet", compression="none")
    (tmp_path / "folder" / "README.md").write_text(README)
    return tmp_path / "folder"


def run_client(hub: LocalHub, code: str, *, account: Account | Literal["owner"] | None = "owner") -> Any:
    """Run `code` in a fresh interpreter that talks to the Hub; its `answer` comes back as JSON."""
    # It leaves at once: with a thread of Arrow at work behind a stream, the end of Python may abort.
    ends = "print('ANSWER', json.dumps(answer), flush=True)\nos._exit(0)"
    script = f"import json, os, sys\n{textwrap.dedent(code)}\n{ends}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | hub.environment(account),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("ANSWER ")[2])


def fetch(hub: LocalHub, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """One plain HTTP request, without any client library."""
    request = urllib.request.Request(hub.endpoint + path, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(), dict(refusal.headers)


def test_a_pushed_folder_comes_back_byte_for_byte(hub: LocalHub, dataset_folder: Path, tmp_path: Path) -> None:
    """Push and snapshot carry every byte, in one part and in several; a second push makes no commit."""
    answer = run_client(
        hub,
        f"""
        from huggingface_hub import HfApi, snapshot_download
        api = HfApi()
        api.create_repo("tester/notes", repo_type="dataset")
        to = dict(repo_id="tester/notes", repo_type="dataset")
        push = lambda: api.upload_folder(**to, folder_path={str(dataset_folder)!r})
        first, again = push().oid, push().oid
        snapshot_download("tester/notes", repo_type="dataset", local_dir={str(tmp_path / "copy")!r})
        answer = [api.whoami()["name"], first, again, api.list_repo_files("tester/notes", repo_type="dataset")]
        """,
    )
    files = {p.relative_to(dataset_folder).as_posix(): p.read_bytes() for p in dataset_folder.rglob("*") if p.is_file()}
    assert len(files) == 3
    for path, content in files.items():
        assert hub.files("datasets", "tester/notes")[path] == content
        assert (tmp_path / "copy" / path).read_bytes() == content
    head, initial = hub.commits("datasets", "tester/notes")
    assert answer == ["tester", head.oid, head.oid, sorted([".gitattributes", *files])]
    assert initial.parent is None
    assert len(hub.requests_to("PUT", "/large-files/whole/")) == 1
    assert len(hub.requests_to("PUT", "/large-files/part/")) == 2


def test_the_published_folder_loads_whole_and_as_a_stream(hub: LocalHub, dataset_folder: Path) -> None:
    """`load_dataset` reads what the card names, into memory and as a stream; an unknown repository is not found."""
    hub.put(
        "datasets",
        "tester/notes",
        {p.relative_to(dataset_folder).as_posix(): p.read_bytes() for p in dataset_folder.rglob("*") if p.is_file()},
    )
    answer = run_client(
        hub,
        """
        from datasets import get_dataset_config_names, load_dataset
        from datasets.exceptions import DatasetNotFoundError
        try:
            load_dataset("tester/none", "128k")
            unknown = "found"
        except DatasetNotFoundError:
            unknown = "not found"
        streamed = load_dataset("tester/notes", "128k", split="train", streaming=True)
        loaded = load_dataset("tester/notes", "128k", split="train")
        answer = [get_dataset_config_names("tester/notes"), loaded["id"][:], [row["id"] for row in streamed],
                  [len(text) for text in loaded["text"]], unknown]
        """,
    )
    assert answer == [["128k"], ["row-0", "row-1"], ["row-0", "row-1"], [10, 120_000], "not found"]


def test_datasets_can_push_and_load_back(hub: LocalHub) -> None:
    """`Dataset.push_to_hub` works, in a private repository too."""
    answer = run_client(
        hub,
        """
        from datasets import Dataset, load_dataset
        Dataset.from_dict({"n": [1, 2, 3]}).push_to_hub("tester/numbers", "small", private=True)
        answer = load_dataset("tester/numbers", "small", split="train")["n"][:]
        """,
    )
    assert answer == [1, 2, 3]
    assert fetch(hub, "/api/datasets/tester/numbers")[0] == 401


def test_the_file_system_globs_and_reads_pieces(hub: LocalHub, dataset_folder: Path) -> None:
    """`hf://` paths can be globbed, listed at a branch, and read piece by piece."""
    shard = dataset_folder / "data/128k/train-00001-of-00002.parquet"
    hub.put(
        "datasets", "tester/notes", {"data/a.parquet": shard.read_bytes(), "data/deep/b.txt": "bee", "c.txt": "sea"}
    )
    hub.put("datasets", "tester/notes", {"data/draft.txt": "later"}, revision="a/draft", remove=["c.txt"])
    answer = run_client(
        hub,
        """
        import pyarrow.parquet as pq
        from huggingface_hub import HfFileSystem
        fs = HfFileSystem()
        inside = "datasets/tester/notes/"
        with fs.open(inside + "data/a.parquet") as handle:
            rows = pq.read_table(handle, use_threads=False, pre_buffer=False).num_rows
        answer = [rows, fs.glob(inside + "**/*.txt"), fs.cat(inside + "data/deep/b.txt", start=1).decode(),
                  sorted(fs.ls("datasets/tester/notes@a%2Fdraft/data", detail=False)),
                  fs.exists(inside + "none.txt"), fs.info(inside + "data/a.parquet")["size"]]
        """,
    )
    assert answer == [
        1,
        ["datasets/tester/notes/c.txt", "datasets/tester/notes/data/deep/b.txt"],
        "ee",
        [f"datasets/tester/notes@a%2Fdraft/data/{name}" for name in ("a.parquet", "deep", "draft.txt")],
        False,
        shard.stat().st_size,
    ]


def test_commits_conflict_branch_and_propose(hub: LocalHub) -> None:
    """A stale parent gives 412 and changes nothing; branches, tags and pull requests keep their own heads."""
    first = hub.put("datasets", "tester/notes", {"a.txt": "one", "old/b.txt": "two"})
    answer = run_client(
        hub,
        f"""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
        from huggingface_hub.errors import HfHubHTTPError
        api, to = HfApi(), dict(repo_id="tester/notes", repo_type="dataset")
        api.create_tag(**to, tag="v1")
        api.create_branch(**to, branch="side")
        changes = [CommitOperationAdd("a.txt", b"ONE"), CommitOperationDelete("old/")]
        done = api.create_commit(**to, operations=changes, commit_message="change", parent_commit={first.oid!r})
        try:
            api.create_commit(**to, operations=[CommitOperationAdd("late.txt", b"x")], commit_message="late",
                              parent_commit={first.oid!r})
            status = None
        except HfHubHTTPError as error:
            status = error.response.status_code
        late = [CommitOperationAdd("late.txt", b"x")]
        pull = api.create_commit(**to, operations=late, commit_message="proposal", create_pr=True)
        api.comment_discussion(**to, discussion_num=pull.pr_num, comment="please")
        before = api.file_exists("tester/notes", "late.txt", repo_type="dataset")
        api.merge_pull_request(**to, discussion_num=pull.pr_num)
        details = api.get_discussion_details(**to, discussion_num=pull.pr_num)
        refs = api.list_repo_refs(**to, include_pull_requests=True)
        answer = [status, pull.pr_num, before, details.status, [type(e).__name__ for e in details.events],
                  [b.name for b in refs.branches], [t.name for t in refs.tags], [p.ref for p in refs.pull_requests],
                  [d.title for d in api.get_repo_discussions("tester/notes", repo_type="dataset")],
                  [c.title for c in api.list_repo_commits(**to)]]
        api.delete_branch(**to, branch="side")
        api.delete_tag(**to, tag="v1")
        """,
    )
    events = ["DiscussionComment", "DiscussionStatusChange"]
    titles = ["proposal (#1)", "change", "put by the test", "initial commit"]
    assert answer == [412, 1, False, "merged", events, ["main", "side"], ["v1"], ["refs/pr/1"], ["proposal"], titles]
    assert set(hub.files("datasets", "tester/notes")) == {".gitattributes", "a.txt", "late.txt"}
    assert hub.files("datasets", "tester/notes", first.oid)["old/b.txt"] == b"two"
    assert fetch(hub, "/datasets/tester/notes/resolve/v1/a.txt")[2]["X-Error-Code"] == "RevisionNotFound"


def test_private_gated_and_unknown_repositories_are_refused_as_on_the_hub(hub: LocalHub) -> None:
    """Strangers get the clients' own exceptions: not found, gated, forbidden."""
    hub.put("datasets", "tester/secret", {"a.txt": "x"}, private=True)
    hub.put("datasets", "tester/gated", {"a.txt": "x"}, gated=True)
    stranger, guest = hub.add_account("stranger"), hub.add_account("guest", role="read")
    hub.admit("datasets", "tester/gated", guest)
    code = """
        from huggingface_hub import HfApi
        api = HfApi()
        def outcome(call, *args, **kwargs):
            try:
                call(*args, **kwargs, repo_type="dataset")
            except Exception as error:
                return [type(error).__name__, error.response.status_code]
            return "done"
        answer = [outcome(api.hf_hub_download, f"tester/{name}", "a.txt") for name in ("secret", "gated", "nothing")]
        answer.append(outcome(api.repo_info, "tester/gated"))
        answer.append(outcome(api.upload_file, path_or_fileobj=b"x", path_in_repo="b.txt", repo_id="tester/gated"))
    """
    missing = "RepositoryNotFoundError"
    assert run_client(hub, code, account=None) == [
        [missing, 401],
        ["GatedRepoError", 401],
        [missing, 401],
        "done",
        ["HfHubHTTPError", 401],
    ]
    assert run_client(hub, code, account=stranger) == [
        [missing, 404],
        ["GatedRepoError", 403],
        [missing, 404],
        "done",
        ["HfHubHTTPError", 403],
    ]
    assert run_client(hub, code, account=guest)[1] == "done"
    assert set(hub.files("datasets", "tester/gated")) == {".gitattributes", "a.txt"}


def test_faults_come_in_the_number_asked_for(hub: LocalHub) -> None:
    """A 500 that clears lets the client's retry succeed; a 429 reaches the caller with its headers and body."""
    hub.put("datasets", "tester/notes", {"a.txt": "hello"})
    broken = hub.fail("GET", r"/resolve/main/a\.txt", status=500, times=1)
    hub.fail("POST", r"/commit/main", status=429, headers={"Retry-After": "7"}, body={"error": "slow down"})
    answer = run_client(
        hub,
        """
        from huggingface_hub import HfApi, HfFileSystem
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        with HfFileSystem().open("datasets/tester/notes/a.txt") as handle:
            text = handle.read().decode()
        def upload():
            api.upload_file(path_or_fileobj=b"x", path_in_repo="b.txt", repo_id="tester/notes", repo_type="dataset")
        try:
            upload()
            refused = None
        except HfHubHTTPError as error:
            refused = [error.response.status_code, error.response.headers["Retry-After"], "slow down" in str(error)]
        upload()
        answer = [text, refused]
        """,
    )
    assert answer == ["hello", [429, "7", True]]
    assert broken.times == 0
    assert [request.status for request in hub.requests_to("POST", "/commit/")] == [429, 200]
    assert hub.files("datasets", "tester/notes")["b.txt"] == b"x"


def test_a_lost_answer_hides_a_commit_that_happened(hub: LocalHub) -> None:
    """With `drop_after` the request is carried out, the connection closes, and the log says so."""
    hub.put("datasets", "tester/notes", {"a.txt": "hello"})
    hub.fail("POST", r"/commit/", drop_after=True)
    answer = run_client(
        hub,
        """
        from huggingface_hub import HfApi
        try:
            HfApi().upload_file(path_or_fileobj=b"x", path_in_repo="b.txt", repo_id="tester/notes", repo_type="dataset")
            answer = "answered"
        except Exception as error:
            answer = "lost"
        """,
    )
    assert answer == "lost"
    assert hub.files("datasets", "tester/notes")["b.txt"] == b"x"
    assert [(request.status, request.user) for request in hub.requests_to("POST", "/commit/")] == [(0, "tester")]


def test_a_card_the_hub_would_refuse_is_refused(hub: LocalHub) -> None:
    """Two default configurations, a number for a licence, broken YAML: each is named; a good card passes."""

    def faults(readme: str) -> list[str]:
        body = json.dumps({"content": readme, "repoType": "dataset"}).encode()
        request = urllib.request.Request(f"{hub.endpoint}/api/validate-yaml", data=body, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return [fault["message"] for fault in json.load(answer)["errors"]]
        except urllib.error.HTTPError as refusal:
            with refusal:
                return [fault["message"] for fault in json.load(refusal)["errors"]]

    assert faults(README) == []
    assert faults("# No header\n") == []
    assert faults("---\nlicense: 3\ntags: [a, 1]\n---\n") == [
        '"license" must be a string or an array',
        '"tags[1]" must be a string',
    ]
    two_defaults = "---\nconfigs:\n- {config_name: a, default: true}\n- {config_name: a, default: true}\n---\n"
    assert faults(two_defaults) == [
        '"configs" must have unique "config_name" values',
        '"configs" can have only one default',
    ]
    assert [fault[:19] for fault in faults("---\nlicense: [\n---\n")] == ["YAML Metadata Error"]


def test_a_hub_in_a_folder_outlives_its_server(tmp_path: Path) -> None:
    """Repositories, history, pull requests and bytes are found again by a later server over the same folder."""
    with LocalHub(folder=tmp_path) as hub:
        first = hub.put("datasets", "tester/notes", {"a.txt": "one", "b.parquet": b"PAR1\0"}, gated=True)
        hub.put("datasets", "tester/notes", {"a.txt": "two"})
        before = hub.commits("datasets", "tester/notes")
    with LocalHub(folder=tmp_path) as hub:
        assert hub.commits("datasets", "tester/notes") == before
        assert hub.files("datasets", "tester/notes", first.oid)["a.txt"] == b"one"
        assert hub.files("datasets", "tester/notes")["b.parquet"] == b"PAR1\0"
        assert fetch(hub, "/datasets/tester/notes/resolve/main/a.txt")[2]["X-Error-Code"] == "GatedRepo"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges_are_cut_as_http_says(hub: LocalHub, asked: str, status: int, content: bytes) -> None:
    """First and last byte are inclusive, a missing end means the end, a bare minus means the tail."""
    hub.put("datasets", "tester/notes", {"digits.txt": "0123456789"})
    assert fetch(hub, "/datasets/tester/notes/resolve/main/digits.txt", Range=asked)[:2] == (status, content)


def test_listings_come_in_pages() -> None:
    """A listing longer than a page names the next page, and following the links gives every entry once, in order."""
    with LocalHub(page_entries=3) as hub:
        hub.put("datasets", "tester/many", {f"f{i}.txt": str(i) for i in range(8)})
        path, found = "/api/datasets/tester/many/tree/main", []
        while path:
            _, body, headers = fetch(hub, path)
            found += [entry["path"] for entry in json.loads(body)]
            path = headers.get("Link", "").removeprefix(f"<{hub.endpoint}").partition(">")[0]
    assert found == [".gitattributes", *(f"f{i}.txt" for i in range(8))]


def test_requests_the_local_hub_does_not_know_say_so(hub: LocalHub) -> None:
    """An address it does not speak is 501 and named, never a silent success; a wrong token is 401."""
    status, body, _ = fetch(hub, "/api/papers/2501.12766")
    assert (status, json.loads(body)) == (501, {"error": "the local Hub does not answer GET /api/papers/2501.12766"})
    assert fetch(hub, "/api/whoami-v2", Authorization="Bearer nobody")[0] == 401


def test_the_hub_takes_many_clients_at_once_and_leaves_no_thread_behind() -> None:
    """Sixteen threads that write and read together lose nothing; leaving the block ends the server's threads."""

    def write_and_read(number: int) -> None:
        hub.put("datasets", "tester/busy", {f"{number}.txt": str(number)})
        read.append(fetch(hub, f"/datasets/tester/busy/resolve/main/{number}.txt")[1])

    read: list[bytes] = []
    before = set(threading.enumerate())
    with LocalHub() as hub:
        writers = [threading.Thread(target=write_and_read, args=(number,)) for number in range(16)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(hub.files("datasets", "tester/busy")) == len(hub.commits("datasets", "tester/busy")) == 17
    assert sorted(read) == sorted(str(number).encode() for number in range(16))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_large_files_travel_through_xet_and_come_back(tmp_path: Path) -> None:
    """With `xet=True` the client sends them by Xet and not by Git LFS, and every way of reading gives their bytes."""
    content = bytes(range(256)) * 2000
    (tmp_path / "a.parquet").write_bytes(content)
    with LocalHub(xet=True) as hub:
        answer = run_client(
            hub,
            f"""
            from huggingface_hub import CommitOperationAdd, HfApi, HfFileSystem
            api = HfApi()
            api.create_repo("tester/notes", repo_type="dataset")
            add = CommitOperationAdd("data/a.parquet", {str(tmp_path / "a.parquet")!r})
            api.create_commit("tester/notes", [add], commit_message="add", repo_type="dataset")
            with HfFileSystem().open("datasets/tester/notes/data/a.parquet") as handle:
                handle.seek(1000)
                answer = handle.read(4).hex()
            """,
        )
        assert answer == content[1000:1004].hex()
        assert hub.files("datasets", "tester/notes")["data/a.parquet"] == content
        assert hub.requests_to("GET", "xet-write-token")
        assert not hub.requests_to("PUT", "large-files")


def test_a_pull_request_goes_together_with_what_main_has_become(hub: LocalHub) -> None:
    """A merge is one commit that keeps changes of both sides; 409 when both changed the same file, 400 for a draft."""
    hub.put("datasets", "tester/notes", {"a.txt": "one", "b.txt": "two"})
    answer = run_client(
        hub,
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
        from huggingface_hub.errors import HfHubHTTPError
        api, to = HfApi(), dict(repo_id="tester/notes", repo_type="dataset")
        def propose(*changes):
            return api.create_commit(**to, operations=changes, commit_message="p", create_pr=True).pr_num
        def merge(number):
            try:
                api.merge_pull_request(**to, discussion_num=number)
            except HfHubHTTPError as error:
                return error.response.status_code
        first = propose(CommitOperationAdd("c.txt", b"three"), CommitOperationDelete("b.txt"))
        second = propose(CommitOperationAdd("a.txt", b"ONE"))
        draft = api.create_pull_request(**to, title="later").num
        api.create_commit(**to, operations=[CommitOperationAdd("a.txt", b"first")], commit_message="main moves")
        answer = [merge(first), merge(second), merge(draft), len(api.list_repo_commits(**to))]
        """,
    )
    assert answer == [None, 409, 400, 4]
    files = hub.files("datasets", "tester/notes")
    assert {path: files[path] for path in files if path.endswith(".txt")} == {"a.txt": b"first", "c.txt": b"three"}


def test_connections_break_and_answers_come_late_on_order(hub: LocalHub) -> None:
    """A reset happens within the body and leaves nothing; a late answer is one to something that was done."""
    hub.put("datasets", "tester/notes", {"a.txt": "x"})
    reset = hub.fail("POST", "/commit/", reset_after_bytes=10)
    body = b"\n".join(json.dumps(line).encode() for line in ({"key": "header", "value": {"summary": "s"}},))
    headers = {"Authorization": f"Bearer {hub.account.token}"}
    url = f"{hub.endpoint}/api/datasets/tester/notes/commit/main"
    with pytest.raises(OSError, match=r"reset|[Bb]roken|without response"):
        urllib.request.urlopen(urllib.request.Request(url, data=body * 2000, headers=headers, method="POST"))
    assert (reset.times, len(hub.commits("datasets", "tester/notes"))) == (0, 2)
    hub.fail("POST", "/commit/", delay_seconds=5.0)
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers, method="POST"), timeout=0.2)
    assert len(hub.commits("datasets", "tester/notes")) == 3


def test_a_commit_can_be_too_large() -> None:
    """Beyond `commit_bytes` the answer is 413, and nothing changes."""
    with LocalHub(commit_bytes=100) as hub:
        first = hub.put("datasets", "tester/notes", {"a.txt": "x"})
        headers = {"Authorization": f"Bearer {hub.account.token}"}
        url = f"{hub.endpoint}/api/datasets/tester/notes/commit/main"
        with pytest.raises(urllib.error.HTTPError, match="413") as refusal:
            urllib.request.urlopen(urllib.request.Request(url, data=b" " * 101, headers=headers, method="POST"))
        refusal.value.close()
        assert hub.commits("datasets", "tester/notes")[0] == first


def test_the_fixture_gives_every_test_a_hub_of_its_own(tmp_path: Path) -> None:
    """As its documentation says, in a suite that is not ours."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["nextlong_hub.testing.fixtures"]\n')
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('number', [1, 2])\n"
        "def test_it(local_hub, number):\n"
        "    assert local_hub.put('datasets', 'tester/notes', {'a.txt': 'x'}).title\n"
        "    assert len(local_hub.commits('datasets', 'tester/notes')) == 2\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout
