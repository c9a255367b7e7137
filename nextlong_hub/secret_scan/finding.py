"""`find_secrets`: a quick search for what no secret lacks, and the kinds for the few texts that have it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from nextlong_hub.secret_scan.kinds import KINDS, Span

RULES = 1
"""Raised whenever other secrets are found than before: texts are then read and masked anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One secret in a text; what it is stands nowhere else."""

    kind: str
    """Name of a kind."""
    spans: tuple[Span, ...]
    """The characters that are secret, ascending; without the prefix that tells the kind. At least one."""


def find_secrets(text: str) -> list[Secret]:
    """The secrets in a text, by where they begin; no two share a character."""
    if not may_hold_secret(text):
        return []
    found = [Secret(kind=kind.name, spans=spans) for kind in KINDS for spans in kind.find(text)]
    kept: list[Secret] = []
    end = 0
    for secret in sorted(found, key=lambda one: one.spans[0][0]):  # stable: of two at one place the first kind
        if secret.spans[0][0] >= end:
            kept.append(secret)
            end = secret.spans[-1][1]
    return kept


def may_hold_secret(text: str) -> bool:
    """Whether a text holds what no secret lacks; of a thousand texts hardly one does."""
    return _search()(text)


@cache
def _search() -> Callable[[str], bool]:
    """Whether a text holds a hint of any kind. The engine is pydantic's, in which many hints cost what one does."""
    from pydantic import StringConstraints, TypeAdapter

    hints = "|".join(dict.fromkeys(kind.hint for kind in KINDS))
    return TypeAdapter(Annotated[str, StringConstraints(pattern=hints)]).validator.isinstance_python
