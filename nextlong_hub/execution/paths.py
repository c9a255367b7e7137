"""Paths as fields of a task: which are read, which is written, and how both travel.

`base` gives them, too; whoever only describes what tasks hold need not import what turns tasks into JSON.
"""

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from nextlong_hub.execution.roots import Roots


class _Marked:
    """Marks a field; in JSON for another machine its path is a name."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import BeforeValidator, PlainSerializer

        marked = Annotated[source, PlainSerializer(_named, return_type=str), BeforeValidator(_placed)]
        return handler.generate_schema(marked)


def _named(path: object, info: Any) -> str:
    return info.context.marked(str(path)) if isinstance(info.context, Roots) else str(path)


def _placed(value: object, info: Any) -> object:
    return info.context.placed(value) if isinstance(info.context, Roots) and isinstance(value, str) else value


_READ, _WRITTEN = _Marked(), _Marked()

InputPath = Annotated[Path, _READ]
"""A file that a task reads, or a folder for all that is in it."""

InputAddress = Annotated[str, _READ]
"""A path, a URL or the name of a repository that a task reads."""

OutputPath = Annotated[Path, _WRITTEN]
"""The file or folder that a task writes."""


def is_input(hint: Any) -> bool:
    """Whether a field of that type is read."""
    return get_origin(hint) is Annotated and _READ in get_args(hint)[1:]
