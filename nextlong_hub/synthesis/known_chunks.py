"""The chunks of one unit: their texts, each read once, and what is known of them under each tokenizer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.words import run_digests
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.method.guard import GUARD_RUN_TOKENS, Guard, ShingleOverlap, TokenOverlap
from nextlong_hub.method.near_duplicates import shingles_of
from nextlong_hub.method.repeats import different
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization import ChunkTokens, Tokenizer
from nextlong_hub.tokenization.cache import TokenCache

_LEAST_CORE = 0.5
"""Share of a chunk's characters from which its core stands for the chunk when its runs of tokens are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerContext:
    """What one tokenizer knows of a unit's chunks."""

    tokenizer: Tokenizer
    cache: TokenCache
    """Chunks it has tokenised before."""
    characters_per_token: float
    """Of the corpus, to estimate the tokens of chunks before they are read."""


class KnownChunks:
    """Reads chunks in ascending passes over the corpus, and keeps what it has read."""

    def __init__(self, recipe: Recipe, store: ChunkStore, tokenizers: Sequence[TokenizerContext]) -> None:
        """Start with no text read.

        Args:
            recipe: what is made of them.
            store: the corpus.
            tokenizers: the tokenizers; runs of tokens are those of the first.
        """
        self.texts: dict[int, str] = {}
        """By chunk number."""
        self._separator = recipe.interleave.separator
        self._repetition = recipe.repetition
        self._guard = recipe.negatives.guard
        self._store = store
        self._tokenizers = tokenizers
        self._tokens: list[dict[int, ChunkTokens]] = [{} for _ in tokenizers]
        self._repeating: set[int] = set()
        """Chunks that have been read, and that no row may hold for what they repeat on end."""
        self._shingle_words = recipe.negatives.shingle_words
        self._shingles: dict[int, NDArray[np.uint64]] = {}
        self._runs: dict[int, NDArray[np.uint64]] = {}

    def gather(self, chunks: Iterable[int]) -> None:
        """Read the text of chunks not read before, in one ascending pass, and tokenise together what is not cached."""
        numbers = np.array(sorted(set(chunks) - self.texts.keys()), np.int64)
        self.texts |= self._store.texts(numbers)
        unread = numbers.tolist()
        for context, known in zip(self._tokenizers, self._tokens, strict=True):
            known |= context.cache.find(numbers)
            others = [chunk for chunk in unread if chunk not in known]
            texts = [self.texts[chunk] for chunk in others]
            made = context.tokenizer.tokenise_chunks(texts, self._separator, self._repetition.longest_tokens)
            known |= zip(others, made, strict=True)
        if self._repetition.times > 0:
            self._repeating |= {
                chunk for known in self._tokens for chunk in unread if self._repetition.forbids(known[chunk].most_times)
            }

    def tokens(self, chunk: int, tokenizer: int = 0) -> ChunkTokens:
        """What a tokenizer, by its number, knows of a chunk that has been read."""
        return self._tokens[tokenizer][chunk]

    def repeats_on_end(self, chunk: int) -> bool:
        """Whether no row may hold a chunk, which has been read, for what it repeats on end under some tokenizer."""
        return chunk in self._repeating

    def shingles(self, chunk: int) -> NDArray[np.uint64]:
        """The different shingles of a chunk that has been read. Shape: (shingles,)."""
        found = self._shingles.get(chunk)
        if found is None:
            found = self._shingles[chunk] = shingles_of(self.texts[chunk], self._shingle_words)
        return found

    def guard(self, meta_chunks: Sequence[int], limit: float) -> Guard:
        """What passes over the chunks that repeat a row with these meta-chunks, from a share of `limit` on."""
        if self._guard == "shingles":
            return Guard(ShingleOverlap(self.shingles), limit)
        return Guard(TokenOverlap(self._token_runs, meta_chunks), limit)

    def _token_runs(self, chunk: int) -> NDArray[np.uint64]:
        """The different runs of tokens of a chunk that has been read; those that its neighbours decide are left out.

        Shape: (runs,).
        """
        found = self._runs.get(chunk)
        if found is None:
            core, text = self.tokens(chunk), self.texts[chunk]
            has_core = core.first >= 0 and core.last - core.first >= _LEAST_CORE * len(text)
            ids = core.ids if has_core else self._tokenizers[0].tokenizer.encode(text)
            found = self._runs[chunk] = different(run_digests(ids.astype(np.uint64), GUARD_RUN_TOKENS))
        return found
