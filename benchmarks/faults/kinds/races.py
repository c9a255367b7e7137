"""What changes while it is read or written."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults import oracle
from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import CORPUS, DOCUMENTS, OUTPUT, REPOSITORY, build
from nextlong_hub.testing import make_documents, write_corpus

_OTHER = 61


def _other_corpus(folder: Path) -> Path:
    return write_corpus(folder / CORPUS, make_documents(_OTHER, seed=1))


def _append(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "late", "text": "A text that came late. " * 60}) + "\n")


def _replace(path: Path) -> None:
    aside = path.with_name("aside.jsonl")
    write_corpus(aside, make_documents(_OTHER, seed=1))
    aside.replace(path)


def _rewrite(path: Path) -> None:
    """Other letters, of the same size and with the same time of change."""
    times = path.stat()
    with path.open("r+b") as file:
        content = file.read()
        file.seek(0)
        file.write(content.replace(b"harbour", b"HARBOUR").replace(b"anchor", b"ANCHOR"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


_CHANGES: dict[str, Callable[[Path], None]] = {
    "appended to": _append,
    "replaced": _replace,
    "rewritten with its size and time": _rewrite,
    "cut": _cut,
    "removed": Path.unlink,
}


def _while_read(change: Callable[[Path], None]) -> Callable[[Trial], None]:
    """Change the corpus at a drawn moment of the build: the manifest tells of the bytes that were read."""

    def inject(trial: Trial) -> None:
        running = trial.start(*build(workers=trial.chance.choice((1, 2))))
        trial.until(running, (trial.output / ".work").exists)
        if trial.chance.random() < 0.5:
            trial.until(running, lambda: any(trial.output.glob(".work/*digests*")))
        else:
            time.sleep(trial.chance.random() * trial.world.built_seconds / 2)
        change(trial.corpus)
        run = trial.end(running)
        _is_of_what_was_read(trial, run.code)
        shutil.copy(trial.world.folder / CORPUS, trial.corpus)
        again = trial.run(*build())
        if again.code == 0:
            trial.is_as_always()
            if trial.run("verify", OUTPUT, "--corpus", CORPUS, "-q").code:
                trial.says(Outcome.WRONG, "verify --corpus finds another corpus than the manifest's")

    return inject


def _is_of_what_was_read(trial: Trial, code: int) -> None:
    """A build that is done is that of the corpus as it was, or as it became."""
    if code != 0:
        return
    found = oracle.digests(trial.output)
    if found == trial.world.expected:
        return
    became = trial.folder / "became"
    became.mkdir()
    shutil.copy(trial.corpus, became / CORPUS)
    if found != trial.world.undisturbed(became / CORPUS):
        trial.says(Outcome.WRONG, "the manifest names a corpus that is neither of the two")


def _between(change: Callable[[Path], None], *, killed: bool) -> Callable[[Trial], None]:
    """Change the corpus after a build, or after one that was killed: the same command tells of it."""

    def inject(trial: Trial) -> None:
        if killed:
            running = trial.start(*build())
            trial.until(running, lambda: any(trial.output.glob(".work/*digests*")))
            running.send(signal.SIGKILL)
            trial.end(running)
        else:
            trial.dataset()
            trial.run(*build())
        change(trial.corpus)
        run = trial.run(*build())
        trial.runs.remove(run)
        became = trial.folder / "became"
        became.mkdir()
        shutil.copy(trial.corpus, became / CORPUS)
        if run.code == 0 and oracle.digests(trial.output) != trial.world.undisturbed(became / CORPUS):
            trial.says(Outcome.WRONG, "the same command says that it is done, of a corpus that changed")

    return inject


def _added(trial: Trial) -> None:
    """A file comes into the folder of the corpus."""
    folder = trial.folder / "files"
    folder.mkdir()
    documents = make_documents(DOCUMENTS)
    write_corpus(folder / "a.jsonl", documents[:40])
    running = trial.start(*build("files"))
    trial.until(running, lambda: any(trial.output.glob(".work/*digests*")))
    write_corpus(folder / "b.jsonl", documents[40:])
    if trial.end(running).code == 0:
        trial.undisturbed(*build("files", "second"))
        first, second = (_corpus(trial.folder / name) for name in (OUTPUT, "second"))
        if (first["documents"], first["digest"] == second["digest"]) not in ((40, False), (60, True)):
            trial.says(Outcome.WRONG, f"{first['documents']} documents, and the digest of another number of them")


def _corpus(folder: Path) -> dict[str, Any]:
    """What a manifest says of the corpus."""
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))["corpus"]
    return found


def _inside(trial: Trial) -> None:
    """The output lies in the folder of the corpus: its files are no corpus."""
    for path in trial.folder.glob("precious.*"):
        trial.forget(path)
    first = trial.run(*build("."))
    if first.code:
        return
    before = oracle.digests(trial.output)
    again = trial.run(*build("."))
    if again.code == 0 and oracle.digests(trial.output) != before:
        trial.says(Outcome.WRONG, "the same command gave other bytes")
    elif again.code:
        trial.says(Outcome.WRONG, f"the same command took its own output for corpus: {again.code}")
    elif _corpus(trial.output)["documents"] != DOCUMENTS:
        trial.says(Outcome.WRONG, "files of the output were read as corpus")


def _gone(name: str, rename: bool = False) -> Callable[[Trial], None]:
    """The output, or a folder in it, is removed or renamed while it is written."""

    def inject(trial: Trial) -> None:
        running = trial.start(*build(workers=trial.chance.choice((1, 2))))
        trial.random_moment(running)
        path = trial.folder / name
        if path.exists():
            if rename:
                path.rename(trial.folder / "elsewhere")
            else:
                shutil.rmtree(path, ignore_errors=True)
        trial.end(running)
        shutil.rmtree(trial.output, ignore_errors=True)
        trial.build_gives_the_same()

    return inject


def _two_builds(trial: Trial) -> None:
    both = [trial.start(*build(workers=count)) for count in (1, 2)]
    codes = sorted(trial.end(running).code for running in both)
    if codes not in ([0, 0], [0, 6]):
        trial.says(Outcome.WRONG, f"two builds at once end with {codes}")
    trial.is_as_always()


def _no_lock(trial: Trial) -> None:
    first = trial.start(*build())
    trial.until(first, (trial.output / ".work" / "lock").exists)
    (trial.output / ".work" / "lock").unlink(missing_ok=True)
    second = trial.start(*build())
    trial.end(first)
    trial.end(second)
    trial.build_gives_the_same()


def _push_and_build(trial: Trial) -> None:
    """A push begins while a build extends the folder: the Hub is never broken."""
    trial.dataset()
    with trial.hub() as (hub, _, environment):
        running = trial.start(*build(), "--set", "name=two")
        time.sleep(trial.chance.random() * trial.world.built_seconds)
        trial.run("push", OUTPUT, REPOSITORY, "-y", "-q", environment=environment)
        trial.end(running)
        trial.undisturbed("verify", f"hf://datasets/{REPOSITORY}", environment=hub.environment())
        if b"Known problems" not in hub.files("datasets", REPOSITORY)["README.md"]:
            trial.says(Outcome.LOST, "words of a person on the Hub are gone")


def _two_pushes(trial: Trial) -> None:
    trial.dataset()
    shutil.copytree(trial.output, trial.folder / "copy")
    with trial.hub() as (hub, _, environment):
        both = [trial.start("push", name, REPOSITORY, "-y", "-q", environment=environment) for name in (OUTPUT, "copy")]
        for running in both:
            trial.end(running)
        trial.hub_is_whole(hub, done=True)


def _shard(trial: Trial) -> None:
    """A shard changes while it is sent."""
    trial.dataset()
    [shard] = trial.output.glob("data/tiny/*.parquet")
    with trial.hub() as (hub, proxy, environment):
        running = trial.start("push", OUTPUT, REPOSITORY, "-y", "-q", environment=environment)
        moment = trial.chance.randrange(1, 14)
        trial.until(running, lambda: len(proxy.requests) >= moment)
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
        run = trial.end(running)
        trial.hub_is_whole(hub, done=run.code == 0)


FAULTS = (
    *(
        Fault(name=f"the corpus is {name} while it is read", inject=_while_read(change), hole=3, draws=True)
        for name, change in _CHANGES.items()
    ),
    *(
        Fault(
            name=f"the corpus is {name} after a build{' that was killed' * killed}",
            inject=_between(change, killed=killed),
            hole=3,
        )
        for name, change in _CHANGES.items()
        if change is not Path.unlink
        for killed in (False, True)
    ),
    Fault(name="a file is added to the corpus while it is read", inject=_added, hole=3),
    Fault(name="the output lies in the folder of the corpus", inject=_inside, hole=3),
    *(
        Fault(
            name=f"{name} is {'renamed' if rename else 'removed'} during a build",
            inject=_gone(name, rename),
            hole=8,
            draws=True,
        )
        for name in (OUTPUT, f"{OUTPUT}/.work")
        for rename in (False, True)
    ),
    Fault(name="two builds at once", inject=_two_builds, draws=True),
    Fault(name="two builds at once, the lock removed", inject=_no_lock, draws=True),
    Fault(name="a push while a build extends the folder", inject=_push_and_build, hole=8, draws=True),
    Fault(name="two pushes at once", inject=_two_pushes, draws=True),
    Fault(name="a shard changes while it is pushed", inject=_shard, draws=True),
)
