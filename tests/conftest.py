"""What several test files need around them."""

import gc
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from building import make_request
from filelock import FileLock
from hypothesis import settings
from thrift import be_thrifty

from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.pipeline import build
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
def _thrift() -> None:
    """Let builds in this process cost what the tests need of them."""
    be_thrifty()


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
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that every worker of this session has; what is made there once is made under its lock."""
    mine = tmp_path_factory.getbasetemp()
    folder = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def corpus_file(shared: Path) -> Path:
    """A corpus of forty short documents; nobody may change it."""
    path = shared / "world" / "corpus.jsonl"
    with FileLock(shared / "world.lock"):
        if not path.exists():
            path.parent.mkdir()
            write_corpus(path, make_documents(40))
    return path


@pytest.fixture(scope="session")
def built(_thrift: None, corpus_file: Path, shared: Path) -> Path:
    """A finished dataset of eight rows made from `corpus_file`; nobody may change it."""
    output = shared / "built" / "dataset"
    with FileLock(shared / "built.lock"):
        if not output.exists():
            build(make_request(corpus_file), output)
    return output


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_compiled_once(_thrift: None, request: pytest.FixtureRequest) -> None:
    """Let one of several workers compile what the first build needs, and the others load it: eight seconds of CPU."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        request.getfixturevalue("built")


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    """A copy of `built` to change."""
    return Path(shutil.copytree(built, tmp_path / "dataset"))
