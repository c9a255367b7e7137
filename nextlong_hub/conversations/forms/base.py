"""What a form answers for a row: whether the row has it, its turns in order, and which columns they came from.

    FORMS.names()      ("alpaca", "dolly", …): no form is imported
    FORMS["alpaca"]    its `ConversationForm`

A form knows where turns lie. What a turn means (roles, tool calls, training flags) is read in one place for all forms.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nextlong_hub.core.registry import Registry

Fields = Mapping[str, Any]
"""The columns of one row by their names; of a column that no form knows only that it has a value: `True`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTurns:
    """The turns that a form finds in a row."""

    turns: tuple[Any, ...]
    """In order. Each is an object with `role` and `content`, or `from` and `value`, and whatever else it has; what is
    none gives no conversation."""
    used: frozenset[str]
    """The columns that they came from."""
    column: str = "turn"
    """Under which name a field of a turn is counted that nothing uses: `messages` gives `messages.name`."""
    prompt_turns: int = 0
    """How many of the first turns are a prompt, whose answers are not trained on."""


Read = Callable[[Fields, Sequence[str]], FoundTurns | None]
"""From a row, and the columns that a recipe names (none: those of the form), to its turns; None where the row has not
this form. A `ValueError` says that it has, and cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationForm:
    """One form of conversations."""

    name: str
    """As its file or entry point is called; a recipe names it so."""
    order: int
    """Where several forms fit a row, that of the lowest number is taken."""
    columns: tuple[str, ...]
    """The columns that it reads."""
    named: tuple[int, ...]
    """How many columns a recipe may name in their place."""
    read: Read


FORMS: Registry[ConversationForm] = Registry(
    kind="conversation form",
    files="conversations/forms/*.py",
    constant="FORM",
    group="nextlong_hub.conversation_forms",
)
