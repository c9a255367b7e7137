"""The calls of the library of tokenizers, bounded: a tokenizer from anywhere is a program, too.

Its normaliser may make thousands of characters of one, and its regular expressions may try for ever. How far a text may
grow is known from its settings (`growth_of`), so that texts are encoded in batches whose results can be held; how long
it may take is waited for and no longer.
"""

import json
import math
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from typing import Any, TypeVar

import tokenizers

from nextlong_hub.core.waiting import TookTooLongError, within
from nextlong_hub.errors import RecipeError

Made = TypeVar("Made")
Encoded = TypeVar("Encoded", bound=Sized)

_MOST_CHARACTERS = 8_000_000
"""Of texts that are encoded in one call, once they are normalised; of a single text there may be more."""
_MOST_TOKENS = 64
"""Tokens of one character; a byte-level tokenizer makes four of an emoji that it does not know."""
_FREE_TOKENS = 4096
_FREE_SECONDS = 30
_CHARACTERS_A_SECOND = 10_000
"""A hundredth of what a slow tokenizer does."""
_AT_ONCE_CHARACTERS = 1000
"""Texts as short as this are encoded without a thread that waits."""
_GROWTH = {"NFC": 3, "NFD": 4, "NFKC": 18, "NFKD": 18, "Lowercase": 3, "BertNormalizer": 12}
"""Characters that steps which Unicode defines make of one, at most."""
_PANIC = "PanicException"


def growth_of(step: Mapping[str, Any] | None) -> int:
    """Characters that a normalizer or decoder, as `tokenizer.json` has it, may make of one character.

    Raises:
        TypeError, ValueError, KeyError: it is none.
    """
    if step is None:
        return 1
    kind = step["type"]
    if kind == "Sequence":
        return math.prod(growth_of(one) for one in step.get("normalizers", step.get("decoders", ())))
    if kind == "Replace":
        return _growth_of_replacement(step["pattern"], step["content"])
    if kind == "Prepend":
        return 1 + len(step["prepend"])
    if kind == "Precompiled":
        return _growth_of_table(b64decode(step["precompiled_charsmap"] or ""))
    return _GROWTH.get(kind, 1)


class BoundedCalls:
    """The calls of one tokenizer."""

    def __init__(self, name: str, backend: tokenizers.Tokenizer) -> None:
        self._name = name
        normalizer = backend.normalizer
        self._growth = growth_of(None if normalizer is None else json.loads(normalizer.__getstate__()))

    def encode(self, backend: tokenizers.Tokenizer, text: str) -> tokenizers.Encoding:
        """The tokens of a text, and where they lie.

        Raises:
            RecipeError: see `encode_batch`.
        """
        encoding = self._call(len(text), lambda: backend.encode(text, add_special_tokens=False))
        self._require_sound(len(text), len(encoding))
        return encoding

    def encode_batch(self, backend: tokenizers.Tokenizer, texts: Sequence[str]) -> Iterator[tokenizers.Encoding]:
        """The tokens of some texts.

        Raises:
            RecipeError: the tokenizer takes too long, multiplies the text, or cannot go on.
        """
        # The fast way does not track characters.
        return self.in_batches(texts, lambda batch: backend.encode_batch_fast(batch, add_special_tokens=False))

    def in_batches(self, texts: Sequence[str], encode: Callable[[list[str]], Sequence[Encoded]]) -> Iterator[Encoded]:
        """What `encode` makes of each of some texts, of which it is given as many at a time as can be held.

        Raises:
            RecipeError: see `encode_batch`.
        """
        for batch, characters in self._batches(texts):
            encodings = self._call(characters, lambda batch=batch: encode(batch))  # type: ignore[misc]
            self._require_sound(characters, sum(map(len, encodings)))
            yield from encodings

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[str], int]]:
        """The texts in as few batches as may be, each with its characters."""
        batch: list[str] = []
        characters = 0
        for text in texts:
            if batch and (characters + len(text)) * self._growth > _MOST_CHARACTERS:
                yield batch, characters
                batch, characters = [], 0
            batch.append(text)
            characters += len(text)
        if batch:
            yield batch, characters

    def _call(self, characters: int, work: Callable[[], Made]) -> Made:
        try:
            if characters <= _AT_ONCE_CHARACTERS:
                return work()
            return within(_FREE_SECONDS + characters * self._growth / _CHARACTERS_A_SECOND, work)
        except TookTooLongError as error:
            raise RecipeError(
                f"the tokenizer {self._name} was given up: {characters:,} characters took it more than half a minute, "
                "and others less than a second; look at the regular expressions in its tokenizer.json, or use another "
                "tokenizer"
            ) from error
        except BaseException as error:
            if type(error).__name__ != _PANIC:
                raise
            raise RecipeError(
                f"the tokenizer {self._name} cannot go on ({error}); look at the regular expressions in its "
                "tokenizer.json, or use another tokenizer"
            ) from error

    def _require_sound(self, characters: int, tokens: int) -> None:
        if tokens > _FREE_TOKENS + _MOST_TOKENS * characters:
            raise RecipeError(
                f"the tokenizer {self._name} makes {tokens:,} tokens of {characters:,} characters: it multiplies the "
                "text; look at the normalizer in its tokenizer.json, or use another tokenizer"
            )


def _growth_of_table(table: bytes) -> int:
    """What SentencePiece's table of replacements makes of a character: behind a tree, they stand end to end."""
    replacements = table[4 + int.from_bytes(table[:4], "little") :].decode("utf-8", "replace").split("\0")
    return max(1, *map(len, replacements))


def _growth_of_replacement(pattern: Mapping[str, str], content: str) -> int:
    if pattern.get("String"):
        return max(1, math.ceil(len(content) / len(pattern["String"])))
    return 1 + len(content)  # what is replaced may be nothing, between any two characters
