"""Finds the languages of a corpus by their stop words, in a bounded number of chunks.

A chunk is in the language that has the most of its distinct words among its stop words, if these are one in ten. Words
are counted once each, because a few that another language has, too, may be frequent there: of a Tahitian text every
third word is among the stop words of Italian, but only every thirteenth of its distinct words. Of the Universal
Declaration of Human Rights, in chunks of 2,048 characters, the share is 0.11 to 0.43 in the listed languages, and
lower than 0.1 in others but their next relatives; in English manuals and source code it is 0.1 to 0.4 as a rule.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import TextBlock
from nextlong_hub.retrieval.bm25.lexer import LexedChunks, Lexer
from nextlong_hub.retrieval.bm25.stop_words import languages, stop_words
from nextlong_hub.retrieval.languages import FoundLanguages
from nextlong_hub.retrieval.settings import RetrievalSettings

MOST_CHUNKS = 1024
"""Chunks looked at, at most: 2 MB of text of usual chunks."""
_WORDS_FOR_EACH = 10
"""Distinct words of a chunk to one stop word."""
_FEWEST_WORDS = 3
"""Distinct stop words in a chunk: one or two words of a short chunk tell nothing."""
_CHUNKS_FOR_EACH = 20
"""Chunks looked at to one in a language: in fewer it is too rare for its words to be left out of the others."""
_GOLDEN = 0x9E3779B97F4A7C15
_TURN = 64


def find_languages(store: ChunkStore) -> FoundLanguages:
    """The languages that one in twenty chunks or more of a store are in.

    It depends on the texts alone: neither on chance nor on how the store is divided or read.

    Raises:
        RecipeError: a chunk is too long.
    """
    return languages_of(list(store.texts(spread(store.chunks, MOST_CHUNKS)).values()))


def languages_of(chunks: Sequence[str]) -> FoundLanguages:
    """The languages that one in twenty of these chunks or more are in.

    Args:
        chunks: one or more, 1,024 at most.

    Raises:
        RecipeError: a chunk is too long.
    """
    texts = [chunk.encode() for chunk in chunks]
    block = TextBlock(
        first_chunk=0,
        text=np.frombuffer(b"".join(texts), np.uint8),
        offsets=np.cumsum([0, *map(len, texts)], dtype=np.int64),
    )
    lexed = Lexer(RetrievalSettings(stop_words=())).lex([block], len(texts))
    known = languages()
    hits = _stop_words_in(lexed, known)
    distinct = np.diff(lexed.row_ends, prepend=0)
    most = hits.max(axis=1)
    is_spoken = (most >= _FEWEST_WORDS) & (most * _WORDS_FOR_EACH >= distinct)
    spoken = np.bincount(hits.argmax(axis=1)[is_spoken], minlength=len(known)).tolist()  # of equals the first
    return FoundLanguages(
        shares={
            language: round(chunks / len(texts), 4)
            for language, chunks in zip(known, spoken, strict=True)
            if chunks and chunks * _CHUNKS_FOR_EACH >= len(texts)
        },
        chunks=len(texts),
    )


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Numbers below `count`, ascending: all of them, or about as many as `most`, spread evenly.

    They have no fixed distance, so a corpus whose languages take turns shows them all. Shape: (at most `most`,).
    """
    if count <= most:
        return np.arange(count)
    turns = ((number * _GOLDEN) % (1 << _TURN) for number in range(most))
    return np.unique(np.array([(turn * count) >> _TURN for turn in turns], np.int64))


def _stop_words_in(lexed: LexedChunks, known: list[str]) -> NDArray[np.int64]:
    """How many stop words of each language are among the distinct words of each chunk. Shape: (chunks, languages)."""
    letters, starts = lexed.term_bytes.tobytes(), lexed.term_starts.tolist()
    numbers = {letters[start:stop]: n for n, (start, stop) in enumerate(pairwise(starts))}
    chunks = np.repeat(np.arange(len(lexed.row_ends)), np.diff(lexed.row_ends, prepend=0))
    hits = np.zeros((len(lexed.row_ends), len(known)), np.int64)
    for column, language in enumerate(known):
        is_listed = np.zeros(len(numbers), np.bool_)
        is_listed[[numbers[word.encode()] for word in stop_words((language,)) if word.encode() in numbers]] = True
        hits[:, column] = np.bincount(chunks[is_listed[lexed.terms]], minlength=len(hits))
    return hits
