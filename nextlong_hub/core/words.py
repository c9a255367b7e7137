"""What a word is, everywhere in this package: a run of letters and digits with the marks on them, in one normal form.

Text is compared in the form NFKC + casefold, without vowel points and the like. In scripts that put no space between
words every character, with its marks, counts by itself.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

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
_SMALL = {point: point | 0x20 for point in range(ord("A"), ord("Z") + 1)}
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


def word_digests(text: str) -> NDArray[np.uint64]:
    """A digest of each word of a text, in order; words of one normal form have one digest. Shape: (words,).

    Two different words of a text of a million words share one with a chance of about one in forty million.
    """
    return _words_in(_normal_points(text)).digests


def words_of(text: str) -> list[str]:
    """The words of a text, spelled in their normal form: those that `word_digests` gives digests of, in order."""
    points = _normal_points(text)
    words = _words_in(points)
    form = points.tobytes().decode("utf-32-le", "surrogatepass").translate(_SMALL)
    return [form[start:end] for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True)]


def run_digests(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """A digest of each run of so many neighbouring words, or other numbers. Shape: (max(0, words - length + 1),)."""
    from nextlong_hub.core.word_kernels import digest_runs

    digests = np.zeros(max(0, len(words) - length + 1), np.uint64)
    if len(digests):
        digest_runs(words, length, digests)
    return digests


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand in it as it is written: first character, and one past the last.

    An invisible character, which the normal form leaves out, ends a word here.
    """
    words = _words_in(_code_points(text))
    return list(zip(words.starts.tolist(), words.ends.tolist(), strict=True))


class _Words(NamedTuple):
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    digests: NDArray[np.uint64]


def _words_in(points: NDArray[np.uint32]) -> _Words:
    from nextlong_hub.core.word_kernels import find_words

    starts, ends = np.empty((2, len(points)), np.int64)
    digests = np.empty(len(points), np.uint64)
    count = find_words(points, code_point_classes(), starts, ends, digests)
    return _Words(starts[:count], ends[:count], digests[:count])


def _normal_points(text: str) -> NDArray[np.uint32]:
    """The normal form as code points, ASCII capitals left as they are unless something else must be normalised."""
    from nextlong_hub.core.word_kernels import needs_normalising

    points = _code_points(text)
    return _code_points(normalise(text)) if needs_normalising(points, code_point_classes()) else points


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
