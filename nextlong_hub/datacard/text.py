"""A card as text: the YAML header, generated sections, and text written by hand around them.

    ---
    license: cc0-1.0
    ---
    <!-- nextlong:auto license=1f0c… #overview=77ab… -->

    <!-- nextlong:auto:start overview -->
    …
    <!-- nextlong:auto:end overview -->

The comment after the header holds a digest of every value and section as it was generated. It shows later, in any
copy, which of them were edited.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nextlong_hub.core.foreign import parse_yaml
from nextlong_hub.datacard.header_text import Header, HeaderText, format_header, read_header_text

ADDRESS = "USER/NAME"
"""Placeholder for the dataset's name on the Hub in generated sections."""

_HEADER = re.compile(r"\A\s*---[^\S\n]*\n(.*?\n)?---[^\S\n]*(?:\n|\Z)", re.DOTALL)
_DIGESTS_COMMENT = re.compile(r"<!-- nextlong:auto((?: [#\w.-]+=[0-9a-f]{12})*) -->\n?")
_SECTION = re.compile(
    r"<!-- nextlong:auto:start (?P<name>[a-z_]+) -->\n(?P<content>.*?)\n?<!-- nextlong:auto:end (?P=name) -->",
    re.DOTALL,
)
_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A parsed card."""

    header: Header
    sections: dict[str, str]
    """Generated text by section name, in order."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digests of what was generated: keys of the header, and sections with a `#` before their names."""
    opening: str = ""
    """Text written by hand before the first section."""
    asides: Mapping[str, str] = field(default_factory=dict)
    """Text written by hand after a section, by that section's name."""
    written: HeaderText = field(default_factory=HeaderText, compare=False)
    """The header as it was read: a key whose value is the same is written as it stands there."""


def parse_card(text: str) -> Card:
    """Parse a card.

    Raises:
        ValueError: its header is not YAML, or no mapping.
    """
    text = text.replace("\r\n", "\n")
    found = _HEADER.match(text)
    try:
        header = (parse_yaml(found[1] or "") or {}) if found else {}
    except ValueError as error:
        raise ValueError(f"its YAML header cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"its YAML header must be a mapping, but is a {type(header).__name__}")
    body = text[found.end() :] if found else text
    written = _DIGESTS_COMMENT.search(body)
    digests = dict(entry.split("=", 1) for entry in written[1].split()) if written else {}
    body = _DIGESTS_COMMENT.sub("", body, count=1)
    sections: dict[str, str] = {}
    asides: dict[str, str] = {}
    opening, last, end = "", "", 0
    for match in _SECTION.finditer(body):
        between = body[end : match.start()].strip("\n")
        if last:
            asides[last] = between
        else:
            opening = between
        last, end = match["name"], match.end()
        sections[last] = match["content"].strip("\n")
    rest = body[end:].strip("\n")
    if last:
        asides[last] = rest
    else:
        opening = rest
    return Card(
        header=header,
        sections=sections,
        digests=digests,
        opening=opening,
        asides={name: aside for name, aside in asides.items() if aside.strip()},
        written=read_header_text(found[1] or "") if found else HeaderText(),
    )


def format_card(card: Card) -> str:
    """Format a card; `parse_card` reads the same parts back."""
    blocks = [card.opening] if card.opening.strip() else []
    for name, content in card.sections.items():
        blocks.append(f"<!-- nextlong:auto:start {name} -->\n{content}\n<!-- nextlong:auto:end {name} -->")
        if name in card.asides:
            blocks.append(card.asides[name])
    header = format_header(card.header, card.written)
    digests = "".join(f" {key}={digest}" for key, digest in card.digests.items())
    return f"---\n{header}---\n<!-- nextlong:auto{digests} -->\n\n" + "\n\n".join(blocks) + "\n"


def addressed(text: str, name: str) -> str:
    """Replace `USER/NAME` by `name` in the generated sections; the digests stay those of the text before."""
    return _SECTION.sub(lambda section: section[0].replace(ADDRESS, name), text)


def unaddressed(text: str, name: str) -> str:
    """Undo `addressed`; later edits are kept."""
    return _SECTION.sub(lambda section: section[0].replace(name, ADDRESS), text.replace("\r\n", "\n"))


def digests_of(header: Header, sections: Mapping[str, str]) -> dict[str, str]:
    """Digests of what was generated."""
    return {
        **{key: digest(value) for key, value in header.items()},
        **{f"#{name}": digest(content) for name, content in sections.items()},
    }


def digest(value: Any) -> str:
    """Digest of a header value or a section: twelve hexadecimal digits."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]
