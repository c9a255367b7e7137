"""What each code point is in a text, and the normal form in which texts are compared.

That form is NFKC + casefold, without vowel points and the like.
"""

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

SEPARATOR, WORD, MARK, UNSPACED = 0, 1, 2, 3
"""What a code point is in a text; the low two bits of a class."""
CLASS_MASK = 3
NORMALISE = 128
"""Bit of a class: text that holds this code point must be normalised before its words are taken."""

_CODE_POINTS = 0x110000
_LAST_PLANES = 0x40000  # planes 4 to 13 are unassigned, 15 and 16 are private use: separators
_INVISIBLE = (0xAD, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
"""Soft hyphen, joiners, byte order mark, variation selectors."""
_HEBREW_POINTS = (*range(0x591, 0x5BE), 0x5BF, 0x5C1, 0x5C2, 0x5C4, 0x5C5, 0x5C7, 0xFB1E)
_ARABIC_SIGNS = (
    *range(0x610, 0x61B),
    0x640,  # tatweel, which stretches a word
    *range(0x64B, 0x653),  # behind them madda and hamza, which make other letters
    *range(0x656, 0x660),
    0x670,
    *range(0x6D6, 0x6DD),
    *range(0x6DF, 0x6E5),
    0x6E7,
    0x6E8,
    *range(0x6EA, 0x6EE),
)
_FOLDED: dict[int, int | None] = {
    **dict.fromkeys((*_INVISIBLE, *_HEBREW_POINTS, *_ARABIC_SIGNS)),
    ord("\u0401"): ord("\u0415"),
    ord("\u0451"): ord("\u0435"),
}
"""What is written in some texts and left out in others, and ends no word; Russian io, most often written as ie."""
_HANGUL_LETTERS = range(0x1100, 0x1200)  # they compose by rule, not by table
_UNSPACED_NAMES = (
    "BOPOMOFO",
    "CJK",
    "HANGUL",
    "HENTAIGANA",
    "HIRAGANA",
    "IDEOGRAPHIC",
    "KATAKANA",
    "KHMER",
    "LAO",
    "MYANMAR",
    "THAI",
)
"""How the names of letters begin that belong to a script without spaces, or, like Hangul, to one treated alike."""


def normalise(text: str) -> str:
    """The form in which texts are compared: NFKC and casefold, without what is not always written.

    That is invisible characters, the vowel points of Hebrew and Arabic, and the tatweel; Russian io is ie.
    """
    folded = unicodedata.normalize("NFKC", text).translate(_FOLDED).casefold()
    return unicodedata.normalize("NFKC", folded)


@cache
def code_point_classes() -> NDArray[np.uint8]:
    """Every code point's class: what it is to the lexer, and whether text that holds it must be normalised first.

    A code point needs no normalising when it is its own normal form and cannot compose with what stands before it, or
    when both it and its normal form are separators. Shape: (0x110000,).
    """
    classes = np.zeros(_CODE_POINTS, np.uint8)
    composing = set(_HANGUL_LETTERS)
    for point in range(0x30, _LAST_PLANES):
        character = chr(point)
        category = unicodedata.category(character)
        if category[0] == "M":
            classes[point] = MARK
        elif category[0] in "LN":
            classes[point] = WORD
            if (category[0] == "L" or category == "Nl") and unicodedata.name(character, "").startswith(_UNSPACED_NAMES):
                classes[point] = UNSPACED
        decomposed = unicodedata.decomposition(character)
        if decomposed and not decomposed.startswith("<"):
            composing.update(int(part, 16) for part in decomposed.split()[1:])
    kinds = classes.copy()
    for point in range(0x80, _LAST_PLANES):
        character = chr(point)
        if unicodedata.is_normalized("NFKC", character) and character.casefold() == character:
            continue
        if kinds[point] != SEPARATOR or any(kinds[ord(part)] != SEPARATOR for part in normalise(character)):
            classes[point] |= NORMALISE
    changing = [point for point in (*composing, *_FOLDED) if point >= 0x80]
    classes[changing] |= NORMALISE
    classes[kinds == MARK] |= NORMALISE
    return classes
