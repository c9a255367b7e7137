"""JSON, YAML and TOML that others wrote, parsed within limits: whatever it holds, it is a value or a `ValueError`.

A few hundred bytes of YAML can stand for gigabytes, since each alias repeats what it names, and brackets within
brackets end the interpreter's stack.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

_MOST_JSON_BYTES = 256 << 20
"""An index of a hundred thousand shards has a tenth of it; parsed, it is ten times as much."""
_MOST_TOML_CHARACTERS = 1 << 20
_MOST_TOML_STEPS = 256
"""Of one key; the time that it takes grows with their square."""
_TOML_TEXT = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*+"""|'{3}(?:[^']|'(?!''))*+'{3}|'''
    r""""(?:[^"\\\n]|\\.)*+"|'[^'\n]*+'|\#[^\n]*+""",
    re.DOTALL,
)
"""Strings and comments."""
_TOML_KEYS = re.compile(r"[^\w.\- \t]+")
"""What stands between keys."""
_MOST_YAML_CHARACTERS = 4 << 20
_MOST_YAML_VALUES = 200_000
"""With every alias written out."""


def content_within_limits(path: Path) -> bytes:
    """The bytes of a file that should hold JSON.

    Raises:
        ValueError: there are too many.
        OSError: it cannot be read.
    """
    with path.open("rb") as handle:
        content = handle.read(_MOST_JSON_BYTES + 1)
    if len(content) > _MOST_JSON_BYTES:
        raise ValueError(f"it has more than {_MOST_JSON_BYTES:,} bytes, and no more are read")
    return content


def parse_json(content: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is none, is too long, or nested too deeply.
    """
    if len(content) > _MOST_JSON_BYTES:
        raise ValueError(f"it has {len(content):,} bytes, and at most {_MOST_JSON_BYTES:,} are read")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ValueError: it is none, is too long, or nested too deeply.
    """
    if len(text) > _MOST_TOML_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters, and at most {_MOST_TOML_CHARACTERS:,} are read")
    if max(map(_dots, _TOML_KEYS.split(_TOML_TEXT.sub("", text)))) > _MOST_TOML_STEPS:
        raise ValueError("it is nested too deeply")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _dots(text: str) -> int:
    return text.count(".")


def parse_yaml(text: str) -> Any:
    """Parse YAML without types of Python.

    Raises:
        ValueError: it is none, is nested too deeply, or stands for too much; in one line.
    """
    import yaml  # type: ignore[import-untyped]

    if len(text) > _MOST_YAML_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters, and at most {_MOST_YAML_CHARACTERS:,} are read")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _count_values(node, {})
        return None if node is None else loader.construct_document(node)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _count_values(node: Any, counted: dict[int, int]) -> int:
    """Values below a node of YAML, each alias counted as what it names."""
    if node is None or isinstance(node.value, str):
        return 1
    if id(node) not in counted:
        counted[id(node)] = _MOST_YAML_VALUES + 1  # until it is known: a node within itself has no end
        children = [one for entry in node.value for one in (entry if isinstance(entry, tuple) else (entry,))]
        counted[id(node)] = 1 + sum(_count_values(child, counted) for child in children)
    if counted[id(node)] > _MOST_YAML_VALUES:
        raise ValueError(f"its aliases stand for more than {_MOST_YAML_VALUES:,} values")
    return counted[id(node)]
