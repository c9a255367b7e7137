"""What a word is, and which terms of a text are counted.

A text is put in one form: NFKC, folded case, without what some texts write and others leave out (invisible characters,
the points of Hebrew and Arabic, the tatweel; Russian io is ie). Then

    a word      is a run of letters and digits with the marks on them;
    a character of a script without spaces is a word by itself, with its marks.

Terms are words of two characters or more, and pairs of neighbouring characters of scripts without spaces, or a lone
one. Where short words are kept, one character is enough, and `+`, `++` or `#` at a word's end belongs to it, unless a
digit stands before it, or more of them or a letter behind.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import nextlong_hub

_LEFT_OUT = (  # what is invisible, points of Hebrew, signs of Arabic
    "\u00ad\u200c\u200d\u2060\ufeff\ufe00-\ufe0f\U000e0100-\U000e01ef"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\ufb1e"
    "\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
)
_OPTIONAL = re.compile(f"[{_LEFT_OUT}]")
_WITHOUT_SPACES = re.compile("BOPOMOFO|CJK|HANGUL|HENTAIGANA|HIRAGANA|IDEOGRAPHIC|KATAKANA|KHMER|LAO|MYANMAR|THAI")
"""How names of letters begin in such scripts, and in Hangul, which is treated alike."""
_ASCII_WORD = re.compile("[0-9a-z]+")
_ASCII_LONG_WORD = re.compile("[0-9a-z]{2,}")
_RUN = re.compile("l[lm]*|(?:cm*)+")
_CLUSTER = re.compile("cm*")
_SIGNS = re.compile(r"(?<![0-9])[+#]{1,2}(?![+#0-9a-z]|[^\x00-\x7f])")
_LISTS = Path(nextlong_hub.__file__).parent / "retrieval" / "bm25" / "stopwords"
"""Data, not code: a file of words a language."""


def form(text: str) -> str:
    """The form in which texts are compared."""
    if text.isascii():
        return text.lower()
    composed = _OPTIONAL.sub("", unicodedata.normalize("NFKC", text))
    folded = composed.replace("\u0401", "\u0415").replace("\u0451", "\u0435").casefold()
    return unicodedata.normalize("NFKC", folded)


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    folded = form(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return [folded[start:end] for start, end, _ in _pieces(folded.translate(_KINDS))]


def terms(text: str, *, keeps_short_words: bool) -> list[str]:
    """The terms of a text, in order, stop words among them."""
    folded = form(text)
    if folded.isascii() and not keeps_short_words:
        return _ASCII_LONG_WORD.findall(folded)
    kinds = folded.translate(_KINDS)
    found: list[str] = []
    run_end = -1
    run: list[tuple[int, int]] = []
    for start, end, is_word in _pieces(kinds):
        if start != run_end or is_word:
            found += _pairs(folded, run)
            run = []
        if not is_word:
            run.append((start, end))
        elif keeps_short_words:
            signs = _SIGNS.match(folded, end)
            found.append(folded[start : signs.end() if signs else end])
        elif kinds.count("l", start, end) > 1:
            found.append(folded[start:end])
        run_end = end
    return found + _pairs(folded, run)


@cache
def stop_words(languages: tuple[str, ...]) -> frozenset[str]:
    """The function words of some languages, in the form of texts."""
    lines = (line for code in languages for line in (_LISTS / f"{code}.txt").read_text("utf-8").splitlines())
    return frozenset(form(word) for line in lines if not line.startswith("#") for word in line.split())


def listed_languages() -> list[str]:
    """The codes of all languages with a list of stop words, in order."""
    return sorted(path.stem for path in _LISTS.glob("*.txt"))


def _pairs(folded: str, run: list[tuple[int, int]]) -> list[str]:
    """Each two neighbours of a run of characters; a lone one by itself."""
    if len(run) == 1:
        return [folded[slice(*run[0])]]
    return [folded[one[0] : other[1]] for one, other in pairwise(run)]


def _pieces(kinds: str) -> Iterator[tuple[int, int, bool]]:
    """Where words are, by the kinds of a text's characters, and whether each is a run of letters."""
    for run in _RUN.finditer(kinds):
        if kinds[run.start()] == "l":
            yield *run.span(), True
        else:
            yield from ((*one.span(), False) for one in _CLUSTER.finditer(kinds, *run.span()))


class _Kinds(dict[int, str]):
    """The kind of each character: a letter or digit, one of a script without spaces, a mark, or what is between."""

    def __missing__(self, point: int) -> str:
        sign = chr(point)
        category = unicodedata.category(sign)
        kind = {"L": "l", "N": "l", "M": "m"}.get(category[0], " ")
        if (category[0] == "L" or category == "Nl") and _WITHOUT_SPACES.match(unicodedata.name(sign, "")):
            kind = "c"
        self[point] = kind
        return kind


_KINDS = _Kinds()
