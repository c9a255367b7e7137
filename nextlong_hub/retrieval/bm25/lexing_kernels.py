"""Compiled kernels that turn UTF-8 bytes into term numbers.

A term is found in an open-addressing table whose slots hold 32 bits of the term's hash beside its number, so that a
probe that fails costs one memory access. A slot counts as found only when the term's *bytes* agree as well: two terms
that share a hash stay two terms.

    slots   uint64 (2^n,)       hash bits << 32 | term number + 1, or 0 for an empty slot; at most half full
    arena   uint8 (capacity,)   the bytes of all terms, back to back
    starts  int64 (terms + 1,)  term t is arena[starts[t]:starts[t + 1]]
    filled  int64 (1,)          number of terms so far

The words of ordinary text are few: the slots, starts and bytes of the few thousand terms that make up most of it stay
in the second-level cache (about 100 KB).
"""

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.code_points import CLASS_MASK, MARK, NORMALISE, SEPARATOR, UNSPACED, WORD
from nextlong_hub.core.compiling import kernel_in_place

LAST_ENTRY, FREQUENCY = 0, 1
"""Columns of the records `lex` keeps of terms."""

_FNV_BASIS = np.uint64(14695981039346656037)
_FNV_PRIME = np.uint64(1099511628211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HIGH_BITS = np.uint64(0xFFFFFFFF00000000)
_LOW_BITS = np.uint64(0x00000000FFFFFFFF)
_PLUS, _HASH_SIGN = 43, 35


def _ascii_table(letters_only_lowered: bool) -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8) if letters_only_lowered else np.arange(256, dtype=np.uint8)
    for byte in range(128):
        if chr(byte).isalnum():
            table[byte] = ord(chr(byte).lower())
    return table


_WORD_BYTE = _ascii_table(letters_only_lowered=True)
"""ASCII letters and digits, lowered; 0 for every other byte. Shape: (256,)."""
_LOWER = _ascii_table(letters_only_lowered=False)
"""Every byte, ASCII capitals lowered. Shape: (256,)."""


@kernel_in_place
def _mixed(state: np.uint64) -> np.uint64:
    """Spread FNV's state over all 64 bits: its high bits depend on few of the input's."""
    state ^= state >> np.uint64(32)
    state *= _MIX
    return state ^ (state >> np.uint64(29))


@kernel_in_place
def _hash_of(text, start, stop):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    state = _FNV_BASIS
    for place in range(start, stop):
        state = (state ^ np.uint64(_LOWER[text[place]])) * _FNV_PRIME
    return _mixed(state)


@kernel_in_place
def _term_number(text, start, stop, digest, slots, arena, starts, filled):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The number of the term text[start:stop], lowered; a new one when it has not been seen."""
    mask = np.uint64(len(slots) - 1)
    tag = digest & _HIGH_BITS
    slot = digest & mask
    length = stop - start
    while True:
        held = slots[slot]
        if held == np.uint64(0):
            number = filled[0]
            slots[slot] = tag | np.uint64(number + 1)
            begin = starts[number]
            for step in range(length):
                arena[begin + step] = _LOWER[text[start + step]]
            starts[number + 1] = begin + length
            filled[0] = number + 1
            return number
        if held & _HIGH_BITS == tag:
            number = np.int64(held & _LOW_BITS) - 1
            begin = starts[number]
            if starts[number + 1] - begin == length:
                step = 0
                while step < length and arena[begin + step] == _LOWER[text[start + step]]:
                    step += 1
                if step == length:
                    return number
        slot = (slot + np.uint64(1)) & mask


@kernel_in_place
def rehash(slots: NDArray[np.uint64], arena: NDArray[np.uint8], starts: NDArray[np.int64], terms: int) -> None:
    """Enter `terms` known terms into empty `slots`."""
    mask = np.uint64(len(slots) - 1)
    for number in range(terms):
        digest = _hash_of(arena, starts[number], starts[number + 1])
        slot = digest & mask
        while slots[slot] != np.uint64(0):
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (digest & _HIGH_BITS) | np.uint64(number + 1)


@kernel_in_place
def number_terms(
    text: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    numbers: NDArray[np.int64],
    slots: NDArray[np.uint64],
    arena: NDArray[np.uint8],
    starts: NDArray[np.int64],
    filled: NDArray[np.int64],
) -> None:
    """Number whole terms: `numbers[i]` becomes that of `text[offsets[i]:offsets[i + 1]]`. Room is the caller's care."""
    for place in range(len(numbers)):
        start, stop = offsets[place], offsets[place + 1]
        numbers[place] = _term_number(text, start, stop, _hash_of(text, start, stop), slots, arena, starts, filled)


@kernel_in_place
def _decoded(text, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The code point that begins at `place`, and its width in bytes; the text is valid UTF-8."""
    lead = np.int64(text[place])
    if lead < 0xE0:
        return ((lead & 0x1F) << 6) | (np.int64(text[place + 1]) & 0x3F), 2
    if lead < 0xF0:
        middle = (np.int64(text[place + 1]) & 0x3F) << 6
        return ((lead & 0x0F) << 12) | middle | (np.int64(text[place + 2]) & 0x3F), 3
    upper = ((np.int64(text[place + 1]) & 0x3F) << 12) | ((np.int64(text[place + 2]) & 0x3F) << 6)
    return ((lead & 0x07) << 18) | upper | (np.int64(text[place + 3]) & 0x3F), 4


@kernel_in_place
def needs_normalising(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], classes: NDArray[np.uint8], needy: NDArray[np.bool_]
) -> int:
    """Mark in `needy` the chunks that hold a code point whose class has the bit `NORMALISE`; return how many."""
    total = 0
    for chunk in range(len(needy)):
        place, stop = offsets[chunk], offsets[chunk + 1]
        needy[chunk] = False
        while place < stop:
            if text[place] < 128:
                place += 1
                continue
            point, width = _decoded(text, place)
            if classes[point] & NORMALISE:
                needy[chunk] = True
                total += 1
                break
            place += width
    return total


@kernel_in_place
def _end_of_cluster(text, place, stop, classes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One past the character at `place` and the combining marks that follow it."""
    place += _decoded(text, place)[1]
    while place < stop and text[place] >= 128:
        point, width = _decoded(text, place)
        if classes[point] & CLASS_MASK != MARK:
            break
        place += width
    return place


@kernel_in_place
def _begins_cluster(text, place, stop, classes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if place >= stop or text[place] < 128:
        return False
    return classes[_decoded(text, place)[0]] & CLASS_MASK == UNSPACED


@kernel_in_place
def _end_of_sign(text, place, stop):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One past the "+", "++" or "#" that ends a word such as "C++"; `place` itself where there is none."""
    before = text[place - 1]
    if 48 <= before <= 57:
        return place
    end = place
    while end < stop and end < place + 2 and (text[end] == _PLUS or text[end] == _HASH_SIGN):
        end += 1
    if end < stop and (text[end] >= 128 or _WORD_BYTE[text[end]] or text[end] == _PLUS or text[end] == _HASH_SIGN):
        return place
    return end


@kernel_in_place
def _next_start(text, place, stop, classes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Where the next term begins, and whether it is a `WORD` or a `UNSPACED`; marks that follow nothing are skipped."""
    while place < stop:
        if text[place] < 128:
            if _WORD_BYTE[text[place]]:
                return place, WORD
            place += 1
            continue
        point, width = _decoded(text, place)
        kind = classes[point] & CLASS_MASK
        if kind in (WORD, UNSPACED):
            return place, kind
        place += width
    return stop, SEPARATOR


@kernel_in_place
def _word(text, place, stop, classes, signs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The end, the number of characters and the hash of the word that begins at `place`."""
    characters = 0
    state = _FNV_BASIS
    while place < stop:
        byte = text[place]
        if byte < 128:
            lowered = _WORD_BYTE[byte]
            if lowered == 0:
                break
            state = (state ^ np.uint64(lowered)) * _FNV_PRIME
            characters += 1
            place += 1
            continue
        point, width = _decoded(text, place)
        kind = classes[point] & CLASS_MASK
        if kind == WORD:
            characters += 1
        elif kind != MARK:
            break
        for _ in range(width):
            state = (state ^ np.uint64(text[place])) * _FNV_PRIME
            place += 1
    if signs:
        end = _end_of_sign(text, place, stop)
        while place < end:
            state = (state ^ np.uint64(text[place])) * _FNV_PRIME
            place += 1
    return place, characters, _mixed(state)


@kernel_in_place
def _count(record, term, row_start, entry, terms, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add one occurrence of `term` to the chunk whose row begins at `row_start`; return the row's new end."""
    known = record[LAST_ENTRY] - 1
    if known >= row_start:
        counts[known] += 1
        return entry
    record[LAST_ENTRY] = entry + 1
    record[FREQUENCY] += 1
    terms[entry] = term
    counts[entry] = 1
    return entry + 1


@kernel_in_place
def lex(
    text: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    first: int,
    classes: NDArray[np.uint8],
    stop_terms: int,
    shortest: int,
    signs: bool,
    slots: NDArray[np.uint64],
    arena: NDArray[np.uint8],
    starts: NDArray[np.int64],
    filled: NDArray[np.int64],
    records: NDArray[np.int64],
    terms: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    row_ends: NDArray[np.int64],
    lengths: NDArray[np.uint32],
    entry: int,
) -> int:
    """Count the terms of chunks `first`, `first + 1`, …; return the first chunk there was no room for.

    Args:
        text: The chunks' UTF-8 bytes. Shape: (bytes,).
        offsets: Chunk i is `text[offsets[i]:offsets[i + 1]]`. Shape: (chunks + 1,).
        first: The chunk to begin with.
        classes: Class of every code point. Shape: (0x110000,).
        stop_terms: Terms below this number are stop words: they are found and forgotten.
        shortest: Characters a word must have.
        signs: Whether "C++" and "C#" are words.
        slots: See the module.
        arena: See the module.
        starts: See the module.
        filled: See the module.
        records: What is known of each term, side by side as it is used together; the columns are `LAST_ENTRY`,
            one more than the entry at which the term was last begun, and `FREQUENCY`, the chunks that hold it; 0 at
            first. Shape: (term capacity, 2).
        terms: One entry for each (chunk, distinct term): the term, counted from the first that is no stop word.
        counts: Occurrences of that term in that chunk.
        row_ends: One past each chunk's last entry. Shape: (chunks,).
        lengths: Words of each chunk, stop words left out. Shape: (chunks,).
        entry: The first free entry.

    Room for the worst case is asked for before each chunk: a word and its separator are two bytes at least, and a
    character is part of two bigrams at most.
    """
    for chunk in range(first, len(row_ends)):
        place, stop = offsets[chunk], offsets[chunk + 1]
        worst_terms = (stop - place) // 2 + 1
        known = filled[0]
        if (
            known + worst_terms > len(slots) // 2
            or known + worst_terms >= min(len(starts), len(records))
            or starts[known] + 2 * (stop - place) > len(arena)
            or entry + worst_terms > len(terms)
        ):
            return chunk
        row_start = entry
        words = 0
        paired = False  # the character at `place` is the second of a pair already
        place, kind = _next_start(text, place, stop, classes)
        while place < stop:
            begin = place
            if kind == UNSPACED:
                place = end = _end_of_cluster(text, begin, stop, classes)
                was_paired, paired = paired, _begins_cluster(text, end, stop, classes)
                if paired:
                    end = _end_of_cluster(text, end, stop, classes)
                wanted = paired or not was_paired
                digest = _hash_of(text, begin, end)
            else:
                end, characters, digest = _word(text, begin, stop, classes, signs)
                place = end
                wanted = characters >= shortest
            if wanted:
                term = _term_number(text, begin, end, digest, slots, arena, starts, filled)
                if term >= stop_terms:
                    words += 1
                    number = term - stop_terms
                    entry = _count(records[term], number, row_start, entry, terms, counts)
            place, kind = _next_start(text, place, stop, classes)
        row_ends[chunk] = entry
        lengths[chunk] = words
    return len(row_ends)
