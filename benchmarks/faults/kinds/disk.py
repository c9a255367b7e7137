"""Disks that are full, small or read-only, for the output and for every folder that libraries write to."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults import oracle
from benchmarks.faults.command import in_namespace, under
from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import NotPossible, Outcome
from benchmarks.faults.trial import Trial, must
from benchmarks.faults.world import CORPUS, OUTPUT, build

_STORAGE = 7
_RAISED = "size=64m,nr_inodes=10000"


def _small(limit: Callable[[Trial], str], *, workers: int = 1) -> Callable[[Trial], None]:
    """Build on a disk of a drawn size; then it grows, and the same command goes on."""

    def inject(trial: Trial) -> None:
        with trial.small_disk(limit(trial), OUTPUT):
            run = trial.run(*build(workers=workers))
            if run.code not in (0, _STORAGE):
                trial.says(Outcome.UNTOLD, f"a full disk has exit code {run.code}")
            if run.code:
                _nothing_half(trial)
                must(["mount", "-o", f"remount,{_RAISED}", str(trial.output)])
                trial.build_gives_the_same(workers=workers)

    return inject


def _nothing_half(trial: Trial) -> None:
    """A folder that a full disk stopped is no dataset: no manifest."""
    if (trial.output / "manifest.json").exists():
        trial.find(oracle.same(trial.output, trial.world.expected))


def _longest_file(trial: Trial) -> None:
    size = trial.chance.randrange(1_000, 100_000)
    trial.run(*build(), prefix=under(file=size))
    trial.build_gives_the_same()


def _read_only(trial: Trial) -> None:
    trial.output.mkdir()
    trial.output.chmod(0o555)
    run = trial.run(*build(), prefix=under(powerless=1))
    trial.output.chmod(0o755)
    trial.refused(run)
    trial.build_gives_the_same()


def _read_only_again(trial: Trial) -> None:
    """A finished folder on a disk that was mounted to be read."""
    trial.dataset()
    with trial.small_disk("size=4m"):
        disk = trial.folder / "disk"
        subprocess.run(["cp", "-a", str(trial.output), str(disk)], check=True)
        must(["mount", "-o", "remount,ro", str(disk)])
        for arguments in (("verify", "disk/nextlong"), ("stats", "disk/nextlong"), ("inspect", "disk/nextlong")):
            if trial.run(*arguments).code:
                trial.says(Outcome.WRONG, f"{arguments[0]} does not read what is read-only")
        trial.refused(trial.run("view", "disk/nextlong", "-o", "disk/page.html"))
        trial.find(oracle.same(disk / OUTPUT, trial.world.expected))


def _other(variable: str, size: str = "size=8k", *, read_only: bool = False) -> Callable[[Trial], None]:
    """A full or read-only disk for a folder that a library writes to: nothing of it matters."""

    def inject(trial: Trial) -> None:
        with trial.small_disk(size) as disk:
            if read_only:
                must(["mount", "-o", "remount,ro", str(disk)])
            else:
                _fill(disk)
            run = trial.run(*build(workers=2), environment={variable: str(disk)})
            if run.code == 0:
                trial.is_as_always()
        if run.code:
            trial.build_gives_the_same()

    return inject


def _fill(disk: Path) -> None:
    try:
        (disk / "filler").write_bytes(b"x" * (1 << 20))
    except OSError:
        return
    raise NotPossible("the small disk is not small")


def _export(form: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        with trial.small_disk(f"size={trial.chance.randrange(4, 80)}k"):
            command = ("export", OUTPUT, form, "--output", "disk/exported", "-q")
            run = trial.run(*command)
            if run.code not in (0, _STORAGE):
                trial.says(Outcome.UNTOLD, f"a full disk has exit code {run.code}")
            must(["mount", "-o", f"remount,{_RAISED}", str(trial.folder / "disk")])
            trial.undisturbed(*command)
            trial.undisturbed("export", OUTPUT, form, "--output", "whole", "-q")
            whole = oracle.digests(trial.folder / "whole")
            trial.find(oracle.same(trial.folder / "disk" / "exported", whole))

    return inject


def _stdout(stream: int, *arguments: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        trial.run(*arguments, prefix=under(full=stream))
        trial.is_as_always()

    return inject


def _card(trial: Trial) -> None:
    """A card that cannot be written anew is still the old one."""
    trial.dataset()
    card = trial.output / "README.md"
    card.write_text(card.read_text("utf-8") + "\nOf a person.\n", "utf-8")
    trial.guard(card)
    trial.run("card", OUTPUT, prefix=under(file=2_000))


def _nothing_but_read(trial: Trial) -> None:
    """All is read-only, but the output."""
    trial.output.mkdir()
    script = f"mount --bind {trial.output} {trial.output} && mount -o remount,ro,bind / 2>/dev/null"
    trial.run(*build(CORPUS), prefix=in_namespace(script))
    trial.build_gives_the_same()


FAULTS = (
    Fault(
        name="build, a disk of 4 to 800 kB", inject=_small(lambda t: f"size={t.chance.randrange(4, 800)}k"), draws=True
    ),
    Fault(
        name="build by two workers, a disk of 4 to 800 kB",
        inject=_small(lambda t: f"size={t.chance.randrange(4, 800)}k", workers=2),
        draws=True,
    ),
    Fault(
        name="build, a disk of 3 to 60 files",
        inject=_small(lambda t: f"size=64m,nr_inodes={t.chance.randrange(3, 60)}"),
        draws=True,
    ),
    Fault(name="build, files of 1 to 100 kB at most", inject=_longest_file, draws=True),
    Fault(name="build, the output is read-only", inject=_read_only),
    Fault(name="build, all but the output is read-only", inject=_nothing_but_read),
    Fault(name="verify, stats, inspect and view on a read-only disk", inject=_read_only_again),
    Fault(name="build, TMPDIR is full", inject=_other("TMPDIR")),
    Fault(name="build, HF_HOME is full", inject=_other("HF_HOME")),
    Fault(name="build, MPLCONFIGDIR is full", inject=_other("MPLCONFIGDIR")),
    Fault(name="build, NUMBA_CACHE_DIR is full", inject=_other("NUMBA_CACHE_DIR"), hole=7),
    Fault(name="build, NUMBA_CACHE_DIR is read-only", inject=_other("NUMBA_CACHE_DIR", read_only=True), hole=7),
    *(
        Fault(name=f"export {form}, a disk of 4 to 80 kB", inject=_export(form), draws=True)
        for form in ("jsonl", "mds", "axolotl")
    ),
    Fault(name="stats, standard output is full", inject=_stdout(1, "stats", OUTPUT), hole=8),
    Fault(name="--help, standard output is full", inject=_stdout(1, "--help"), hole=8),
    Fault(name="verify, standard error is full", inject=_stdout(2, "verify", OUTPUT), hole=8),
    Fault(name="card, no room for the card", inject=_card),
)
