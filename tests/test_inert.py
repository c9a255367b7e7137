"""What a corpus hides is shown: controls, overrides, zero-width characters."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.printable import javascript_class, mark, visible, visible_line

SHOWN_ANYWAY = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters of Arabic, Syriac and Kaithi that have a shape of their own."""


def test_what_is_hidden_gets_its_mark() -> None:
    """Escapes, overrides and zero-width characters are seen; letters, emoji and line ends are left alone."""
    assert visible("\x1b[31mred\x1b[0m") == "␛[31mred␛[0m"
    assert visible("a\u202egpj.exe") == "a⟨U+202E⟩gpj.exe"
    assert visible("pass\u200bword\x00\x7f") == "pass⟨U+200B⟩word␀␡"
    assert visible("tag \U000e0041") == "tag ⟨U+E0041⟩"
    assert visible("two\nlines\tand a tab, ❤️, שלום, 漢字, é") == "two\nlines\tand a tab, ❤️, שלום, 漢字, é"


def test_one_line_stays_one_line() -> None:
    """No character of a text can begin a new line of a table or a terminal."""
    assert visible_line("a\r\nb\tc\u2028d\x85e") == "a␍⏎b⇥c⟨U+2028⟩d⟨U+0085⟩e"
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert len(visible_line(every).splitlines()) == 1


def test_every_control_and_format_character_is_covered() -> None:
    """Nothing of Unicode's categories Cc, Cf, Cs, Zl and Zp goes through but tab and line feed."""
    every = (chr(code) for code in range(sys.maxunicode + 1) if code not in SHOWN_ANYWAY)
    hidden = [c for c in every if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in "\t\n"]
    assert len(hidden) > 2000
    assert [c for c in hidden if visible(c) == c] == []


@given(st.text())
def test_marks_hide_nothing_themselves(text: str) -> None:
    """What is visible once stays as it is, and what was visible is never changed."""
    once = visible(text)
    assert visible(once) == once
    assert once == "".join(c if visible(c) == c else mark(c) for c in text)


def test_the_class_for_browsers_is_plain_ascii() -> None:
    """It travels inside a page, so it may hold none of the characters it stands for."""
    assert javascript_class().isascii()
    assert javascript_class().startswith(r"[\u{0}-\u{8}\u{B}-\u{1F}")
