"""Values that a Python caller gives, checked: a wrong type is a `RecipeError` that names the argument."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nextlong_hub.core.amounts import parse_amount
from nextlong_hub.errors import RecipeError, argument, in_python

Choice = TypeVar("Choice", bound=str)

_SHORT = 20


def a_path(name: str, value: Any) -> Path:
    """A path.

    Raises:
        RecipeError: it is no string and no `os.PathLike`.
    """
    return Path(a_place(name, value)).expanduser()


def a_place(name: str, value: Any) -> str:
    """A path, a name or an address, as a string.

    Raises:
        RecipeError: it is no string and no `os.PathLike`, or empty.
    """
    place = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(place, str) or not place:
        raise RecipeError(f"{argument(name)} is {_said(value)}; give a path or a name, as a string or a Path")
    return place


def a_text(name: str, value: Any) -> str | None:
    """A string, or None.

    Raises:
        RecipeError: it is neither.
    """
    if value is None or isinstance(value, str):
        return value
    raise RecipeError(f"{argument(name)} is {_said(value)}; give a string")


def a_count(name: str, value: Any) -> int:
    """A whole number above 0, as a number or as people write it: `4B`.

    Raises:
        RecipeError: it is neither.
    """
    if isinstance(value, str):
        return parse_amount(value, in_python(argument(name)))
    whole = value.__index__() if hasattr(value, "__index__") and not isinstance(value, bool) else 0
    if whole < 1:
        raise RecipeError(f"{argument(name)} is {_said(value)}; give a whole number above 0, such as 64 or '4B'")
    return int(whole)


def one_of(name: str, value: Any, choices: Sequence[Choice]) -> Choice:
    """One of a few words.

    Raises:
        RecipeError: it is none of them.
    """
    found = next((choice for choice in choices if choice == value), None)
    if found is None:
        said = repr(value) if isinstance(value, str) and len(value) <= _SHORT else _said(value)
        raise RecipeError(f"{argument(name)} is {said}; give one of {', '.join(map(str, choices))}")
    return found


def several(name: str, value: Any) -> tuple[str, ...]:
    """No, one or several paths or names.

    Raises:
        RecipeError: one of them is none.
    """
    if value is None:
        return ()
    if isinstance(value, str | os.PathLike):
        return (a_place(name, value),)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return tuple(a_place(name, one) for one in value)
    raise RecipeError(f"{argument(name)} is {_said(value)}; give a path or a name, or a list of them")


def numbers(name: str, value: Any) -> tuple[int, ...]:
    """No, one or several whole numbers.

    Raises:
        RecipeError: one of them is none.
    """
    values: list[Any] = [value]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        values = [*value]
    if not all(hasattr(one, "__index__") and not isinstance(one, bool) for one in values):
        raise RecipeError(f"{argument(name)} is {_said(value)}; give whole numbers, such as (1024, 4096)")
    return tuple(int(one.__index__()) for one in values)


def by_name(name: str, value: Any) -> dict[str, Any]:
    """One value for all, under the empty name, or a mapping of values by name.

    Raises:
        RecipeError: a key of the mapping is no string.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return {"": value}
    if not all(isinstance(key, str) for key in value):
        raise RecipeError(f"{argument(name)} is a mapping with keys that are no names; give names as strings")
    return dict(value)


def _said(value: Any) -> str:
    """A wrong value in a message: short ones as they are, of others the type alone."""
    if value is None or isinstance(value, bool | int | float) or value == "":
        return repr(value)
    return f"a {type(value).__name__}"
