"""Runs the tests on mutants, one after the other, in a copy of the tree.

Tests are chosen by what they run: once for each state of the tree every quick test of some folders is run with
coverage, and a mutant is given to the tests that run its line. Those of the folder that mirrors its room come first,
then the others, quick ones first. Lines that coverage does not see (kernels, what runs while a module is imported) are
given to all tests that run anything of the module, or of the folder.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.selection import CHOSEN, NOTES

WIDER = ("tests/synthesis", "tests/documents", "tests/verification", "tests/end_to_end/test_pipeline.py")
"""Tests that make whole datasets: they run a part of every room."""
_MOST_SECONDS = 40.0
"""Of tests that are run on one mutant, as they took without it."""
_PATIENCE_SECONDS = 60.0
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
    seconds: float
    tests: int
    """Tests that were given to it."""
    by: str = ""
    """The test that noticed."""


@dataclass(slots=True, kw_only=True)
class _Coverage:
    seconds: dict[str, float] = field(default_factory=dict)
    """By test, of those that pass."""
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """The tests that run a line, by module and line."""


class Judge:
    """A copy of the tree, and what its tests run."""

    def __init__(self, root: Path, copy: Path, notes: Path, *, slow: bool = False) -> None:
        """Copy the tree.

        Args:
            root: the checkout.
            copy: an empty folder.
            notes: where coverage is kept for the next run.
            slow: tests marked slow of the mirroring folder have their turn, too, when no other noticed.
        """
        self._root = root
        self._copy = copy
        self._notes = notes
        self._slow = slow
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(listed, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0"):
            if name and (root / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, copy / name)
        (copy / "kernels").mkdir()
        self._covered = _Coverage()

    def learn(self, rooms: Iterable[str]) -> None:
        """Find out what the tests run that mirror some rooms, and the wider ones."""
        targets = [*WIDER, *(mirror(self._root, room) for room in rooms)]
        for target in dict.fromkeys(one for one in targets if (self._copy / one).exists()):
            self._add(self._coverage_of(target))

    def _coverage_of(self, target: str) -> dict[str, Any]:
        kept = self._notes / f"{target.replace('/', '-')}-{self._state(target)}.json"
        if kept.is_file():
            return dict(json.loads(kept.read_text()))
        print(f"which tests run what: {target}", flush=True)
        passed, data = self._copy / "passed.json", self._copy / ".coverage"
        config = self._copy / "coverage.ini"
        config.write_text(f"[run]\nsource = {self._copy / 'nextlong_hub'}\ndata_file = {data}\n")
        options = ["--cov", "--cov-context=test", f"--cov-config={config}", "--cov-report=", "-m", "not slow"]
        self._pytest([target], options, 3600, {NOTES: str(passed)})
        content = {"seconds": json.loads(passed.read_text()), "lines": self._lines(data)}
        self._notes.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(content))
        return content

    def _lines(self, data: Path) -> dict[str, dict[int, list[str]]]:
        from coverage import CoverageData

        found = CoverageData(str(data))
        found.read()
        lines = {}
        for path in found.measured_files():
            contexts = found.contexts_by_lineno(path).items()
            own = {line: sorted({name.partition("|")[0] for name in names if name}) for line, names in contexts}
            lines[Path(path).relative_to(self._copy).as_posix()] = {line: names for line, names in own.items() if names}
        return lines

    def _add(self, content: dict[str, Any]) -> None:
        self._covered.seconds |= content["seconds"]
        for module, lines in content["lines"].items():
            own = self._covered.lines.setdefault(module, {})
            for line, names in lines.items():
                own[str(line)] = own.get(str(line), []) + names

    def _state(self, target: str) -> str:
        """Changes with the package and with these tests."""
        digest = hashlib.sha256()
        for part in ("nextlong_hub", "builders", "cards", "tests/support", "tests/conftest.py", target):
            home = self._copy / part
            for path in sorted(home.rglob("*")) if home.is_dir() else [home]:
                if path.is_file() and "__pycache__" not in path.parts:
                    digest.update(f"{path.relative_to(self._copy)}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:12]

    def judge(self, mutant: Mutant) -> Verdict:
        """Run the tests on one mutant until one fails."""
        path = self._copy / mutant.module
        stamp = path.stat()
        path.write_text(mutant.mutated)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1_000_000_000))  # compiled code is kept by this time
        began = time.monotonic()
        try:
            first, others = self._chosen(mutant)
            stages = [one for one in (first, others) if one] + [[]] * self._slow
            verdicts = [Verdict(outcome="survived", seconds=0, tests=0)]
            for chosen in stages:
                if verdicts[-1].outcome == "survived":
                    verdicts.append(self._stage(mutant, chosen))
        finally:
            path.write_text(mutant.source)
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        last = verdicts[-1]
        tests = sum(verdict.tests for verdict in verdicts)
        return Verdict(outcome=last.outcome, seconds=time.monotonic() - began, tests=tests, by=last.by)

    def _chosen(self, mutant: Mutant) -> tuple[list[str], list[str]]:
        """The tests of the mirroring folder, and the others, quick ones first, as many as there is time for."""
        lines = self._covered.lines.get(mutant.module, {})
        names = self._running(lines, range(mutant.place.line, mutant.place.end_line + 1))
        names = names or self._running(lines, range(mutant.scope[0] + 1, mutant.scope[1] + 1))
        names = names or self._running(lines, map(int, lines))
        own = mirror(self._root, _room(mutant))
        seconds = self._covered.seconds
        if _is_compiled(mutant) or not names:
            names |= {name for name in seconds if name.startswith(own)}
        order = sorted(names & seconds.keys(), key=lambda name: (seconds[name], name))
        chosen: tuple[list[str], list[str]] = [], []
        left = _MOST_SECONDS
        for name in sorted(order, key=lambda name: not name.startswith(own)):
            if seconds[name] <= left:
                left -= seconds[name]
                chosen[0 if name.startswith(own) else 1].append(name)
        return chosen

    @staticmethod
    def _running(lines: dict[str, list[str]], wanted: Iterable[int]) -> set[str]:
        return {name for line in wanted for name in lines.get(str(line), [])}

    def _stage(self, mutant: Mutant, chosen: Sequence[str]) -> Verdict:
        """Run chosen tests on the mutated copy; none chosen means the slow ones of the folder."""
        usual = sum(self._covered.seconds[name] for name in chosen) if chosen else 5 * _MOST_SECONDS / _PATIENCE
        listed = self._copy / "chosen.txt"
        listed.write_text("\n".join(chosen))
        environment = {CHOSEN: str(listed)} if chosen else {}
        if _is_compiled(mutant):
            kernels = self._copy / "kernels-mutated"
            shutil.rmtree(kernels, ignore_errors=True)
            environment["NUMBA_CACHE_DIR"] = str(kernels)
        files = list(dict.fromkeys(name.partition("::")[0] for name in chosen))
        targets, options = (files, ["-x"]) if chosen else ([mirror(self._root, _room(mutant))], ["-x", "-m", "slow"])
        code, output = self._pytest(targets, options, _PATIENCE_SECONDS + _PATIENCE * usual, environment)
        if code is None:
            return Verdict(outcome="hung", seconds=0, tests=len(chosen))
        if code == _USAGE and "ImportError while loading conftest" in output:
            return Verdict(outcome="killed", seconds=0, tests=len(chosen), by="no test could be imported")
        if code not in (0, _NOTHING_RUN, *_FAILED):
            raise RuntimeError(f"pytest ended with {code} on {mutant}:\n{output[-2000:]}")
        failed = next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
        outcome = "killed" if code in _FAILED else "survived"
        return Verdict(outcome=outcome, seconds=0, tests=len(chosen), by=failed.partition(" - ")[0])

    def _pytest(
        self, targets: Sequence[str], options: Sequence[str], seconds: float, environment: dict[str, str]
    ) -> tuple[int | None, str]:
        """Run pytest in the copy; no exit code where it took longer than that."""
        command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "benchmarks.mutants.selection"]
        command += ["-p", "no:cacheprovider", "-p", "no:xdist", *options, *targets]
        process = subprocess.Popen(
            command,
            cwd=self._copy,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self._copy), str(self._copy / "tests" / "support")]),
                "NUMBA_CACHE_DIR": str(self._copy / "kernels"),
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, output


def mirror(root: Path, room: str) -> str:
    """The tests of a room: a folder, or a file for a room that is a module."""
    folder = f"tests/{room}"
    return folder if (root / folder).is_dir() else f"tests/test_{room}.py"


def _room(mutant: Mutant) -> str:
    return mutant.module.split("/")[1].removesuffix(".py")


def _is_compiled(mutant: Mutant) -> bool:
    """Whether numba compiles it, or may have built it into what it compiled."""
    is_constant = mutant.scope[0] == mutant.scope[1] and "retrieval/bm25" in mutant.module
    return "@kernel" in mutant.source or is_constant
