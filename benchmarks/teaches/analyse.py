"""The analysis of one file of results, as Markdown: what ran, the tests fixed beforehand, what follows, tables."""

from collections.abc import Iterator, Sequence

from benchmarks.teaches import statistics
from benchmarks.teaches.arms import ARMS
from benchmarks.teaches.plan import Plan, Table
from benchmarks.teaches.results import Results
from benchmarks.teaches.statistics import DRAWS, Estimate
from benchmarks.teaches.verdicts import (
    NOT_RUN,
    Difference,
    ShareVerdict,
    TestVerdict,
    Verdicts,
    difference,
    judge,
    values,
)


def analysis(results: Results, plan: Plan) -> str:
    """Everything, as one Markdown text."""
    verdicts = judge(results, plan)
    parts = [
        _head(results, plan),
        _tests(verdicts, plan),
        _decisions(verdicts),
        *(_means(results, plan, table) for table in plan.tables),
        _differences(results, plan),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: Results, plan: Plan) -> str:
    about = results.about
    base = results.base
    lines = [
        f"# {plan.title}",
        "",
        f"{plan.question.strip()}",
        "",
        f"Ran {about.date} on one {about.machine} ({about.software}), preset `{about.preset}`, plan `{plan.name}`, "
        f"written {plan.written}. Questions {about.questions or 'of the prototype'}. {about.note}".rstrip(),
        "",
        "Numbers are means over items, seeds averaged; intervals are of 95 %, from "
        f"{DRAWS:,} draws of items (paired where arms are compared). A claim needs an interval off 0, all seeds of one "
        "sign, and p below .05 after Holm's correction.",
    ]
    if base is not None:
        lines += ["", f"Base: {base.tokens:,} tokens, loss {base.losses[-1]:.3f} at its end."]
    lines += ["", *_grid(["arm", "rows", "trained", "tokens", "seconds", "loss"], [*_ran(results)])]
    for training, reason in results.skipped.items():
        lines.append(f"\nLeft out: {training} ({reason}).")
    return "\n".join(lines)


def _ran(results: Results) -> Iterator[list[str]]:
    for training, one in results.answers.items():
        if training.arm in ARMS:
            yield [
                training.arm,
                ARMS[training.arm].words,
                f"seed {training.seed}",
                f"{one.tokens:,}",
                f"{one.seconds:.0f}",
                f"{one.losses[0]:.3f} to {one.losses[-1]:.3f}",
            ]


def _tests(verdicts: Verdicts, plan: Plan) -> str:
    rows = [_test(one) for one in verdicts.tests]
    lines = ["## Tests fixed beforehand", ""]
    lines += _grid(["test", "measure", "claim", "difference [95 %]", "by seed", "p (Holm)", "verdict"], rows)
    if verdicts.shares:
        heads = ["share", "measure", "of the difference", "share [95 %]", "verdict"]
        lines += ["", *_grid(heads, [_share(one) for one in verdicts.shares])]
    for name, verdict in plan.facts.items():
        lines.append(f"\nMeasured on the rows: {name}: {verdict}.")
    return "\n".join(lines)


def _test(one: TestVerdict) -> list[str]:
    test = one.test
    claim = {"more": f"{test.left} > {test.right}", "less": f"{test.left} < {test.right}"}.get(
        test.expect, f"{test.left} differs from {test.right}"
    )
    if test.within is not None:
        claim = f"{test.left} at most {test.within:g} above {test.right}"
    if one.difference is None:
        return [test.name, test.measure, claim, "", "", "", NOT_RUN]
    found = one.difference
    verdict = f"{'holds' if one.holds else 'does not hold'} ({one.verdict})"
    return [
        test.name,
        test.measure,
        claim,
        f"{_signed(found.estimate)} ({found.right:.4f} to {found.left:.4f})",
        " ".join(f"{value:+.4f}" for value in found.by_seed),
        "" if one.corrected_p is None else f"{one.corrected_p:.4f}",
        verdict,
    ]


def _share(one: ShareVerdict) -> list[str]:
    share = one.share
    of = f"({share.arm} - {share.zero}) / ({share.one} - {share.zero})"
    if one.estimate is None:
        return [share.name, share.measure, of, "", NOT_RUN]
    bounds = [f"at least {share.at_least:.0%}"] if share.at_least is not None else []
    bounds += [f"at most {share.at_most:.0%}"] if share.at_most is not None else []
    shown = f"{one.estimate.value:.0%} [{one.estimate.low:.0%}, {one.estimate.high:.0%}]"
    return [share.name, share.measure, of, shown, f"{one.verdict} ({' and '.join(bounds)})" if bounds else ""]


def _decisions(verdicts: Verdicts) -> str:
    if not verdicts.decided:
        return ""
    lines = ["## What follows, by the rules fixed beforehand", ""]
    return "\n".join(lines + [f"- {question} **{answer}.**" for question, answer in verdicts.decided.items()])


def _means(results: Results, plan: Plan, table: Table) -> str:
    arms = [arm for arm in table.arms if results.seeds(arm)]
    rows = []
    for name in table.measures:
        cells = [values(results, arm, plan.measures[name], table.seeds) for arm in arms]
        if any(cell is not None for cell in cells):
            rows.append([name, *("" if cell is None else _mean(statistics.mean(cell)) for cell in cells)])
    if not rows:
        return ""
    trained = {arm: [seed for seed in results.seeds(arm) if not table.seeds or seed in table.seeds] for arm in arms}
    heads = [f"{arm} ({len(own)})" for arm, own in trained.items()]
    note = "Behind each arm the number of its seeds; ± is half of the interval."
    return "\n".join([f"## {table.title}", "", note, "", *_grid(["measure", *heads], rows)])


def _differences(results: Results, plan: Plan) -> str:
    pairs = [pair for pair in plan.pairs if all(results.seeds(arm) for arm in pair)]
    seeds = [len({*results.seeds(left)} & {*results.seeds(right)}) for left, right in pairs]
    rows = []
    for name, measure in plan.measures.items():
        cells = [difference(results, left, right, measure) for left, right in pairs]
        if any(cell is not None for cell in cells):
            rows.append([name, *("" if cell is None else _difference(cell) for cell in cells)])
    if not rows:
        return ""
    note = (
        "Not fixed beforehand, not corrected for their number: hints. A star: the interval is off 0 and all seeds have "
        "one sign; how many there are stands behind the arms."
    )
    heads = [f"{left} - {right} ({count})" for (left, right), count in zip(pairs, seeds, strict=True)]
    return "\n".join(["## All paired differences", "", note, "", *_grid(["measure", *heads], rows)])


def _mean(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} ±{estimate.half_width:.4f}"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.4f} [{estimate.low:+.4f}, {estimate.high:+.4f}]"


def _difference(found: Difference) -> str:
    return _signed(found.estimate) + ("*" if found.is_clear else "")


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]
