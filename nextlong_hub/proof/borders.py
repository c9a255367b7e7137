"""Where the chunks of a document begin and end.

`lossless`: the longest stretch of up to so many characters that ends

    behind its last line end, if anything but white space stands before that;
    else behind its last sentence that ends in its second half;
    else behind its last word that ends in its second half;
    else anywhere.

What is left at the end is the last chunk. Then, from the first on, chunks are joined until none is too short; what is
too short at the end joins the one before it.

`reference`: lines are put together for as long as they have no more than so many characters, line ends not counted.
The line end between two chunks belongs to neither, and lines before an empty chunk are lost.
"""

from collections.abc import Iterator

from nextlong_hub.proof.choices import Cutting

Span = tuple[int, int]
"""First character and one past the last."""

_STOPS = frozenset(".!?\u2026")
"""They end a sentence before white space."""
_BEHIND_STOPS = frozenset("\"'\u201d\u2019)]")
_FULL_STOPS = frozenset(
    "\u3002\uff01\uff1f\uff61\u0964\u0965\u061f\u06d4\u17d4\u17d5\u104b\u0f0d\u0f0e\u1362\u1367\u1368"
)
"""They always end one: Chinese and Japanese, danda, Arabic, Khmer, Burmese, Tibetan, Ethiopic."""
_WIDE_STOP = "\uff0e"
"""Ends one unless a digit follows."""
_BEHIND_FULL_STOPS = frozenset("\u300d\u300f\uff09\uff63\u201d\u2019\u00bb\"')]")
_WORD_SIGNS = frozenset("\u0f0b\u104a\u1361")
"""They stand between words in place of white space: tsheg, Burmese comma, Ethiopic word space."""


def borders(text: str, cutting: Cutting) -> list[Span]:
    """The chunks of a text, in order; none where there is no text."""
    if not text:
        return []
    if cutting.mode == "reference":
        return list(_lines_together(text, cutting.longest))
    ends = list(_ends(text, cutting.longest))
    kept: list[int] = []
    for end in ends:
        if end - (kept[-1] if kept else 0) >= cutting.shortest:
            kept.append(end)
    kept[-1:] = [len(text)]  # what is short at the end joins the last, or is all there is
    return list(zip([0, *kept], kept, strict=False))


def _ends(text: str, longest: int) -> Iterator[int]:
    start = 0
    while len(text) > start + longest:
        start = _end(text, start, start + longest)
        yield start
    yield len(text)


def _end(text: str, start: int, limit: int) -> int:
    """Where the chunk ends that begins at `start` and may not pass `limit`."""
    head, line_end, _ = text[start:limit].rpartition("\n")
    if line_end and not head.isspace() and head:
        return start + len(head) + 1
    middle = start + (limit - start) // 2
    for place in range(limit - 1, middle - 1, -1):
        if end := _sentence_end(text, place, limit):
            return end
    for place in range(limit - 1, middle - 1, -1):
        if text[place].isspace() or text[place] in _WORD_SIGNS:
            return place + 1
    return limit


def _sentence_end(text: str, place: int, limit: int) -> int:
    """Where the text goes on behind the sentence that the character at `place` ends; 0 where it ends none."""
    sign = text[place]
    if sign in _STOPS:
        behind = _skip(text, place + 1, limit, _BEHIND_STOPS)
        end = _skip_space(text, behind, limit)
        return end if end > behind else 0
    is_digit_next = text[place + 1 : min(place + 2, limit)].isdecimal()
    if sign in _FULL_STOPS or (sign == _WIDE_STOP and not is_digit_next):
        return _skip_space(text, _skip(text, place + 1, limit, _BEHIND_FULL_STOPS), limit)
    return 0


def _skip(text: str, place: int, limit: int, signs: frozenset[str]) -> int:
    while place < limit and text[place] in signs:
        place += 1
    return place


def _skip_space(text: str, place: int, limit: int) -> int:
    while place < limit and text[place].isspace():
        place += 1
    return place


def _lines_together(text: str, longest: int) -> Iterator[Span]:
    """The rule of the authors' chunker, with the places in the text."""
    first = end = 0
    held = 0
    for number, line in enumerate(text.split("\n")):
        begin = end + 1 if number else 0
        if held + len(line) > longest:
            if held:
                yield first, end
            first, held = begin, 0
        held += len(line)
        end = begin + len(line)
    yield first, end
