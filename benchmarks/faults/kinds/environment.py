"""Limits, folders of the system, languages and variables of the process."""

import shutil
import signal
from collections.abc import Callable, Mapping

from benchmarks.faults.command import in_namespace, under
from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import CORPUS, OUTPUT, REPOSITORY, build
from nextlong_hub.testing import make_documents, write_corpus

_MEGABYTE = 1 << 20


def _build(
    environment: Mapping[str, str] | None = None, prefix: tuple[str, ...] = (), workers: int = 2, *, same: bool = False
) -> Callable[[Trial], None]:
    """Build in an environment: the same bytes, or, unless `same` is asked for, one line; then all is well again."""

    def inject(trial: Trial) -> None:
        run = trial.run(*build(workers=workers), environment=environment, prefix=prefix)
        if run.code == 0:
            trial.is_as_always()
        elif same:
            trial.says(Outcome.WRONG, f"the build ends with {run.code}: {run.last_line[:120]}")
        else:
            trial.build_gives_the_same(workers=workers)

    return inject


def _many_files(count: int, files: int, workers: int) -> Callable[[Trial], None]:
    """A corpus of more files than may be open."""

    def inject(trial: Trial) -> None:
        folder = trial.folder / "files"
        for number, document in enumerate(make_documents(count)):
            write_corpus(folder / f"{number:04}.jsonl", [document])
        arguments = build("files", OUTPUT, workers=workers)
        run = trial.run(*arguments, prefix=under(files=files))
        if run.code:
            trial.says(Outcome.WRONG, f"{count} files cannot be built with {files} open: {run.last_line[:120]}")
        elif trial.run("verify", OUTPUT, "--corpus", "files", "-q", prefix=under(files=files)).code:
            trial.says(Outcome.WRONG, f"{count} files cannot be verified with {files} open")

    return inject


def _doctor(home: str) -> Callable[[Trial], None]:
    """A home that cannot be written: `doctor` does not say that all is ready."""

    def inject(trial: Trial) -> None:
        variables = {"HF_HOME": "", "HOME": home, "MPLCONFIGDIR": "", "NUMBA_CACHE_DIR": ""}
        if home == "read-only":
            folder = trial.folder / "home"
            folder.mkdir()
            folder.chmod(0o555)
            variables["HOME"] = str(folder)
        run = trial.run("doctor", environment=variables, prefix=under(powerless=1))
        if run.code == 0 and "Ready." in run.out:
            trial.says(Outcome.WRONG, "doctor says Ready.")

    return inject


def _command(*arguments: str, **environment: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        trial.run(*arguments, environment=environment)
        trial.is_as_always()

    return inject


def _unreadable(command: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        [shard] = trial.output.glob("data/tiny/*.parquet")
        shard.chmod(0)
        trial.refused(trial.run(command, OUTPUT, prefix=under(powerless=1)))

    return inject


def _unreadable_corpus(trial: Trial) -> None:
    trial.corpus.chmod(0)
    trial.refused(trial.run(*build(), prefix=under(powerless=1)))
    trial.corpus.chmod(0o644)
    trial.build_gives_the_same()


def _output(name: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        (trial.folder / "loop").symlink_to("loop")
        (trial.folder / "nobody").symlink_to("nowhere/else")
        (trial.folder / "file").write_text("of a person")
        trial.guard(trial.folder / "file")
        run = trial.run(*build(CORPUS, name))
        if run.code == 0 and not (trial.folder / name / "manifest.json").exists():
            trial.says(Outcome.WRONG, "done, and nothing is there")

    return inject


def _copied(trial: Trial) -> None:
    """A folder that was moved to another place goes on."""
    running = trial.start(*build())
    trial.random_moment(running)
    running.send(signal.SIGKILL)
    trial.end(running)
    if trial.output.exists():
        shutil.copytree(trial.output, trial.folder / "moved")
        shutil.rmtree(trial.output)
        (trial.folder / "moved").rename(trial.output)
    trial.build_gives_the_same()


_SAME: dict[str, dict[str, str]] = {
    "LC_ALL=C": {"LC_ALL": "C", "PYTHONUTF8": "0"},
    "LC_ALL=tr_TR.UTF-8": {"LC_ALL": "tr_TR.UTF-8"},
    "LC_ALL=nonsense": {"LC_ALL": "nonsense"},
    "TZ": {"TZ": "Asia/Kathmandu"},
    "PYTHONHASHSEED": {"PYTHONHASHSEED": "77"},
    "PYTHONOPTIMIZE=2": {"PYTHONOPTIMIZE": "2"},
    "PYTHONWARNINGS=error": {"PYTHONWARNINGS": "error"},
    "NUMBA_OPT=0": {"NUMBA_OPT": "0", "NUMBA_CACHE_DIR": "numba"},
    "OMP_NUM_THREADS=7": {"OMP_NUM_THREADS": "7", "TOKENIZERS_PARALLELISM": "true"},
    "TERM=dumb, COLUMNS=1": {"TERM": "dumb", "COLUMNS": "1"},
    "no HOME": {"HOME": "", "HF_HOME": "", "MPLCONFIGDIR": ""},
    "HOME=/proc/x": {"HOME": "/proc/x", "HF_HOME": "", "MPLCONFIGDIR": ""},
}
_PUSH = ("push", OUTPUT, REPOSITORY, "-y", "-q")

FAULTS = (
    *(Fault(name=f"build, {name}", inject=_build(variables, same=True)) for name, variables in _SAME.items()),
    Fault(name="build, umask 077", inject=_build(prefix=under(umask="077"), same=True)),
    Fault(name="build, standard output is closed", inject=_build(prefix=under(closed=1), same=True)),
    Fault(name="build, standard error is closed", inject=_build(prefix=under(closed=2), same=True)),
    Fault(name="build, standard input is closed", inject=_build(prefix=under(closed=0), same=True)),
    *(
        Fault(name=f"build, {count} open files at most", inject=_build(prefix=under(files=count), workers=1), hole=8)
        for count in (8, 12, 16, 24, 64)
    ),
    *(
        Fault(
            name=f"build, {size} MB of memory at most",
            inject=_build(prefix=under(memory=size * _MEGABYTE), workers=1),
            hole=8,
        )
        for size in (300, 800, 1_200, 1_500)
    ),
    Fault(name="build of 240 files, 256 open at most, 1 worker", inject=_many_files(240, 256, 1), hole=6),
    Fault(name="build of 240 files, 64 open at most, 2 workers", inject=_many_files(240, 64, 2), hole=6),
    Fault(name="build of 700 files, 256 open at most, 2 workers", inject=_many_files(700, 256, 2), hole=6),
    Fault(
        name="build by two workers, no /dev/shm",
        inject=_build(prefix=in_namespace("mount -t tmpfs -o ro none /dev/shm")),
        hole=5,
    ),
    Fault(name="doctor, HOME=/proc/x", inject=_doctor("/proc/x"), hole=5),
    Fault(name="doctor, HOME is read-only", inject=_doctor("read-only"), hole=5),
    Fault(name="push, HF_TOKEN in typographic quotes", inject=_command(*_PUSH, HF_TOKEN="“hf_x”"), hole=5),
    Fault(name="push, HF_TOKEN with a line break", inject=_command(*_PUSH, HF_TOKEN="hf_x\r\nX: y"), hole=5),
    *(
        Fault(
            name=f"push, HF_ENDPOINT={endpoint}", inject=_command(*_PUSH, HF_ENDPOINT=endpoint), hole=5, seconds=150.0
        )
        for endpoint in ("http://[::1", "nonsense", "ftp://127.0.0.1", "http://127.0.0.1:99999")
    ),
    *(
        Fault(name=f"{command}, a shard may not be read", inject=_unreadable(command), hole=8)
        for command in ("verify", "stats", "inspect", "card")
    ),
    Fault(name="build, the corpus may not be read", inject=_unreadable_corpus),
    *(
        Fault(name=f"build, --output {name[:24]!a}", inject=_output(name), hole=8)
        for name in ("/proc/x", "loop", "nobody", "file", "file/below", "\u202eodd \x1b[31m name", "n" * 300)
    ),
    Fault(name="build, killed, moved elsewhere and back", inject=_copied, draws=True),
)
