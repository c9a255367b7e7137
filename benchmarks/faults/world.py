"""What is disturbed: sixty documents, and what they give when nothing disturbs: a folder, and a repository."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import nextlong_hub
from benchmarks.faults.command import Place, Run, Running
from benchmarks.faults.oracle import NOTES, WORDS, digests
from nextlong_hub.testing import LocalHub, make_documents, write_corpus

PACKAGE = Path(nextlong_hub.__file__).parent
DOCUMENTS = 60
REPOSITORY = "tester/long"
CORPUS, OUTPUT = "corpus.jsonl", "nextlong"
"""Names below the folder of each trial: manifest and card name the corpus as it was given."""
NOWHERE = "http://127.0.0.1:9"
"""An address where nobody listens: no trial reaches a real Hub."""
_SETTINGS = ("name=tiny", "target_length=512", "chunking.chunk_characters=256", "output.unit_documents=2")
_ROWS, _ROWS_BEFORE = 12, 4
_SETUP_SECONDS = 300.0


def build(
    corpus: Path | str = CORPUS, output: Path | str = OUTPUT, *more: str, workers: int = 1, rows: int = _ROWS
) -> tuple[str, ...]:
    """The arguments of the build that the campaign disturbs."""
    settings = [word for setting in _SETTINGS for word in ("--set", setting)]
    named = () if "--tokenizer" in more else ("--tokenizer", "demo")
    given = ("--corpus", str(corpus), "--output", str(output), "--samples", str(rows), "--num-proc", str(workers))
    return ("build", "64k", *given, *named, *settings, "-q", *more)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every trial begins with, and what it is compared with."""

    command: Path
    """The `nextlong-hub` under test."""
    folder: Path
    """Holds the trials."""
    base: Path
    """The folder that an undisturbed build gives."""
    expected: Mapping[str, str]
    """Digests of its files, by name."""
    built_files: int
    """Files that the build leaves, those that it keeps for work included."""
    built_seconds: float
    """How long it took."""
    repository: "Repository"
    """What an undisturbed push makes of a repository."""

    @classmethod
    def make(cls, command: Path, folder: Path) -> "World":
        """Build and push without a fault.

        Raises:
            RuntimeError: a command failed although nothing disturbed it.
        """
        write_corpus(folder / CORPUS, make_documents(DOCUMENTS))
        _lend_kernels(folder / "home" / "numba")
        build_run = _undisturbed(command, folder, build())
        base = folder / OUTPUT
        return cls(
            command=command,
            folder=folder,
            base=base,
            expected=digests(base),
            built_files=sum(1 for path in base.rglob("*") if path.is_file()),
            built_seconds=build_run.seconds,
            repository=Repository(command, folder),
        )

    def environment(self, hub: LocalHub | None = None) -> dict[str, str]:
        """All variables of a command: none of the caller's, but where programs lie."""
        return {**_environment(self.folder), **(hub.environment() if hub else {})}

    def undisturbed(self, corpus: Path, *more: str) -> dict[str, str]:
        """Digests of what a build of another corpus gives, which must have the name that a trial's has.

        Raises:
            RuntimeError: it failed.
        """
        _undisturbed(self.command, corpus.parent, build(corpus.name, OUTPUT, *more), self.environment())
        return digests(corpus.parent / OUTPUT)


def _lend_kernels(folder: Path) -> None:
    """Put what is kept of the kernels of this checkout where the command looks for them: to compile them takes long."""
    from numba.core.caching import UserProvidedCacheLocator

    for kept in PACKAGE.rglob("__pycache__/*.nb[ic]"):
        module = kept.parent.parent / f"{kept.name.partition('.')[0]}.py"
        place = folder / UserProvidedCacheLocator.get_suitable_cache_subpath(str(module))  # type: ignore[no-untyped-call]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kept, place)


class Repository:
    """A repository before and after an undisturbed push, which is made for the first trial that asks."""

    def __init__(self, command: Path, folder: Path) -> None:
        self._push = partial(_push, command, folder)
        self._turn = Lock()
        self._states: tuple[dict[str, bytes], dict[str, bytes]] | None = None

    @property
    def before(self) -> Mapping[str, bytes]:
        """A smaller dataset, and what a person added."""
        return self._made()[0]

    @property
    def after(self) -> Mapping[str, bytes]:
        """The same after an undisturbed push of the base."""
        return self._made()[1]

    def _made(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        with self._turn:
            self._states = self._states or self._push()
        return self._states


def _environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "NUMBA_CACHE_DIR": str(home / "numba"),
        "HF_ENDPOINT": NOWHERE,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "COLUMNS": "500",
    }


def _undisturbed(
    command: Path, folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str] | None = None
) -> Run:
    place = Place(folder=folder, environment=environment or _environment(folder))
    run = Running((str(command), *arguments), place).wait(_SETUP_SECONDS)
    if run.code or run.stopped:
        raise RuntimeError(f"without a fault, {arguments[0]} ends with {run.code}: {run.err[-2000:]}")
    return run


def _push(command: Path, folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The repository before and after an undisturbed push."""
    smaller = folder / "smaller"
    smaller.mkdir()
    shutil.copy(folder / CORPUS, smaller)
    _undisturbed(command, smaller, build(rows=_ROWS_BEFORE), _environment(folder))
    with LocalHub() as hub:
        environment = {**_environment(folder), **hub.environment()}
        _undisturbed(command, smaller, ("push", OUTPUT, REPOSITORY, "-y", "-q"), environment)
        card = hub.files("datasets", REPOSITORY)["README.md"].decode() + WORDS
        hub.put("datasets", REPOSITORY, {"README.md": card, NOTES: b"of a person\n"})
        before = hub.files("datasets", REPOSITORY)
        shutil.copytree(folder / OUTPUT, smaller / "pushed")
        _undisturbed(command, smaller, ("push", "pushed", REPOSITORY, "-y", "-q"), environment)
        after = hub.files("datasets", REPOSITORY)
    shutil.rmtree(smaller)
    return before, after
