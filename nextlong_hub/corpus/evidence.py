"""What filters found in the documents that they left out or barred in part, counted, with examples; bounded."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from nextlong_hub.corpus.pieces import add_named

_MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One document that was left out or barred in part, and why."""

    document: str
    """Its id."""
    item: str
    """What it was compared with: of a benchmark, file and row."""
    words: str
    """What the two share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why documents were left out or barred in part."""

    items: dict[str, int] = field(default_factory=dict)
    """Documents by the item that they share words with; past 200 items the others are counted together."""
    examples: tuple[Example, ...] = ()
    """The first ones."""
    remarks: tuple[str, ...] = ()
    """What the filters could not look at, in words."""


def merged(parts: Iterable[Evidence]) -> Evidence:
    """The evidence of several parts, in their order."""
    items: Counter[str] = Counter()
    examples: list[Example] = []
    remarks: dict[str, None] = {}
    for part in parts:
        add_named(items, part.items)
        examples += part.examples[: _MOST_EXAMPLES - len(examples)]
        remarks |= dict.fromkeys(part.remarks)
    return Evidence(items=dict(sorted(items.items())), examples=tuple(examples), remarks=tuple(remarks))


def evidence_of(examples: Iterable[Example], remarks: Iterable[str]) -> Evidence:
    """The evidence of one part: an example for each of its documents."""
    ones = (Evidence(items={one.item: 1}, examples=(one,)) for one in examples)
    return merged([*ones, Evidence(remarks=tuple(remarks))])
