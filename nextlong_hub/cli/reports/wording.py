"""Wording of results: counts, names, and fields by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from nextlong_hub.core.printable import NOTHING
from nextlong_hub.terminal import show_line

LINE: tuple[str, Sequence[str]] = ("", ())
"""An empty row of a table."""


def show_fields(fields: Mapping[str, Any]) -> None:
    """Print a few values by name."""
    width = max(map(len, fields), default=0) + 2
    for name, value in fields.items():
        show_line(f"{words(name):<{width}}{_plainly(value)}")


def show_controls(configs: Sequence[str]) -> None:
    """Say of which configurations nothing should be learnt."""
    for name in configs:
        show_line(f"{name} is a control: made to compare others with, not for training.", "bold yellow")


def count(value: int | None) -> str:
    """A number with thousands separated; None as a dash."""
    return NOTHING if value is None else f"{value:,}"


def words(identifier: str) -> str:
    """An identifier as words."""
    return identifier.replace("_", " ")


def _plainly(value: Any) -> str:
    """A value in plain words: yes, no, or a list."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
