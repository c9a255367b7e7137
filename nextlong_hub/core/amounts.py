"""Amounts as people write them: `128`, `1_000`, `500K`, `4B`, `1.5T`."""

import re

from nextlong_hub.errors import RecipeError

_AMOUNT = re.compile(r"(?P<number>\d[\d_,]*(?:\.\d+)?)(?P<suffix>[KMBT]?)", re.IGNORECASE)
_SUFFIXES = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}


def parse_amount(text: str, option: str) -> int:
    """Read `128`, `1_000`, `4B`, `1.5M`: decimal suffixes K, M, B and T.

    Args:
        text: the amount.
        option: what a message calls it.

    Raises:
        RecipeError: it is no such number, or not a whole one above 0.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is not None:
        whole, _, fraction = re.sub("[_,]", "", match["number"]).partition(".")
        zeros = _SUFFIXES[match["suffix"].upper()] - len(fraction)
        amount = int(whole + fraction + "0" * zeros)
        if zeros >= 0 and amount > 0:
            return amount
    raise RecipeError(f"{option} {text!r} is no whole number above 0; write it as 128, 500K, 4B or 1.5T")
