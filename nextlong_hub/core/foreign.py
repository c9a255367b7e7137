"""JSON and YAML that others wrote, parsed within limits: whatever it holds, it is a value or a `ValueError`.

A few hundred bytes of YAML can stand for gigabytes, since each alias repeats what it names, and brackets within
brackets end the interpreter's stack.
"""

import json
from typing import Any

_MOST_YAML_CHARACTERS = 4 << 20
_MOST_YAML_VALUES = 200_000
"""With every alias written out."""


def parse_json(content: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


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
