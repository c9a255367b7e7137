"""Texts in, token ids out, and the prefix of a text that has exactly the target length.

No special token is ever added, and text that spells one (`<|endoftext|>`) stays text: a document cannot fake a border
between documents.

Why cutting the ids would not do: the first T ids of a long text need not be the ids of any prefix of it. The cut may
fall inside a character (three tokens for one emoji) or a pre-token (two newlines are one token at the end of a text and
two before a letter), and decoded ids are not the text (NFC, the `▁` put in front). So the cut is made in the text, and
what is kept is encoded again from the last place before the cut where that is proven to suffice; else from its first
character.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import tokenizers
from numpy.typing import NDArray

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.method.periods import LONGEST_PERIOD, most_times_each
from nextlong_hub.records import Reason
from nextlong_hub.tokenization.bounded import BoundedCalls
from nextlong_hub.tokenization.encoding import TextEncoder
from nextlong_hub.tokenization.spellings import (
    Spellings,
    TokenSpans,
    byte_alphabet,
    byte_level_spelling,
    sentencepiece_spelling,
)
from nextlong_hub.tokenization.split_points import SplitPoints, prove, without_prefix
from nextlong_hub.tokenization.stitching import ChunkTokens, PartEncoder, Stitched

_TEXTS_PER_BATCH = 256
_BLOCK_CHARACTERS = 16_384
"""Longer texts are encoded in blocks, where that is proven to be the same: BPE over a megabyte can take three times as
long as over its parts (Mistral's SentencePiece model)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prefix of a text that has exactly the target length."""

    characters: int
    """Length of the kept prefix."""
    input_ids: NDArray[np.int32]
    """What encoding the kept prefix by itself gives. Shape: (target,)."""
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
    """A fast tokenizer that treats all input as text; made by `load_tokenizer`, cheap to send to another process."""

    def __init__(
        self, backend: tokenizers.Tokenizer, *, name: str, location: str, revision: str | None, digest: str
    ) -> None:
        self.name = name
        """The name it was loaded by."""
        self.location = location
        """What `load_tokenizer` needs to find the same files from any working folder: an absolute path, or a Hub name
        with its commit."""
        self.kept = ""
        """The folder where a run keeps a copy of its files for its tasks; see `keeping`."""
        self.revision = revision
        """The Hub commit it came from, None for a local one."""
        self.digest = digest
        """Twelve hexadecimal digits over the content that decides the ids, independent of its place."""
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        if getattr(backend.model, "dropout", None) is not None:
            backend.model.dropout = None  # training noise: the same text must have the same ids
        backend.post_processor = None  # without special tokens, all it does is to move a token's start past its spaces
        self._backend = backend
        self.calls = BoundedCalls(name, backend)
        """How the library is called, with this tokenizer or a copy of it."""
        self._encoder = TextEncoder(backend, self.calls, name)

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, special ones included; every id is below the largest id + 1."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    @property
    def split_points(self) -> SplitPoints:
        """Where a text may be split so that its parts can be tokenised separately; see the module `split_points`."""
        return self._part_encoder.split_points

    @property
    def added_tokens(self) -> dict[int, tokenizers.AddedToken]:
        """Tokens that are matched in a text as a whole, special or not, by their ids."""
        return dict(self._backend.get_added_tokens_decoder())

    def copy_backend(self) -> tokenizers.Tokenizer:
        """A copy of the library's tokenizer, as it is used here, to be altered."""
        copy = tokenizers.Tokenizer.from_str(self._backend.to_str())
        copy.encode_special_tokens = True
        return copy

    def encode(self, text: str) -> NDArray[np.int32]:
        """The ids of a text, without special tokens, encoded in one go. Shape: (tokens,)."""
        return self._encode_batch(self._encoder, [text])[0]

    def differs_from_reference(self, text: str) -> bool | None:
        """Whether the ids of a text are other ones by the reference; None where the reference makes them anyway."""
        if not self._encoder.has_taken_over:
            return None
        return not np.array_equal(self.encode(text), self._encoder.by_reference([text])[0])

    def expect(self, characters: int) -> None:
        """Say that this process has so many characters to encode, which decides who encodes them."""
        self._encoder.expect(characters)

    def engines(self, characters: int) -> tuple[str, ...]:
        """The programs, with their versions, that encode where there are so many characters to encode."""
        return self._encoder.expected_engines(characters)

    def decode(self, ids: NDArray[np.int32]) -> str:
        """The text of some ids, control tokens spelled out; encoding it need not give the same ids.

        Raises:
            DataError: there is an id that no token of this tokenizer has.
        """
        largest = int(ids.max(initial=0))
        if largest > self._largest_id:
            raise DataError(
                f"there is a token {largest:,}, but the largest of {self.name} is {self._largest_id:,}; name the "
                "tokenizer that these tokens were made with"
            )
        return str(self._backend.decode(ids.tolist(), skip_special_tokens=False))

    @cached_property
    def _largest_id(self) -> int:
        return max(self._backend.get_vocab(with_added_tokens=True).values())

    def like(self, backend: tokenizers.Tokenizer) -> "Tokenizer":
        """A tokenizer of the same files with another backend: a copy of this one's that was altered."""
        return Tokenizer(backend, name=self.name, location=self.location, revision=self.revision, digest=self.digest)

    def encode_with_starts(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids of a text encoded in one go, and each token's first character, ascending. Shapes: (tokens,)."""
        ids = self.encode(text)
        return ids, self.starts(text, ids)

    def starts(self, text: str, ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """First character of each token of a text that encodes to these ids, ascending. Shape: (tokens,)."""
        return self._spans(text, ids, True).starts

    def encode_with_spans(self, text: str) -> tuple[NDArray[np.int32], TokenSpans]:
        """The same, and where each token ends."""
        if self._spellings is None or self.split_points.prefixed:  # what is put in front is in no spelling
            encoding = self.calls.encode(self._backend, text)
            return np.array(encoding.ids, np.int32), _spans_of(encoding)
        ids = self.encode(text)
        return ids, self._spans(text, ids, True)

    def count(self, texts: Sequence[str], *, threads: int = 1) -> list[int]:
        """How many tokens each text has by itself.

        Args:
            texts: Any number of them; memory is bounded by the longest few hundred.
            threads: Encode on this many threads at once; more than 1 only where no other process is busy.
        """
        batches = [list(texts[start : start + _TEXTS_PER_BATCH]) for start in range(0, len(texts), _TEXTS_PER_BATCH)]
        if threads <= 1 or len(batches) <= 1:
            return list(chain.from_iterable(map(self._encoder.count, batches)))
        with ThreadPoolExecutor(threads) as pool:
            return list(chain.from_iterable(pool.map(self._encoder.count, batches)))

    def fit(self, text: str, target: int) -> Fitted | Unfitted:
        """Keep the prefix of a text that has exactly `target` tokens when it is encoded by itself (NExtLong, Alg. 1).

        The first cut tried is the end of the text's own token number `target`. When that prefix has another number of
        tokens, the nearest exact cut around it is taken, of two equally near the longer.

        Raises:
            RecipeError: the target is below 1.
        """
        if target < 1:
            raise RecipeError(f"a target length of {target} tokens was asked for; it must be at least 1")
        whole = self.stitch(text, [(0, len(text))], [_UNKNOWN])
        cut = next(whole.exact_cuts(target), None)
        if cut is None:
            is_short = whole.total_tokens < target
            reason = Reason.BELOW_TARGET if is_short else Reason.NO_EXACT_CUT
            return Unfitted(total_tokens=whole.total_tokens, reason=reason)
        ids = whole.keep(cut).input_ids
        return Fitted(characters=cut, input_ids=ids, total_tokens=whole.total_tokens)

    def tokenise_chunks(
        self, chunks: Sequence[str], separator: str, longest_period: int = LONGEST_PERIOD
    ) -> list[ChunkTokens]:
        """Tokenise chunks once, for all texts that will contain them.

        Args:
            chunks: their texts.
            separator: the text behind each of them.
            longest_period: tokens of the longest n-gram that is looked for on end.
        """
        known: list[ChunkTokens] = []
        for start in range(0, len(chunks), _TEXTS_PER_BATCH):
            batch = chunks[start : start + _TEXTS_PER_BATCH]
            encoded = self._encode_batch(self._encoder, [chunk + separator for chunk in batch])
            known += self._cores(batch, separator, encoded, most_times_each(encoded, longest_period))
        return known

    def stitch(self, text: str, spans: Sequence[tuple[int, int]], chunks: Sequence[ChunkTokens]) -> Stitched:
        """All tokens of a text made of chunks; only what stands between their cores is encoded.

        Args:
            text: the whole text.
            spans: first character of each chunk and one past its last, in order.
            chunks: what `tokenise_chunks` returned for each.
        """
        return Stitched(self._part_encoder, text, spans, chunks)

    def _cores(
        self,
        chunks: Sequence[str],
        separator: str,
        encoded: Sequence[NDArray[np.int32]],
        most_times: NDArray[np.int64],
    ) -> list[ChunkTokens]:
        """The cores of some chunks, of which each was encoded with the separator behind it."""
        points = self.split_points
        borders = [(points.first(chunk), points.last(chunk)) for chunk in chunks]
        spelled = [
            number
            for number, chunk in enumerate(chunks)
            if self._spellings and borders[number][0] is not None and not points.altered_by(chunk + separator)
        ]
        places = {}
        if self._spellings and spelled:
            own = [(chunks[number], *borders[number]) for number in spelled]
            sizes = [len(chunk.encode()) + len(separator.encode()) for chunk, _, _ in own]
            wanted = [(len(chunk[:first].encode()), len(chunk[:last].encode())) for chunk, first, last in own]
            found = self._spellings.places([encoded[number] for number in spelled], sizes, wanted)
            places = dict(zip(spelled, found.tolist(), strict=True))
        known = []
        for number, (chunk, ids, (first, last), times) in enumerate(
            zip(chunks, encoded, borders, most_times.tolist(), strict=True)
        ):
            begin, end = places.get(number, (-1, -1))
            if first is None or last is None:
                first, last, core = -1, -1, ids[:0]
            elif begin >= 0 and end >= 0:
                core = ids[begin:end]
            else:
                (core,) = self._encode_parts([chunk[first:last]], False)
            known.append(ChunkTokens(tokens=len(ids), first=first, last=last, ids=core, most_times=times))
        return known

    @cached_property
    def _part_encoder(self) -> PartEncoder:
        return PartEncoder(
            split_points=prove(self._backend),
            encode=self._encode_parts,
            spans=self._spans,
            spelled=lambda text, ids: self._spellings.spans(text, ids) if self._spellings else None,
        )

    @cached_property
    def _inner_encoder(self) -> TextEncoder:
        """Encodes a part that is not the first of its text: nothing is put in front of it."""
        if not self.split_points.prefixed:
            return self._encoder
        return TextEncoder(without_prefix(self._backend), self.calls, self.name)

    def _encode_parts(self, parts: Sequence[str], is_beginning: bool) -> list[NDArray[np.int32]]:
        """The ids of each part of one text; the first one is the text's beginning or not."""
        blocks = [list(self.split_points.blocks(part, _BLOCK_CHARACTERS)) for part in parts]
        flat = list(chain.from_iterable(blocks))
        beginning = 1 if is_beginning else 0
        ids = self._encode_batch(self._encoder, flat[:beginning]) + self._encode_batch(
            self._inner_encoder, flat[beginning:]
        )
        if len(flat) == len(parts):
            return ids
        remaining = iter(ids)
        return [np.concatenate([next(remaining) for _ in own]) for own in blocks]

    def _encode_batch(self, encoder: TextEncoder, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return encoder.encode_batch(texts)

    def _spans(self, text: str, ids: NDArray[np.int32], is_beginning: bool) -> TokenSpans:
        """Where the tokens of a text or a part lie: from their spellings, else by encoding again, at twice the cost."""
        spans = self._spellings.spans(text, ids) if self._spellings else None
        if spans is None:
            backend = (self._encoder if is_beginning else self._inner_encoder).backend
            spans = _spans_of(self.calls.encode(backend, text))
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


def _spans_of(encoding: tokenizers.Encoding) -> TokenSpans:
    """Where the tokens lie that the library has found."""
    offsets = encoding.offsets  # tuples: there is no other access
    pairs = np.fromiter(chain.from_iterable(offsets), np.int64, 2 * len(offsets))
    return TokenSpans(starts=pairs[::2], ends=pairs[1::2])


_UNKNOWN = ChunkTokens(tokens=0, first=-1, last=-1, ids=np.zeros(0, np.int32))
"""A chunk that was not tokenised before: it is encoded with its text."""
