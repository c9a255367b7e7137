"""Signals at random moments of builds, pushes and exports."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import OUTPUT, REPOSITORY, build

_PUSH = ("push", OUTPUT, REPOSITORY, "-y", "-q")


def _build(number: int, workers: int, *, everybody: bool = False, again: int = 1) -> Callable[[Trial], None]:
    """Kill a build, as often as is said; then it goes on with another number of workers."""

    def inject(trial: Trial) -> None:
        for _ in range(again):
            running = trial.start(*build(workers=workers))
            trial.random_moment(running)
            running.send(number, everybody=everybody)
            trial.end(running)
        if trial.output.exists():
            trial.plant(f"{OUTPUT}/notes.txt", f"{OUTPUT}/data/mine/precious.parquet")
        trial.build_gives_the_same(workers=trial.chance.choice((1, 2, 3)))

    return inject


def _stopped(trial: Trial) -> None:
    running = trial.start(*build(workers=2))
    trial.random_moment(running)
    running.send(signal.SIGSTOP, everybody=True)
    time.sleep(1.0)
    running.send(signal.SIGCONT, everybody=True)
    if trial.end(running).code:
        trial.says(Outcome.WRONG, "a build that was stopped for a second did not go on")
    trial.is_as_always()


def _helper(name: str) -> Callable[[Trial], None]:
    """Kill one of the processes that a build starts: a worker, or the one by which Python tracks shared memory."""

    def inject(trial: Trial) -> None:
        running = trial.start(*build(workers=2))
        trial.until(running, lambda: bool(running.workers(name)))
        time.sleep(trial.chance.random() * trial.world.built_seconds / 2)
        if workers := running.workers(name):
            with suppress(ProcessLookupError):
                os.kill(trial.chance.choice(workers), signal.SIGKILL)
        if trial.end(running).code:
            trial.build_gives_the_same()
        trial.is_as_always()

    return inject


def _twice(trial: Trial) -> None:
    running = trial.start(*build(workers=2))
    trial.random_moment(running)
    running.send(signal.SIGINT)
    time.sleep(trial.chance.random() * 0.1)
    running.send(signal.SIGINT)
    trial.end(running)
    trial.build_gives_the_same()


def _push(number: int) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        with trial.hub() as (hub, proxy, environment):
            running = trial.start(*_PUSH, environment=environment)
            requests = trial.chance.randrange(1, 16)
            trial.until(running, lambda: len(proxy.requests) >= requests)
            running.send(number)
            run = trial.end(running)
            trial.hub_is_whole(hub, done=run.code == 0)
            trial.pushed_again(hub)

    return inject


def _export(trial: Trial) -> None:
    trial.dataset()
    command = ("export", OUTPUT, "jsonl", "--output", "exported", "-q")
    trial.undisturbed(*command)
    expected = {path.name: path.read_bytes() for path in (trial.folder / "exported").iterdir() if path.is_file()}
    for path in (trial.folder / "exported").iterdir():
        if path.suffix == ".jsonl":
            path.unlink()
    trial.plant("exported/precious.txt")
    running = trial.start(*command)
    time.sleep(trial.chance.random() * 2.0)
    running.send(signal.SIGKILL)
    trial.end(running)
    trial.undisturbed(*command)
    found = {path.name: path.read_bytes() for path in Path(trial.folder, "exported").iterdir() if path.is_file()}
    found.pop("precious.txt", None)
    if {name for name in {*found, *expected} if found.get(name) != expected.get(name)}:
        trial.says(Outcome.WRONG, "an export that was killed and run again differs")


FAULTS = (
    *(
        Fault(name=f"build, {number.name} to the driver, {workers} workers", inject=_build(number, workers), draws=True)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
        for workers in (1, 2)
    ),
    Fault(name="build, SIGHUP to the driver", inject=_build(signal.SIGHUP, 1), draws=True),
    Fault(name="build, SIGKILL to all its processes", inject=_build(signal.SIGKILL, 2, everybody=True), draws=True),
    Fault(name="build, SIGKILL three times", inject=_build(signal.SIGKILL, 2, again=3), draws=True),
    Fault(name="build, SIGSTOP and SIGCONT", inject=_stopped, draws=True),
    Fault(name="build, SIGKILL to a worker", inject=_helper("spawn_main"), draws=True),
    Fault(name="build, SIGKILL to Python's resource tracker", inject=_helper("resource_tracker"), draws=True),
    Fault(name="build, Ctrl-C twice", inject=_twice, draws=True),
    *(
        Fault(name=f"push, {number.name}", inject=_push(number), draws=True)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    ),
    Fault(name="export, SIGKILL", inject=_export, draws=True),
)
