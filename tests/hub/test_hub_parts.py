"""The parts around the Hub that need none: addresses, errors, comparing, dividing, waiting, secrets."""

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import errors
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.errors import AuthError, DataError, NetworkError, RecipeError, StorageError
from nextlong_hub.hub.address import DatasetAddress, dataset_name, endpoint_fault, is_dataset_name, page_of
from nextlong_hub.hub.changes import Change, Changes, LocalFile, RemoteFile, compare, git_oid
from nextlong_hub.hub.errors import hub_errors
from nextlong_hub.hub.redact import redacted, without_secrets
from nextlong_hub.hub.retry import Moved, Retries, RetryPolicy, TooLarge, Transient, asked_seconds
from nextlong_hub.hub.wording import READING, TOKENIZER, WRITING, Wording
from nextlong_hub.publish.contents import stale_files
from nextlong_hub.publish.pull_request import Limits, steps_of
from nextlong_hub.publish.secrets import places_of_secrets

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


def test_retrying_ends() -> None:
    """After so many tries of one step, those of huggingface_hub included; a step that succeeds begins anew."""
    retries = Retries(RetryPolicy(tries=4, first_seconds=0.0))
    retries.wait_after(Transient("down"))
    retries.wait_after(Transient("down", tries=2))
    retries.succeeded()
    for _ in range(3):
        retries.wait_after(Transient("down"))
    with pytest.raises(NetworkError, match="down, 4 times; nothing half was published"):
        retries.wait_after(Transient("down"))
    assert retries.total == 7
    with pytest.raises(NetworkError, match="asks to wait 301 seconds"):
        Retries(RetryPolicy()).wait_after(Transient("busy", asked_seconds=301.0))


def test_messages_are_shown_without_tokens_and_signatures() -> None:
    """Neither a token nor the query of an address survives; everything else does."""
    said = f"PUT https://s3.example/bucket/key?X-Amz-Signature=abc&x=1 with Bearer {TOKEN} failed, hf_hub_download too"
    assert redacted(said) == "PUT https://s3.example/bucket/key with Bearer hf_… failed, hf_hub_download too"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf://datasets/me/notes", DatasetAddress(name="me/notes")),
        ("hf://datasets/me/notes/", DatasetAddress(name="me/notes")),
        ("hf://datasets/me/notes@v1/a/*.txt", DatasetAddress(name="me/notes", revision="v1", path="a/*.txt")),
        ("hf://datasets/me/notes@refs/pr/2/a", DatasetAddress(name="me/notes", revision="refs/pr/2", path="a")),
        ("hf://datasets/me/notes@a%2Fb", DatasetAddress(name="me/notes", revision="a/b")),
        ("hf://datasets/notes", None),
        ("hf://models/me/notes", None),
        ("me/notes", None),
    ],
)
def test_addresses_are_read_and_written(text: str, address: DatasetAddress | None) -> None:
    """An address is taken apart into name, revision and path, and put together again means the same."""
    assert DatasetAddress.parse(text) == address
    if address is not None:
        assert DatasetAddress.parse(str(address)) == address
        assert page_of(text).endswith("/datasets/me/notes") and page_of(address.name) == page_of(text)


def test_names_of_datasets() -> None:
    """A name has an owner; a push takes the address of a whole dataset for its name too."""
    assert is_dataset_name("me/notes-1.5")
    assert not any(map(is_dataset_name, ("notes", "me/notes/data", "./notes", "me/..", "hf://datasets/me/notes")))
    assert dataset_name("hf://datasets/me/notes") == dataset_name("datasets/me/notes") == "me/notes"
    with pytest.raises(DataError, match="one of the Hub's models"):
        dataset_name("models/me/notes")


def refusal(status: int, kind: type[errors.HfHubHTTPError] = errors.HfHubHTTPError, **headers: str) -> Exception:
    """An answer of the Hub with an error status, as huggingface_hub raises it."""
    response: Any = SimpleNamespace(status_code=status, headers=headers, request=None)
    return kind("no", response=response)


@pytest.mark.parametrize(
    ("error", "reading", "writing", "tokenizer"),
    [
        (errors.OfflineModeIsEnabled("off"), NetworkError, NetworkError, NetworkError),
        (OSError(errno.ENOSPC, "full"), StorageError, StorageError, StorageError),
        (refusal(403, errors.GatedRepoError), AuthError, AuthError, AuthError),
        (refusal(401), AuthError, AuthError, AuthError),
        (refusal(401, errors.RepositoryNotFoundError), AuthError, AuthError, RecipeError),
        (refusal(403), AuthError, AuthError, AuthError),
        (refusal(403, **{"X-Error-Message": "storage limit reached"}), AuthError, StorageError, NetworkError),
        (refusal(404, errors.RepositoryNotFoundError), DataError, DataError, RecipeError),
        (refusal(404, errors.RevisionNotFoundError), DataError, DataError, RecipeError),
        (refusal(404), DataError, DataError, NetworkError),
        (refusal(400), NetworkError, DataError, NetworkError),
        (refusal(412), NetworkError, Moved, NetworkError),
        (refusal(413), NetworkError, TooLarge, NetworkError),
        (refusal(429), NetworkError, Transient, NetworkError),
        (refusal(503), NetworkError, Transient, NetworkError),
        (TimeoutError("no answer"), NetworkError, Transient, NetworkError),
        (UnicodeEncodeError("ascii", "hf_ü", 3, 4, "ordinal not in range(128)"), AuthError, AuthError, AuthError),
        (ImportError("Using SOCKS proxy, but …"), NetworkError, NetworkError, NetworkError),
        (ValueError("Unknown scheme for proxy URL"), NetworkError, NetworkError, NetworkError),
        (errors.HFValidationError("two dashes"), DataError, DataError, RecipeError),
        (ValueError("Unknown split"), DataError, ValueError, ValueError),
        (PermissionError(errno.EACCES, "denied"), PermissionError, PermissionError, StorageError),
        (OSError("Consistency check failed"), OSError, OSError, NetworkError),
        (KeyError("a fault of ours"), KeyError, KeyError, KeyError),
    ],
    ids=lambda value: str(getattr(getattr(value, "response", None), "status_code", "")) or None,
)
def test_a_failure_is_one_error_for_each_thing_attempted(
    error: Exception, reading: type[Exception], writing: type[Exception], tokenizer: type[Exception]
) -> None:
    """Reading, writing and fetching a tokenizer tell the same failures apart; what is no failure of the Hub stays."""
    for wording, expected in ((READING, reading), (WRITING, writing), (TOKENIZER, tokenizer)):
        raised = translated(error, wording)
        assert type(raised) is expected
        assert raised is error or raised.__cause__ is error


def translated(error: Exception, wording: Wording) -> BaseException:
    """What becomes of an error."""
    with pytest.raises(Exception) as caught, hub_errors("me/notes", wording):
        raise error
    return caught.value


def test_a_busy_hub_says_how_long_to_wait() -> None:
    """What the Hub asks for and how often it was tried travel with the error."""
    fault = translated(refusal(429, **{"Retry-After": "7"}), WRITING)
    assert isinstance(fault, Transient)
    assert (fault.reason, fault.asked_seconds, fault.tries) == ("the Hub answered 429", 7.0, 1)
    unreachable = translated(ConnectionError("of hf_xet"), WRITING)
    assert isinstance(unreachable, Transient) and unreachable.tries == 3


@pytest.mark.parametrize("token", [TOKEN, "hf_oauth_" + "x" * 30, "api_org_" + "y" * 34])
def test_tokens_are_found_where_they_stand(token: str, tmp_path: Path) -> None:
    """By file and line in text, and in the metadata of Parquet, nested fields included; rows are not searched."""
    (tmp_path / "a.md").write_text(f"one\ntwo {token}\n")
    (tmp_path / "clean.md").write_text(f"hf_hub_download(), an hf_ prefix, hf_short, x{token}, 7{token}\n")
    inner = pa.field("inner", pa.string(), metadata={"by": token})
    schema = pa.schema([pa.field("outer", pa.struct([inner]))])
    pq.write_table(pa.Table.from_pylist([{"outer": {"inner": "x"}}], schema), tmp_path / "nested.parquet")
    rows = pa.table({"text": [token]})
    pq.write_table(rows, tmp_path / "rows.parquet", write_statistics=False)
    found = places_of_secrets(tmp_path, ["a.md", "clean.md", "nested.parquet", "rows.parquet"])
    assert found == ["a.md, line 2", "nested.parquet, in its metadata"]


SECRETS = [
    TOKEN,
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 12,
    "glpat-" + "a1B2" * 5,
    "sk-proj-" + "a1B2" * 10,
    "xoxb-" + "1234-" * 5,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0ZXIifQ." + "a1B2" * 6,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret[:7])
def test_no_secret_is_shown(secret: str) -> None:
    """Its beginning at most, wherever it stands; what is around it stays."""
    for text in (secret, f"a {secret} b", f'"{secret}"', f"({secret})", f"x={secret}"):
        shown = without_secrets(text)
        assert secret[4:] not in shown
        before, _, behind = text.partition(secret)
        assert shown.startswith(before) and shown.endswith(f"…{behind}")


@given(st.text(), st.sampled_from(SECRETS))
def test_secrets_are_removed_once_and_for_all(text: str, secret: str) -> None:
    """Nothing is left for a second look; a text without any stays as it is."""
    shown = without_secrets(f"{text} {secret} {text}")
    assert secret[4:] not in shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "hf_hub_download, hf_short, api_org_, sk-learn, ghp_short, xoxb",
        "see https://medium.com/@somebody/a-story and mail me@example.org",
        "https://example.org/?q=1&signed=no",
        "AKIA and akiaiosfodnn7example0",
        "-----BEGIN PUBLIC KEY-----",
        "a-task-risk-management-and-some-more-words-behind-it",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    """Ordinary words, addresses and names stay."""
    assert without_secrets(text) == text


def test_passwords_and_signatures_leave_addresses() -> None:
    """The rest of an address stays, so that one can see where it leads."""
    assert without_secrets("at http://me:pass%40word@host:8/x") == "at http://host:8/x"
    assert without_secrets("https://s3.example/key?X-Amz-Date=1&X-Amz-Signature=abc") == "https://s3.example/key"


def test_what_the_environment_holds_is_known_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login of another form is no exception."""
    monkeypatch.setenv("HF_TOKEN", "correct horse battery")
    assert without_secrets("Bearer correct horse battery") == "Bearer HF_TOKEN…"
    monkeypatch.setenv("HF_TOKEN", "a")
    assert without_secrets("a banana") == "a banana"


@pytest.mark.parametrize(
    ("value", "is_fault"),
    [
        (None, False),
        ("", False),
        ("https://huggingface.co", False),
        ("http://127.0.0.1:8080/hub", False),
        ("http://me:word@host", False),
        ("http://[::1", True),
        ("http://host:port", True),
        ("huggingface.co", True),
        ("file:///etc", True),
    ],
)
def test_an_address_of_the_hub_is_checked(value: str | None, is_fault: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where huggingface_hub would end in a traceback as it is imported, one line says what is wrong."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    if value is not None:
        monkeypatch.setenv("HF_ENDPOINT", value)
    assert bool(endpoint_fault()) == is_fault
