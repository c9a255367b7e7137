"""Documents are cut into meta-chunks of up to 2,048 characters at their newlines (NExtLong §3.1.1, Algorithm 1).

`lossless`, the default, keeps every character, newlines included, and counts it: the chunks joined are the document. A
paragraph that with its newline is longer than a chunk is cut behind a sentence, else between words, else anywhere. A
stump, such as a title before a long paragraph, is joined with what lies behind it, and the last one with what lies
before it: by itself it says too little to find a hard negative by.

`reference` is what the authors' released chunker computes: the newline between two chunks is dropped, newlines are not
counted, a paragraph longer than a chunk stays whole, and blank lines before such a paragraph disappear.
"""

import re
from itertools import pairwise

from nextlong_hub.method.settings import ChunkingSettings
from nextlong_hub.records import ChunkSpan

_UNIQUE_ENDS = (
    "\u3002\uff01\uff1f\uff61"  # Chinese and Japanese, of full and half width
    "\u0964\u0965"  # danda, in Hindi and most scripts of India
    "\u061f\u06d4"  # Arabic question mark, Urdu full stop
    "\u17d4\u17d5"  # Khmer
    "\u104b"  # Burmese
    "\u0f0d\u0f0e"  # Tibetan
    "\u1362\u1367\u1368"  # Ethiopic
)
"""They end sentences and nothing else; others do so only before white space, and a full-width stop before no digit."""
_SENTENCE_END = re.compile(
    rf"[.!?\u2026][\"'\u201d\u2019)\]]*\s+"
    rf"|(?:[{_UNIQUE_ENDS}]|\uff0e(?!\d))[\u300d\u300f\uff09\uff63\u201d\u2019\u00bb\"')\]]*\s*"
)
_WORD_END = re.compile(r"[\u0f0b\u104a\u1361]\s*|\s+")
"""White space, the Tibetan tsheg, the Burmese comma, the Ethiopic word space."""


def cut(text: str, settings: ChunkingSettings) -> list[ChunkSpan]:
    """Cut one document's text into chunks, in order; no text gives no chunk."""
    if not text:
        return []
    if settings.mode == "reference":
        return _cut_as_reference(text, settings.chunk_characters)
    ends = _without_stumps(_ends(text, settings.chunk_characters), settings.shortest_characters)
    return [ChunkSpan(start, end) for start, end in pairwise((0, *ends))]


def _ends(text: str, chunk_characters: int) -> list[int]:
    """Add paragraphs, each with its newline, for as long as they fit; where each chunk ends."""
    ends = [0]
    while len(text) - ends[-1] > chunk_characters:
        ends.append(_last_break(text, ends[-1], ends[-1] + chunk_characters))
    return [*ends[1:], len(text)]


def _without_stumps(ends: list[int], shortest: int) -> list[int]:
    """Join chunks so that none is shorter than `shortest`, unless the whole document is."""
    joined: list[int] = []
    start = 0
    for end in ends:
        if end - start >= shortest:
            joined.append(end)
            start = end
    if start < ends[-1]:
        joined[-1:] = ends[-1:]
    return joined


def _last_break(text: str, start: int, limit: int) -> int:
    """The best place to end a chunk that begins at `start` and may not pass `limit`."""
    newline = text.rfind("\n", start, limit)
    if newline >= 0 and text[start:newline].strip():  # blank lines alone would be a chunk of nothing
        return newline + 1
    for pattern in (_SENTENCE_END, _WORD_END):
        # A break in the first half would leave a stump; the next kind of break is tried instead.
        ends = [match.end() for match in pattern.finditer(text, start + (limit - start) // 2, limit)]
        if ends:
            return ends[-1]
    return limit


def _cut_as_reference(text: str, chunk_characters: int) -> list[ChunkSpan]:
    """The authors' rule, as spans: a group closes when the next paragraph would take it over the limit."""
    spans: list[ChunkSpan] = []
    group_start = position = 0
    group_characters = 0
    for paragraph in text.split("\n"):
        if group_characters + len(paragraph) > chunk_characters:
            if group_characters:
                spans.append(ChunkSpan(group_start, position - 1))
            group_start, group_characters = position, 0
        group_characters += len(paragraph)
        position += len(paragraph) + 1
    spans.append(ChunkSpan(group_start, len(text)))
    return spans
