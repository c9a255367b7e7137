"""The segments of rows that our own datasets have already: a document that is fitted or imported keeps them."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.records import Segment
from nextlong_hub.tokenization import Tokenizer

_ROLES = ("meta", "negative")


def segments_of(document: str, kept: str, text: str, tokenizer: Tokenizer, *, offset: int = 0) -> tuple[Segment, ...]:
    """The segments of a text: those that its row has already, cut to it, or all of it as one.

    Args:
        document: its id in the corpus, where it is one segment.
        kept: the segments of its row as JSON; empty where it has none.
        text: the row's text, or a part of it.
        tokenizer: counts the tokens that begin in each segment.
        offset: characters of the row before the text.
    """
    starts = tokenizer.encode_with_starts(text)[1]
    segments = _cut(json.loads(kept), offset, len(text), starts) if kept else ()
    return segments or (whole_segment(document, len(text), len(starts)),)


def whole_segment(document: str, characters: int, tokens: int) -> Segment:
    """All of a document's text as one segment."""
    return Segment(role="meta", document=document, chunk=0, start=0, end=characters, tokens=tokens, rank=0, score=0.0)


def _cut(kept: list[Mapping[str, Any]], offset: int, characters: int, starts: NDArray[np.int64]) -> tuple[Segment, ...]:
    """The segments that lie in a part of a row; nothing where they are not those of samples."""
    found = []
    for one in kept:
        if one["role"] not in _ROLES:
            return ()
        start, end = max(0, one["start"] - offset), min(characters, one["end"] - offset)
        if start < end:
            tokens = int(np.diff(np.searchsorted(starts, (start, end)))[0])
            found.append(Segment(**{**one, "start": start, "end": end, "tokens": tokens}))
    return tuple(found)
