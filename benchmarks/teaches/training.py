"""A model on a device: it is trained on steps of batches, remembered, and put back to what it was."""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.teaches.batches import Rows, Step
from benchmarks.teaches.model import IGNORED, Model, rotations
from benchmarks.teaches.optimiser import Optimiser
from benchmarks.teaches.replay import PADDING
from benchmarks.teaches.settings import Preset

_LOSSES_OF = 16
"""Steps of which one mean loss is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one training goes."""

    steps: int
    rate: float
    warmup: int
    theta: float
    decays: bool
    """The rate falls to 0 in a straight line."""
    until: float
    """Stop when `clock()` says so."""

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        return self.rate * min(1.0, (step + 1) / self.warmup) * (1 - step / self.steps if self.decays else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training did."""

    steps: int
    tokens: int
    losses: tuple[float, ...]
    """Means of 16 steps each."""


class Trainer:
    """Holds the one model that base and arms are trained in."""

    def __init__(self, preset: Preset, clock: Callable[[], float] = time.monotonic) -> None:
        torch.manual_seed(0)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._preset = preset
        self._clock = clock
        self.model = Model(preset.model).to(self.device)
        self._is_fast = self.device == "cuda"
        self._loss = torch.compile(self.model, dynamic=False) if self._is_fast else self.model
        if self._is_fast:
            torch.backends.cuda.matmul.allow_tf32 = True

    @property
    def machine(self) -> str:
        """What it runs on."""
        return torch.cuda.get_device_name() if self._is_fast else "CPU"

    def state(self) -> dict[str, Any]:
        """A copy of what the model has learnt."""
        return copy.deepcopy(self.model.state_dict())

    def restore(self, state: dict[str, Any]) -> None:
        """Put the model back to a state."""
        self.model.load_state_dict(state)

    def fit(self, steps: Iterator[Step], course: Course) -> Trained:
        """Train until the steps, the course or its time end."""
        optimiser = Optimiser(self.model)
        turns = rotations(self._preset.model, self._preset.target_length, course.theta, self.device)
        losses, tokens = [], 0
        for number in range(course.steps):
            step = next(steps, None)
            if step is None or self._clock() > course.until:
                break
            total = torch.zeros((), device=self.device)
            for batch in step:
                ids, targets = self._shifted(batch)
                with torch.autocast(self.device, torch.bfloat16, enabled=self._is_fast):
                    loss = self._loss(ids, targets, turns[:, : ids.shape[1]]) / len(step)
                loss.backward()
                total += loss.detach()
                tokens += int((batch != PADDING).sum())
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimiser.step(course.rate_at(number))
            losses.append(total)
        means = torch.stack(losses).cpu().numpy() if losses else np.zeros(0)
        parts = np.array_split(means, max(1, len(means) // _LOSSES_OF)) if losses else []
        return Trained(steps=len(losses), tokens=tokens, losses=tuple(round(float(one.mean()), 4) for one in parts))

    def _shifted(self, batch: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids, and for each the one behind it; the last has none, and padding is none. Shapes: as `batch`."""
        ids = torch.from_numpy(batch.astype(np.int64)).to(self.device)
        targets = torch.cat((ids[:, 1:], torch.full_like(ids[:, :1], PADDING)), 1)
        return ids.masked_fill(ids == PADDING, 0), targets.masked_fill(targets == PADDING, IGNORED)

    def frozen(self) -> Model:
        """A copy of the model that answers questions."""
        model: Model = copy.deepcopy(self.model).eval()
        if self._is_fast:
            model.bfloat16()
        return model
