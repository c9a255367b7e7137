"""What a word is, everywhere in this package: a run of letters and digits with the marks on them, in one normal form.

Text is compared in the form NFKC + casefold, without vowel points and the like. In scripts that put no space between
words every character, with its marks, counts by itself.
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


def word_digests(text: str) -> NDArray[np.uint64]:
    """A digest of each word of a text, in order; words of one normal form have one digest. Shape: (words,).

    Two different words of a text of a million words share one with a chance of about one in forty million.
    """
    points, inside, starts = _lexed(text)
    if not len(starts):
        return np.zeros(0, np.uint64)
    powers, inverses = _powers(len(points))
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(points * inside * powers)))
    ends = np.concatenate((starts[1:], [len(points)]))
    return _spread((sums[ends] - sums[starts]) * inverses[starts])


def words_of(text: str) -> list[str]:
    """The words of a text, spelled in their normal form: those that `word_digests` gives digests of, in order."""
    points, inside, starts = _lexed(text)
    if not len(starts):
        return []
    form = points.tobytes().decode("utf-32-le", "surrogatepass")
    sizes = np.add.reduceat(inside, starts, dtype=np.int64)
    return [form[start : start + size] for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)]


def run_digests(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """A digest of each run of so many neighbouring words, or other numbers. Shape: (max(0, words - length + 1),)."""
    if len(words) < length:
        return np.zeros(0, np.uint64)
    powers, inverses = _powers(len(words))
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(words * powers)))
    return _spread((sums[length:] - sums[:-length]) * inverses[: len(words) - length + 1])


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand in it as it is written: first character, and one past the last.

    An invisible character, which the normal form leaves out, ends a word here.
    """
    inside, starts = _words_in(code_point_classes()[_code_points(text)])
    if not len(starts):
        return []
    sizes = np.add.reduceat(inside, starts, dtype=np.int64)
    return list(zip(starts.tolist(), (starts + sizes).tolist(), strict=True))


def _lexed(text: str) -> tuple[NDArray[np.uint32], NDArray[np.bool_], NDArray[np.int64]]:
    """The normal form as code points, which of them are in words, and where words start."""
    points = _code_points(text)
    kinds = code_point_classes()[points]
    if (kinds & NORMALISE).any():
        points = _code_points(normalise(text))
        kinds = code_point_classes()[points]
    is_capital = (points - np.uint32(ord("A"))) < np.uint32(26)
    points = np.where(is_capital, points | np.uint32(0x20), points)
    return points, *_words_in(kinds)


def _words_in(classes: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which characters of a text are in words, and where words start, by the class of each character."""
    kinds = classes & np.uint8(CLASS_MASK)
    if (kinds == MARK).any():  # a mark is what it stands on; one that stands on no letter is no part of a word
        bases = np.maximum.accumulate(np.where(kinds != MARK, np.arange(len(kinds)), 0))
        carriers = np.where(kinds[bases] == MARK, SEPARATOR, kinds[bases])
    else:
        carriers = kinds
    inside = carriers != SEPARATOR
    before = np.concatenate((np.full(1, SEPARATOR, carriers.dtype), carriers[:-1]))
    begins = (kinds == UNSPACED) | ((kinds == WORD) & (before != WORD))
    return inside, np.flatnonzero(begins)


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


_BASE = 0x9E3779B97F4A7C15
"""Of the polynomials that digests are; odd, so that it has an inverse modulo 2^64."""
_known_powers: list[NDArray[np.uint64]] = []


def _powers(count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The first powers of the base, and of its inverse, modulo 2^64. Shapes: at least (count,)."""
    if not _known_powers or len(_known_powers[0]) < count:
        size = 1 << max(16, count.bit_length())
        _known_powers[:] = [
            np.concatenate((np.ones(1, np.uint64), np.cumprod(np.full(size - 1, base, np.uint64))))
            for base in (_BASE, pow(_BASE, -1, 1 << 64))
        ]
    return _known_powers[0][:count], _known_powers[1][:count]


def _spread(digests: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Let every bit depend on all others."""
    digests = (digests ^ (digests >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return digests ^ (digests >> np.uint64(32))
