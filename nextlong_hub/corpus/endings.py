"""Which format reads which file, told by the end of its name."""

import re
from collections.abc import Iterable
from functools import lru_cache

from nextlong_hub.corpus.formats.base import FORMATS
from nextlong_hub.errors import RecipeError


def names_by_suffix(*, are_named: bool) -> dict[str, str]:
    """The name of the format that reads each ending.

    Args:
        are_named: whether a path or glob names the files, not just the folder that holds them.

    Raises:
        RecipeError: two formats have one ending.
    """
    found: dict[str, str] = {}
    for one in FORMATS.values():
        for suffix in (*one.suffixes, *(one.suffixes_when_named if are_named else ())):
            if suffix in found:
                raise RecipeError(
                    f"the corpus formats {found[suffix]!r} and {one.name!r} both read *{suffix}; remove the package "
                    "that one of them comes from"
                )
            found[suffix] = one.name
    return found


def suffix_of(name: str, suffixes: Iterable[str]) -> str:
    """The longest of `suffixes` that a name has, in lower case; empty if it has none."""
    found = _pattern(frozenset(suffixes)).search(name.lower())
    return found[0] if found else ""


@lru_cache
def _pattern(suffixes: frozenset[str]) -> re.Pattern[str]:
    """What a name ends with; the first place at which one of the suffixes begins is that of the longest."""
    return re.compile(rf"(?:{'|'.join(map(re.escape, sorted(suffixes)))})\Z" if suffixes else r"(?!)")


def is_text(suffix: str) -> bool:
    """Whether a file is a text, whose name says nothing of a dataset around it."""
    return suffix in FORMATS["text"].suffixes
