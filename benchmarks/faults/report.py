"""Tables of what became of the faults."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.faults.campaign import Result
from benchmarks.faults.outcome import Outcome

HOLES = {
    1: "one bad answer for the card on the Hub lost the words that people wrote there",
    2: "files that others made were deleted or overwritten",
    3: "the manifest named a corpus that was not the one read",
    4: "a push, or a read from the Hub, went on for ever",
    5: "an answer 200 that is no answer of a Hub gave a traceback",
    6: "open files grew with the corpus",
    7: "numba's kernel cache was trusted",
    8: "an odd folder, or one that changed meanwhile, gave a traceback",
    9: "secrets were published or printed",
    10: "hostile programs in data took all time or memory",
    11: "terminal escapes were printed raw",
    12: "another Parquet writer gave other digests, and nothing said so",
    13: "`verify` does not look at the card",
}
"""What broke when faults were first injected, by the number that faults name."""

_START, _END = "<!-- faults:start -->", "<!-- faults:end -->"
_COUNTED = {
    "data lost": (Outcome.LOST,),
    "half-published": (Outcome.HALF,),
    "tracebacks": (Outcome.TRACEBACK,),
    "hangs": (Outcome.HANG, Outcome.MEMORY),
    "wrong bytes": (Outcome.WRONG,),
    "other broken promises": (Outcome.UNTOLD, Outcome.RAW, Outcome.LEFT, Outcome.SECRET),
}


def summary(results: Sequence[Result]) -> str:
    """One line: how many were tried, and what was lost."""
    counts = Counter(result.outcome for result in results)
    impossible = counts[Outcome.NOT_POSSIBLE]
    parts = [f"{words} {sum(counts[outcome] for outcome in outcomes)}" for words, outcomes in _COUNTED.items()]
    tried = f"{len(results) - impossible} faults tried: {', '.join(parts)}."
    return f"{tried} {impossible} not possible on this machine." if impossible else tried


def line(result: Result) -> str:
    """One fault as it is told while the campaign runs."""
    codes = ",".join(map(str, result.codes))
    return f"{result.outcome:<20} {result.kind}: {result.name}  [{codes}] {result.seconds} s  {result.words}".rstrip()


def table(results: Iterable[Result]) -> str:
    """Every fault and its outcomes, as Markdown; one table a kind."""
    found: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        found[result.kind][result.name].append(result)
    parts = []
    for kind, faults in sorted(found.items()):
        rows = [f"| {_cell(name)} | {_hole(tries[0])} | {outcomes(tries)} |" for name, tries in sorted(faults.items())]
        parts.append(
            "\n".join([f"### {kind.capitalize()}", "", "| fault | hole | outcome |", "| --- | --- | --- |", *rows])
        )
    return "\n\n".join(parts)


def comparison(before: Sequence[Result], after: Sequence[Result]) -> str:
    """Two campaigns side by side, as Markdown; first what was a hole."""
    rows: dict[tuple[int, str, str], tuple[list[Result], list[Result]]] = defaultdict(lambda: ([], []))
    for side, results in enumerate((before, after)):
        for result in results:
            rows[result.hole or 99, result.kind, result.name][side].append(result)
    lines = [
        f"| {hole if hole < 99 else ''} | {kind}: {_cell(name)} | {outcomes(old)} | {outcomes(new)} | {_words(new)} |"
        for (hole, kind, name), (old, new) in sorted(rows.items())
    ]
    head = ["| hole | fault | before | after | after: what was said or found |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([f"before: {summary(before)}", "", f"after: {summary(after)}", "", *head, *lines])


def outcomes(tries: Iterable[Result]) -> str:
    """The outcomes of one fault, counted where it was tried more than once."""
    counts = Counter(result.outcome for result in tries)
    if not counts:
        return "not reached"
    words = {outcome: f"**{outcome}**" if outcome.is_bad else str(outcome) for outcome in counts}
    if counts.total() == 1:
        return next(iter(words.values()))
    return ", ".join(f"{words[outcome]} ({count})" for outcome, count in counts.most_common())


def write(page: Path, results: Sequence[Result], how: str) -> None:
    """Put summary and tables between the marks of a page.

    Args:
        page: a Markdown file with the two marks.
        results: of a campaign.
        how: the command that gave them.

    Raises:
        ValueError: the page has no marks.
    """
    text = page.read_text("utf-8")
    if _START not in text or _END not in text:
        raise ValueError(f"{page} has no place for the table; put the lines {_START} and {_END} there")
    holes = "\n".join(f"{number}. {words}" for number, words in HOLES.items())
    parts = (_START, f"`{how}` gave: {summary(results)}", "The holes, by number:", holes, table(results), _END)
    page.write_text(re.sub(f"{_START}.*{_END}", lambda _: "\n\n".join(parts), text, flags=re.DOTALL), "utf-8")


def _hole(result: Result) -> str:
    return str(result.hole or "")


def _words(tries: Sequence[Result]) -> str:
    worst = max(tries, key=lambda result: list(Outcome).index(result.outcome), default=None)
    return _cell(" ".join(worst.words.split())[:140]) if worst else ""


def _cell(text: str) -> str:
    """Text as Markdown shows it in a table."""
    return re.sub(r"([\\`*_|<>\[\]{}])", r"\\\1", text)
