"""Files are whole or absent: whatever happens while one is written, its name holds the old content or the new."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from durability import recorded
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.files import (
    digest_of,
    insist,
    read_checked_json,
    read_json,
    remove,
    sha256_of,
    storage_errors,
    sweep,
    write_bytes,
    write_checked_json,
    write_json,
    written_aside,
)
from nextlong_hub.errors import ConflictError, StorageError

NOBODY = 65_534


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    """An exception while the new content is written keeps the old file and removes the temporary one."""
    path = tmp_path / "data.bin"
    write_bytes(path, b"old")
    with pytest.raises(KeyboardInterrupt), written_aside(path) as aside:
        aside.write_bytes(b"half of the n")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    """An exception inside the block is passed on as it is, and the name stays free."""
    with pytest.raises(LookupError, match="mine"), written_aside(tmp_path / "deep" / "data.bin") as aside:
        aside.write_bytes(b"half")
        raise LookupError("mine")
    assert list((tmp_path / "deep").iterdir()) == []


def test_the_new_content_appears_under_its_name_only_at_the_end(tmp_path: Path) -> None:
    """Readers see the old content until the block has ended, the new one from then on."""
    path = tmp_path / "new" / "data.bin"
    with written_aside(path) as aside:
        aside.write_bytes(b"new")
        assert aside.parent == path.parent
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_flushed_before_it_gets_its_name_and_its_folder_after(tmp_path: Path) -> None:
    """A power cut leaves the old file or the new one: what kills of a process cannot show, the calls do."""
    path = tmp_path / "data.bin"
    for content in (b"old", b"newer"):
        with recorded() as recorder:
            write_bytes(path, content)
        assert [what for _, what in recorder.of(path)] == ["flush", "rename"]
        assert [what for _, what in recorder.of(tmp_path)] == ["flush"]
        assert [event.what for event in recorder.events] == ["flush", "rename", "flush"]
        assert recorder.is_lasting(path)


def test_two_processes_that_write_one_file_do_not_write_into_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writes aside under a name of its own; the last to end has its content under the name, whole."""
    with written_aside(tmp_path / "data.bin") as mine:
        mine.write_bytes(b"mine, and longer")
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with written_aside(tmp_path / "data.bin") as theirs:
            theirs.write_bytes(b"theirs")
        assert (tmp_path / "data.bin").read_bytes() == b"theirs"
    assert (tmp_path / "data.bin").read_bytes() == b"mine, and longer"
    assert list(tmp_path.iterdir()) == [tmp_path / "data.bin"]


def test_what_is_kept_to_be_believed_is_not_believed_with_another_digit(tmp_path: Path) -> None:
    """Any change of the same length, of the value or of its digest, is as good as nothing kept."""
    path = tmp_path / "kept.json"
    write_checked_json(path, {"rows": 12, "of": "a"})
    kept = path.read_bytes()
    assert read_checked_json(path) == {"rows": 12, "of": "a"}
    for place in (number for number, byte in enumerate(kept) if chr(byte).isalnum()):
        path.write_bytes(kept[:place] + (b"3" if kept[place : place + 1] != b"3" else b"4") + kept[place + 1 :])
        assert read_checked_json(path) is None, place


def test_a_full_disk_is_a_storage_error_and_keeps_the_old_content(small_disk: Path) -> None:
    """No space: the message names the file, the reason and the remedy, the old file is whole, the space free again."""
    path = small_disk / "data.bin"
    write_bytes(path, b"old")
    for _ in range(2):
        with pytest.raises(StorageError, match=r"data\.bin: No space left on device; free some space there"):
            write_bytes(path, bytes(1 << 20))
    assert path.read_bytes() == b"old"
    assert list(small_disk.iterdir()) == [path]
    write_bytes(path, bytes(100_000))


def test_a_folder_without_permission_is_a_storage_error() -> None:
    """A user who may not write there is told which path and what to do."""
    if os.name != "posix":
        pytest.skip("permissions as POSIX knows them are needed")
    script = f"""
        import os, pathlib, sys, tempfile
        from nextlong_hub.errors import StorageError
        from nextlong_hub.core.files import write_bytes
        if os.getuid() == 0:
            os.setuid({NOBODY})  # root may write everywhere
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o555)
            try:
                write_bytes(pathlib.Path(folder) / "data.bin", b"new")
            except StorageError as error:
                print(error)
            os.chmod(folder, 0o755)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert re.search(
        r"^cannot write .*data\.bin: Permission denied; choose another folder, or change the permissions$", done.stdout
    ), done.stderr


def test_a_file_where_a_folder_is_needed_is_a_conflict(tmp_path: Path) -> None:
    """A file in place of the folder, or a folder in place of the file, is named; neither is touched."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(ConflictError, match=r"cannot write .*data\.bin: .*; remove what stands in the way"):
        write_bytes(tmp_path / "file" / "data.bin", b"new")
    with pytest.raises(ConflictError, match=r"cannot write .*folder: Is a directory"):
        write_bytes(tmp_path / "folder", b"new")
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "inside"]


def test_other_faults_of_the_system_pass_unchanged(tmp_path: Path) -> None:
    """Only storage faults are translated."""
    with pytest.raises(FileNotFoundError), storage_errors(tmp_path):
        (tmp_path / "absent").read_bytes()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_is_read_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Any JSON value survives, lone surrogates of badly encoded file names included."""
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value
    assert path.read_bytes().decode().endswith("\n")


def test_a_lone_surrogate_is_written_as_its_escape(tmp_path: Path) -> None:
    """The file is valid UTF-8 and valid JSON for every other reader."""
    write_json(tmp_path / "value.json", "caf\udce9 é")
    assert (tmp_path / "value.json").read_bytes() == '"caf\\udce9 é"\n'.encode()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"not json"], ids=["empty", "cut", "binary", "text"])
def test_what_is_not_json_is_as_good_as_absent(tmp_path: Path, content: bytes) -> None:
    """A missing or broken file gives None."""
    (tmp_path / "value.json").write_bytes(content)
    assert read_json(tmp_path / "value.json") is None
    assert read_json(tmp_path / "absent.json") is None
    assert read_json(tmp_path / "value.json" / "below.json") is None


@given(json_values)
def test_a_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    """The same value gives the same twelve digits however its tables were filled."""

    def turned(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {key: turned(inner[key]) for key in reversed(inner)}
        return [turned(item) for item in inner] if isinstance(inner, list) else inner

    assert digest_of(turned(value)) == digest_of(value)
    assert digest_of([value]) != digest_of(value)
    assert len(digest_of(value)) == 12


def test_digests_are_pinned() -> None:
    """If this fails, every finished unit of every user would be made anew and every fingerprint would change."""
    assert digest_of({"b": [1, 2.5, None, True], "a": "é"}) == "0c187fb652af"
    assert digest_of("\udce9") == "525d57ebf014"
    assert digest_of({"a": 1}) != digest_of({"a": "1"})


def test_sha256_of_a_file_longer_than_one_read(tmp_path: Path) -> None:
    """The digest of three million zero bytes, as `sha256sum` gives it."""
    (tmp_path / "zeros").write_bytes(bytes(3_000_000))
    assert sha256_of(tmp_path / "zeros") == "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f"


class Busy:
    """A rename on Windows while somebody has the file open: refused a number of times, then done."""

    def __init__(self, times: int, winerror: int = 32, name: Path | None = None) -> None:
        self.times = times
        self.done = False
        self.error = PermissionError(13, "in use", str(name or "data.bin"))
        self.error.winerror = winerror

    def __call__(self) -> None:
        """Refuse, or do it."""
        if self.times:
            self.times -= 1
            raise self.error
        self.done = True


@pytest.mark.parametrize("winerror", [5, 32, 33, 1224])
def test_a_file_that_somebody_reads_for_a_moment_is_waited_for(winerror: int) -> None:
    """Windows refuses to replace a file that is open or mapped: readers that let go soon do not end a run."""
    busy = Busy(2, winerror)
    insist(busy)
    assert busy.done


@pytest.mark.parametrize(("winerror", "also"), [(32, "$"), (1224, "$"), (5, ", or choose another folder")])
def test_a_file_that_stays_in_use_is_said_to_be(winerror: int, also: str) -> None:
    """The message says to close what has the file open, and does not send people to permissions alone."""
    path = Path("data.bin")
    with (
        pytest.raises(StorageError, match=rf"cannot write data\.bin: in use; close what has it open or mapped.*{also}"),
        storage_errors(path),
    ):
        Busy(1, winerror)()


def test_a_folder_in_the_place_of_a_file_is_said_to_be_one_on_windows(tmp_path: Path) -> None:
    """Windows says "access denied" of a folder that is opened as a file: the advice is not to change permissions."""
    with (
        pytest.raises(ConflictError, match="it is a folder; remove it or choose"),
        storage_errors(tmp_path),
    ):
        Busy(1, 5, tmp_path)()


def test_other_faults_are_not_waited_for() -> None:
    """What Linux or macOS refuse, they refuse for good."""
    calls: list[int] = []

    def refuse() -> None:
        calls.append(1)
        raise PermissionError(13, "no")

    with pytest.raises(PermissionError):
        insist(refuse)
    assert len(calls) == 1


def test_what_must_go_is_gone_and_what_is_not_there_is_good(tmp_path: Path) -> None:
    """Files and folders alike; a link to a folder is removed, and what it leads to stays."""
    for take in (remove, sweep):
        (tmp_path / "folder" / "deep").mkdir(parents=True)
        (tmp_path / "folder" / "deep" / "file").touch()
        (tmp_path / "file").touch()
        (tmp_path / "link").symlink_to(tmp_path / "folder")
        take(tmp_path / "link")
        assert (tmp_path / "folder" / "deep" / "file").exists()
        for name in ("folder", "file", "never there"):
            take(tmp_path / name)
        assert list(tmp_path.iterdir()) == []
