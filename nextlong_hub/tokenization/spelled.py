"""Special tokens that a text spells: a stock AutoTokenizer makes control tokens of them, where ours keeps them text.

The library itself does the finding, so that its rules hold (`lstrip`, `single_word`, `normalized`, the longest of two).
Its model is replaced by one without a vocabulary, to which the text between special tokens is a single unknown word:
a hundred megabytes of text take about two seconds.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import tokenizers

from nextlong_hub.tokenization.tokenizer import Tokenizer


class SpellingFinder:
    """Finds texts whose ids a stock AutoTokenizer makes otherwise, as they spell special tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._finder = tokenizers.Tokenizer(tokenizers.models.WordLevel({"": 0}, unk_token=""))
        added = tokenizer.added_tokens.values()
        for token in added:
            (self._finder.add_special_tokens if token.special else self._finder.add_tokens)([token])
        if any(token.normalized for token in added):  # only these are looked for in the normalised text
            self._finder.normalizer = tokenizer.copy_backend().normalizer
        self._names = {self._finder.token_to_id(token.content): token.content for token in added if token.special}

    def find(self, texts: Sequence[str]) -> Counter[str]:
        """How often special tokens are spelled, by their names, in those of the texts that have other ids for it."""
        found: Counter[str] = Counter()
        if not self._names:
            return found
        calls = self._tokenizer.calls
        for text, encoding in zip(texts, calls.encode_batch(self._finder, texts), strict=True):
            names = [self._names[number] for number in encoding.ids if number in self._names]
            if names and self._has_other_ids(text):
                found.update(names)
        return found

    def _has_other_ids(self, text: str) -> bool:
        """Whether the ids differ at all: a model may have the piece `</s>` in its vocabulary, with the same id."""
        (theirs,) = self._tokenizer.calls.encode_batch(self._stock, [text])
        return bool(theirs.ids != self._tokenizer.encode(text).tolist())

    @cached_property
    def _stock(self) -> tokenizers.Tokenizer:
        backend = self._tokenizer.copy_backend()
        backend.encode_special_tokens = False
        return backend
