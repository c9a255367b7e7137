"""Flipped and cut bytes in every kind of file that we read."""

import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults import oracle
from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import NotPossible, Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import OUTPUT, build

Damage = Callable[[Trial, bytes], bytes]
_VERIFICATION = 3


def flip(trial: Trial, content: bytes) -> bytes:
    """One bit is another."""
    place, bit = trial.chance.randrange(len(content)), trial.chance.randrange(8)
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def _cut(trial: Trial, content: bytes) -> bytes:
    return content[: trial.chance.randrange(len(content))]


def _garbage(trial: Trial, content: bytes) -> bytes:
    return trial.chance.randbytes(200)


def _empty(trial: Trial, content: bytes) -> bytes:
    return b""


_DAMAGES: dict[str, Damage] = {"a bit flipped": flip, "cut": _cut, "empty": _empty, "garbage": _garbage}


def _damage(trial: Trial, pattern: str, damage: Damage, below: Path | None = None) -> Path:
    """Damage one of the files that match, and give it."""
    root = below or trial.output
    path = trial.chance.choice(sorted(path for path in root.glob(pattern) if path.is_file() and path.stat().st_size))
    path.write_bytes(damage(trial, path.read_bytes()))
    return path


def _verified(pattern: str, damage: Damage) -> Callable[[Trial], None]:
    """Damage a file of a finished folder: `verify` finds it."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        path = _damage(trial, pattern, damage)
        run = trial.run("verify", OUTPUT, "-q")
        if run.code == 0:
            trial.says(Outcome.WRONG, f"verify does not see it in {path.name}")
        elif run.code != _VERIFICATION:
            trial.says(Outcome.UNTOLD, f"damage has exit code {run.code}")

    return inject


def _card(trial: Trial) -> None:
    """People edit cards, so that `verify` says nothing; the generated parts are written anew by `card`."""
    trial.dataset()
    card = trial.output / "README.md"
    start = card.read_bytes().index(b"nextlong:auto:start statistics")
    text = card.read_bytes()
    card.write_bytes(text[:start] + text[start:].replace(b"6,144", b"6,145"))
    seen = trial.run("verify", OUTPUT, "-q").code == _VERIFICATION
    trial.undisturbed("card", OUTPUT)
    same = card.read_bytes() == text
    if not (seen or same):
        trial.says(Outcome.REPAIRED, "people may edit the card: verify says nothing, and card keeps it as their words")


def _worked(damage: Damage) -> Callable[[Trial], None]:
    """Damage a file that is kept for work, of a build that is not finished: it is made anew."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        (trial.output / "manifest.json").unlink()
        shutil.rmtree(trial.output / "data")
        path = _damage(trial, ".work/**/*", damage)
        run = trial.run(*build(workers=trial.chance.choice((1, 2))))
        if run.code:
            trial.says(Outcome.WRONG, f"{path.relative_to(trial.output)} is not made anew")
        trial.is_as_always()
        trial.says_if_well(Outcome.REPAIRED)

    return inject


def _kept(trial: Trial) -> None:
    """Damage a file for work of a finished folder: the same command says that it is done, or mends it."""
    trial.dataset()
    _damage(trial, ".work/**/*", trial.chance.choice([*_DAMAGES.values()]))
    trial.run(*build())
    trial.is_as_always()


def _shard_again(trial: Trial) -> None:
    """Damage a shard, then build again: it is told or made anew."""
    trial.dataset()
    _damage(trial, "data/tiny/*.parquet", flip)
    run = trial.run(*build())
    if run.code == 0:
        trial.is_as_always()
        trial.says_if_well(Outcome.REPAIRED)


def _pushed(trial: Trial) -> None:
    """A damaged folder is not published."""
    trial.dataset()
    _damage(trial, "data/tiny/*.parquet", flip)
    with trial.hub() as (hub, _, environment):
        run = trial.run("push", OUTPUT, "tester/long", "-y", "-q", environment=environment)
        trial.refused(run)
        trial.hub_is_whole(hub, done=False)


def _exported(form: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        command = ("export", OUTPUT, form, "--output", "exported", "-q")
        trial.undisturbed(*command)
        whole = oracle.digests(trial.folder / "exported")
        damage = trial.chance.choice((flip, _cut))
        path = _damage(trial, "**/[!.]*", damage, trial.folder / "exported")
        run = trial.run(*command)
        if run.code == 0:
            found = {name: value for name, value in oracle.digests(trial.folder / "exported").items()}
            if found != whole:
                trial.says(Outcome.WRONG, f"{path.name} is damaged, and export says that it is done")
            trial.says_if_well(Outcome.REPAIRED)

    return inject


def _kernels(pattern: str, damage: Damage) -> Callable[[Trial], None]:
    """Damage numba's cache of compiled kernels, all files of a kind in it."""

    def inject(trial: Trial) -> None:
        cache = Path(shutil.copytree(trial.world.folder / "home" / "numba", trial.folder / "numba"))
        for path in cache.rglob(pattern):
            path.write_bytes(damage(trial, path.read_bytes()))
        run = trial.run(*build(), environment={"NUMBA_CACHE_DIR": str(cache)})
        if run.code == 0:
            trial.is_as_always()
            trial.says_if_well(Outcome.REPAIRED)

    return inject


class _Planted:
    """What a stranger pickles: to load it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.path), 0o700)


def _strangers_kernels(trial: Trial) -> None:
    """A cache that everybody may write, with a pickle of a stranger."""
    import numba

    cache = Path(shutil.copytree(trial.world.folder / "home" / "numba", trial.folder / "numba"))
    executed = trial.folder / "executed"
    for path in [cache, *cache.rglob("*")]:
        if path.suffix == ".nbi":
            path.write_bytes(pickle.dumps(numba.__version__, -1) + pickle.dumps(_Planted(executed), -1))
        path.chmod(0o777)
    trial.run(*build(), environment={"NUMBA_CACHE_DIR": str(cache)})
    if executed.exists():
        trial.says(Outcome.LOST, "code of a stranger was executed")


def _other_writer(trial: Trial) -> None:
    """A shard as another release of pyarrow writes it: the same rows, and another name of the writer."""
    trial.dataset()
    [path] = trial.output.glob("data/tiny/*.parquet")
    content, count = re.subn(rb"(parquet-cpp-arrow version )\d\d", rb"\g<1>22", path.read_bytes())
    if not count:
        raise NotPossible("Parquet files here are not written by pyarrow")
    path.write_bytes(content)
    run = trial.run("verify", OUTPUT, "-q")
    if run.code or "version 22" not in run.out + run.err:
        trial.says(Outcome.UNTOLD, "nothing says that the rows are the same and the writer another")


FAULTS = (
    *(
        Fault(name=f"{what}: {name}, verify", inject=_verified(pattern, damage), draws=True)
        for what, pattern in (
            ("a shard", "data/tiny/*.parquet"),
            ("the manifest", "manifest.json"),
            ("a recipe", "recipes/*.toml"),
            ("a picture", "assets/*.png"),
        )
        for name, damage in _DAMAGES.items()
    ),
    Fault(name="a number in the card is another, verify and card", inject=_card, hole=13),
    *(
        Fault(name=f"a file kept for work: {name}, build goes on", inject=_worked(damage), draws=True)
        for name, damage in _DAMAGES.items()
    ),
    Fault(name="a file kept for work: damaged, build of a finished folder", inject=_kept, draws=True),
    Fault(name="a shard: a bit flipped, build again", inject=_shard_again, draws=True),
    Fault(name="a shard: a bit flipped, push", inject=_pushed, draws=True),
    *(
        Fault(name=f"an export to {form}: damaged, export again", inject=_exported(form), draws=True)
        for form in ("jsonl", "mds", "axolotl")
    ),
    *(
        Fault(name=f"numba's cache, {what}: {name}", inject=_kernels(pattern, damage), hole=7, draws=damage is flip)
        for what, pattern in (("index", "*.nbi"), ("code", "*.nbc"))
        for name, damage in _DAMAGES.items()
    ),
    Fault(name="numba's cache: a pickle of a stranger in a folder for everybody", inject=_strangers_kernels, hole=7),
    Fault(name="a shard of another Parquet writer, verify", inject=_other_writer, hole=12),
)
