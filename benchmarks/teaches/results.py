"""Results: JSON lines, plain or gzipped; the first says what was run, each other one is a model or was left out."""

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.arms import BASE, Training
from nextlong_hub.errors import DataError

_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was run, where and when."""

    date: str
    machine: str
    software: str
    preset: str
    plan: str
    """Name of the plan whose tests were fixed beforehand."""
    questions: str
    """Digest of the questions; empty where it was not taken."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One model and its answers."""

    training: Training
    tokens: int
    seconds: float
    losses: tuple[float, ...]
    scores: Mapping[str, NDArray[np.float64]]
    """By measure, a number for each item; see `evaluate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One file."""

    about: About
    answers: Mapping[Training, Answers]
    skipped: Mapping[Training, str] = field(default_factory=dict)
    """Why a training of the plan was left out."""

    @property
    def base(self) -> Answers | None:
        """The model that all arms went on from."""
        return self.answers.get(Training(arm=BASE, seed=0))

    def seeds(self, arm: str) -> list[int]:
        """Those that an arm was trained with."""
        return sorted(one.seed for one in self.answers if one.arm == arm)


class ResultsWriter:
    """Writes each line when there is one, so that nothing is lost when time runs out."""

    def __init__(self, file: Path, about: About) -> None:
        """Go on with a file, or begin it.

        Raises:
            DataError: the file holds results of other questions or another plan.
        """
        self._file = file
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._write(asdict(about))
            return
        before = read_results(file).about
        if (before.plan, before.preset, before.questions) != (about.plan, about.preset, about.questions):
            raise DataError(
                f"{file} holds results of the plan {before.plan} on the questions {before.questions or 'of then'}, not "
                f"of {about.plan} on {about.questions}; move it away, or name another --output"
            )

    def add(self, answers: Answers) -> None:
        """One model."""
        self._write(
            {
                "arm": answers.training.arm,
                "seed": answers.training.seed,
                "tokens": answers.tokens,
                "seconds": round(answers.seconds, 1),
                "losses": answers.losses,
                "scores": {name: _rounded(values) for name, values in answers.scores.items()},
            }
        )

    def skip(self, training: Training, reason: str) -> None:
        """A training that there was no time for."""
        self._write({"arm": training.arm, "seed": training.seed, "skipped": reason})

    def _write(self, values: Mapping[str, Any]) -> None:
        with self._file.open("a") as opened:
            opened.write(json.dumps(values) + "\n")
            opened.flush()
            os.fsync(opened.fileno())


def _rounded(values: Iterable[float]) -> list[float]:
    rounded = [round(float(value), _DIGITS) for value in values]
    return [int(value) if value.is_integer() else value for value in rounded]


def read_results(file: Path) -> Results:
    """Read results; a model that was answered for twice counts as it was last.

    Raises:
        DataError: there is no such file, or it holds no results.
    """
    if not file.is_file():
        raise DataError(f"there are no results {file}; run `python -m benchmarks.teaches run` first")
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    try:
        first, *lines = [json.loads(line) for line in content.splitlines()]
        about = About(**first)
        answers = {one.training: one for line in lines if "scores" in line for one in [_answers(line)]}
        skipped = {Training(arm=one["arm"], seed=one["seed"]): one["skipped"] for one in lines if "skipped" in one}
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{file} holds no results of this benchmark ({error}); name a file that `run` wrote") from error
    return Results(
        about=about,
        answers=answers,
        skipped={training: why for training, why in skipped.items() if training not in answers},
    )


def _answers(line: Mapping[str, Any]) -> Answers:
    return Answers(
        training=Training(arm=line["arm"], seed=line["seed"]),
        tokens=line["tokens"],
        seconds=line["seconds"],
        losses=tuple(line["losses"]),
        scores={name: np.array(values, np.float64) for name, values in line["scores"].items()},
    )
