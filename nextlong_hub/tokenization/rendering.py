"""The text that a chat template makes of a conversation, in a process of its own.

A template comes with a tokenizer from anywhere and is a program. The sandbox of transformers, as in
`apply_chat_template`, keeps it from what it must not touch; only a process of its own keeps it from running for ever
and from filling the memory, in whatever way it tries.
"""

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from nextlong_hub.core.confined import Confined, Limits

CPU_SECONDS = 10
"""What one conversation may take; a template takes some milliseconds for one of a megabyte."""
_WALL_SECONDS = 180
_MEMORY_BYTES = 2 << 30
_MOST_CHARACTERS = 128 << 20


def render(arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> tuple[str, list[list[int]]]:
    """The text, and the characters that the template marks as the assistant's; see `ChatTemplate`.

    Args:
        arguments: those of the function of transformers.
        variables: what the template may ask for by name.

    Raises:
        RefusedError: the template refuses these messages, or fails on them.
        OutOfBudgetError: it takes too long, or too much memory.
        WorkerError: no process can be started here.
    """
    text, spans = _confined().call([arguments, variables])
    return str(text), spans


def render_here(given: tuple[Mapping[str, Any], Mapping[str, Any]]) -> tuple[str, list[tuple[int, int]]]:
    """What the process does.

    Raises:
        MemoryError: the text is too long.
        Exception: whatever a template and Jinja itself raise.
    """
    with warnings.catch_warnings(action="ignore"):
        from transformers.utils.chat_template_utils import render_jinja_template

        arguments, variables = given
        rendered: Any = render_jinja_template(**arguments, **variables)
    texts, spans = rendered
    if len(texts[0]) > _MOST_CHARACTERS:
        raise MemoryError
    return str(texts[0]), [(int(start), int(end)) for start, end in (spans[0] if spans else ())]


@cache
def _confined() -> Confined:
    limits = Limits(cpu_seconds=CPU_SECONDS, wall_seconds=_WALL_SECONDS, memory_bytes=_MEMORY_BYTES)
    return Confined(render_here, limits)
