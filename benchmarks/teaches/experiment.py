"""The run itself: one base, then every training of the plan from it, each asked the same questions, within a time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from benchmarks.teaches.arms import ARMS, BASE, SEEDS, Training
from benchmarks.teaches.batches import arm_steps, base_steps
from benchmarks.teaches.contexts import Contexts, digest_of
from benchmarks.teaches.evaluate import Examiner
from benchmarks.teaches.loading import Loaded, load
from benchmarks.teaches.plan import Plan
from benchmarks.teaches.results import About, Answers, ResultsWriter, read_results
from benchmarks.teaches.settings import Preset
from benchmarks.teaches.training import Course, Trained, Trainer
from benchmarks.teaches.world import World
from nextlong_hub.errors import DataError

_BASE_SHARE = 0.45
"""Of the time, at most, for the base: without arms it tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train, and for how long."""

    world: World
    plan: Plan
    order: tuple[Training, ...]
    """What is trained, in order."""
    base_steps: int
    arm_steps: int
    corpus: Path
    other: Path | None
    deadline_seconds: float
    """From the start; no training begins that would end later."""
    output: Path
    workers: int

    @property
    def results_file(self) -> Path:
        """Where results go."""
        return self.output / "results.jsonl"


def train(request: TrainRequest, say: Callable[[str], None]) -> Path:
    """Run the plan, and write each model's answers as soon as there are any; a second call goes on where it stopped.

    Args:
        request: what to train.
        say: is told what happens.

    Returns:
        The file of results.

    Raises:
        DataError: the corpus is not the prepared one, a row cannot be made again, or results of another run lie there.
    """
    run = _Run(request, say)
    run.go()
    return request.results_file


@dataclass(slots=True)
class _Costs:
    """Seconds that trainings took."""

    by_arm: dict[str, float] = field(default_factory=dict)
    last: float = 0.0
    """Of one pass."""

    def guess(self, arm: str) -> float:
        """About what the next one will take; the first one may take longer, for it compiles."""
        return self.by_arm.get(arm, self.last * ARMS[arm].passes)

    def note(self, arm: str, seconds: float) -> None:
        """What one took."""
        self.by_arm[arm] = seconds
        self.last = seconds / ARMS[arm].passes


class _Run:
    def __init__(self, request: TrainRequest, say: Callable[[str], None]) -> None:
        self._started = time.monotonic()
        self._request, self._say = request, say
        self._preset: Preset = request.world.preset
        arms = tuple(dict.fromkeys(ARMS[one.arm].rows for one in request.order))
        self._loaded: Loaded = load(request.world, arms, request.corpus, request.other, request.workers)
        self._contexts: Mapping[str, Contexts] = self._loaded.contexts
        self._trainer = Trainer(self._preset, self._clock)
        questions = digest_of([*self._contexts.values()], self._loaded.riffled.rows)
        self._tell(f"rows of {', '.join(self._loaded.rows)} are those that were prepared; questions {questions}")
        self._writer = ResultsWriter(
            request.results_file,
            About(
                date=f"{datetime.now(UTC):%Y-%m-%d}",
                machine=self._trainer.machine,
                software=f"PyTorch {torch.__version__}",
                preset=self._preset.name,
                plan=request.plan.name,
                questions=questions,
            ),
        )
        self._costs = _Costs()

    def go(self) -> None:
        """Everything, in order."""
        state = self._base()
        done = read_results(self._request.results_file).answers
        for training in self._request.order:
            if training in done:
                self._tell(f"{training}: answered before")
                continue
            guess = self._costs.guess(training.arm)
            if self._clock() + guess > self._request.deadline_seconds:
                self._skip(training, f"no time: about {guess:.0f} s are needed")
                continue
            self._trainer.restore(state)
            self._arm(training)

    def _base(self) -> dict[str, torch.Tensor]:
        """The base, trained or taken from an earlier call.

        Raises:
            DataError: there is no time for it.
        """
        file = self._request.output / "base.pt"
        identity = [self._preset.name, self._request.world.corpus, self._request.base_steps]
        if file.is_file():
            kept = torch.load(file, map_location=self._trainer.device, weights_only=True)
            if kept["identity"] == identity:
                self._tell("the base of an earlier call is used again")
                state: dict[str, torch.Tensor] = kept["state"]
                return state
        schedule = self._preset.schedule
        begun = self._clock()
        trained = self._trainer.fit(
            base_steps(self._loaded.documents, self._loaded.framing.beginning, self._preset),
            Course(
                steps=self._request.base_steps,
                rate=schedule.base_rate,
                warmup=schedule.base_warmup,
                theta=schedule.base_theta,
                decays=False,
                until=_BASE_SHARE * self._request.deadline_seconds,
            ),
        )
        if not trained.steps:
            raise DataError(
                f"{self._clock():.0f} s had passed before the base could be trained, and it may take at most "
                f"{_BASE_SHARE:.0%} of the {self._request.deadline_seconds:.0f} s of --deadline; give more"
            )
        state = self._trainer.state()
        torch.save({"identity": identity, "state": state}, file)
        self._answer(Training(arm=BASE, seed=0), trained, begun)
        return state

    def _arm(self, training: Training) -> None:
        arm, schedule, begun = ARMS[training.arm], self._preset.schedule, self._clock()
        wanted = self._request.arm_steps * arm.passes
        rows, is_sample = self._loaded.rows[arm.rows]
        half = len(rows) // SEEDS
        own = slice(training.seed * half, (training.seed + 1) * half)
        trained = self._trainer.fit(
            arm_steps(arm, rows[own], is_sample[own], training.seed, self._preset),
            Course(
                steps=wanted,
                rate=schedule.arm_rate,
                warmup=schedule.arm_warmup,
                theta=schedule.arm_theta,
                decays=True,
                until=self._request.deadline_seconds,
            ),
        )
        if trained.steps < wanted:
            why = "the time ended" if self._clock() > self._request.deadline_seconds else "its rows ended"
            self._skip(training, f"{why} after {trained.steps} of {wanted} steps")
            return
        self._answer(training, trained, begun)
        self._costs.note(training.arm, self._clock() - begun)

    def _answer(self, training: Training, trained: Trained, begun: float) -> None:
        seconds = self._clock() - begun
        asked = Examiner(model=self._trainer.frozen(), preset=self._preset, device=self._trainer.device)
        answers = Answers(
            training=training,
            tokens=trained.tokens,
            seconds=seconds,
            losses=trained.losses,
            scores=asked.scores(self._contexts) | asked.riffled(self._loaded.riffled),
        )
        self._writer.add(answers)
        recall = [values.mean() for name, values in answers.scores.items() if name.startswith("recall/adjacent/")]
        name = BASE if training.arm == BASE else str(training)
        self._tell(
            f"{name}: {trained.tokens:,} tokens in {seconds:.1f} s, loss {trained.losses[0]:.3f} to "
            f"{trained.losses[-1]:.3f}, recall {np.mean(recall):.3f}, short {answers.scores['short/held'].mean():.3f}"
        )

    def _skip(self, training: Training, reason: str) -> None:
        self._writer.skip(training, reason)
        self._tell(f"{training}: left out, {reason}")

    def _clock(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def _tell(self, words: str) -> None:
        self._say(f"[{self._clock():6.1f}] {words}")
