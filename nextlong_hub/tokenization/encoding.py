"""Who encodes: `tokenizers`, the reference, or the fast encoder where it gives the same ids and saves time.

To open the fast encoder takes as long as the reference takes for some megabytes of text. So the reference begins; once
a process has encoded as much with it, or has as much to encode at once, the fast one takes over, if it is trusted (see
`trust`) and agrees on the texts at hand as well. A small build never opens it, and no build pays more than twice what
the better choice from the start would have cost.
"""

import logging
import os
import threading
from collections.abc import Sequence
from functools import cache
from multiprocessing import parent_process

import numpy as np
import tokenizers
from numpy.typing import NDArray

from nextlong_hub.errors import RecipeError
from nextlong_hub.tokenization.bounded import BoundedCalls
from nextlong_hub.tokenization.fast import NAME, FastEncoder, fast_version
from nextlong_hub.tokenization.trust import verdict_on

ENCODER_VARIABLE = "NEXTLONG_ENCODER"
"""Environment variable: `reference` keeps the fast encoder out of a process and its workers; `auto` is the default."""
CHOICES = ("auto", "reference")

_CHARACTERS_AN_ENTRY = 48
"""How much text the reference encodes while the fast encoder is opened, by entries of the vocabulary. Measured: GPT-2,
50,000 entries, .36 s; Llama 3, 128,000, 1.1 s; Gemma 3, 262,000, 2.4 s; the reference encodes 4 to 6 million characters
a second."""
_TRIED_CHARACTERS = 65_536
"""Of the texts at hand, encoded by both when the fast encoder takes over: a few hundredths of a second."""

_log = logging.getLogger(__name__)


class TextEncoder:
    """Gives the ids of texts under one tokenizer of the library: always those of the reference."""

    def __init__(self, backend: tokenizers.Tokenizer, calls: BoundedCalls, name: str) -> None:
        self.backend = backend
        """The reference."""
        self._calls = calls
        self._name = name
        self._fast: FastEncoder | None = None
        self._is_settled = False
        self._took_over = False
        """Whether the fast encoder has encoded, even if it was given up later."""
        self._encoded = 0
        """Characters that were encoded, or are expected."""
        self._lock = threading.Lock()

    @property
    def has_taken_over(self) -> bool:
        """Whether the fast encoder encodes now."""
        return self._fast is not None

    def encode_batch(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The ids of some texts, without special tokens.

        Raises:
            RecipeError: see `BoundedCalls.encode_batch`.
        """
        found = self._by_fast(texts)
        return self.by_reference(texts) if found is None else found

    def by_reference(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The same, by the reference.

        Raises:
            RecipeError: see `BoundedCalls.encode_batch`.
        """
        return [np.array(encoding.ids, np.int32) for encoding in self._calls.encode_batch(self.backend, texts)]

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has.

        Raises:
            RecipeError: see `BoundedCalls.encode_batch`.
        """
        found = self._by_fast(texts)
        return list(map(len, self._calls.encode_batch(self.backend, texts) if found is None else found))

    def pays_for(self, characters: int) -> bool:
        """Whether the fast encoder saves time where so many characters are encoded."""
        return characters >= _CHARACTERS_AN_ENTRY * self.backend.get_vocab_size(with_added_tokens=True)

    def expect(self, characters: int) -> None:
        """Say that this process has so many characters to encode: there is no need to find out."""
        self._encoded += characters

    def expected_engines(self, characters: int) -> tuple[str, ...]:
        """Who encodes where a run, with all its processes, has so many characters to encode.

        The reference is always among them: it begins.
        """
        is_fast = self._took_over
        if not self._is_settled and self.pays_for(characters) and chosen() != "reference":
            is_fast = self._may_use_fast(self.backend.to_str(), ())
        return (f"{NAME} {fast_version()}", _reference_name()) if is_fast else (_reference_name(),)

    def _by_fast(self, texts: Sequence[str]) -> list[NDArray[np.int32]] | None:
        """The ids by the fast encoder; None where the reference must give them."""
        if not self._is_settled:
            self._settle(texts)
        fast = self._fast
        if fast is None:
            return None
        try:
            return list(self._calls.in_batches(texts, fast.encode_batch))
        except UnicodeEncodeError:  # for the reference to refuse
            return None
        except (ValueError, RuntimeError, RecipeError) as error:
            self._fast = None  # it is not asked again
            _tell(f"{NAME} could not encode a text, and {_reference_name()} goes on in its place ({error})")
            return None

    def _settle(self, texts: Sequence[str]) -> None:
        """Open the fast encoder if it is time to, and it may be used."""
        self._encoded += sum(map(len, texts))
        if not self.pays_for(self._encoded):
            return
        with self._lock:
            if self._is_settled:
                return
            self._fast = self._opened(texts) if chosen() != "reference" else None
            self._took_over = self._fast is not None
            self._is_settled = True

    def _opened(self, texts: Sequence[str]) -> FastEncoder | None:
        content = self.backend.to_str()
        if not self._may_use_fast(content, texts):
            return None
        try:
            fast = FastEncoder(content)
            is_equal = self._agrees(fast, texts)
        except Exception as error:  # it raises errors of many classes
            _tell(f"texts are encoded by {_reference_name()}: {NAME} cannot be opened ({error})")
            return None
        if not is_equal:
            _tell(
                f"texts are encoded by {_reference_name()}: {NAME} gave other ids for a text of this corpus under "
                f"{self._name}"
            )
        return fast if is_equal else None

    def _may_use_fast(self, content: str, texts: Sequence[str]) -> bool:
        added = [token.content for _, token in sorted(self.backend.get_added_tokens_decoder().items())]
        verdict = verdict_on(content, lambda text: self.by_reference([text])[0], added, texts)
        if not verdict.is_equal:
            _tell(f"texts are encoded by {_reference_name()} under {self._name}: {verdict.reason}")
        return verdict.is_equal

    def _agrees(self, fast: FastEncoder, texts: Sequence[str]) -> bool:
        """Whether both give the same ids for the beginnings of the texts at hand."""
        left = _TRIED_CHARACTERS
        tried: list[str] = []
        for text in texts:
            tried.append(text[:left])
            left -= len(tried[-1])
            if left <= 0:
                break
        pairs = zip(fast.encode_batch(tried), self.by_reference(tried), strict=True)
        return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def chosen() -> str:
    """The value of the environment variable.

    Raises:
        RecipeError: it has no such value.
    """
    value = os.environ.get(ENCODER_VARIABLE) or CHOICES[0]
    if value not in CHOICES:
        raise RecipeError(f"{ENCODER_VARIABLE} is {value!r}; set it to {' or '.join(CHOICES)}, or leave it out")
    return value


def choose(value: str) -> None:
    """Choose for this process and the workers that it starts."""
    os.environ[ENCODER_VARIABLE] = value


def _reference_name() -> str:
    return f"tokenizers {tokenizers.__version__}"


@cache
def _tell(message: str) -> None:
    """Say it once, and not in each worker: who starts workers asks the same question in the end."""
    if parent_process() is None:
        _log.warning("%s", message)
