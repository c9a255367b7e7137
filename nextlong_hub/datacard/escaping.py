"""Sanitizing for Markdown: strings of a dataset are displayed as text and never interpreted as markup.

The templates escape by default: each value that is printed goes through `escape`, unless it is of type `Markdown`.
"""

import re
import shlex
from typing import Any

from nextlong_hub.core.printable import visible, visible_line

_ACTIVE = re.compile(r"[&<>\"'|`*_\[\]#~$\\{}!@]|(?<=[a-z])(?=://)|(?<=www)(?=\.)|^[-+=]|(?<=-)-|^\d+(?=[.)](?:\s|$))")
_PLAIN_CODE = re.compile(r"[\w./:=,@+-]+(?: [\w./:=,@+-]+)*", re.ASCII)
_PLAIN_ARGUMENT = re.compile(r"[ -;=-_a-~]+")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escape(value: Any) -> str:
    """Escape a value for Markdown, on one line, for any place: a sentence, a table cell, an attribute.

    Characters that mean something to Markdown or HTML become entities, which are read only after both have been parsed;
    characters that hide or reorder text are replaced by their names.
    """
    if isinstance(value, Markdown):
        return value
    if isinstance(value, int | float):
        return str(value)
    return _ACTIVE.sub(_entity, visible_line(str(value)).strip())


def code(value: Any) -> Markdown:
    """A value as inline code: between backticks if it is plain, else in `<code>` with entities."""
    text = str(value)
    return Markdown(f"`{text}`" if _PLAIN_CODE.fullmatch(text) else f"<code>{escape(text)}</code>")


def fenced(text: str, language: str = "") -> Markdown:
    """A block of code; the fence is longer than any in the text, and the text cannot look like one of our markers."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}{language}\n{visible(text).replace('<!--', '<! --')}\n{fence}")


def shell_word(argument: str) -> str:
    """Quote one argument for a POSIX shell; unusual characters are written as escapes, so that it can be copied."""
    if _PLAIN_ARGUMENT.fullmatch(argument):
        return shlex.quote(argument)
    escaped = "".join(
        char if char.isascii() and (char.isalnum() or char in "@%+=:,./ -_") else _shell_escape(char)
        for char in argument
    )
    return f"$'{escaped}'"


def _entity(match: re.Match[str]) -> str:
    # A match of no width stands inside an address: a break there keeps it from becoming a link.
    return "".join(f"&#{ord(char)};" for char in match[0]) or "<wbr>"


def _shell_escape(character: str) -> str:
    encoded = character.encode("utf-8", "surrogateescape")
    return "".join(f"\\x{byte:02x}" for byte in encoded)
