"""Which mutants are judged: a seeded sample, spread over the modules of a room and over the kinds of changes."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutants.operators import Mutant, mutants_of


def modules_of(root: Path, room: str) -> list[str]:
    """The modules of a room of the package, which is a folder or a module."""
    home = root / "nextlong_hub" / room
    paths = sorted(home.rglob("*.py")) if home.is_dir() else [home.with_suffix(".py")]
    return [path.relative_to(root).as_posix() for path in paths]


def sample(root: Path, room: str, count: int, seed: int) -> tuple[list[Mutant], int]:
    """Draw mutants of a room; returns them with the number of all there are.

    Modules take turns, and of each the kind of change that was drawn least so far is next: what is frequent in the text
    (constants) does not push out what is rare (orders, jumps). The same seed draws the same mutants of the same text,
    and a smaller count draws the first of them.
    """
    chance = random.Random(f"{seed} {room}")
    waiting: dict[str, list[Mutant]] = {}
    for module in modules_of(root, room):
        if mutants := mutants_of(root, module):
            chance.shuffle(mutants)
            waiting[module] = mutants
    total = sum(map(len, waiting.values()))
    drawn: list[Mutant] = []
    kinds = Counter[str]()
    while waiting and len(drawn) < count:
        for module in chance.sample(sorted(waiting), len(waiting)):
            if len(drawn) < count:
                drawn.append(_next(waiting[module], kinds))
                kinds[drawn[-1].operator] += 1
                if not waiting[module]:
                    del waiting[module]
    return drawn, total


def _next(mutants: list[Mutant], kinds: Counter[str]) -> Mutant:
    """Take out the first of the kind that was drawn least."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for number, mutant in enumerate(mutants):
        by_kind[mutant.operator].append(number)
    rarest = min(by_kind, key=lambda kind: (kinds[kind], by_kind[kind][0]))
    return mutants.pop(by_kind[rarest][0])


def apart(mutants: Sequence[Mutant], equivalent: set[tuple[str, str, str]]) -> tuple[list[Mutant], list[Mutant]]:
    """Those that a test can notice, and those that were judged to change nothing that anybody could notice."""
    is_same = [(one.module, *one.diff) in equivalent for one in mutants]
    real = [one for one, same in zip(mutants, is_same, strict=True) if not same]
    return real, [one for one, same in zip(mutants, is_same, strict=True) if same]
