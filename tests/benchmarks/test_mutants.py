"""Mutants are changes that a person could have made, drawn alike for the same seed, and found again in the list."""

import ast
from pathlib import Path

import pytest

from benchmarks.mutants.__main__ import ROOMS, ROOT, equivalent_mutants
from benchmarks.mutants.operators import Mutant, mutants_of
from benchmarks.mutants.sample import apart, modules_of, sample

MODULE = '''"""A module."""

from typing import cast

LIMIT: int = 7


def first(items: "list[int]", *, strict: bool = True) -> int | None:
    """The first item that is not too large."""
    for item in sorted(items):
        if item < 0 or not strict:
            continue
        if item >= LIMIT:
            raise ValueError(f"{item + 1} is too large, by {item - LIMIT}")
        items.remove(item)
        return cast("int", item) * 2 if strict else -item
    return None
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A package of one room of two modules."""
    home = tmp_path / "nextlong_hub" / "room"
    home.mkdir(parents=True)
    (home / "one.py").write_text(MODULE)
    (home / "two.py").write_text(MODULE)
    return tmp_path


def test_mutants_by_hand(root: Path) -> None:
    """Every kind of change that this module can have; messages, types and text stay as they are."""
    found = {(one.operator, *one.diff) for one in mutants_of(root, "nextlong_hub/room/one.py")}
    assert {(operator, after) for operator, _, after in found} == {
        ("constant", "LIMIT: int = 8"),
        ("constant", 'def first(items: "list[int]", *, strict: bool = False) -> int | None:'),
        ("order", "for item in list(items):"),
        ("boundary", "if item <= 0 or not strict:"),
        ("comparison", "if item >= 0 or not strict:"),
        ("constant", "if item < 1 or not strict:"),
        ("boolean", "if ((item < 0) and not strict):"),
        ("boolean", "if item < 0 or (strict):"),
        ("condition", "if (item < 0):"),
        ("condition", "if (not strict):"),
        ("condition", "if True:"),
        ("condition", "if False:"),
        ("jump", "break"),
        ("boundary", "if item > LIMIT:"),
        ("comparison", "if item < LIMIT:"),
        ("call", "pass"),
        ("return", "return None"),
        ("condition", "return (cast('int', item) * 2)"),
        ("condition", "return (-item)"),
        ("arithmetic", "return (cast('int', item) // 2) if strict else -item"),
        ("constant", 'return cast("int", item) * 3 if strict else -item'),
        ("arithmetic", 'return cast("int", item) * 2 if strict else item'),
    }


def test_each_can_be_run_and_differs_in_one_place(root: Path) -> None:
    """The text is Python, and what stands before and behind the place is untouched."""
    for mutant in mutants_of(root, "nextlong_hub/room/one.py"):
        assert ast.dump(ast.parse(mutant.mutated)) != ast.dump(ast.parse(MODULE)), str(mutant)
        before = MODULE.splitlines()[: mutant.place.line - 1]
        behind = MODULE.splitlines()[mutant.place.end_line :]
        assert mutant.mutated.splitlines()[: len(before)] == before
        assert mutant.mutated.splitlines()[-len(behind) :] == behind


def test_a_seed_draws_the_same_and_every_module_and_kind_has_its_turn(root: Path) -> None:
    """A smaller sample is the beginning of a larger one; another seed draws others."""
    drawn, total = sample(root, "room", 16, seed=1)
    assert total == 2 * len(mutants_of(root, "nextlong_hub/room/one.py"))
    assert [str(one) for one in sample(root, "room", 5, seed=1)[0]] == [str(one) for one in drawn[:5]]
    assert [str(one) for one in sample(root, "room", 16, seed=2)[0]] != [str(one) for one in drawn]
    assert {one.module for one in drawn[:2]} == {f"nextlong_hub/room/{name}.py" for name in ("one", "two")}
    assert len({one.operator for one in drawn[:9]}) == 9
    assert len(sample(root, "room", 10_000, seed=1)[0]) == total
    listed = {(drawn[0].module, *drawn[0].diff)}
    real, same = apart(drawn, listed)
    assert (len(real), same) == (15, [drawn[0]])


def test_what_was_judged_to_change_nothing_is_still_there() -> None:
    """Each entry is a mutant of today's text, with a reason: one whose line has changed must be judged again."""
    mutants: dict[str, list[Mutant]] = {}
    for entry in equivalent_mutants():
        assert len(entry["reason"]) > 20
        own = mutants.setdefault(entry["module"], mutants_of(ROOT, entry["module"]))
        assert (entry["before"], entry["after"]) in {one.diff for one in own if one.diff[1] == entry["after"]}, entry


def test_the_rooms_are_there() -> None:
    """Those that are judged when none is named."""
    assert all(modules_of(ROOT, room) for room in ROOMS)
