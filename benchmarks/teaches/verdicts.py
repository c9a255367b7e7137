"""What the results say of a plan's tests, shares and decisions; nothing here chooses what is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches import statistics
from benchmarks.teaches.plan import Decision, Measure, Plan, Share, Test
from benchmarks.teaches.results import Results
from benchmarks.teaches.statistics import Estimate

_LEVEL = 0.05
NOT_RUN = "not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm less another, over the seeds that both were trained with."""

    estimate: Estimate
    by_seed: tuple[float, ...]
    left: float
    """Mean of the first arm."""
    right: float

    @property
    def is_clear(self) -> bool:
        """The interval is off 0, and all seeds have one sign."""
        return self.estimate.is_off_zero and len({value > 0 for value in self.by_seed}) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TestVerdict:
    """A test and its outcome."""

    test: Test
    difference: Difference | None
    corrected_p: float | None
    """None where nothing is corrected: of a bound, or a test that was not run."""
    verdict: str
    """`more`, `less`, `open`, or `not run`; of a bound `within`, `beyond` or `open`."""

    @property
    def holds(self) -> bool:
        """What was claimed is so."""
        if self.test.within is not None:
            return self.verdict == "within"
        return self.verdict == self.test.expect or (self.test.expect == "differs" and self.verdict in {"more", "less"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareVerdict:
    """A share and its outcome."""

    share: Share
    estimate: Estimate | None
    verdict: str
    """`met`, `not met` or `not run`; `told` where nothing was asked of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """All outcomes of a plan."""

    tests: tuple[TestVerdict, ...]
    shares: tuple[ShareVerdict, ...]
    decided: Mapping[str, str]
    """What follows, by question."""


def values(results: Results, arm: str, measure: Measure, seeds: tuple[int, ...] = ()) -> NDArray[np.float64] | None:
    """One number an item, averaged over seeds; None where the arm did not run or was not asked. Shape: (items,)."""
    wanted = seeds or tuple(results.seeds(arm))
    found = [
        measure.of(one.scores)
        for training, one in results.answers.items()
        if training.arm == arm and training.seed in wanted
    ]
    asked = [one for one in found if one is not None]
    return np.mean(asked, axis=0) if asked else None


def difference(results: Results, left: str, right: str, measure: Measure) -> Difference | None:
    """One arm less another, paired over items and over the seeds that both ran; None where there are none."""
    both = tuple(seed for seed in results.seeds(left) if seed in results.seeds(right))
    if not both:
        return None
    first, second = values(results, left, measure, both), values(results, right, measure, both)
    if first is None or second is None:
        return None
    by_seed = []
    for seed in both:
        own, other = values(results, left, measure, (seed,)), values(results, right, measure, (seed,))
        if own is not None and other is not None:
            by_seed.append(statistics.average(own - other))
    return Difference(
        estimate=statistics.mean(first - second),
        by_seed=tuple(by_seed),
        left=statistics.average(first),
        right=statistics.average(second),
    )


def judge(results: Results, plan: Plan) -> Verdicts:
    """The outcome of everything that a plan has fixed."""
    tests = _tests(results, plan)
    shares = tuple(_share(results, plan, one) for one in plan.shares)
    known = {one.test.name: one.verdict for one in tests} | {one.share.name: one.verdict for one in shares}
    known |= plan.facts
    return Verdicts(tests=tests, shares=shares, decided={one.question: _decide(one, known) for one in plan.decisions})


def _tests(results: Results, plan: Plan) -> tuple[TestVerdict, ...]:
    found = {one.name: difference(results, one.left, one.right, plan.measures[one.measure]) for one in plan.tests}
    corrected_tests = [one for one in plan.tests if one.within is None]
    ran = {one.name: own.estimate.p for one in corrected_tests if (own := found[one.name]) is not None}
    corrected = dict(zip(ran, statistics.holm([*ran.values()], len(corrected_tests)), strict=True))
    verdicts = []
    for test in plan.tests:
        own, p = found[test.name], corrected.get(test.name)
        verdicts.append(TestVerdict(test=test, difference=own, corrected_p=p, verdict=_verdict(test, own, p)))
    return tuple(verdicts)


def _verdict(test: Test, found: Difference | None, p: float | None) -> str:
    if found is None:
        return NOT_RUN
    if test.within is not None:
        if found.estimate.high < test.within:
            return "within"
        return "beyond" if found.estimate.low > test.within else "open"
    if p is None or p >= _LEVEL or not found.is_clear:
        return "open"
    return "more" if found.estimate.value > 0 else "less"


def _share(results: Results, plan: Plan, share: Share) -> ShareVerdict:
    measure = plan.measures[share.measure]
    seeds = [set(results.seeds(arm)) for arm in (share.arm, share.one, share.zero)]
    both = tuple(sorted(set.intersection(*seeds)))
    found = [values(results, arm, measure, both) if both else None for arm in (share.arm, share.one, share.zero)]
    arm, one, zero = found
    if arm is None or one is None or zero is None:
        return ShareVerdict(share=share, estimate=None, verdict=NOT_RUN)
    estimate = statistics.ratio(arm - zero, one - zero)
    low, high = share.at_least, share.at_most
    if low is None and high is None:
        return ShareVerdict(share=share, estimate=estimate, verdict="told")
    is_met = (low is None or estimate.value >= low) and (high is None or estimate.value <= high)
    return ShareVerdict(share=share, estimate=estimate, verdict="met" if is_met else "not met")


def _decide(decision: Decision, known: Mapping[str, str]) -> str:
    asked = {name for case in decision.cases for name in case.when}
    if missing := sorted(name for name in asked if known[name] == NOT_RUN):
        return f"undecided: {', '.join(missing)} was not run"
    return next(
        (case.then for case in decision.cases if all(known[name] == value for name, value in case.when.items())),
        "undecided",
    )
