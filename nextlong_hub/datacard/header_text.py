"""The YAML header as text: what a person wrote comes back byte for byte, comments included.

YAML 1.1, which PyYAML reads, and YAML 1.2, which the Hub reads, disagree on `no`, `010`, `1e3` or `12:30:45`. Writing
the values that were read would turn one reading into text; so an entry whose value is to stay is kept as it is written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from nextlong_hub.core.foreign import parse_yaml

Header = dict[str, Any]

_RARE_BREAKS = re.compile("[\x85\u2028\u2029]")
_NUMBER_IN_YAML_1_2 = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0o[0-7]+|0x[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderText:
    """A header as it is written, one block of lines for each of its keys."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """What each block means."""
    leads: Mapping[str, str] = field(default_factory=dict)
    """Comments before each key."""
    entries: Mapping[str, str] = field(default_factory=dict)
    """The key with its value."""
    end: str = ""
    """Comments behind the last entry."""


def read_header_text(text: str) -> HeaderText:
    """Take a header apart; one that is not a block of keys, such as `{license: mit}`, has no entries.

    Args:
        text: what stands between the two lines of dashes; valid YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return HeaderText()
    lines = text.splitlines(keepends=True)
    starts = [key.start_mark.line for key, _ in root.value]
    values = parse_yaml(text)
    leads: dict[str, str] = {}
    entries: dict[str, str] = {}
    lead = "".join(lines[: starts[0]])
    for (key, _), start, stop in zip(root.value, starts, [*starts[1:], len(lines)], strict=True):
        body = stop
        while body > start + 1 and lines[body - 1].startswith("#"):
            body -= 1
        leads[key.value], entries[key.value] = lead, "".join(lines[start:body])
        lead = "".join(lines[body:stop])
    return HeaderText(values=values, leads=leads, entries=entries, end=lead)


def format_header(header: Header, written: HeaderText) -> str:
    """Format a header; entries of `written` with the same value stay as they are written."""
    if not header:
        return written.end
    blocks = [written.leads.get(key, "") + _entry(key, value, written) for key, value in header.items()]
    text = "".join([*blocks, written.end])
    # An alias may name an anchor in an entry that is written anew; then all entries are.
    return text if _is_same(_load(text), header) else "".join(_dump(key, value) for key, value in header.items())


def _entry(key: str, value: Any, written: HeaderText) -> str:
    is_same = key in written.entries and _is_same(written.values[key], value)
    return written.entries[key] if is_same else _dump(key, value)


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one type: `1`, `1.0` and `true` are not the same."""
    return repr(one) == repr(other)


def _dump(key: str, value: Any) -> str:
    return str(yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6))


def _load(text: str) -> Any:
    try:
        return parse_yaml(text)
    except ValueError:
        return None


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Escapes the rarer line breaks, which PyYAML would fold, and quotes what YAML 1.2 takes for a number."""


def _represent_string(dumper: _Dumper, value: str) -> Any:
    style = '"' if _RARE_BREAKS.search(value) else "'" if _NUMBER_IN_YAML_1_2.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_string)
