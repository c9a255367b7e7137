"""One fault in a folder of its own: what it may use, and what was found."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.faults import oracle
from benchmarks.faults.command import Place, Run, Running
from benchmarks.faults.outcome import Finding, NotPossible, Outcome
from benchmarks.faults.proxy import Proxy
from benchmarks.faults.world import CORPUS, OUTPUT, REPOSITORY, World, build
from nextlong_hub.testing import LocalHub

_GLANCE_SECONDS = 0.002


class Trial:
    """A folder with the corpus, and files of a person beside it that nobody may touch.

    Args:
        world: what it begins with.
        seconds: a command that takes longer hangs.
        folder: its folder, which is made.
        chance: where moments and places are drawn from.
    """

    def __init__(self, world: World, seconds: float, folder: Path, chance: random.Random) -> None:
        self.world = world
        self._seconds = seconds
        self.folder = folder
        self.chance = chance
        self.corpus, self.output = folder / CORPUS, folder / OUTPUT
        self.findings: list[Finding] = []
        self.runs: list[Run] = []
        self.secrets: set[str] = set()
        """Words that no command may print."""
        self._planted: dict[Path, str] = {}
        self._commits = 0
        self._running: list[Running] = []
        folder.mkdir(parents=True)
        shutil.copy(world.folder / CORPUS, self.corpus)
        self.plant("precious.parquet", "precious.jsonl")

    # what may be used

    def dataset(self) -> Path:
        """Put the finished dataset at `output`."""
        return Path(shutil.copytree(self.world.base, self.output, symlinks=True))

    def plant(self, *names: str) -> None:
        """Put files of a person there, by names below the folder of the trial; they are compared at the end."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"precious " + name.encode())
            self.guard(path)

    def guard(self, path: Path) -> None:
        """Compare a file with itself at the end."""
        self._planted[path] = oracle.digest(path)

    def forget(self, path: Path) -> None:
        """Remove a file of a person that was planted for another fault."""
        del self._planted[path]
        path.unlink()

    def start(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> Running:
        """Start a command in the folder of the trial.

        Args:
            arguments: of the command line.
            environment: variables besides the usual ones; an empty one is removed.
            prefix: see `Place`.
        """
        variables = {**self.world.environment(), **(environment or {})}
        place = Place(
            folder=self.folder,
            environment={name: value for name, value in variables.items() if value != ""},
            prefix=prefix,
        )
        running = Running((str(self.world.command), *map(str, arguments)), place)
        self._running.append(running)
        return running

    def end(self, running: Running, seconds: float = 0.0) -> Run:
        """Wait for a command, and judge what any command promises."""
        run = running.wait(seconds or self._seconds)
        self._running.remove(running)
        self.runs.append(run)
        self.find(oracle.judge(run, self.secrets))
        return run

    def run(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> Run:
        """Start a command, wait for it, and judge it."""
        return self.end(self.start(*arguments, environment=environment, prefix=prefix))

    def undisturbed(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Run:
        """Run a command after the fault: it must be done."""
        run = self.run(*arguments, environment=environment)
        self.runs.remove(run)
        if run.code:
            self.says(Outcome.WRONG, f"afterwards {run.arguments[0]} ends with {run.code}: {run.last_line[:120]}")
        return run

    def until(self, running: Running, moment: Callable[[], bool]) -> bool:
        """Wait until something is seen while a command runs; False when it ended before."""
        deadline = time.monotonic() + self._seconds
        while running.is_alive and time.monotonic() < deadline:
            if moment():
                return True
            time.sleep(_GLANCE_SECONDS)
        return False

    def until_files(self, running: Running, count: int) -> bool:
        """Wait until the output has so many files."""
        return self.until(running, lambda: _count(self.output) >= count)

    def random_moment(self, running: Running) -> None:
        """Wait for a moment of a build: until so many files are there, and a little longer."""
        if self.chance.random() < 0.2:
            time.sleep(self.chance.random() * self.world.built_seconds / 2)
        else:
            self.until_files(running, self.chance.randrange(1, self.world.built_files))
            time.sleep(self.chance.random() * 0.05)

    @contextmanager
    def small_disk(self, options: str, name: str = "disk") -> Iterator[Path]:
        """A file system of its own below the folder: `size=64k`, `nr_inodes=20`.

        Raises:
            NotPossible: none may be mounted here.
        """
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        must(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)])
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    @contextmanager
    def hub(self) -> Iterator[tuple[LocalHub, Proxy, dict[str, str]]]:
        """A Hub with the dataset of before, a proxy in front of it, and the variables that lead to the proxy."""
        with LocalHub() as hub, Proxy(hub.endpoint) as proxy:
            hub.put("datasets", REPOSITORY, self.world.repository.before)
            self._commits = len(hub.commits("datasets", REPOSITORY))
            home = self.folder / "hf"
            variables = {
                **hub.environment(),
                "HF_ENDPOINT": proxy.endpoint,
                "HF_HOME": str(home),
                "HF_HUB_CACHE": str(home / "hub"),
                "HF_DATASETS_CACHE": str(home / "datasets"),
                "HF_TOKEN_PATH": str(home / "token"),
            }
            self.secrets.add(hub.account.token)
            yield hub, proxy, variables

    # what was found

    def find(self, findings: Iterable[Finding]) -> None:
        """Keep what an oracle saw."""
        self.findings += findings

    def says(self, outcome: Outcome, words: str) -> None:
        """Keep one finding."""
        self.findings.append(Finding(outcome=outcome, words=words))

    def says_if_well(self, outcome: Outcome) -> None:
        """Name a good end more precisely."""
        if not self.findings:
            self.says(outcome, "")

    def refused(self, run: Run) -> None:
        """A command must not say that it is done."""
        if run.code == 0:
            self.says(Outcome.WRONG, f"{run.arguments[0]} took it for good")

    def build_gives_the_same(self, *more: str, workers: int = 1) -> None:
        """Build without a fault at `output`: it must give the bytes that it always gives."""
        self.undisturbed(*build(CORPUS, OUTPUT, *more, workers=workers))
        self.is_as_always()

    def is_as_always(self) -> None:
        """The output must be what an undisturbed build gives; files of people may lie in it."""
        besides = {path.relative_to(self.output).as_posix() for path in self._planted if self.output in path.parents}
        self.find(oracle.same(self.output, self.world.expected, besides=besides))

    def hub_is_whole(self, hub: LocalHub, *, done: bool) -> None:
        """The repository must be as before or as after a push, and after another push as after it."""
        there = self.world.repository
        self.find(oracle.hub_state(hub.files("datasets", REPOSITORY), there.before, there.after, done=done))
        commits = len(hub.commits("datasets", REPOSITORY)) - self._commits
        if commits > 1:
            self.says(Outcome.WRONG, f"{commits} commits of one push")

    def pushed_again(self, hub: LocalHub) -> None:
        """Without a fault a push must complete what the disturbed one began."""
        self.undisturbed("push", OUTPUT, REPOSITORY, "-y", "-q", environment=hub.environment())
        self.hub_is_whole(hub, done=True)

    def close(self) -> Outcome:
        """End what still runs, compare the files of people, and give the verdict."""
        for running in [*self._running]:
            self.end(running, 1e-9)
        self.find(oracle.kept(self._planted))
        outcome = oracle.verdict(self.findings, [run.code for run in self.runs])
        with suppress(OSError):
            shutil.rmtree(self.folder)
        return outcome


def must(command: list[str]) -> None:
    """Run a command of the system that injects a fault.

    Raises:
        NotPossible: this machine does not allow it.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotPossible(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise NotPossible(f"{command[0]}: {done.stderr.strip()[:120]}")


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))
