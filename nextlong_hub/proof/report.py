"""What the proof of one row found."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Finding:
    """Faults of one row, what was derived again of it, and what was not."""

    faults: list[str] = field(default_factory=list)
    """Sentences: what came, and what was expected."""
    borders: int = 0
    """Segments whose borders were found again."""
    scores: int = 0
    """Negatives whose score and rank were found again."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Chunks with a better score than a negative, by the reason for which they did not serve."""
    encoded: bool = False
    """The text was given to the tokenizer."""
    open: list[str] = field(default_factory=list)
    """What was not proven, in words; empty where the whole row was."""

    @property
    def is_proven(self) -> bool:
        """Whether all of the row was derived again, and it is as it must be."""
        return not self.faults and not self.open
