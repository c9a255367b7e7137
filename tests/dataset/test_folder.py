"""The output folder: foreign ones are refused and left alone, and only one process writes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nextlong_hub.dataset.folder import locked, open_run, refuse_foreign
from nextlong_hub.errors import ConflictError, StorageError
from nextlong_hub.execution.workspace import WORK_NAME, Workspace

HOLDER = """
import sys, time
from pathlib import Path
from nextlong_hub.dataset.folder import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["thesis.tex", ".hidden", ".work/other.json", "data/64k/train.parquet"])
def test_a_foreign_folder_is_refused_and_untouched(tmp_path: Path, name: str) -> None:
    """Whatever it holds, even a folder called like ours, it stays as it is, and the message names what is there."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    with (
        pytest.raises(
            ConflictError, match=rf"already holds {name.split('/')[0]} and was not made by nextlong-hub; choo"
        ),
        locked(tmp_path),
    ):
        pytest.fail("the folder was taken")
    assert contents(tmp_path) == {name: b"mine"}
    assert not any(path.name == "lock" for path in tmp_path.rglob("*"))


def test_a_long_list_of_foreign_files_is_cut(tmp_path: Path) -> None:
    """The message names the first three, in order."""
    for name in "dbcae":
        (tmp_path / name).touch()
    with pytest.raises(ConflictError, match="already holds a, b, c … and was not"):
        refuse_foreign(tmp_path)


def test_a_folder_that_load_dataset_takes_for_a_pattern_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever in its path the brackets are; other characters are read as they are."""
    for name, characters in (("out [v1]", "[ ]"), ("a{b}#1", "")):
        caplog.clear()
        with open_run(tmp_path / name / "out"):
            pass
        assert [record.getMessage().count(f"takes {characters} in a path") for record in caplog.records] == (
            [1] if characters else []
        )


def test_new_empty_and_own_folders_are_taken(tmp_path: Path) -> None:
    """A folder that does not exist is made, with its parents; afterwards it is ours, whatever else is in it."""
    output = tmp_path / "deep" / "nextlong"
    with locked(output) as workspace:
        assert workspace.work == output / WORK_NAME
        (output / "data").mkdir()
    (output / "notes.txt").write_text("added later")
    with locked(output):
        assert (output / "notes.txt").read_text() == "added later"
    (tmp_path / "empty").mkdir()
    with locked(tmp_path / "empty"):
        pass


def test_a_finished_dataset_without_its_work_is_ours(dataset: Path, tmp_path: Path) -> None:
    """Downloaded from the Hub, a folder has our manifest and nothing of `.work`; a foreign manifest does not count."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "README.md").touch()
    (foreign / "manifest.json").write_text('{"name": "web app"}')
    with pytest.raises(ConflictError, match=r"already holds README\.md, manifest\.json and was not made"):
        refuse_foreign(foreign)
    shutil.rmtree(dataset / WORK_NAME)
    refuse_foreign(dataset)
    with locked(dataset):
        pass


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Where the folder or one of its parents should be; the file stays."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConflictError, match=r"file is a file, but a folder is needed"), locked(tmp_path / "file"):
        pytest.fail("the file was taken")
    with pytest.raises(ConflictError, match=r"below: Not a directory"), locked(tmp_path / "file" / "below"):
        pytest.fail("the folder was made below a file")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConflictError, match=r"link: File exists"), locked(tmp_path / "link"):
        pytest.fail("a link to nowhere was taken")
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_second_writer_in_this_process_is_refused(tmp_path: Path) -> None:
    """The lock is given back when the block ends, well or not."""
    with locked(tmp_path):
        with pytest.raises(ConflictError, match="another process is writing"), locked(tmp_path):
            pytest.fail("the lock was given twice")
        with pytest.raises(ConflictError, match="another process is writing"), locked(tmp_path):
            pytest.fail("being refused has freed the lock")
    with pytest.raises(LookupError, match="mine"), locked(tmp_path):
        raise LookupError("mine")
    with locked(tmp_path):
        pass


def test_a_second_process_is_refused_until_the_first_dies(tmp_path: Path) -> None:
    """Even kill -9 leaves no lock behind."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == "locked\n"
            with (
                pytest.raises(ConflictError, match=r"another process is writing .*; wait for it to end or choose"),
                locked(tmp_path),
            ):
                pytest.fail("two processes write one folder")
        finally:
            os.kill(holder.pid, signal.SIGKILL)
    with locked(tmp_path):
        pass


def test_what_a_killed_writer_left_is_swept_away(tmp_path: Path) -> None:
    """Half files of a process that is gone are removed by the next one; all other work stays."""
    with locked(tmp_path) as workspace:
        (workspace.store("a") / "part-00000").mkdir(parents=True)
        (workspace.store("a") / ".store.json.4711.tmp").write_text("{")
        (workspace.store("a") / "part-00000" / ".text.bin.4711.tmp").touch()
        (workspace.store("a") / "part-00000" / "text.bin").touch()
    with locked(tmp_path) as workspace:
        left = sorted(path.name for path in workspace.store("a").rglob("*"))
    assert left == ["part-00000", "text.bin"]


def test_a_disk_that_cannot_be_written_is_a_storage_error(small_disk: Path) -> None:
    """A read-only file system is named with its remedy, whether the folder is there or not, and is not changed."""
    (small_disk / "empty").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for name in ("empty", "new"):
        with (
            pytest.raises(StorageError, match=rf"{name}: Read-only file system; choose a folder"),
            locked(small_disk / name),
        ):
            pytest.fail("a read-only disk was taken")
    assert [path.name for path in small_disk.rglob("*")] == ["empty"]


def test_work_on_other_inputs_lies_elsewhere(tmp_path: Path) -> None:
    """Two identities, or two configurations, never share a folder."""
    workspace = Workspace(tmp_path)
    folders = [place(identity) for identity in ("a", "b") for place in (
        workspace.store, workspace.index, workspace.receipts, lambda i: workspace.units("64k", i),
        lambda i: workspace.units("128k", i),
    )]  # fmt: skip
    assert len(set(folders)) == len(folders) == 10
    assert all(folder.parent == tmp_path for folder in folders)


def test_unfinished_work_behind_a_link_is_not_swept(tmp_path: Path) -> None:
    """A link may lead to an empty folder or to work of ours; elsewhere, and links within, are refused."""
    outside = tmp_path / "outside"
    outside.mkdir()
    with locked(tmp_path / "out"):
        pass
    (tmp_path / "out" / WORK_NAME).rename(tmp_path / "work")
    (tmp_path / "out" / WORK_NAME).symlink_to(outside)
    (outside / ".precious.1.tmp").write_text("mine")
    with pytest.raises(ConflictError, match=r"\.work"), locked(tmp_path / "out"):
        pytest.fail("work was taken behind a link")
    assert contents(outside) == {".precious.1.tmp": b"mine"}
    (tmp_path / "out" / WORK_NAME).unlink()
    (tmp_path / "out" / WORK_NAME).symlink_to(tmp_path / "work")
    (tmp_path / "work/.half.1.tmp").touch()
    with locked(tmp_path / "out"):
        assert not (tmp_path / "work/.half.1.tmp").exists()
    (tmp_path / "work/index-1").symlink_to(outside)
    with pytest.raises(ConflictError, match=r"index-1 is a symbolic link, which no run"), locked(tmp_path / "out"):
        pytest.fail("work with a link in it was taken")
