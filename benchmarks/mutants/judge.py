"""Runs the tests on mutants, one after the other, in a copy of the tree.

Tests are chosen by what they run: each quick test of some folders is run with coverage once, and again only when its
file or the package changes; a mutant is given to the tests that run its line. Those of the folder that mirrors its room
come first, then the others, quick ones first. Lines that coverage does not see (kernels, what runs while a module is
imported) are given to all tests that run anything of the module, and to those of the folder.

A test that fails on a mutant is run without it, too, once: one that fails there proves nothing and is left out.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.selection import CHOSEN, NOTES

WIDER = ("tests/synthesis", "tests/documents", "tests/verification", "tests/hub", "tests/end_to_end/test_pipeline.py")
"""Tests that make whole datasets: they run a part of every room."""
_MOST_SECONDS = 40.0
"""Of tests that are run on one mutant, as they took without it."""
_PATIENCE_SECONDS = 90.0
_PATIENCE = 6
"""A mutant hangs when its tests take so many times what they took without it, and `_PATIENCE_SECONDS` more."""
_NOTHING_RUN = 5
_USAGE = 4
_FAILED = (1, 2, 3)
"""Exit codes of pytest: tests failed, the module cannot be imported, or the session broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a mutant."""

    outcome: str
    """`killed`, `hung` or `survived`."""
    seconds: float = 0.0
    tests: int = 0
    """Tests that were given to it."""
    by: str = ""
    """The test that noticed."""


class Judge:
    """A copy of the tree, what its tests run, and a process that runs them."""

    def __init__(self, root: Path, copy: Path, notes: Path, *, slow: bool = False) -> None:
        """Copy the tree.

        Args:
            root: the checkout.
            copy: an empty folder.
            notes: where coverage is kept for the next run.
            slow: tests marked slow of the mirroring folder have their turn, too, when no other noticed.
        """
        self._root = root
        self._copy = copy / "tree"
        self._work = copy
        self._notes = notes
        self._slow = slow
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(listed, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0"):
            if name and (root / name).is_file():
                (self._copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, self._copy / name)
        self._seconds: dict[str, float] = {}
        """By test, of those that pass."""
        self._lines: dict[str, dict[int, set[str]]] = {}
        """The tests that run a line, by module and line."""
        self._sound: dict[str, bool] = {}
        """Whether a test passes without a mutant, of those that have noticed one."""
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        self._nursery = self._opened.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.mutants.nursery"],
                cwd=self._copy,
                env={**os.environ, **self._environment()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": os.pathsep.join([str(self._copy), str(self._copy / "tests" / "support")]),
            "NUMBA_CACHE_DIR": str(self._work / "kernels"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def learn(self, rooms: Iterable[str]) -> None:
        """Find out what the tests run that mirror some rooms, and the wider ones."""
        targets = [*(mirror(self._root, room) for room in rooms), *WIDER]
        for target in dict.fromkeys(one for one in targets if (self._copy / one).exists()):
            home = self._copy / target
            paths = sorted(home.rglob("test_*.py")) if home.is_dir() else [home]
            kept = {path.relative_to(self._copy).as_posix(): self._kept_for(path) for path in paths}
            if missing := [name for name, file in kept.items() if not file.is_file()]:
                print(f"which lines they run: {len(missing)} of {len(kept)} files of {target}", flush=True)
                self._cover(missing, kept)
            for file in kept.values():
                self._add(json.loads(file.read_text()))

    def _cover(self, names: Sequence[str], kept: Mapping[str, Path]) -> None:
        """Run the quick tests of some files with coverage, and keep what each file's tests run."""
        from coverage import CoverageData

        passed, data, config = (self._work / name for name in ("passed.json", "coverage", "coverage.ini"))
        config.write_text(f"[run]\nsource = {self._copy / 'nextlong_hub'}\ndata_file = {data}\n")
        data.unlink(missing_ok=True)
        options = ["--cov", "--cov-context=test", f"--cov-config={config}", "--cov-report=", "-m", "not slow"]
        code, output = self._pytest([*options, *names], 3600, {NOTES: str(passed)})
        if code not in (0, 1, _NOTHING_RUN):
            raise RuntimeError(f"pytest ended with {code} on unchanged code:\n{output[-2000:]}")
        seconds = json.loads(passed.read_text())
        found = CoverageData(str(data))
        if data.exists():
            found.read()
        lines: dict[str, dict[str, dict[int, list[str]]]] = {name: {} for name in names}
        for path in found.measured_files():
            module = Path(path).relative_to(self._copy).as_posix()
            for line, contexts in found.contexts_by_lineno(path).items():
                for test in sorted({context.partition("|")[0] for context in contexts if context}):
                    own = lines[test.partition("::")[0]].setdefault(module, {})
                    own.setdefault(line, []).append(test)
        self._notes.mkdir(parents=True, exist_ok=True)
        for name in names:
            own_seconds = {test: took for test, took in seconds.items() if test.startswith(f"{name}::")}
            kept[name].write_text(json.dumps({"seconds": own_seconds, "lines": lines[name]}))

    def _add(self, content: dict[str, Any]) -> None:
        self._seconds |= content["seconds"]
        for module, lines in content["lines"].items():
            own = self._lines.setdefault(module, {})
            for line, tests in lines.items():
                own.setdefault(int(line), set()).update(tests)

    def _kept_for(self, test_file: Path) -> Path:
        """Where it is kept what the tests of a file run; another place when the package or the file changes."""
        digest = hashlib.sha256(test_file.read_bytes())
        for part in ("nextlong_hub", "builders", "cards"):
            for path in sorted((self._copy / part).rglob("*")):
                if path.is_file() and "testing" not in path.parts:
                    digest.update(f"{path.relative_to(self._copy)}\0".encode() + path.read_bytes())
        return self._notes / f"{test_file.stem}-{digest.hexdigest()[:12]}.json"

    def judge(self, mutant: Mutant) -> Verdict:
        """Run the tests on one mutant until one fails."""
        began = time.monotonic()
        given = 0
        verdict = Verdict(outcome="survived")
        stages = [one for one in self._chosen(mutant) if one] + [[]] * self._slow
        for chosen in stages:
            verdict = self._stage(mutant, chosen)
            while verdict.by and not self._is_sound(verdict.by):
                verdict = self._stage(mutant, [name for name in chosen if self._sound.get(name, True)])
            given += verdict.tests
            if verdict.outcome != "survived":
                break
        return Verdict(outcome=verdict.outcome, seconds=time.monotonic() - began, tests=given, by=verdict.by)

    def _is_sound(self, test: str) -> bool:
        """Whether a test passes without a mutant."""
        if test not in self._sound:
            code, _ = self._pytest([test.partition("::")[0]], 600, self._choice([test]))
            self._sound[test] = code == 0
        return self._sound[test]

    def _chosen(self, mutant: Mutant) -> tuple[list[str], list[str]]:
        """The tests of the mirroring folder, and the others, quick ones first, as many as there is time for."""
        lines = self._lines.get(mutant.module, {})
        names = self._running(lines, range(mutant.place.line, mutant.place.end_line + 1))
        names = names or self._running(lines, range(mutant.scope[0] + 1, mutant.scope[1] + 1) if mutant.scope else ())
        names = names or self._running(lines, lines)
        own = mirror(self._root, _room(mutant))
        if _is_compiled(mutant) or mutant.is_outside or not names:
            names |= {name for name in self._seconds if name.startswith(own)}
        order = sorted(names & self._seconds.keys(), key=lambda name: (self._seconds[name], name))
        chosen: tuple[list[str], list[str]] = [], []
        left = _MOST_SECONDS
        for name in sorted(order, key=lambda name: not name.startswith(own)):
            if self._seconds[name] <= left and self._sound.get(name, True):
                left -= self._seconds[name]
                chosen[0 if name.startswith(own) else 1].append(name)
        return chosen

    @staticmethod
    def _running(lines: Mapping[int, set[str]], wanted: Iterable[int]) -> set[str]:
        return {name for line in wanted for name in lines.get(line, ())}

    def _stage(self, mutant: Mutant, chosen: Sequence[str]) -> Verdict:
        """Run chosen tests on the mutated copy; none chosen means the slow ones of the folder."""
        usual = sum(self._seconds.get(name, 1.0) for name in chosen) if chosen else _MOST_SECONDS
        environment = self._choice(chosen)
        if _is_compiled(mutant):
            kernels = self._work / "kernels-mutated"
            shutil.rmtree(kernels, ignore_errors=True)
            environment["NUMBA_CACHE_DIR"] = str(kernels)
        files = list(dict.fromkeys(name.partition("::")[0] for name in chosen))
        arguments = ["-x", *files] if chosen else ["-x", "-m", "slow", mirror(self._root, _room(mutant))]
        path = self._copy / mutant.module
        stamp = path.stat()
        path.write_text(mutant.mutated)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000_000))  # compiled code is kept by this time
        try:
            code, output = self._pytest(arguments, _PATIENCE_SECONDS + _PATIENCE * usual, environment)
        finally:
            path.write_text(mutant.source)
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        if code is None:
            return Verdict(outcome="hung", tests=len(chosen))
        if code == _USAGE and "ImportError while loading conftest" in output:
            return Verdict(outcome="killed", tests=len(chosen))
        if code == 0 or code == _NOTHING_RUN:
            return Verdict(outcome="survived", tests=len(chosen))
        if code == _USAGE:
            raise RuntimeError(f"pytest ended with {code} on {mutant}:\n{output[-2000:]}")
        failed = next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
        name = failed.partition(" ")[2].partition(" - ")[0]
        return Verdict(outcome="killed", tests=len(chosen), by=name if "::" in name else "")

    def _choice(self, chosen: Sequence[str]) -> dict[str, str]:
        listed = self._work / "chosen.txt"
        listed.write_text("\n".join(chosen))
        return {CHOSEN: str(listed)} if chosen else {}

    def _pytest(
        self, arguments: Sequence[str], seconds: float, environment: Mapping[str, str]
    ) -> tuple[int | None, str]:
        """Run pytest in the copy; no exit code where it took longer than that."""
        usual = ["-q", "-rfE", "--tb=no", "-p", "benchmarks.mutants.selection", "-p", "no:cacheprovider"]
        usual += ["-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning"]  # what is imported ahead
        output = self._work / "output.txt"
        order = {
            "arguments": [*usual, *arguments],
            "environment": {**self._environment(), **environment},
            "output": str(output),
            "seconds": seconds,
        }
        if self._nursery.stdin is None or self._nursery.stdout is None:
            raise RuntimeError("the process that runs tests has no pipes")
        self._nursery.stdin.write(json.dumps(order) + "\n")
        self._nursery.stdin.flush()
        return json.loads(self._nursery.stdout.readline()), output.read_text(errors="replace")


def mirror(root: Path, room: str) -> str:
    """The tests of a room: a folder, or a file for a room that is a module."""
    folder = f"tests/{room}"
    return folder if (root / folder).is_dir() else f"tests/test_{room}.py"


def _room(mutant: Mutant) -> str:
    return mutant.module.split("/")[1].removesuffix(".py")


def _is_compiled(mutant: Mutant) -> bool:
    """Whether numba compiles it, or may have built it into what it compiled."""
    return "@kernel" in mutant.source or (mutant.is_outside and "retrieval/bm25" in mutant.module)
