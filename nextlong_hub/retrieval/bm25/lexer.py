"""From text to terms: Unicode words, folded; scripts written without spaces as pairs of characters.

Text is compared in the form of `core.words.normalise`. Most chunks are in that form already but for ASCII capitals,
which the kernel lowers as it goes; only chunks that hold something else to fold (a capital "É", "ﬁ", full-width
forms, a combining mark) pass through Python. A term is

* a run of letters and digits (Unicode categories L and N) with the combining marks that follow them, of at least two
  characters; of one, and with a trailing "+", "++" or "#", when the recipe keeps short words;
* each pair of neighbouring characters, marks included, of Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese
  (Lucene's CJKBigramFilter, extended to the scripts that put no space between words); a lone character is a term.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.code_points import code_point_classes, normalise
from nextlong_hub.errors import RecipeError
from nextlong_hub.records import TextBlock
from nextlong_hub.retrieval.bm25.lexing_kernels import (
    FREQUENCY,
    lex,
    needs_normalising,
    number_terms,
    rehash,
)
from nextlong_hub.retrieval.bm25.stop_words import stop_words
from nextlong_hub.retrieval.settings import RetrievalSettings

_Number = TypeVar("_Number", bound=np.generic)

CHUNK_BYTES_LIMIT = 1 << 24
"""Bytes of one chunk; below it no sum of quantised impacts can pass 32 bits (see `kernels`)."""

_CHUNKS_PER_PASS = 4096
_TERMS_PER_PASS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LexedChunks:
    """Chunks as bags of terms, the terms numbered by first appearance."""

    row_ends: NDArray[np.int64]
    """One past each chunk's last entry. Shape: (chunks,)."""
    lengths: NDArray[np.uint32]
    """Words of each chunk, stop words left out. Shape: (chunks,)."""
    terms: NDArray[np.uint32]
    """One entry for each (chunk, distinct term), in the order of first appearance in the chunk. Shape: (entries,)."""
    counts: NDArray[np.uint32]
    """Occurrences of that term in that chunk. Shape: (entries,)."""
    term_bytes: NDArray[np.uint8]
    """The terms' UTF-8 bytes, back to back. Shape: (bytes,)."""
    term_starts: NDArray[np.int64]
    """Term t is `term_bytes[term_starts[t]:term_starts[t + 1]]`. Shape: (terms + 1,)."""
    frequencies: NDArray[np.int64]
    """Chunks that hold each term. Shape: (terms,)."""


class TermTable:
    """Numbers terms by first appearance, in arrays that grow by doubling."""

    def __init__(self, terms: int = 1 << 15) -> None:
        self.slots = np.zeros(4 * terms, np.uint64)
        self.arena = np.zeros(16 * terms, np.uint8)
        self.starts = np.zeros(2 * terms + 1, np.int64)
        self.filled = np.zeros(1, np.int64)

    @property
    def terms(self) -> int:
        """How many terms have been numbered."""
        return int(self.filled[0])

    def reserve(self, terms: int, term_bytes: int) -> None:
        """Make room for that many more terms and bytes."""
        needed = self.terms + terms
        if 2 * needed > len(self.slots):
            self.slots = np.zeros(1 << (4 * needed - 1).bit_length(), np.uint64)
            rehash(self.slots, self.arena, self.starts, self.terms)
        self.starts = _grown(self.starts, needed + 1)
        self.arena = _grown(self.arena, int(self.starts[self.terms]) + term_bytes)

    def spelled(self, order: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The UTF-8 bytes of the terms in `order`, back to back, and where each begins.

        Shapes: (bytes,) and (terms + 1,).
        """
        starts = np.concatenate(([0], np.diff(self.starts)[order])).cumsum(dtype=np.int64)
        spelled = np.zeros(starts[-1], np.uint8)
        for first in range(0, len(order), _TERMS_PER_PASS):
            here = slice(first, first + _TERMS_PER_PASS)
            own = starts[first : first + _TERMS_PER_PASS + 1]
            shift = np.repeat(self.starts[order[here]] - own[:-1], np.diff(own))
            spelled[own[0] : own[-1]] = self.arena[np.arange(own[0], own[-1]) + shift]
        return spelled, starts

    def numbers(self, term_bytes: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of whole terms. Shape: (terms,)."""
        numbers = np.zeros(len(offsets) - 1, np.int64)
        self.reserve(len(numbers), len(term_bytes))
        number_terms(term_bytes, offsets, numbers, self.slots, self.arena, self.starts, self.filled)
        return numbers


class Lexer:
    """Turns blocks of text into bags of terms, as the retrieval settings say."""

    def __init__(self, settings: RetrievalSettings) -> None:
        """Load the stop words.

        Raises:
            RecipeError: a language has no list of stop words.
        """
        self._stop_words = [word.encode() for word in stop_words(settings.stop_word_languages)]
        self._shortest = 1 if settings.keep_short_words else 2
        self._signs = settings.keep_short_words

    def lex(self, blocks: Iterable[TextBlock], chunks: int) -> LexedChunks:
        """Count the terms of every chunk of `blocks`, which follow one another and hold so many.

        Raises:
            RecipeError: a chunk is longer than 16 MiB.
        """
        table = TermTable()
        offsets = np.cumsum([0, *map(len, self._stop_words)], dtype=np.int64)
        table.numbers(np.frombuffer(b"".join(self._stop_words), np.uint8), offsets)
        growing = _Growing(chunks, table.terms)
        done = 0
        for text, offsets in _passes(blocks):
            self._lex_pass(text, offsets, table, growing, done)
            done += len(offsets) - 1
        return growing.finished(table)

    def _lex_pass(
        self,
        text: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        table: TermTable,
        growing: "_Growing",
        done: int,
    ) -> None:
        """Lex one pass, making room whenever the kernel stops for want of it."""
        chunks = len(offsets) - 1
        chunk_bytes = np.diff(offsets)
        rows = slice(done, done + chunks)
        row_ends, lengths = growing.row_ends[rows], growing.lengths[rows]
        at = 0
        while True:
            entry = growing.entries(done + at)
            at = lex(
                text, offsets, at, code_point_classes(), growing.stop_terms, self._shortest, self._signs,
                table.slots, table.arena, table.starts, table.filled, growing.records, growing.terms, growing.counts,
                row_ends, lengths, entry,
            )  # fmt: skip
            if at == chunks:
                return
            left = int(chunk_bytes[at])
            if left > CHUNK_BYTES_LIMIT:
                raise RecipeError(
                    f"a chunk of {left} bytes, and retrieval takes chunks of up to {CHUNK_BYTES_LIMIT}; "
                    "lower chunking.chunk_characters"
                )
            table.reserve(left // 2 + 1, 2 * left)
            growing.reserve(table.terms + left // 2 + 2, growing.entries(done + at) + left // 2 + 1)


class _Growing:
    """The lexer's output while it grows; arrays by term include the stop words, which come first."""

    def __init__(self, chunks: int, stop_terms: int) -> None:
        self.stop_terms = stop_terms
        self.row_ends = np.zeros(chunks, np.int64)
        self.lengths = np.zeros(chunks, np.uint32)
        self.records = np.zeros((0, 2), np.int64)
        self.terms = np.zeros(0, np.uint32)
        self.counts = np.zeros(0, np.uint32)
        self.reserve(1 << 16, 128 * chunks)

    def entries(self, chunks: int) -> int:
        """Entries of the first `chunks` chunks."""
        return int(self.row_ends[chunks - 1]) if chunks else 0

    def reserve(self, terms: int, entries: int) -> None:
        """Make room for that many terms and entries in all."""
        self.records = _grown(self.records, terms)
        self.terms = _grown(self.terms, entries)
        self.counts = _grown(self.counts, entries)

    def finished(self, table: TermTable) -> LexedChunks:
        """What has been lexed, without the stop words and the spare room."""
        first, last = self.stop_terms, table.terms
        entries = self.entries(len(self.row_ends))
        starts = table.starts[first : last + 1]
        return LexedChunks(
            row_ends=self.row_ends,
            lengths=self.lengths,
            terms=self.terms[:entries],
            counts=self.counts[:entries],
            term_bytes=table.arena[starts[0] : starts[-1]],
            term_starts=starts - starts[0],
            frequencies=self.records[first:last, FREQUENCY],
        )


def _passes(blocks: Iterable[TextBlock]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """The blocks' text and offsets, a few thousand chunks at a time, normalised where needed."""
    for block in blocks:
        for first in range(0, len(block.offsets) - 1, _CHUNKS_PER_PASS):
            offsets = block.offsets[first : first + _CHUNKS_PER_PASS + 1]
            yield _normalised(block.text[offsets[0] : offsets[-1]], offsets - offsets[0])


def _normalised(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The same chunks, those that need it in normal form."""
    needy = np.zeros(len(offsets) - 1, np.bool_)
    if not needs_normalising(text, offsets, code_point_classes(), needy):
        return text, offsets
    pieces: list[bytes | memoryview] = []
    sizes = np.diff(offsets)
    whole = memoryview(np.ascontiguousarray(text).data)
    copied = 0
    for chunk in np.flatnonzero(needy).tolist():
        start, stop = offsets[chunk : chunk + 2].tolist()
        folded = normalise(bytes(whole[start:stop]).decode()).encode()
        pieces += [whole[copied:start], folded]
        sizes[chunk] = len(folded)
        copied = stop
    pieces.append(whole[copied:])
    return np.frombuffer(b"".join(pieces), np.uint8), np.concatenate(([0], sizes)).cumsum(dtype=np.int64)


def _grown(values: NDArray[_Number], needed: int) -> NDArray[_Number]:
    """`values` with room for `needed` rows, at least doubled when it must grow; new rows are 0."""
    if needed <= len(values):
        return values
    grown = np.zeros((max(needed, 2 * len(values)), *values.shape[1:]), values.dtype)
    grown[: len(values)] = values
    return grown
