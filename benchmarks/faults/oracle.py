"""What the end of a command, a folder or a repository is worth."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from benchmarks.faults.command import Run
from benchmarks.faults.outcome import Finding, Outcome

EXIT_CODES = (0, 1, 2, 3, 4, 5, 6, 7, 130, 143)
"""All that are documented."""
_BY_SIGNAL = (130, 143)
_REPORTS = ("verify", "doctor")
"""Commands whose output is a list of faults."""
_SHOWN = 160
_CRASHED = ("Traceback (most recent call last)", "panicked at ", "Fatal Python error")
_RAW = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

WORDS = "\n## Known problems\n\nWritten by a person, and nowhere else.\n"
"""What a person adds to a card on the Hub."""
NOTES = "notes/of-a-person.txt"
"""A file that a person puts beside our files on the Hub."""


def judge(run: Run, secrets: Collection[str] = ()) -> Iterator[Finding]:
    """What a command promises however it ends.

    Args:
        run: its end.
        secrets: words that it must not print.
    """
    printed = run.out + run.err
    if run.stopped == "time":
        yield Finding(outcome=Outcome.HANG, words=f"{run.arguments[0]} without an end after {run.seconds:.0f} s")
    elif run.stopped == "memory":
        yield Finding(outcome=Outcome.MEMORY, words=f"{run.arguments[0]} took more than 3 GiB")
    for crash in _CRASHED:
        if crash in printed:
            yield Finding(outcome=Outcome.TRACEBACK, words=_shown(run.err.strip().splitlines()[-1:]))
            break
    if found := _RAW.search(printed):
        yield Finding(outcome=Outcome.RAW, words=f"{run.arguments[0]} prints {found[0]!a}")
    if any(secret in printed for secret in secrets):
        yield Finding(outcome=Outcome.SECRET, words=f"{run.arguments[0]} prints a secret")
    if run.left:
        yield Finding(outcome=Outcome.LEFT, words=f"{run.left} after {run.arguments[0]}")
    if not run.stopped:
        yield from _told(run)


def _told(run: Run) -> Iterator[Finding]:
    """Whether the exit code is documented, and one line says why."""
    by_signal = run.code < 0 or run.code in _BY_SIGNAL
    if by_signal and not run.signalled:
        yield Finding(outcome=Outcome.UNTOLD, words=f"exit code {run.code} without a signal")
    elif run.code >= 0 and run.code not in EXIT_CODES:
        yield Finding(outcome=Outcome.UNTOLD, words=f"exit code {run.code}")
    elif run.code and not by_signal and not run.mute:
        errors = [line for line in run.err.splitlines() if line.startswith("Error")]
        reported = run.arguments[0] in _REPORTS and run.out.strip()
        if len(errors) != 1 and not reported:
            yield Finding(outcome=Outcome.UNTOLD, words=f"exit code {run.code}, {len(errors)} lines say why")


def digests(folder: Path) -> dict[str, str]:
    """The digest of each file of a dataset folder, and of what is no file its kind; what is kept for work is not."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(".work") and (path.is_symlink() or not path.is_dir()):
            found[name] = digest(path)
    return found


def digest(path: Path) -> str:
    """Of one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"


def same(folder: Path, *expected: Mapping[str, str], besides: Collection[str] = ()) -> Iterator[Finding]:
    """Whether a folder has the bytes that an undisturbed run gives.

    Args:
        folder: the folder.
        expected: digests of what it may be.
        besides: files that it may have as well.
    """
    found = {name: value for name, value in digests(folder).items() if name not in besides}
    if found not in expected:
        names = {name for name, value in {*found.items()} ^ {*expected[0].items()}}
        yield Finding(outcome=Outcome.WRONG, words=_shown(sorted(names)) + " differ")
    yield from unfinished(folder)


def unfinished(folder: Path) -> Iterator[Finding]:
    """Files that were written aside and left."""
    left = [path.name for path in folder.rglob(".*.tmp") if "precious" not in path.name]
    if left:
        yield Finding(outcome=Outcome.WRONG, words=f"left: {_shown(left)}")


def kept(planted: Mapping[Path, str]) -> Iterator[Finding]:
    """Whether files of people are what they were."""
    for path, before in planted.items():
        if not path.exists():
            yield Finding(outcome=Outcome.LOST, words=f"{path.name} is gone")
        elif digest(path) != before:
            yield Finding(outcome=Outcome.LOST, words=f"{path.name} is changed")


def hub_state(
    files: Mapping[str, bytes], before: Mapping[str, bytes], after: Mapping[str, bytes], *, done: bool = False
) -> Iterator[Finding]:
    """Whether a repository is as before a push or as after it, with the words and files of people.

    Args:
        files: what is there.
        before: what was there.
        after: what an undisturbed push leaves.
        done: whether the push said that it is done.
    """
    card = files.get("README.md", b"").decode(errors="replace")
    if WORDS.strip() not in card:
        yield Finding(outcome=Outcome.LOST, words="a person's words in the card on the Hub are gone")
    if files.get(NOTES) != before.get(NOTES):
        yield Finding(outcome=Outcome.LOST, words=f"{NOTES} on the Hub is gone")
    if files == after or (files == before and not done):
        return
    apart = sorted(name for name in {*files, *after} if files.get(name) != after.get(name))
    if apart == ["README.md"]:
        yield Finding(outcome=Outcome.WRONG, words="the card on the Hub has other words than its two sides")
    else:
        yield Finding(outcome=Outcome.HALF, words=f"of the Hub {_shown(apart)} are not those of one push")


def verdict(findings: Collection[Finding], codes: Collection[int]) -> Outcome:
    """The outcome of a trial.

    Args:
        findings: what was seen.
        codes: exit codes of the disturbed commands.
    """
    if findings:
        return max((finding.outcome for finding in findings), key=list(Outcome).index)
    return Outcome.REFUSED if any(code in EXIT_CODES[1:8] for code in codes) else Outcome.SURVIVED


def _shown(words: Collection[str]) -> str:
    """The first few, and how many more."""
    text = ", ".join([*words][:3])
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return (text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…") + more
