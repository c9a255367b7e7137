"""Which faults are run, in which order, until when; and what became of each."""

import json
import random
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import NotPossible, Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one fault."""

    kind: str
    """Module of the fault."""
    name: str
    hole: int
    outcome: Outcome
    codes: tuple[int, ...]
    """Exit codes of the disturbed commands, in their order."""
    seconds: float
    words: str
    """What the oracles saw; else the last line that was printed."""

    @classmethod
    def load(cls, line: str) -> "Result":
        """One line of a file of results."""
        values = json.loads(line)
        return cls(**{**values, "outcome": Outcome(values["outcome"]), "codes": tuple(values["codes"])})

    def dump(self) -> str:
        """The line of it."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is tried."""

    faults: tuple[tuple[str, Fault], ...]
    """Kind and fault."""
    seed: int
    minutes: float
    """No fault is begun later; what has begun is waited for."""
    most: int | None
    """How many faults to try; None: as many as there is time for."""
    jobs: int
    """Faults at once: most of a trial waits."""

    def order(self) -> Iterator[tuple[int, str, Fault]]:
        """Every fault once, in a drawn order, then those that draw again and again; with the number of the try."""
        first = list(self.faults)
        random.Random(self.seed).shuffle(first)
        numbered = ((0, kind, fault) for kind, fault in first)
        yield from numbered
        drawing = [(kind, fault) for kind, fault in first if fault.draws]
        number = 1
        while drawing:
            yield from ((number, kind, fault) for kind, fault in drawing)
            number += 1


def run(plan: Plan, command: Path, tell: Callable[[Result], None]) -> None:
    """Try faults until the time is over.

    Args:
        plan: how many.
        command: the `nextlong-hub` to disturb.
        tell: is told of each as it ends.

    Raises:
        RuntimeError: the command fails although nothing disturbs it.
    """
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        deadline = time.monotonic() + plan.minutes * 60
        world = World.make(command, folder)
        waiting: set[Future[Result]] = set()
        pool = ThreadPoolExecutor(plan.jobs)
        try:
            for count, (number, kind, fault) in enumerate(plan.order()):
                if time.monotonic() > deadline or (plan.most is not None and count >= plan.most):
                    break
                place = folder / "trials" / f"{count:05}"
                chance = random.Random(f"{plan.seed}/{kind}/{fault.name}/{number}")
                waiting.add(pool.submit(attempt, world, kind, fault, Trial(world, fault.seconds, place, chance)))
                if len(waiting) >= plan.jobs:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        tell(future.result())
            for future in as_completed(waiting):
                tell(future.result())
        finally:
            pool.shutdown(cancel_futures=True)


def attempt(world: World, kind: str, fault: Fault, trial: Trial) -> Result:
    """Inject one fault, and judge it."""
    begun = time.monotonic()
    impossible = ""
    try:
        fault.inject(trial)
    except NotPossible as reason:
        impossible = str(reason)
    except Exception as error:  # after a bad end files that an oracle reads may be missing
        where = traceback.extract_tb(error.__traceback__)[-1]
        trial.says(Outcome.WRONG, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
    outcome = trial.close()
    words = "; ".join(dict.fromkeys(finding.words for finding in trial.findings if finding.outcome is outcome))
    if impossible and not outcome.is_bad:
        outcome, words = Outcome.NOT_POSSIBLE, impossible
    last = next((run.last_line for run in reversed(trial.runs) if run.code), "")
    return Result(
        kind=kind,
        name=fault.name,
        hole=fault.hole,
        outcome=outcome,
        codes=tuple(run.code for run in trial.runs),
        seconds=round(time.monotonic() - begun, 1),
        words=(words or last).replace(str(trial.folder), "…").replace(str(world.folder), "…")[:300],
    )
