"""Texts in, token ids out, and the piece of a text that is exactly the target length.

No special token is ever added, and text that spells one
(`<|endoftext|>`) stays text: a document cannot forge a document boundary.

Why cutting the ids would not do: the first T ids of a long text need not be the ids of any prefix of it. The cut may
fall inside a character (three tokens for one emoji) or a pre-token (two newlines are one token at the end of a text and
two before a letter), and decoded ids are not the text (NFC, the `▁` put in front). So the cut is made in the text, and
what is kept is encoded again from its first character: the promise has been seen to hold, for any tokenizer.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import tokenizers
from numpy.typing import NDArray

from nextlong_hub.errors import RecipeError
from nextlong_hub.records import Reason
from nextlong_hub.token_offsets import (
    Spellings,
    TokenSpans,
    byte_alphabet,
    byte_level_spelling,
    sentencepiece_spelling,
)

_TEXTS_PER_BATCH = 256
_REACH_CHARACTERS = 64
"""How far from the first guess a cut is sought. Farther out, no prefix can be expected to make up the difference."""
_WINDOW_CHARACTERS = 512
"""How much text before the guess is encoded to predict where the exact cuts are."""
_TRIED_CUTS = 8
"""How many predicted cuts are checked on the whole text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prefix of a text that has exactly the target length."""

    characters: int
    """Length of the kept prefix."""
    input_ids: NDArray[np.int32]
    """What encoding the kept prefix by itself gives. Shape: (target,)."""
    token_starts: NDArray[np.int64]
    """First character of each token, ascending; tokens that share a character share a start. Shape: (target,)."""
    total_tokens: int
    """Tokens of the whole text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfitted:
    """A text from which no prefix of exactly the target length was found."""

    total_tokens: int
    """Tokens of the whole text."""
    reason: Reason
    """`BELOW_TARGET`, or `NO_EXACT_CUT`: another ending of the text may well have one."""


class Tokenizer:
    """A fast tokenizer that sees nothing but text; made by `load_tokenizer`, and cheap to send to another process."""

    def __init__(
        self, backend: tokenizers.Tokenizer, *, name: str, location: str, revision: str | None, digest: str
    ) -> None:
        self.name = name
        """As it was asked for."""
        self.location = location
        """What `load_tokenizer` needs to find the same files from any working folder: an absolute path, or a Hub name
        with its commit."""
        self.revision = revision
        """The Hub commit it came from, None for a local one."""
        self.digest = digest
        """Twelve hexadecimal digits over the content that decides the ids, wherever it lies."""
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        if getattr(backend.model, "dropout", None) is not None:
            backend.model.dropout = None  # training noise: the same text must have the same ids
        backend.post_processor = None  # without special tokens, all it does is to move a token's start past its spaces
        self._backend = backend

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, special ones included; every id is below the largest id + 1."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> NDArray[np.int32]:
        """The ids of a text, without special tokens. Shape: (tokens,)."""
        encoding = self._backend.encode_batch_fast([text], add_special_tokens=False)[0]  # does not track characters
        return np.array(encoding.ids, np.int32)

    def count(self, texts: Sequence[str], *, threads: int = 1) -> list[int]:
        """How many tokens each text has by itself.

        Args:
            texts: Any number of them; memory is bounded by the longest few hundred.
            threads: Encode on this many threads at once; more than 1 is for the only busy process of a machine.
        """
        batches = [list(texts[start : start + _TEXTS_PER_BATCH]) for start in range(0, len(texts), _TEXTS_PER_BATCH)]
        if threads <= 1 or len(batches) <= 1:
            return list(chain.from_iterable(map(self._lengths, batches)))
        with ThreadPoolExecutor(threads) as pool:
            return list(chain.from_iterable(pool.map(self._lengths, batches)))

    def fit(self, text: str, target: int) -> Fitted | Unfitted:
        """Keep the prefix of a text that has exactly `target` tokens when it is encoded by itself (NExtLong, Alg. 1).

        The first cut tried is the end of the text's own token number `target`. When that prefix has another number of
        tokens, the nearest exact cut within 64 characters is taken, of two equally near the longer.

        Raises:
            RecipeError: the target is below 1.
        """
        if target < 1:
            raise RecipeError(f"a target length of {target} tokens was asked for; it must be at least 1")
        whole_ids = self.encode(text)
        total_tokens = len(whole_ids)
        if total_tokens < target:
            return Unfitted(total_tokens=total_tokens, reason=Reason.BELOW_TARGET)
        spans = self._spans(text, whole_ids)
        whole_ids, whole_starts, guess = whole_ids[:target], spans.starts[:target], int(spans.ends[target - 1])
        del spans
        if total_tokens == target:
            return Fitted(
                characters=len(text), input_ids=whole_ids, token_starts=whole_starts, total_tokens=total_tokens
            )
        for characters, input_ids in self._tried_cuts(text, guess, target):
            if len(input_ids) == target:
                # The same ids from the first character on cover the same characters; only other ids need a second look.
                same = np.array_equal(input_ids, whole_ids)
                starts = whole_starts if same else self._spans(text[:characters], input_ids).starts
                return Fitted(
                    characters=characters, input_ids=input_ids, token_starts=starts, total_tokens=total_tokens
                )
        return Unfitted(total_tokens=total_tokens, reason=Reason.NO_EXACT_CUT)

    def _tried_cuts(self, text: str, guess: int, target: int) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """The prefixes worth trying, best first, each with the ids it has by itself."""
        guess_ids = self.encode(text[:guess])
        yield guess, guess_ids
        for characters in self._predict_cuts(text, guess, len(guess_ids), target)[:_TRIED_CUTS]:
            yield characters, self.encode(text[:characters])

    def _predict_cuts(self, text: str, guess: int, guess_tokens: int, target: int) -> list[int]:
        """Where the prefix should have `target` tokens, nearest to the guess first.

        Encoding the whole prefix for each place would cost a hundred times as much as the fit itself. Only its last
        characters are encoded, and the guess, whose number of tokens is known, tells what lies before them. This holds
        where the tokens around the cut do not depend on text farther back, so it is a prediction and is checked.
        """
        start = max(0, guess - _WINDOW_CHARACTERS)
        near = [cut for step in range(1, _REACH_CHARACTERS + 1) for cut in (guess + step, guess - step)]
        near = [cut for cut in near if start < cut <= len(text)]
        guess_window, *windows = self._lengths([text[start:cut] for cut in (guess, *near)])
        before = guess_tokens - guess_window
        return [cut for cut, tokens in zip(near, windows, strict=True) if before + tokens == target]

    def _spans(self, text: str, ids: NDArray[np.int32]) -> TokenSpans:
        """Where the tokens of a text lie: told from their spellings, or by encoding it again, twice as dear."""
        spans = self._spellings.spans(text, ids) if self._spellings else None
        if spans is None:
            offsets = self._backend.encode(text, add_special_tokens=False).offsets  # tuples: no other access there is
            pairs = np.fromiter(chain.from_iterable(offsets), np.int64, 2 * len(offsets))
            spans = TokenSpans(starts=pairs[::2], ends=pairs[1::2])
        return spans

    @cached_property
    def _spellings(self) -> Spellings | None:
        """None where a token does not always spell the same bytes (BERT leaves out white space and case)."""
        added = {number: token.content.encode() for number, token in self._backend.get_added_tokens_decoder().items()}
        vocabulary = self._backend.get_vocab(with_added_tokens=False).items()
        if isinstance(self._backend.decoder, tokenizers.decoders.ByteLevel):
            alphabet = byte_alphabet()
            spelled = {number: byte_level_spelling(token, alphabet) for token, number in vocabulary}
        elif isinstance(self._backend.model, tokenizers.models.BPE | tokenizers.models.Unigram):
            spelled = {number: sentencepiece_spelling(token) for token, number in vocabulary}
        else:
            return None
        return Spellings((added | spelled).items())  # Gemma lists the `▁▁` of its vocabulary as added too

    def _lengths(self, texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in self._backend.encode_batch_fast(texts, add_special_tokens=False)]
