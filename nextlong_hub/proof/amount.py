"""How many rows of each configuration are proven, and which: a sample that a seed decides."""

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction

from nextlong_hub.errors import RecipeError, argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How many rows of each configuration are proven; all where neither is given."""

    rows: int | None = None
    share: Fraction | None = None
    """Above 0, up to 1; at least one row of each configuration."""
    seed: int = 0
    """Another seed, another sample."""

    def of(self, config: str, rows: int) -> list[int]:
        """The numbers of the rows of a configuration that are proven, ascending."""
        wanted = rows
        if self.share is not None:
            wanted = math.ceil(rows * self.share)
        elif self.rows is not None:
            wanted = min(rows, self.rows)
        return sorted(sorted(range(rows), key=lambda row: _lot(self.seed, config, row))[:wanted])


def parse_amount(text: str, seed: int = 0) -> Amount:
    """Read `1%`, `20` or `all`.

    Raises:
        RecipeError: it is none of these.
    """
    number = text.strip().removesuffix("%").strip()
    try:
        if number == "all":
            return Amount(seed=seed)
        if text.strip().endswith("%") and 0 < Fraction(number) <= 100:
            return Amount(share=Fraction(number) / 100, seed=seed)
        if number == text.strip() and int(number) > 0:
            return Amount(rows=int(number), seed=seed)
    except (ValueError, ZeroDivisionError):
        pass
    raise RecipeError(
        f"{argument('prove')} {text!r} is no number of rows; write 20, a share of the rows such as 1%, or all"
    )


def _lot(seed: int, config: str, row: int) -> bytes:
    return hashlib.sha256(f"{seed}/{config}/{row}".encode()).digest()
