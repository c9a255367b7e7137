"""Where tokens lie in a text, computed from the bytes that they spell.

A tokenizer that tracks characters while it encodes takes twice as long and returns the places as Python tuples. With
most tokenizers that is not needed: each token always spells the same bytes, so the tokens of a text lie end to end in
it, each as long as its spelling. This is checked, not assumed: the spellings are joined and compared with the text, and
used only where they equal it to the last byte.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
_VISIBLE_SPACE = "▁"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpans:
    """The characters each token of a text covers, also those it covers in part; in the order of the text."""

    starts: NDArray[np.int64]
    """First character. Shape: (tokens,)."""
    ends: NDArray[np.int64]
    """First character after it. Shape: (tokens,)."""


def byte_alphabet() -> dict[int, int]:
    """The byte that each character stands for in the vocabulary of a byte-level tokenizer (GPT-2's `bytes_to_unicode`).

    Visible Latin-1 characters stand for themselves, the other bytes for the characters from U+0100 on.
    """
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = (byte for byte in range(0x100) if byte not in visible)
    return {byte: byte for byte in sorted(visible)} | {0x100 + number: byte for number, byte in enumerate(hidden)}


def byte_level_spelling(token: str, alphabet: Mapping[int, int]) -> bytes:
    """What a token spells whose characters stand for bytes; one with other characters is spelled as it stands."""
    try:
        return token.translate(alphabet).encode("latin-1")
    except UnicodeEncodeError:
        return token.encode()


def sentencepiece_spelling(token: str) -> bytes:
    """What a SentencePiece token spells: `▁` is a space, `<0x0A>` a single byte."""
    byte = _BYTE_PIECE.fullmatch(token)
    return bytes.fromhex(byte[1]) if byte else token.replace(_VISIBLE_SPACE, " ").encode()


class Spellings:
    """What every token of a vocabulary spells."""

    def __init__(self, spelled: Iterable[tuple[int, bytes]]) -> None:
        by_id = dict(spelled)
        self._spellings = [by_id.get(number, b"") for number in range(max(by_id, default=-1) + 1)]
        self._lengths = np.fromiter(map(len, self._spellings), np.int64, len(self._spellings))

    def places(
        self, ids: Sequence[NDArray[np.int32]], sizes: Sequence[int], wanted: Sequence[tuple[int, int]]
    ) -> NDArray[np.int64]:
        """How many tokens lie before two bytes of each of many texts that are known to be spelled by their tokens.

        Args:
            ids: All tokens of each text, at least one.
            sizes: Bytes of each text.
            wanted: Bytes at which a token begins, neither the first.

        Returns:
            -1 where the tokens are not as long as their text, or none begins there. Shape: (texts, 2).
        """
        if not ids:
            return np.zeros((0, 2), np.int64)
        counts = np.array([len(own) for own in ids])
        ends = np.cumsum(self._lengths[np.concatenate(ids)])
        last = np.cumsum(counts) - 1
        begins = np.concatenate(([0], ends[last[:-1]]))
        added = ends[last] - begins - np.array(sizes)
        sought = (begins + added)[:, None] + np.array(wanted)
        before = np.minimum(np.searchsorted(ends, sought), len(ends) - 1)
        is_there = (ends[before] == sought) & ((added == 0) | (added == 1))[:, None]
        return np.where(is_there, before + 1 - (last - counts + 1)[:, None], -1)

    def spans(self, text: str, ids: NDArray[np.int32]) -> TokenSpans | None:
        """Where the tokens of a text lie; None if they do not spell it.

        Some tokenizers put a space in front of a text. It belongs to no character: a token that is nothing else is said
        to cover the first one.

        Args:
            text: The text.
            ids: All its tokens. Shape: (tokens,).
        """
        content = text.encode()
        lengths = self._lengths[ids]
        if not content or not lengths.all():  # a token that spells nothing lies nowhere
            return None
        added = int(lengths.sum()) - len(content)
        if added not in (0, 1):
            return None
        spelled = b"".join(map(self._spellings.__getitem__, ids.tolist()))
        if spelled != b" " * added + content:
            return None
        ends = np.cumsum(lengths) - added
        starts = ends - lengths
        if added:
            starts[0], ends[0] = 0, max(1, ends[0])
        if text.isascii():
            return TokenSpans(starts=starts, ends=ends)
        is_first_byte = (np.frombuffer(content, np.uint8) & 0b1100_0000) != 0b1000_0000
        characters_begun = np.cumsum(is_first_byte, dtype=np.int64)
        return TokenSpans(starts=characters_begun[starts] - 1, ends=characters_begun[ends - 1])
