"""Every bad input gives one clear error that names place and remedy, with its exit code, and loses nothing finished."""

import errno
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import ROWS, build_command, make_request, published, read_rows, run_command

from nextlong_hub.cli import run
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import StorageError
from nextlong_hub.pipeline import build
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

GOOD = make_documents(24)
LINES = [json.dumps({"id": one.id, "text": one.text}).encode() + b"\n" for one in GOOD]
"""A good corpus, which each case spoils in its own way."""


def text_file(name: str, *bad: bytes, at: int = 6) -> Callable[[Path], Path]:
    """A JSON Lines file with bad lines in front of its seventh one."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(b"".join([*LINES[:at], *bad, *LINES[at:]]))
        return path

    return make


def cut_short(name: str, compress: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A compressed JSON Lines file of two parts, the second of which ends in its middle."""

    def make(folder: Path) -> Path:
        whole, cut = compress(b"".join(LINES[:16])), compress(b"".join(LINES[16:]))
        (folder / name).write_bytes(whole + cut[: len(cut) // 2])
        return folder / name

    return make


def parquet_file(
    spoil: Callable[[bytearray], None] = lambda content: None, **columns: pa.Array
) -> Callable[[Path], Path]:
    """A Parquet file of the good documents, other columns, or with spoilt bytes."""

    def make(folder: Path) -> Path:
        usual = {"id": pa.array([d.id for d in GOOD]), "text": pa.array([d.text for d in GOOD])}
        path = folder / "corpus.parquet"
        pq.write_table(pa.table(columns or usual), path, row_group_size=8, write_page_checksum=True)
        content = bytearray(path.read_bytes())
        spoil(content)
        path.write_bytes(content)
        return path

    return make


def flip_middle(content: bytearray) -> None:
    """Spoil a page of a row group in the middle."""
    content[len(content) // 2] ^= 0xFF


def lose_end(content: bytearray) -> None:
    """Lose the footer."""
    del content[-40:]


def empty_folder(folder: Path) -> Path:
    """A folder without anything to read."""
    (folder / "void").mkdir()
    return folder / "void"


def line(**values: object) -> bytes:
    """One JSON line."""
    return json.dumps(values).encode() + b"\n"


def zstd(content: bytes) -> bytes:
    """Compress with zstd."""
    compressed: bytes = pa.compress(content, "zstd", asbytes=True)
    return compressed


LATIN_1 = '{"text": "caf\xe9"}\n'.encode("latin-1")
SURROGATE = line(text="a \ud800 b")

SKIPPABLE: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "invalid JSON": (
        text_file("c.jsonl", b'{"text": "no end\n'),
        r"c\.jsonl, line 7: is not valid JSON",
        "invalid_json",
    ),
    "cut off JSONL": (text_file("c.jsonl", b'{"text": "no', at=24), r"c\.jsonl, line 25: the file ends", "truncated"),
    "cut off gzip": (cut_short("c.jsonl.gz", gzip.compress), r"c\.jsonl\.gz, line \d+: the file ends", "truncated"),
    "cut off zstd": (cut_short("c.jsonl.zst", zstd), r"c\.jsonl\.zst, line \d+: the file ends", "truncated"),
    "text is a number": (text_file("c.jsonl", line(text=5)), r"line 7: has the wrong type.*its text is", "wrong_type"),
    "not an object": (text_file("c.jsonl", b"[1]\n"), r"line 7: has the wrong type", "wrong_type"),
    "no text": (text_file("c.jsonl", line(txt="x")), r"line 7: has no text.*'txt'", "missing_text"),
    "null": (text_file("c.jsonl", line(text=None)), r"line 7: has null for its text", "null_text"),
    "Latin-1": (text_file("c.jsonl", LATIN_1), r"line 7: is not UTF-8 \(byte \d+", "invalid_utf8"),
    "NUL": (text_file("c.jsonl", line(text="a\0b")), r"line 7: holds a NUL character", "nul_character"),
    "surrogate": (text_file("c.jsonl", SURROGATE), r"line 7: holds half of a surrogate pair", "lone_surrogate"),
    "id twice": (
        text_file("c.jsonl", LINES[2]),
        r"c\.jsonl, document 6: its id 'd002' is also that of document 2",
        "duplicate_id",
    ),
    "damaged Parquet": (parquet_file(flip_middle), r"corpus\.parquet, row group 2 from row 16: the file", "corrupt"),
    "Parquet without end": (parquet_file(lose_end), r"corpus\.parquet: the file ", ""),
}
"""How the corpus is spoilt, what the error says, and what is counted when bad documents are skipped."""


LICENSE = ("--license", "cc0-1.0")
"""Without one a build says that it is not settled."""


class Attempt:
    """Builds by the command line in this process; a fault nobody foresaw goes through and fails the test."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.output = folder / "dataset"
        self._capsys = capsys

    def __call__(self, corpus: Path, *more: str, output: Path | None = None) -> tuple[int, str]:
        """Exit code, and what was written to stderr, on one line."""
        output = output or self.output
        return self.run(*build_command(corpus, output, self.folder / "tiny.toml", *LICENSE, *more))

    def run(self, *arguments: str) -> tuple[int, str]:
        """Any command."""
        code = run([*arguments])
        return code, " ".join(self._capsys.readouterr().err.split())


@pytest.fixture
def attempt(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """A build of a given corpus into `tmp_path / "dataset"`."""
    monkeypatch.setenv("COLUMNS", "10000")
    return Attempt(tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "words", "counted"), SKIPPABLE.values(), ids=SKIPPABLE.keys())
def test_a_bad_document_stops_the_build_or_is_skipped_and_counted(
    spoil: Callable[[Path], Path], words: str, counted: str, attempt: Attempt
) -> None:
    """Exit code 1, one message with file, line or row, and remedy; skipped, the rest is built and the loss counted."""
    corpus = spoil(attempt.folder)
    code, message = attempt(corpus)
    assert code == 1
    assert re.search(words, message), message
    assert "on_bad_document" in message or "make the ids unique" in message
    if counted:
        code, message = attempt(corpus, "--on-bad-document", "skip")
        assert code == 0, message
        manifest = read_manifest(attempt.output)
        assert manifest is not None
        assert manifest.corpus.skipped == {counted: 1}
        assert verify(attempt.output, tokenizer="demo").faults == ()


def test_documents_without_text_are_left_out_and_counted(attempt: Attempt) -> None:
    """Empty and blank texts are no error: there is nothing in them to lose."""
    corpus = text_file("c.jsonl", line(text=""), line(text=" \n\t "))(attempt.folder)
    assert attempt(corpus) == (0, "")
    manifest = read_manifest(attempt.output)
    assert manifest is not None
    assert manifest.corpus.skipped == {"empty": 2}


def test_an_id_in_two_files_names_both(attempt: Attempt) -> None:
    """Refused with both places; with skip, the later document is left out and counted."""
    write_corpus(attempt.folder / "texts" / "one.jsonl", GOOD[:14])
    write_corpus(attempt.folder / "texts" / "two.jsonl", GOOD[13:])
    code, message = attempt(attempt.folder / "texts")
    assert code == 1
    assert re.search(r"two\.jsonl, document 0: its id 'd013' is also that of document 13 of .*one\.jsonl", message)
    assert attempt(attempt.folder / "texts", "--on-bad-document", "skip") == (0, "")
    manifest = read_manifest(attempt.output)
    assert manifest is not None
    assert (manifest.corpus.documents, manifest.corpus.skipped) == (24, {"duplicate_id": 1})


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "wrong column": (
        parquet_file(id=pa.array(["a"]), content=pa.array(["b"])),
        r"no column 'text'; its columns are .*'content'.*did you mean text_column = \"content\"",
    ),
    "wrong type": (parquet_file(text=pa.array([1, 2])), r"column 'text' holds int64, and text must be string"),
    "id of a wrong type": (
        parquet_file(text=pa.array(["a"]), id=pa.array([1.5])),
        r"column 'id' holds double, and ids must be string or integer",
    ),
    "no such path": (lambda folder: folder / "nowhere.jsonl", r"there is no file or folder .*nowhere\.jsonl"),
    "empty file": (lambda folder: write_corpus(folder / "c.jsonl", []), "no document with text"),
    "nothing to read": (empty_folder, r"found no documents at .*void; looked for"),
    "one document": (
        lambda folder: write_corpus(folder / "c.jsonl", GOOD[:1]),
        r"the corpus holds \d+ tokens, and one row needs 512; add documents or build a shorter configuration",
    ),
    "too few documents": (
        lambda folder: write_corpus(folder / "c.jsonl", GOOD[:5]),
        r"8 samples were asked for, but only \d documents can be extended .*; ask for at most",
    ),
    "one text many times": (
        lambda folder: write_corpus(folder / "c.jsonl", [replace(GOOD[0], id=str(n)) for n in range(20)]),
        r"none of 20 candidates became a sample \(20 near duplicates\); .* remove copies from the corpus",
    ),
    "nothing long enough": (
        lambda folder: write_corpus(folder / "c.jsonl", [replace(d, text=d.text[:99]) for d in GOOD]),
        r"none of 24 documents can be extended: 24 have fewer than 2 chunks",
    ),
}


def test_a_corpus_of_which_everything_was_skipped_says_why(attempt: Attempt) -> None:
    """The reasons are counted in the message: the paths are right, the documents are not."""
    corpus = text_file("c.jsonl", line(text=5), line(text=None), line(text=7))(attempt.folder)
    corpus.write_bytes(b"".join(corpus.read_bytes().splitlines(keepends=True)[6:9]))
    code, message = attempt(corpus, "--on-bad-document", "skip")
    assert code == 1
    assert "no document with text (left out: 1 null_text, 2 wrong_type)" in message


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_corpus_that_cannot_be_used_is_refused(spoil: Callable[[Path], Path], words: str, attempt: Attempt) -> None:
    """Exit code 1 and one message; nothing is published."""
    code, message = attempt(spoil(attempt.folder))
    assert code == 1
    assert re.search(words, message), message
    assert published(attempt.output) == {}


@pytest.mark.parametrize("name", ["no folder", "empty folder", "a file", "no JSON", "no tokenizer"])
def test_a_tokenizer_that_cannot_be_used_is_refused(name: str, corpus_file: Path, attempt: Attempt) -> None:
    """Exit code 2 and what to give instead."""
    folder = attempt.folder / "tokenizer"
    words = {
        "no folder": "there is no folder",
        "empty folder": r"holds no tokenizer; give one that holds tokenizer\.json",
        "a file": r"is a file; give the folder that holds tokenizer\.json",
    }.get(name, r"tokenizer\.json")
    if name != "no folder":
        folder.mkdir()
    if name == "a file":
        folder = folder / "vocab"
        folder.write_text("x")
    elif name in ("no JSON", "no tokenizer"):
        (folder / "tokenizer.json").write_text("{" if name == "no JSON" else "{}")
    code, message = attempt(corpus_file, "--tokenizer", str(folder))
    assert code == 2
    assert re.search(words, message), message


def test_an_output_that_is_a_file_is_refused(corpus_file: Path, attempt: Attempt) -> None:
    """Exit code 6; the file stays."""
    attempt.output.write_text("mine")
    code, message = attempt(corpus_file)
    assert (code, attempt.output.read_text()) == (6, "mine")
    assert "is a file, but a folder is needed" in message
    code, message = attempt(corpus_file, output=attempt.output / "below")
    assert code == 6
    assert "dataset" in message


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that cannot be written."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,ro", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"a read-only disk cannot be mounted here: {mount.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_output_is_a_storage_error(read_only: Path, corpus_file: Path, attempt: Attempt) -> None:
    """Exit code 7 before any work is done."""
    code, message = attempt(corpus_file, output=read_only / "dataset")
    assert code == 7
    assert "Read-only file system" in message
    assert "choose a folder on a file system that can be written" in message


@pytest.mark.slow
def test_an_output_of_somebody_else_is_a_storage_error(corpus_file: Path) -> None:
    """Exit code 7 where the permission to write is missing."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else, with setpriv")
    probe = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", "import nextlong_hub.cli"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this Python cannot be run by nobody")
    with TemporaryDirectory() as folder:  # pytest's own folders can be entered by their owner only
        Path(folder).chmod(0o755)
        corpus = Path(shutil.copy(corpus_file, folder))
        arguments = build_command(corpus, Path(folder) / "dataset", Path(folder) / "tiny.toml")
        command = [*probe[:-1], "from nextlong_hub.cli import main; main()", *arguments]
        quiet = os.environ | {"COVERAGE_PROCESS_CONFIG": ""}  # nobody may write what measures coverage
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 7, done.stderr
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_full_disk_costs_nothing_that_was_finished(corpus_file: Path, tmp_path: Path, built: Path) -> None:
    """At every size of disk that is too small: a storage error, no manifest; once there is room, the usual bytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    failures = 0
    try:
        for size in range(64, 2048, 64):
            subprocess.run(["mount", "-o", f"remount,size={size}k", str(folder)], check=True)
            try:
                build(make_request(corpus_file), folder / "dataset")
            except StorageError as error:
                failures += 1
                assert "No space left on device" in str(error)
                assert "free some space there, then run the same command again" in str(error)
                assert not (folder / "dataset" / "manifest.json").exists()
            else:
                break
        assert failures >= 4
        assert published(folder / "dataset") == published(built)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # an open index may still be mapped


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.EMFILE])
def test_a_failing_disk_is_a_storage_error(
    number: int, corpus_file: Path, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 7 when the tenth flush fails; that file is not believed, and a rerun gives the usual bytes."""
    flushes = iter(range(1000))

    def fail_once(descriptor: int) -> None:
        if next(flushes) == 10:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail_once)
    code, message = attempt(corpus_file)
    assert code == 7
    assert os.strerror(number) in message
    assert "run the same command again" in message
    assert attempt(corpus_file) == (0, "")
    quiet = attempt.folder / "quiet"
    assert attempt(corpus_file, output=quiet) == (0, "")
    assert published(attempt.output) == published(quiet)


def test_finished_work_survives_a_bad_document(attempt: Attempt) -> None:
    """Files that were read before the bad one are not read again once it is mended."""
    folder = attempt.folder / "texts"
    write_corpus(folder / "one.jsonl", GOOD[:12])
    second = folder / "two.jsonl"
    second.write_bytes(b"".join(LINES[12:]) + b"{\n")
    assert attempt(folder)[0] == 1
    [receipt] = attempt.output.glob(".work/receipts-*/ingest/*.json")
    assert receipt.name == "part-00000.json"
    second.write_bytes(b"".join(LINES[12:]))
    assert attempt(folder)[0] == 0
    assert verify(attempt.output, tokenizer="demo").faults == ()


@pytest.mark.slow
def test_the_console_script_shows_no_traceback(tmp_path: Path) -> None:
    """As a person meets it: a process of its own, one message on stderr, nothing on stdout, exit code 1."""
    corpus = text_file("c.jsonl", b"{\n")(tmp_path)
    done = run_command(*build_command(corpus, tmp_path / "dataset", tmp_path / "tiny.toml", workers=2))
    assert (done.returncode, done.stdout) == (1, "")
    assert "line 7: is not valid JSON" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_worlds_are_what_they_say(tmp_path: Path) -> None:
    """The tiny worlds for users' tests: the same texts for a seed, in either format, and a recipe with sections."""
    assert make_documents(3, seed=1) == make_documents(3, seed=1)[:3] == make_documents(5, seed=1)[:3]
    assert make_documents(3, seed=1) != make_documents(3, seed=2)
    table = pq.read_table(write_corpus(tmp_path / "c.parquet", GOOD))
    assert table.to_pylist() == [json.loads(one) for one in LINES]
    recipe = tiny_recipe(name="other", interleave={"fill": "reference"}, target_length=600)
    assert (recipe.interleave.fill, recipe.interleave.separator, recipe.target_length) == ("reference", "\n", 600)
    build(make_request(tmp_path / "c.parquet", rows=1), tmp_path / "dataset")
    assert len(read_rows(tmp_path / "dataset")) == 1 < ROWS
