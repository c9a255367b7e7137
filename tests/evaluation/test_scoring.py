"""Losses become a table: on paper, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.errors import DataError
from nextlong_hub.evaluation import score, target_losses


def row(pair: str, condition: str, distance: int = 0, interferers: int = 0) -> dict[str, Any]:
    """A row of four tokens, of which the last two are the answer and the one before them the chunk."""
    targets = [{"kind": "chunk", "start": 1, "end": 2}, {"kind": "answer", "start": 2, "end": 4}]
    return {
        "pair": pair,
        "condition": condition,
        "distance": distance,
        "interferers": interferers,
        "token_count": 4,
        "targets": targets,
    }


def test_the_loss_of_a_target_is_the_mean_of_its_tokens() -> None:
    """What stands before it does not count, whatever it is."""
    found = target_losses([row("0/0", "blocked")], [[np.inf, 3.0, 1.0, 2.0]])
    assert {kind: values.tolist() for kind, values in found.items()} == {"chunk": [3.0], "answer": [1.5]}


def test_each_row_is_compared_with_the_blocked_one_of_its_pair() -> None:
    """Rows without one, and those that are not numbers, are left out of both means."""
    rows = [
        *(row("0/0", "blocked"), row("1/0", "blocked"), row("2/0", "blocked")),
        *(row("0/0", "riffled", 8), row("1/0", "riffled", 8), row("2/0", "riffled", 8), row("3/0", "riffled", 8)),
    ]
    table = score(rows, {"chunk": [1, 2, 9, 2, 4, np.nan, 7]})
    blocked, riffled = table.rows
    assert (blocked.condition, blocked.items, blocked.penalty, blocked.low, blocked.high) == ("blocked", 3, 0, 0, 0)
    assert (riffled.items, riffled.mean, riffled.blocked, riffled.penalty) == (2, 3, 1.5, 1.5)
    assert (riffled.low, riffled.high) == (1, 2)
    assert "| chunk | riffled | 8 | 0 | 2 | 3.0000 | 1.5000 | +1.5000 [+1.0000, +2.0000] |" in table.to_markdown()


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), st.floats(-3, 3))
def test_a_constant_penalty_has_no_interval(blocked: list[float], more: float) -> None:
    """Whatever the items are: they are drawn with their pair."""
    rows = [row(f"{n}/0", condition) for n in range(len(blocked)) for condition in ("blocked", "riffled")]
    values = [value for own in blocked for value in (own, own + more)]
    riffled = score(rows, {"chunk": values}, draws=50).rows[1]
    assert [riffled.penalty, riffled.low, riffled.high] == pytest.approx([more] * 3)


def test_what_does_not_fit_together_is_refused() -> None:
    """Too few or too many losses, of another length, and a row twice."""
    one = row("0/0", "blocked")
    for losses in ([], [[0.0] * 4] * 2, [[0.0] * 3]):
        with pytest.raises(DataError, match="give"):
            target_losses([one], losses)
    with pytest.raises(DataError, match="one number a row"):
        score([one], {"chunk": [1.0, 2.0]})
    with pytest.raises(DataError, match="two rows"):
        score([one, one], {"chunk": [1.0, 2.0]})
