"""Files that are ours: only these are replaced or removed, and nothing is reached through a link."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.ownership import OwnFiles, refuse_other_file
from nextlong_hub.errors import ConflictError

NAMES = ("data/a", "data/b", "c")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds a file of a person in each place."""
    folder = tmp_path / "folder"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("precious")
    return folder


def test_a_name_that_a_person_uses_cannot_be_claimed(folder: Path) -> None:
    """It is named, it stays, and it cannot be removed either."""
    own = OwnFiles(folder, folder / "record")
    with pytest.raises(ConflictError, match=r"holds data/a, not made by nextlong-hub.*move it away"):
        own.claim(["data/new", "data/a"])
    assert own.remove(NAMES) == ()
    assert not (folder / "record").exists()
    assert [(folder / name).read_text() for name in NAMES] == ["precious"] * 3


def test_a_claim_outlives_the_run(tmp_path: Path) -> None:
    """What a run claimed before it was killed is ours in the next one; half a last line takes nothing else along."""
    OwnFiles(tmp_path, tmp_path / "record").claim(["data/ä", "b\n"])
    with (tmp_path / "record").open("a") as record:
        record.write('"data/mi')
    (tmp_path / "data").mkdir()
    for name in ("data/ä", "b\n", "data/mine"):
        (tmp_path / name).touch()
    own = OwnFiles(tmp_path, tmp_path / "record")
    assert own.foreign("data") == ("data/mine",)
    assert own.besides(["b\n"]) == ("data/ä",)
    assert own.remove(["data/ä", "data/mine"]) == ("data/ä",)
    (tmp_path / "data/ä").touch()  # somebody else's from now on
    assert OwnFiles(tmp_path, tmp_path / "record").foreign("data") == ("data/mine", "data/ä")


@pytest.mark.parametrize("name", ["data/a", "data/deep/a"])
def test_nothing_is_written_or_removed_through_a_link(folder: Path, tmp_path: Path, name: str) -> None:
    """A folder that became a link to somewhere else holds nothing of ours, whatever the names say."""
    outside = tmp_path / "outside"
    (folder / "data").rename(outside)
    (outside / "deep").mkdir()
    (outside / "deep/a").write_text("precious")
    (outside / ".a.1.tmp").write_text("precious")
    (folder / "data").symlink_to(outside)
    own = OwnFiles(folder, None, [name])
    with pytest.raises(ConflictError, match=r"data is a symbolic link, and nothing is written through one"):
        own.claim([name])
    own.remove_incomplete()
    assert (own.besides([]), own.remove([name]), own.foreign("data")) == ((), (), ("data",))
    assert [(outside / each).read_text() for each in ("a", "deep/a", ".a.1.tmp")] == ["precious"] * 3


def test_a_link_in_place_of_a_file_goes_alone(folder: Path, tmp_path: Path) -> None:
    """What it points to stays."""
    (folder / "c").rename(tmp_path / "elsewhere")
    (folder / "c").symlink_to(tmp_path / "elsewhere")
    assert OwnFiles(folder, None, ["c"]).remove(["c"]) == ("c",)
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_name_that_leads_outside_is_never_ours(folder: Path, tmp_path: Path) -> None:
    """Whatever a record or manifest from elsewhere says."""
    (tmp_path / "other").write_text("precious")
    names = ["../other", str(tmp_path / "other"), "data/../../other"]
    assert OwnFiles(folder, None, names).remove(names) == ()
    assert (tmp_path / "other").read_text() == "precious"


def test_only_what_was_left_of_files_of_ours_is_swept(folder: Path) -> None:
    """A temporary name alone does not make a file ours."""
    for name in (".c.7.tmp", ".precious.7.tmp", "data/.a.7.tmp", "data/.c.7.tmp"):
        (folder / name).touch()
    OwnFiles(folder, None, ["c", "data/a", "gone/x"]).remove_incomplete()
    assert sorted(path.name for path in folder.rglob(".*")) == [".c.7.tmp", ".precious.7.tmp"]
    assert (folder / "data/.c.7.tmp").exists()


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_removing_takes_what_is_asked_for_and_ours(
    tmp_path_factory: pytest.TempPathFactory, ours: set[str], asked: set[str]
) -> None:
    """Exactly the files in both sets go; all others are there afterwards."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "data").mkdir()
    for name in NAMES:
        (folder / name).touch()
    assert {*OwnFiles(folder, None, ours).remove(asked)} == ours & asked
    assert {name for name in NAMES if (folder / name).exists()} == {*NAMES} - (ours & asked)


def test_a_single_file_is_replaced_only_if_it_bears_our_mark(tmp_path: Path) -> None:
    """None there, or one of ours; not another one, not a link to one of ours."""
    page, link = tmp_path / "page", tmp_path / "link"
    refuse_other_file(page, b"our mark", "page")
    page.write_bytes(b"<our mark>")
    refuse_other_file(page, b"our mark", "page")
    link.symlink_to(page)
    page_of_others = tmp_path / "theirs"
    page_of_others.write_bytes(b" " * 1024 + b"our mark")
    for path in (link, page_of_others):
        with pytest.raises(ConflictError, match=r"is there and is no page of nextlong-hub; .*force"):
            refuse_other_file(path, b"our mark", "page")
