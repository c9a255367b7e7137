"""The parts of a push that need no Hub: comparing, dividing, waiting, finding and hiding tokens."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.errors import NetworkError
from nextlong_hub.hub.changes import Change, Changes, LocalFile, RemoteFile, compare, git_oid
from nextlong_hub.hub.redact import redacted
from nextlong_hub.hub.retry import Patience, Retries, Transient, asked_seconds
from nextlong_hub.publish.contents import stale_files
from nextlong_hub.publish.pull_request import Limits, steps_of
from nextlong_hub.publish.secrets import find_tokens

TOKEN = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def local(path: str, content: bytes, sha256: str = EMPTY_SHA256) -> LocalFile:
    """A file to publish."""
    return LocalFile(path=path, size_bytes=len(content), sha256=sha256, source=content)


def test_git_names_a_file_as_git_does() -> None:
    """The empty file and a greeting have well-known names."""
    assert git_oid(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert git_oid(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_files_are_compared_by_what_the_hub_knows_of_them() -> None:
    """A large file by sha256, a small one by git's name; what is stale and there is removed, what is not ours stays."""
    files = {file.path: file for file in (local("a", b"hello\n"), local("b", b"x"), local("c", b"", "new"))}
    remote = {
        "a": RemoteFile(size_bytes=6, oid=git_oid(b"hello\n"), sha256=None),
        "c": RemoteFile(size_bytes=0, oid="pointer", sha256="old"),
        "stale": RemoteFile(size_bytes=3, oid="?", sha256=None),
        "theirs": RemoteFile(size_bytes=3, oid="?", sha256=None),
    }
    changes = compare(files, remote, frozenset({"stale", "gone", "a"}))
    assert [(file.path, file.kind) for file in changes.files] == [
        ("a", "unchanged"),
        ("b", "added"),
        ("c", "changed"),
        ("stale", "removed"),
    ]
    assert changes.sent_bytes == 1
    assert changes
    assert not compare({"a": files["a"]}, remote, frozenset())


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(1, 7), st.integers(1, 60), st.integers(0, 5))
def test_steps_hold_everything_once_in_order_and_within_limits(
    sizes: list[int], most_files: int, most_bytes: int, removed: int
) -> None:
    """Whatever the sizes; a file alone may exceed the bytes, for it cannot be divided."""
    files = {f"f{number:02}": local(f"f{number:02}", b"x" * size) for number, size in enumerate(sizes)}
    gone = [Change(path=f"gone{number}", kind="removed", size_bytes=9) for number in range(removed)]
    added = [Change(path=path, kind="added", size_bytes=file.size_bytes) for path, file in files.items()]
    steps = steps_of(Changes((*added, *gone)), files, Limits(files=most_files, inline_bytes=most_bytes))
    assert [path for step in steps for path in step] == [change.path for change in (*added, *gone)]
    for step in steps:
        assert 0 < len(step) <= most_files
        inline = [files[path].size_bytes for path in step if path in files and files[path].size_bytes]
        assert sum(inline) <= most_bytes or len(inline) == 1


def test_only_what_an_earlier_manifest_lists_is_stale() -> None:
    """Data and recipes by their names there; without a manifest of ours, nothing."""
    manifest = b"""{"configs": {"64k": {"files": [{"path": "data/64k/a.parquet"}], "recipe": {"name": "64k"},
        "mixture": {"part": {"recipe": {"name": "part"}}}}}}"""
    remote = dict.fromkeys(["data/64k/a.parquet", "data/64k/theirs.parquet", "recipes/64k.toml", "recipes/part.toml"])
    remote |= dict.fromkeys(["recipes/theirs.toml", "LICENSE", "README.md"])
    assert stale_files(manifest, remote) == {"data/64k/a.parquet", "recipes/64k.toml", "recipes/part.toml"}
    for none in (None, b"", b"[]", b"{}", b'{"configs": 3}', b"\xff"):
        assert stale_files(none, remote) == frozenset()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"RateLimit": '"api";r=0;t=55'}, 56.0),
        ({"RateLimit": '"api";r=12;t=55'}, None),
        ({"Retry-After": "2", "RateLimit": '"api";r=0;t=55'}, 2.0),
    ],
)
def test_hints_of_the_hub_are_read(headers: dict[str, str], seconds: float | None) -> None:
    """`Retry-After` in seconds, or a `RateLimit` of which nothing remains."""
    assert asked_seconds(headers) == seconds


def test_patience_ends() -> None:
    """After so many tries of one step, those of huggingface_hub included; a step that succeeds begins anew."""
    retries = Retries(Patience(tries=4, first_seconds=0.0))
    retries.after(Transient("down"))
    retries.after(Transient("down", tries=2))
    retries.succeeded()
    for _ in range(3):
        retries.after(Transient("down"))
    with pytest.raises(NetworkError, match="down, 4 times; nothing half was published"):
        retries.after(Transient("down"))
    assert retries.total == 7
    with pytest.raises(NetworkError, match="asks to wait 301 seconds"):
        Retries(Patience()).after(Transient("busy", asked_seconds=301.0))


def test_messages_are_shown_without_tokens_and_signatures() -> None:
    """Neither a token nor the query of an address survives; everything else does."""
    said = f"PUT https://s3.example/bucket/key?X-Amz-Signature=abc&x=1 with Bearer {TOKEN} failed, hf_hub_download too"
    assert redacted(said) == "PUT https://s3.example/bucket/key with Bearer hf_… failed, hf_hub_download too"


@pytest.mark.parametrize("token", [TOKEN, "hf_oauth_" + "x" * 30, "api_org_" + "y" * 34])
def test_tokens_are_found_where_they_stand(token: str, tmp_path: Path) -> None:
    """By file and line in text, and in the metadata of Parquet, nested fields included; rows are not searched."""
    (tmp_path / "a.md").write_text(f"one\ntwo {token}\n")
    (tmp_path / "clean.md").write_text("hf_hub_download(), an hf_ prefix, hf_short\n")
    inner = pa.field("inner", pa.string(), metadata={"by": token})
    schema = pa.schema([pa.field("outer", pa.struct([inner]))])
    pq.write_table(pa.Table.from_pylist([{"outer": {"inner": "x"}}], schema), tmp_path / "nested.parquet")
    rows = pa.table({"text": [token]})
    pq.write_table(rows, tmp_path / "rows.parquet", write_statistics=False)
    found = find_tokens(tmp_path, ["a.md", "clean.md", "nested.parquet", "rows.parquet"])
    assert found == ["a.md, line 2", "nested.parquet, in its metadata"]
