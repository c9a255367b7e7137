"""The same bytes whatever happens: any number of workers, any order, any kill, any damage to finished work."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import crashes
import pytest
from building import ROWS, build_command, make_request, published, read_rows, read_texts, run_command
from click.testing import CliRunner
from crashes import SECONDS_BEFORE_A_HANG_FAILS, build_and_die

from nextlong_hub.cli import commands
from nextlong_hub.dataset.folder import locked
from nextlong_hub.errors import NextLongError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.execution.progress import NullProgress
from nextlong_hub.pipeline import build
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow


def require_valid_or_unfinished(output: Path) -> None:
    """An interrupted build leaves no manifest, or one that is true."""
    if (output / "manifest.json").exists():
        assert verify(output, tokenizer="demo").faults == ()


def test_any_number_of_workers_gives_the_same_bytes(
    built: Path, corpus_file: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """Every published file, manifest and card included, is the same byte for byte."""
    build(make_request(corpus_file), tmp_path / "dataset", executor=two_workers)
    assert published(tmp_path / "dataset") == published(built)


ENVIRONMENTS = (
    {"PYTHONHASHSEED": "1", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONHASHSEED": "77", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
)


def test_hash_seed_and_locale_do_not_matter(built: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The command line gives the same bytes as the library, under any hash seed, language and time zone."""
    outputs = [tmp_path / str(number) for number in range(len(ENVIRONMENTS))]
    for environment, output in zip(ENVIRONMENTS, outputs, strict=True):
        done = run_command(*build_command(corpus_file, output, tmp_path / "tiny.toml"), **environment)
        assert done.returncode == 0, done.stderr
        notes = "Note: The license of the dataset"
        assert [line for line in done.stderr.splitlines() if not line.startswith(notes)] == []
    first, second, here = map(published, (*outputs, built))
    assert first == second
    drawn = [name for name in first if name.endswith(".png")]  # in this process they are pixels: see `thrift`
    assert drawn and first.keys() == here.keys()
    assert {name for name in first if first[name] != here[name]} == set(drawn)


def test_the_order_and_place_of_corpus_files_do_not_matter(tmp_path: Path) -> None:
    """Files named in another order, or moved to another folder, are the same corpus."""
    halves = [
        write_corpus(tmp_path / "here" / name, [replace(d, id=f"{name}-{d.id}") for d in make_documents(24, seed=seed)])
        for seed, name in enumerate(("one.jsonl", "two.jsonl"))
    ]
    build(make_request(halves), tmp_path / "first")
    moved = [Path(shutil.copy(path, tmp_path)) for path in halves]
    build(make_request(moved[::-1]), tmp_path / "second")
    assert published(tmp_path / "first") == published(tmp_path / "second")


def test_a_rerun_changes_nothing(dataset: Path, corpus_file: Path) -> None:
    """The same request on a finished folder runs no unit, writes no file and says so."""
    stamps = {
        path: path.stat().st_mtime_ns for path in dataset.rglob("*") if path.is_file() and ".work" not in str(path)
    }
    started: list[tuple[str, int | None]] = []

    class Listener(NullProgress):
        def start(self, stage: str, total: int | None, unit: str) -> None:
            started.append((stage, total))

    report = build(make_request(corpus_file), dataset, progress=Listener())
    assert report.unchanged
    assert ("synthesise tiny", 4) in started
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_a_folder_that_was_moved_is_found_again(dataset: Path, corpus_file: Path, tmp_path: Path) -> None:
    """Paths in finished work are relative to the folder."""
    dataset.rename(tmp_path / "elsewhere")
    assert build(make_request(corpus_file), tmp_path / "elsewhere").unchanged


def test_a_build_killed_at_every_receipt_resumes_to_the_same_bytes(
    built: Path, corpus_file: Path, tmp_path: Path
) -> None:
    """The driver is killed after its first receipt; the rerun is killed after its own first, and so on to the end."""
    output = tmp_path / "dataset"
    kills = 0
    while build_and_die(corpus_file, output, 1, "after a receipt"):
        kills += 1
        require_valid_or_unfinished(output)
    assert kills >= 1 + 3 + 2 * ROWS // 2 + 1, "corpus, index, retrieval and synthesis of each unit, shard"
    assert published(output) == published(built)


def test_a_build_killed_at_any_rename_resumes_to_the_same_bytes(built: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The driver is killed when a file is written but has no name yet, a receipt's, a unit's, the manifest's."""
    count, kills = 1, 0
    while build_and_die(corpus_file, output := tmp_path / f"dataset-{count}", count, "before a rename"):
        require_valid_or_unfinished(output)
        build(make_request(corpus_file), output)
        assert published(output) == published(built), count
        assert not list(output.rglob(".*.tmp")), "what was being written is swept away"
        count, kills = count + 9, kills + 1
    assert kills >= 3


def test_extending_killed_at_any_moment_loses_no_configuration(built: Path, corpus_file: Path, tmp_path: Path) -> None:
    """While more rows of one configuration are published the other one is never forgotten, nor its files removed."""
    other = tiny_recipe(name="other", target_length=300)
    few = tmp_path / "few"
    build(make_request(corpus_file, tiny_recipe(), other, rows={"tiny": 2, "other": 4}), few)
    both = Path(shutil.copytree(few, tmp_path / "both"))
    build(make_request(corpus_file), both)
    assert read_rows(both)[:2] == read_rows(few) and read_rows(both, "other") == read_rows(few, "other")
    count = 1
    while build_and_die(
        corpus_file, output := Path(shutil.copytree(few, tmp_path / f"{count}")), count, "before a rename"
    ):
        require_valid_or_unfinished(output)
        build(make_request(corpus_file), output)
        assert published(output) == published(both), count
        count += 6
    assert count > 9


def test_a_build_with_workers_survives_the_death_of_its_driver(built: Path, corpus_file: Path, tmp_path: Path) -> None:
    """Receipts that workers earned count; the rerun takes the folder at once."""
    output = tmp_path / "dataset"
    assert build_and_die(corpus_file, output, 5, "after a receipt", executor="local:2")
    build(make_request(corpus_file), output)
    assert published(output) == published(built)


def children_of(pid: int) -> set[int]:
    """The running processes that a process started."""
    listed = (Path(f"/proc/{pid}/task/{pid}/children").read_text() if Path(f"/proc/{pid}").exists() else "").split()
    return {int(child) for child in listed}


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def running(corpus_file: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A build on two workers, begun; it writes no shard before there is a file `go`, so it never ends too soon."""
    arguments = build_command(corpus_file, tmp_path / "dataset", tmp_path / "tiny.toml", workers=2)
    arguments[arguments.index("--samples") + 1] = "12"
    toml = tmp_path / "tiny.toml"
    toml.write_text(toml.read_text().replace("unit_documents = 2", "unit_documents = 1").replace("= 0.5", "= 0.9"))
    script = f"""
        import time
        from pathlib import Path
        from nextlong_hub import pipeline
        from nextlong_hub.cli import main
        from thrift import be_thrifty

        be_thrifty()

        def write_rows(*arguments, write=pipeline.write_rows):
            while not Path({str(tmp_path / "go")!r}).exists():
                time.sleep(0.01)
            return write(*arguments)

        pipeline.write_rows = write_rows
        main()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    support = os.environ | {"PYTHONPATH": str(Path(crashes.__file__).parent)}
    process = subprocess.Popen(command, env=support, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        until = time.monotonic() + SECONDS_BEFORE_A_HANG_FAILS
        while not list((tmp_path / "dataset").glob(".work/receipts-*/retrieve/unit-00003-*.json")):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_the_build_and_its_workers(
    number: signal.Signals, running: subprocess.Popen[str], tmp_path: Path
) -> None:
    """SIGTERM and Ctrl-C leave with 143 and 130, say how to resume and show no traceback; every worker ends too."""
    workers = children_of(running.pid)
    assert workers
    running.send_signal(number)
    _, errors = running.communicate(timeout=SECONDS_BEFORE_A_HANG_FAILS)
    assert running.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    if number != signal.SIGKILL:
        assert "the same command resumes it" in errors
        assert "Traceback" not in errors
    until = time.monotonic() + SECONDS_BEFORE_A_HANG_FAILS
    while any(map(is_alive, workers)):
        assert time.monotonic() < until, "a worker was orphaned"
        time.sleep(0.05)
    assert not (tmp_path / "dataset" / "manifest.json").exists()
    with locked(tmp_path / "dataset"):
        pass


def test_a_killed_worker_costs_nothing_but_time(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """One worker dies by SIGKILL in the middle: the build goes on and its rows are those of a quiet build."""
    victims = [pid for pid in children_of(running.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(victims[0], signal.SIGKILL)
    (tmp_path / "go").touch()
    _, errors = running.communicate(timeout=SECONDS_BEFORE_A_HANG_FAILS)
    assert running.returncode == 0, errors
    disturbed = published(tmp_path / "dataset")
    shutil.rmtree(tmp_path / "dataset")
    arguments = [str(argument) for argument in running.args[3:]]  # type: ignore[union-attr, index]
    arguments[arguments.index("--num-proc") + 1] = "1"
    assert CliRunner().invoke(commands, arguments, standalone_mode=False).exit_code == 0
    assert published(tmp_path / "dataset") == disturbed


def kinds_of_work(folder: Path) -> list[str]:
    """The last file of each kind of finished work, by name; identities are the same in every build of the dataset."""
    names = sorted(path.relative_to(folder).as_posix() for path in (folder / ".work").rglob("*") if path.is_file())
    last = {re.sub(r"(unit|part|shard)-\d+(-[0-9a-f]{12})?", r"\1", name): name for name in names}
    return [name for name in last.values() if not name.endswith(("/lock", "/nextlong-hub.json"))]


def damage(path: Path, how: str) -> None:
    """Lose a file, its end, or the truth of a byte in its middle."""
    content = bytearray(path.read_bytes())
    if how == "lose":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif content:
        content[len(content) // 2] ^= 0x01
        path.write_bytes(content)


@pytest.mark.parametrize("ways", [("flip", "flip"), ("lose", "cut")])
def test_damage_to_any_finished_work_is_mended(
    ways: tuple[str, str], built: Path, corpus_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever was damaged in .work, two more rows give the bytes of an undisturbed build of ten."""
    quiet = tmp_path_factory.mktemp("quiet") / "dataset"
    build(make_request(corpus_file, rows=ROWS + 2), quiet)
    names = kinds_of_work(built)
    assert len(names) >= 15
    for number, name in enumerate(names):
        output = tmp_path_factory.mktemp("damaged") / "dataset"
        shutil.copytree(built, output)
        damage(output / name, ways[number % 2])
        build(make_request(corpus_file, rows=ROWS + 2), output)
        assert published(output) == published(quiet), name


@pytest.mark.parametrize("how", ["lose", "cut", "flip"])
def test_damage_to_a_published_file_is_mended_or_refused(
    how: str, built: Path, corpus_file: Path, tmp_path: Path
) -> None:
    """Shard, recipe, a lost card or picture are written again; a damaged manifest is refused; a changed card stays."""
    for number, name in enumerate(published(built)):
        output = tmp_path / str(number)
        shutil.copytree(built, output)
        damage(output / name, how)
        try:
            build(make_request(corpus_file), output)
        except NextLongError as error:
            assert name == "manifest.json" and how != "lose", name
            assert "manifest.json" in str(error) and "build again into an empty folder" in str(error)
        else:
            if not name.startswith(("README.md", "assets/")) or how == "lose":
                assert published(output) == published(built), name
            assert not [fault for fault in verify(output).faults if fault.place != "README.md"]


def test_a_changed_corpus_is_read_again(corpus_file: Path, tmp_path: Path) -> None:
    """A corpus that changes before anything is published is another corpus: nothing of the old one is used."""
    corpus = Path(shutil.copy(corpus_file, tmp_path))
    output = tmp_path / "dataset"
    assert build_and_die(corpus, output, 4, "after a receipt")
    corpus.write_text(corpus.read_text().replace("harbour", "haven"))
    build(make_request(corpus), output)
    assert verify(output, sources=make_request(corpus).sources, tokenizer="demo").faults == ()
    assert "harbour" not in (output / "data/tiny/train-00000-of-00001.parquet").read_bytes().decode("latin-1")
    assert all("harbour" not in text for text in read_texts(corpus).values())


def test_time_of_day_is_nowhere_in_a_manifest(built: Path) -> None:
    """Nothing in the manifest depends on the clock, the machine or the folder."""
    text = (built / "manifest.json").read_text()
    assert json.loads(text)["corpus"]["sources"][0]["path"] == "corpus.jsonl"
    assert str(built.parent) not in text
    assert tiny_recipe().fingerprint in text
