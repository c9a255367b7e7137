"""Text for people: hidden characters shown by name, numbers in short words, the likely word after a wrong one.

A corpus may hold ANSI escapes that repaint a terminal, bidirectional overrides that show a line in another order than
it is stored (CVE-2021-42574, "Trojan Source"), and zero-width characters that hide words. `visible` replaces each by a
mark that a reader sees: `␛` for U+001B, `⟨U+202E⟩` for an override. Line feeds and tabs stay what they are.

Left alone are the variation selectors U+FE0E and U+FE0F, which only choose between a letter and its emoji.
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

NOTHING = "-"
"""What stands in a cell that has no value."""

_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB")

_RANGES = (
    (0x00, 0x08),  # C0 controls but tab and line feed
    (0x0B, 0x1F),
    (0x7F, 0x9F),  # DELETE and the C1 controls
    (0xAD, 0xAD),  # soft hyphen
    (0x34F, 0x34F),  # combining grapheme joiner
    (0x61C, 0x61C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer vowels that are not shown
    (0x180B, 0x180F),  # Mongolian selectors and vowel separator
    (0x200B, 0x200F),  # zero-width space and joiners, left-to-right and right-to-left mark
    (0x2028, 0x202E),  # line and paragraph separator, embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # surrogates that belong to no pair
    (0xFE00, 0xFE0D),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xFFF0, 0xFFFB),  # interlinear annotation
    (0x13430, 0x1343F),  # Egyptian hieroglyph format controls
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    (0xE0000, 0xE0FFF),  # tags and further variation selectors
)
"""What is replaced: first and last code point of each range."""

_PICTURES = 0x2400
"""The control pictures: `␀` stands for U+0000, and so on to `␟`."""
_DELETE, _DELETE_PICTURE = 0x7F, "\u2421"

_HIDDEN = re.compile("[" + "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in _RANGES) + "]")
_BREAKS = str.maketrans({"\n": "\u23ce", "\t": "\u21e5"})


def visible(text: str) -> str:
    """Replace every character that hides, reorders or commands by its mark; all others stay as they are."""
    return _HIDDEN.sub(lambda match: mark(match[0]), text)


def visible_line(text: str) -> str:
    """Like `visible`, and on one line: `⏎` for a line feed, `⇥` for a tab."""
    return visible(text).translate(_BREAKS)


def visible_json(text: str) -> str:
    r"""JSON with its hidden characters as escapes, `\u202e`: the same value, and nothing that hides or commands."""
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def mark(character: str) -> str:
    """What stands for one character: its control picture if it has one, else its code point in brackets."""
    code = ord(character)
    if code < 0x20:
        return chr(_PICTURES + code)
    return _DELETE_PICTURE if code == _DELETE else f"\u27e8U+{code:04X}\u27e9"


def javascript_class() -> str:
    r"""The same characters as a class for a JavaScript regular expression with the flag `u`: `[\u{0}-\u{8}…]`."""
    return "[" + "".join(rf"\u{{{a:X}}}-\u{{{b:X}}}" for a, b in _RANGES) + "]"


def size(number_bytes: float) -> str:
    """Bytes as a person says them, in powers of ten: `1.30 MB`."""
    value, unit = float(number_bytes), 0
    while value >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_BYTE_UNITS[unit]}" if unit == 0 or value >= 99.95 else f"{value:.3g} {_BYTE_UNITS[unit]}"


def compact(number: float) -> str:
    """A count as a person says it: `38.2M`."""
    for suffix, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if number >= scale * 9.995 / 10:
            return f"{number / scale:.3g}{suffix}"
    return f"{number:.0f}"


def duration(value: float) -> str:
    """Seconds as a person says them: `0.90 s`, `3 min 12 s`, `2 h 05 min`."""
    if value < 59.5:
        return f"{value:.0f} s" if value >= 9.95 else f"{value:.1f} s" if value >= 0.995 else f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def counted(number: int, noun: str) -> str:
    """A number and what it counts: `1 document`, `2,000 documents`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that ends a message about an unknown word; empty where none of the known ones is close."""
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listed(counts: Mapping[str, int]) -> str:
    """Counts by name, on one line: `3 too_long, 1 empty`; `none` when there are none."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"
