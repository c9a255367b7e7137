"""What becomes of a fault, and what an oracle says of it."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a fault, from the best to the worst: the worst finding of a trial is its outcome."""

    SURVIVED = "survived"
    REPAIRED = "repaired"
    REFUSED = "refused in one line"
    NOT_POSSIBLE = "not possible here"
    UNTOLD = "UNTOLD"
    RAW = "RAW OUTPUT"
    LEFT = "PROCESSES LEFT"
    SECRET = "SECRET OUT"
    MEMORY = "MEMORY WITHOUT BOUND"
    WRONG = "WRONG BYTES"
    TRACEBACK = "TRACEBACK"
    HANG = "HANG"
    HALF = "HALF PUBLISHED"
    LOST = "DATA LOST"

    @property
    def is_bad(self) -> bool:
        """Whether a promise was broken."""
        return list(Outcome).index(self) > list(Outcome).index(Outcome.NOT_POSSIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an oracle saw."""

    outcome: Outcome
    words: str
    """What it saw, in a few words."""


class NotPossible(Exception):
    """This machine does not allow the fault: no right to mount, for example."""
