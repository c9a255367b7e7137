"""What several test files need around them."""

import gc
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from building import make_request
from hypothesis import settings

from nextlong_hub.datacard import rendering
from nextlong_hub.execution import base
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.pipeline import build
from nextlong_hub.stats import DatasetStats
from nextlong_hub.testing.worlds import make_documents, write_corpus

settings.register_profile("no times", deadline=None)  # kernels are compiled when they are first called: a second
settings.load_profile("no times")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the session: thousands of tests, and the libraries they use."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of a push under each fault, as far as the tests of it were run."""
    rows = [
        row
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, row in getattr(report, "user_properties", ())
        if name == "push fault"
    ]
    if rows:
        terminalreporter.write_sep("=", "what became of a push")
        for what, code, commits in rows:
            terminalreporter.write_line(f"{what:<40} {code:<8} {commits}")


@pytest.fixture(scope="session", autouse=True)
def _pictures_are_drawn_once() -> Iterator[None]:
    """Draw the pictures of a card once for the same numbers: they are half of what a build of a tiny world costs.

    That the same numbers give the same bytes is a promise of its own, tested where pictures are drawn.
    """
    drawn: dict[str, dict[str, bytes]] = {}
    draw = rendering.draw_pictures

    def draw_once(stats: DatasetStats) -> dict[str, bytes]:
        if (numbers := repr(stats)) not in drawn:
            drawn[numbers] = draw(stats)
        return dict(drawn[numbers])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "draw_pictures", draw_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _freed_memory_is_kept() -> Iterator[None]:
    """Do not hand freed memory back after each task: in a process as full as this one that costs more than the task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "release_memory", lambda: False)
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mount.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def two_workers() -> Iterator[LocalExecutor]:
    """Two worker processes for every test of a session: to start a worker costs a second."""
    with closing(LocalExecutor(2)) as executor:
        yield executor


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of forty short documents; nobody may change it."""
    return write_corpus(tmp_path_factory.mktemp("world") / "corpus.jsonl", make_documents(40))


@pytest.fixture(scope="session")
def built(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset of eight rows made from `corpus_file`; nobody may change it."""
    output = tmp_path_factory.mktemp("built") / "dataset"
    build(make_request(corpus_file), output)
    return output


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    """A copy of `built` to change."""
    return Path(shutil.copytree(built, tmp_path / "dataset"))
