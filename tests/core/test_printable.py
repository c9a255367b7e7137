"""What a corpus hides is shown: controls, overrides, zero-width characters; numbers are said as people say them."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.printable import (
    compact,
    counted,
    did_you_mean,
    duration,
    javascript_class,
    mark,
    size,
    visible,
    visible_line,
)

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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.004, "0.00 s"),
        (0.5, "0.50 s"),
        (3.14, "3.1 s"),
        (59, "59 s"),
        (60, "1 min 00 s"),
        (192, "3 min 12 s"),
        (3_599.7, "1 h 00 min"),
        (7_500, "2 h 05 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    """Two units at most, none of them 60."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number_bytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (999_600, "1 MB"),
        (1_300_000, "1.3 MB"),
        (394_000_000, "394 MB"),
        (1.28e9, "1.28 GB"),
        (5e15, "5000 TB"),
    ],
)
def test_sizes_are_powers_of_ten(number_bytes: float, words: str) -> None:
    """As disks are sold and the Hub counts."""
    assert size(number_bytes) == words


def test_counts_are_shortened_to_three_digits() -> None:
    """38,214,000 tokens are 38.2M."""
    assert [compact(n) for n in (7, 999, 1_000, 38_214_000, 4e9, 2.5e12)] == ["7", "999", "1K", "38.2M", "4B", "2.5T"]


def test_a_noun_goes_with_its_number() -> None:
    """One document, and two or no documents."""
    assert [counted(n, "document") for n in (0, 1, 2_000)] == ["0 documents", "1 document", "2,000 documents"]


def test_an_unknown_word_is_answered_with_the_closest_known_one() -> None:
    """The hint ends a message; where nothing is close there is none."""
    assert did_you_mean("128", ["64k", "128k", "512k"]) == " (did you mean '128k'?)"
    assert did_you_mean("trunkate", iter(["truncate", "discard"])) == " (did you mean 'truncate'?)"
    assert did_you_mean("yaml", ["64k", "128k"]) == did_you_mean("x", []) == ""
