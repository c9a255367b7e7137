"""Losses of a model become a table by condition; each row is compared with the blocked row of its own pair.

Intervals are those of a paired bootstrap: documents are drawn again, and each comes with all of its rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nextlong_hub.errors import DataError

_TAIL = 0.025
_DRAWS_AT_ONCE = 1000
_Cell = tuple[int, str, int]
"""Interferers, condition, distance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """One measure under one condition."""

    measure: str
    """Its name: `chunk`, `answer`, or another that was given."""
    condition: str
    distance: int
    interferers: int
    items: int
    """Documents that have both this row and the blocked one."""
    mean: float
    blocked: float
    """The mean of the blocked rows of the same pairs."""
    penalty: float
    """`mean` less `blocked`: of a loss, above 0 where the order costs something."""
    low: float
    """Lower end of the 95 % interval of the penalty."""
    high: float
    """Upper end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalties:
    """The table of a model."""

    rows: tuple[Penalty, ...]

    def to_markdown(self) -> str:
        """As a table."""
        lines = [
            "| measure | condition | distance | interferers | items | mean | blocked | penalty [95 %] |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {one.measure} | {one.condition} | {one.distance:,} | {one.interferers:,} | {one.items:,} "
            f"| {one.mean:.4f} | {one.blocked:.4f} | {one.penalty:+.4f} [{one.low:+.4f}, {one.high:+.4f}] |"
            for one in self.rows
        ]
        return "\n".join(lines)


def target_losses(rows: Iterable[Mapping[str, Any]], losses: Iterable[ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """The mean loss of each kind of target, one number a row.

    Args:
        rows: as they were loaded; only `targets` and `token_count` are looked at.
        losses: for each row the loss of each of its tokens, given all tokens before it; the first may be anything.

    Returns:
        By kind, `chunk` and `answer`; not a number where a row has no such target. Shape of each: (rows,).

    Raises:
        DataError: there are more rows than losses or the other way round, or a row has another number of tokens.
    """
    means: list[dict[str, float]] = []
    given = iter(losses)
    for number, row in enumerate(rows):
        own = next(given, None)
        if own is None:
            raise DataError(f"there are losses of {number:,} rows only; give those of every row, in order")
        values = np.asarray(own, np.float64)
        if values.shape != (row["token_count"],):
            raise DataError(
                f"row {number:,} has {row['token_count']:,} tokens, and losses of the shape {values.shape}; give one "
                "loss for each token, with anything for the first"
            )
        means.append({one["kind"]: float(values[one["start"] : one["end"]].mean()) for one in row["targets"]})
    if next(given, None) is not None:
        raise DataError(f"there are losses of more than {len(means):,} rows; give those of every row, in order")
    kinds = dict.fromkeys(kind for one in means for kind in one)
    return {kind: np.array([one.get(kind, np.nan) for one in means]) for kind in kinds}


def score(
    rows: Iterable[Mapping[str, Any]], values: Mapping[str, ArrayLike], *, draws: int = 10_000, seed: int = 0
) -> Penalties:
    """Compare each condition with the blocked rows of the same pairs.

    Args:
        rows: as they were loaded; only `pair`, `condition`, `distance` and `interferers` are looked at.
        values: one number a row, by the name of the measure: what `target_losses` gives, or ones and zeros for answers
            that are right. Not a number: the row is left out.
        draws: of the bootstrap.
        seed: of the bootstrap; the same draws for all measures and conditions of as many items.

    Raises:
        DataError: there are not as many values as rows, or two rows of a pair have the same condition and distance.
    """
    kept = [{key: row[key] for key in ("pair", "condition", "distance", "interferers")} for row in rows]
    found: list[Penalty] = []
    for measure, given in values.items():
        numbers = np.asarray(given, np.float64)
        if numbers.shape != (len(kept),):
            raise DataError(
                f"{measure} has the shape {numbers.shape}, and there are {len(kept):,} rows; give one number a row"
            )
        found += _penalties(measure, kept, numbers, draws, seed)
    return Penalties(rows=tuple(found))


def _penalties(
    measure: str, rows: Sequence[Mapping[str, Any]], values: NDArray[np.float64], draws: int, seed: int
) -> Iterator[Penalty]:
    cells: defaultdict[_Cell, dict[str, float]] = defaultdict(dict)
    for row, value in zip(rows, values.tolist(), strict=True):
        cell = cells[row["interferers"], row["condition"], row["distance"]]
        if row["pair"] in cell:
            raise DataError(
                f"pair {row['pair']} has two rows that are {row['condition']} at {row['distance']:,}; give each "
                "row once"
            )
        cell[row["pair"]] = value
    for (interferers, condition, distance), cell in sorted(cells.items(), key=_by_distance):
        blocked = cells.get((interferers, "blocked", 0), {})
        both = [(cell[pair], blocked[pair]) for pair in cell if pair in blocked]
        own, base = np.array([one for one in both if not np.isnan(one).any()]).reshape(-1, 2).T
        if not len(own):
            continue
        low, high = np.quantile(_means(own - base, draws, seed), (_TAIL, 1 - _TAIL))
        yield Penalty(
            measure=measure,
            condition=condition,
            distance=distance,
            interferers=interferers,
            items=len(own),
            mean=float(own.mean()),
            blocked=float(base.mean()),
            penalty=float((own - base).mean()),
            low=float(low),
            high=float(high),
        )


def _by_distance(cell: tuple[_Cell, dict[str, float]]) -> tuple[int, int, str]:
    interferers, condition, distance = cell[0]
    return interferers, distance, condition


def _means(values: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    """The mean of each draw of as many values, with repeats. Shape: (draws,)."""
    chance = np.random.default_rng(seed)
    parts = [
        values[chance.integers(len(values), size=(min(_DRAWS_AT_ONCE, draws - first), len(values)))].mean(axis=1)
        for first in range(0, draws, _DRAWS_AT_ONCE)
    ]
    return np.concatenate(parts)
