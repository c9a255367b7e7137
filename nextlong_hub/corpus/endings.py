"""Which format reads which file, told by the end of its name."""

from collections.abc import Iterable

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
    lower = name.lower()
    return max((suffix for suffix in suffixes if lower.endswith(suffix)), key=len, default="")


def is_text(suffix: str) -> bool:
    """Whether a file is a text, whose name says nothing of a dataset around it."""
    return suffix in FORMATS["text"].suffixes
