"""The contract of a storage: the same for a folder, for a store in memory, and for S3 as `moto` speaks it over HTTP."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nextlong_hub.errors import AuthError, NetworkError, RecipeError, StorageError
from nextlong_hub.storage import Storage, StorageAddress, open_storage
from nextlong_hub.storage.remote import RemoteStorage

Machine = Callable[..., Storage]
"""Opens the storage of a test as another machine does: with a scratch of its own."""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A client of a server of S3 on this machine, which fsspec is told of."""
    pytest.importorskip("s3fs", reason="s3:// is read by s3fs, an extra")
    moto = pytest.importorskip("moto.server", reason="moto plays the server of S3")
    boto3 = pytest.importorskip("boto3", reason="moto plays the server of S3")
    started = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield boto3.client("s3")
    started.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """Three kinds of storage."""
    place = str(tmp_path / "shared")
    if request.param == "memory":
        place = f"memory://{tmp_path.name}/nl"
    elif request.param == "s3":
        bucket = tmp_path.name.replace("_", "-").lower()
        request.getfixturevalue("server").create_bucket(Bucket=bucket)
        place = f"s3://{bucket}/nl"
    return lambda name, most=1 << 30: open_storage(place, tmp_path / name, most)


def put(storage: Storage, name: str, content: bytes) -> None:
    """Write a file as a task does, and let others have it."""
    path = storage.local / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    storage.publish(name)


def test_what_one_machine_publishes_another_reads(machine: Machine) -> None:
    """A file and a folder come to a second machine byte for byte; their sizes are known without that."""
    one, two = machine("one"), machine("two")
    put(one, "merged.npz", b"terms")
    for name, content in {"part-0/text.bin": b"some text", "part-0/a/names": b"", "part-1/text.bin": b"x"}.items():
        (one.local / "store" / name).parent.mkdir(parents=True, exist_ok=True)
        (one.local / "store" / name).write_bytes(content)
    one.publish("store")
    with two.localise(["merged.npz", "store/part-0"]):
        assert (two.local / "merged.npz").read_bytes() == b"terms"
        assert (two.local / "store/part-0/text.bin").read_bytes() == b"some text"
        assert (two.local / "store/part-0/a/names").read_bytes() == b""
    assert [(name, stat.bytes) for name, stat in two.list("store").items()] == [
        ("store/part-0/a/names", 0), ("store/part-0/text.bin", 9), ("store/part-1/text.bin", 1)
    ]  # fmt: skip
    assert [two.stat(name).bytes for name in ("store", "store/part-0", "merged.npz")] == [10, 9, 5]
    assert list(two.list("")) == ["merged.npz", *two.list("store")]


def test_small_files_are_read_and_written_at_once(machine: Machine) -> None:
    """What one machine writes another reads, also a second time; what is not there is None."""
    one, two = machine("one"), machine("two")
    assert two.read("receipts/lex/a.json") is None
    for content in (b"{}", b'{"again": 1}'):
        one.write("receipts/lex/a.json", content)
        assert two.read("receipts/lex/a.json") == content
        assert list(two.list("receipts")) == ["receipts/lex/a.json"]


def test_a_version_changes_with_the_content_only(machine: Machine) -> None:
    """Looking twice gives the same; other bytes of the same size give another, for the file and its folder."""
    storage = machine("one")
    put(storage, "units/a", b"first")
    before = storage.stat("units/a"), storage.stat("units")
    assert (storage.stat("units/a"), storage.stat("units")) == before
    time.sleep(0.02)  # the clock of a file system
    put(storage, "units/a", b"other")
    for old, new in zip(before, (storage.stat("units/a"), storage.stat("units")), strict=True):
        assert (new.bytes, new.version != old.version) == (old.bytes, True)


def test_what_is_not_there(machine: Machine) -> None:
    """Asking says so; needing it is an error that says what to do; removing it is good."""
    storage = machine("one")
    assert (storage.stat("store"), storage.list("store")) == (None, {})
    storage.remove("store")
    with (
        pytest.raises(StorageError, match=r"there is no .*store.*run the same command again"),
        storage.localise(["store"]),
    ):
        pass


def test_removing_takes_all_below_and_nothing_beside(machine: Machine) -> None:
    """A folder goes with what is in it; one whose name only begins so stays."""
    one, two = machine("one"), machine("two")
    for name in ("store/part-0/a", "store/b", "store-2/a"):
        put(one, name, b"text")
    two.remove("store")
    assert list(one.list("")) == ["store-2/a"]
    assert list(one.list("store")) == []


def test_a_file_that_is_being_written_is_not_seen(machine: Machine) -> None:
    """What lies aside of its final name is neither listed nor published."""
    storage = machine("one")
    put(storage, "store/a", b"text")
    (storage.local / "store" / ".b.123.tmp").write_bytes(b"half")
    storage.publish("store")
    assert list(machine("two").list("store")) == ["store/a"]


def test_a_storage_travels_by_its_address(tmp_path: Path) -> None:
    """Two that open one address in one process have one storage."""
    address = StorageAddress(place=str(tmp_path))
    assert address.open() is address.open()
    assert address.open().local == tmp_path


@pytest.fixture
def remote(server: Any, tmp_path: Path) -> Callable[..., RemoteStorage]:
    """A bucket of its own; each machine has room for 100 bytes."""
    bucket = tmp_path.name.replace("_", "-").lower()
    server.create_bucket(Bucket=bucket)
    return lambda name, most=100: RemoteStorage(f"s3://{bucket}/nl", tmp_path / name, most)


def fetched(storage: Storage) -> list[str]:
    """What lies in the scratch."""
    files = (path.relative_to(storage.local) for path in storage.local.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if not path.parts[0].startswith("."))


def test_each_file_is_fetched_once_a_machine(remote: Callable[..., RemoteStorage], server: Any) -> None:
    """What is here is not fetched again, by no process of the machine; one that starts later sees another version."""
    one, two = remote("one"), remote("two")
    put(one, "store/a", b"text")
    with two.localise(["store"]):
        (two.local / "store" / "a").write_bytes(b"mine")  # shows whether it is fetched again
    with remote("two").localise(["store/a"]):
        assert (two.local / "store" / "a").read_bytes() == b"mine"
    put(one, "store/a", b"next text")
    with remote("two").localise(["store"]):
        assert (two.local / "store" / "a").read_bytes() == b"next text"


def test_the_scratch_is_bounded(remote: Callable[..., RemoteStorage]) -> None:
    """What was not needed for longest goes, never what a running task needs; a task that cannot have room is told."""
    one, two = remote("one", 1000), remote("two")
    for name in "abcd":
        put(one, name, bytes(40))
    with two.localise(["a"]), two.localise(["b"]):
        assert fetched(two) == ["a", "b"]
        with pytest.raises(StorageError, match=r"may hold 100 bytes, .* need 120 \(c among them\); give more with scr"):
            two.localise(["c"]).__enter__()
    with two.localise(["a"]):
        pass
    with two.localise(["c", "d"]):
        assert fetched(two) == ["c", "d"]


def test_tasks_of_one_machine_fetch_side_by_side(remote: Callable[..., RemoteStorage]) -> None:
    """Each has what it needs for as long as it needs it, in a scratch that holds a third of everything."""
    one = remote("one", 1000)
    for number in range(12):
        put(one, f"store/{number}", str(number).encode() * 25)

    def task(number: int) -> bytes:
        storage, name = remote("two", 110), f"store/{number % 12}"
        with storage.localise([name]):
            time.sleep(0.002)
            return (storage.local / name).read_bytes()

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(task, range(24)))
    assert found == [str(number % 12).encode() * 25 for number in range(24)]


def test_faults_of_the_store_say_what_to_do(
    remote: Callable[..., RemoteStorage], server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No such bucket, no server, no credentials: each in one sentence, with the place and the remedy."""
    nowhere = RemoteStorage("s3://no-such-bucket/nl", tmp_path / "scratch")
    with pytest.raises((NetworkError, AuthError, StorageError), match="s3://no-such-bucket/nl/a"):
        nowhere.write("a", b"")
    storage = remote("one")
    monkeypatch.setattr(storage._files, "pipe_file", lambda *_: (_ for _ in ()).throw(PermissionError("Access Denied")))
    with pytest.raises(AuthError, match=r"nl/a may not be read or written \(Access Denied\); set the credentials"):
        storage.write("a", b"")
    with pytest.raises(RecipeError, match=r"work_dir= nope:// cannot be used here"):
        open_storage("nope://x")
    with pytest.raises(RecipeError, match="is a folder of one machine; give work_dir= its path"):
        open_storage("file:///x")
