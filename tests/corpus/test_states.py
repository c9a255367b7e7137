"""A corpus that changes while it is read is noticed, whatever its format and however it changes."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.corpus import Piece, discover, identify, read
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import DataError, NextLongError

TEXTS = [f"document {number}" for number in range(40)]
LINES = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS).encode()


def write_text(path: Path) -> None:
    """One plain text."""
    path.write_text(TEXTS[0])


def write_lines(path: Path) -> None:
    """A document a line."""
    path.write_bytes(LINES)


def write_gzip(path: Path) -> None:
    """The same, compressed."""
    path.write_bytes(gzip.compress(LINES))


def write_table(path: Path) -> None:
    """Four row groups."""
    pq.write_table(pa.table({"text": TEXTS}), path, row_group_size=10)


WRITERS = {"a.txt": write_text, "a.jsonl": write_lines, "a.jsonl.gz": write_gzip, "a.parquet": write_table}


def append(path: Path) -> None:
    """More of the same."""
    with path.open("ab") as file:
        file.write(path.read_bytes())


def rewrite_in_place(path: Path) -> None:
    """Other bytes of the same length under the same time of change."""
    status = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    """Another file of the same bytes but one, with the same time of change."""
    status = path.stat()
    aside = path.with_suffix(".aside")
    aside.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
    aside.replace(path)


def cut(path: Path) -> None:
    """The end is missing."""
    path.write_bytes(path.read_bytes()[:-5])


def identified(folder: Path) -> tuple[Piece, ...]:
    """The pieces of a folder, their files hashed."""
    return identify(discover([SourceSettings(name="notes", path=str(folder))])).pieces


@pytest.mark.parametrize("change", [append, rewrite_in_place, replace, cut])
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_changed_since_its_digest_was_taken_is_refused(
    name: str, change: Callable[[Path], None], tmp_path: Path
) -> None:
    """Its documents are never taken for those of the digest: the error names the file."""
    WRITERS[name](tmp_path / name)
    pieces = identified(tmp_path)
    assert sum(1 for piece in pieces for _ in read(piece, "fail")) in (1, len(TEXTS))
    change(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name} changed while it was read; leave the corpus as it is"):
        for piece in pieces:
            list(read(piece, "skip"))


def test_a_change_in_the_midst_of_reading_is_refused(tmp_path: Path) -> None:
    """A log that grows while it is read gives no dataset, though every line that came is a whole document."""
    write_lines(tmp_path / "a.jsonl")
    [piece] = identified(tmp_path)
    documents = read(piece, "fail")
    next(documents)
    append(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="changed while it was read"):
        list(documents)


def test_a_file_that_was_removed_is_told_as_such(tmp_path: Path) -> None:
    """There is no file to compare, and the error says so."""
    write_lines(tmp_path / "a.jsonl")
    [piece] = identified(tmp_path)
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(NextLongError, match="there is no file"):
        list(read(piece, "fail"))


def test_a_file_that_is_touched_but_holds_the_same_bytes_is_read(tmp_path: Path) -> None:
    """A backup that links a file, or other permissions, do not end a build of hours."""
    write_lines(tmp_path / "a.jsonl")
    [piece] = identified(tmp_path)
    os.utime(tmp_path / "a.jsonl", ns=(1, 1))
    (tmp_path / "a.jsonl").chmod(0o600)
    assert len(list(read(piece, "fail"))) == len(TEXTS)
