"""A plan: what is trained, and which tests and decisions were fixed before anything was seen. See `plans/`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.arms import Training, training_of
from benchmarks.teaches.settings import HERE
from nextlong_hub.errors import RecipeError

PLANS = HERE / "plans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number an item, from the scores of one model; patterns name several scores."""

    name: str
    mean: tuple[str, ...] = ()
    """The mean of these scores, item by item."""
    minus: tuple[str, ...] = ()
    """Less the mean of these."""
    pool: tuple[str, ...] = ()
    """Instead: the items of all of these, end to end."""

    def of(self, scores: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
        """Its values; None where the model was not asked. Shape: (items,)."""
        if self.pool:
            parts = _matching(scores, self.pool)
            return np.concatenate(parts) if parts else None
        means = _matching(scores, self.mean)
        less = _matching(scores, self.minus)
        if not means or (self.minus and not less):
            return None
        return np.asarray(np.mean(means, axis=0) - (np.mean(less, axis=0) if less else 0.0), np.float64)


def _matching(scores: Mapping[str, NDArray[np.float64]], patterns: tuple[str, ...]) -> list[NDArray[np.float64]]:
    return [values for name, values in scores.items() if any(fnmatchcase(name, pattern) for pattern in patterns)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A difference of two arms, and what was claimed of it beforehand."""

    name: str
    measure: str
    left: str
    right: str
    expect: Literal["more", "less", "differs"] = "differs"
    """What is claimed of `left`."""
    within: float | None = None
    """Instead: the claim is that `left` is less than so much above `right`: the whole interval lies below. Such a claim
    is no test of significance and is not corrected for their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of the difference of two arms a third one has: (arm - zero) / (one - zero)."""

    name: str
    measure: str
    arm: str
    one: str
    zero: str
    at_least: float | None = None
    """Met where the share is at least this."""
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is decided, and when."""

    when: Mapping[str, str]
    """Verdicts by the names of tests, shares and facts; empty: in any other case."""
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A question, and its answer in each case: the first whose verdicts are all there."""

    question: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Means of some measures, arm by arm."""

    title: str
    measures: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: tuple[int, ...] = ()
    """Empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that was fixed beforehand."""

    name: str
    title: str
    written: str
    """When, in words."""
    question: str
    order: tuple[Training, ...]
    """What is trained, first what must not be lost when time runs out."""
    base_steps: int
    arm_steps: int
    measures: Mapping[str, Measure]
    tests: tuple[Test, ...]
    shares: tuple[Share, ...]
    facts: Mapping[str, str]
    """What was measured on the rows themselves, as a verdict by name."""
    decisions: tuple[Decision, ...]
    tables: tuple[Table, ...]
    pairs: tuple[tuple[str, str], ...]
    """Arms whose differences are shown, beyond the tests: to be read as hints."""

    @classmethod
    def parse(cls, name: str, values: Mapping[str, Any]) -> Self:
        """The plan in the values of a TOML file.

        Raises:
            RecipeError: it names a measure or an arm that is not there.
        """
        try:
            plan = cls(
                name=name,
                title=values["title"],
                written=values["written"],
                question=values["question"],
                order=tuple(map(training_of, values["order"])),
                base_steps=values["base_steps"],
                arm_steps=values["arm_steps"],
                measures={key: Measure(name=key, **_tuples(one)) for key, one in values["measures"].items()},
                tests=tuple(Test(**one) for one in values["tests"]),
                shares=tuple(Share(**one) for one in values.get("shares", ())),
                facts=values.get("facts", {}),
                decisions=tuple(
                    Decision(question=one["question"], cases=tuple(Case(**case) for case in one["cases"]))
                    for one in values.get("decisions", ())
                ),
                tables=tuple(Table(**_tuples(one)) for one in values["tables"]),
                pairs=tuple((left, right) for left, right in values.get("pairs", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RecipeError(f"plan {name} is not complete ({error}); compare it with the others in plans/") from error
        used = {one.measure for one in plan.tests} | {one.measure for one in plan.shares}
        used |= {measure for table in plan.tables for measure in table.measures}
        known = {one.name for one in plan.tests} | {one.name for one in plan.shares} | plan.facts.keys()
        asked = {key for one in plan.decisions for case in one.cases for key in case.when}
        if missing := sorted((used - plan.measures.keys()) | (asked - known)):
            raise RecipeError(f"plan {name} uses {', '.join(missing)}, which it does not define; add it")
        return plan


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def load_plan(name: str) -> Plan:
    """The plan of that name in `plans/`, or that TOML file.

    Raises:
        RecipeError: there is none, or it is not complete.
    """
    file = Path(name) if name.endswith(".toml") else PLANS / f"{name}.toml"
    if not file.is_file():
        known = ", ".join(sorted(one.stem for one in PLANS.glob("*.toml")))
        raise RecipeError(f"no plan {name!r}; there are {known}, or give the path of a TOML file")
    try:
        return Plan.parse(file.stem, tomllib.loads(file.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{file} is not TOML: {error}; mend that place") from error
