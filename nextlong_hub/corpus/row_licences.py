"""What a row says of its licence: in a column, in an object such as `metadata`, in a list of several.

A row under several licences may only be used as all of them allow. They are joined as SPDX joins them:
`mit AND gpl-3.0`.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import pyarrow as pa

from nextlong_hub.core.foreign import parse_json

LICENCE_COLUMNS = (
    *("license", "licence", "licenses", "licences", "license_name", "license_id"),
    *("License", "Licence", "LICENSE", "LICENCE"),
    *("repo_license", "repo_licenses", "detected_licenses", "max_stars_repo_licenses", "license_url"),
)
"""Columns, and fields of objects, that say under which licence a row is: the first that says anything."""
BOTH = " AND "
"""What stands between licences that all apply."""

TEXTS_OF_JSON = ("metadata", "meta")
"""Columns whose strings may be JSON objects."""
_NAMES = ("spdx_id", "spdx", "id", "key", "identifier", "name", "type", "title", "url")
"""Where an object that is a licence has its name."""


def licence_said(value: Any, depth: int = 4) -> str | None:
    """The licence that a value states: a string, an object that has its name, or a list of either, so many in one."""
    if isinstance(value, str):
        if not value.startswith("["):
            return value.strip() or None
        try:
            value = parse_json(value)
        except ValueError:
            return str(value).strip()
    if isinstance(value, Mapping):
        return next((said for name in _NAMES if isinstance(said := value.get(name), str) and said.strip()), None)
    if isinstance(value, list | tuple) and depth:
        return BOTH.join(dict.fromkeys(said for one in value if (said := licence_said(one, depth - 1)))) or None
    return None


def licence_of_row(row: Mapping[Any, Any]) -> tuple[str | None, str | None]:
    """The field that says under which licence an object is, and the licence; a dot leads into an object within it."""
    for name in LICENCE_COLUMNS:
        if name in row and (said := licence_said(row[name])):
            return name, said
    for name, held in row.items():
        inner = held if type(held) is dict else licence_in_text(held, name)
        for leaf in LICENCE_COLUMNS if inner else ():
            if leaf in inner and (said := licence_said(inner[leaf])):
                return f"{name}.{leaf}", said
    return None, None


def licence_in_text(value: Any, name: str) -> dict[str, Any]:
    """The fields of an object that a string is as JSON, where it mentions a licence; none of any other value."""
    if name not in TEXTS_OF_JSON or not isinstance(value, str) or '"licen' not in value:
        return {}
    try:
        found = parse_json(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def licence_column(types: Mapping[str, pa.DataType]) -> str | None:
    """The column of a table that may say under which licence its rows are, or the field of a struct."""
    for name in LICENCE_COLUMNS:
        if name in types and _may_say(types[name]):
            return name
    for name, kind in types.items():
        fields = {one.name: one.type for one in kind} if pa.types.is_struct(kind) else {}
        for leaf in LICENCE_COLUMNS:
            if leaf in fields and _may_say(fields[leaf]):
                return f"{name}.{leaf}"
    return next((name for name in TEXTS_OF_JSON if name in types and _is_string(types[name])), None)


def licences_of_column(values: Iterable[Any], column: str, names: Container[str]) -> list[str | None]:
    """The licences that the values of a column state. `names` are those of all columns."""
    if column in TEXTS_OF_JSON and column in names:
        return [licence_of_row(licence_in_text(value, column))[1] for value in values]
    return [licence_said(value) for value in values]


def _may_say(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _may_say(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _may_say(kind.value_type)
    return _is_string(kind) or pa.types.is_binary(kind) or pa.types.is_struct(kind)


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
