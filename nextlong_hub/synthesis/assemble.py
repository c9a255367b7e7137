"""The retriever's answers become samples: negatives are chosen, interleaved with the meta-chunks, and fitted.

Text is read for all samples of a unit together: each round of choosing names the chunks whose text it needs, and one
ascending pass over the corpus reads them all. Tokens of chunks come from the cache; others are tokenised here.

Under several tokenizers a text is as long as the one that needs most of it demands: it has exactly the target length
under that one and at least the target length under the others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.method.interleave import ChunkText, LongText, clip, joined, laid_out
from nextlong_hub.method.near_duplicates import NearDuplicates
from nextlong_hub.method.negatives import Candidate, ReadChunk, Selection, select_even, select_reference
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Reason, Sample
from nextlong_hub.retrieval import repeats_own
from nextlong_hub.retrieval.tasks import Answer
from nextlong_hub.tokenization import ChunkTokens, SpecialTokens, Stitched, TokenCache, Tokenizer

_ATTEMPTS = 8
_UNIT_TOKEN_BYTES = 210
"""Of memory: texts, candidates and token ids of all rows of a unit."""
_ROW_TOKEN_BYTES = 500
"""Of memory: what encoding one row takes at its peak, and what the allocator keeps of it."""


def estimate_memory_bytes(recipe: Recipe) -> int:
    """What a process takes to make the rows of a unit, besides the text and the index that it maps."""
    unit_tokens = recipe.output.unit_documents * recipe.target_length
    return _UNIT_TOKEN_BYTES * unit_tokens + _ROW_TOKEN_BYTES * recipe.target_length


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerContext:
    """What one tokenizer knows of a unit's chunks."""

    tokenizer: Tokenizer
    cache: TokenCache
    """Chunks it has tokenised before."""
    characters_per_token: float
    """Of the corpus, to estimate the tokens of chunks before they are read."""
    known: dict[int, ChunkTokens] = field(default_factory=dict)
    """What it knows of the chunks of this unit."""


@dataclass(slots=True, kw_only=True)
class _Draft:
    """One sample in the making."""

    document: int
    meta_chunks: NDArray[np.int64]
    meta_texts: list[str]
    excess_tokens: int = 0
    """By how many tokens the joined text has turned out longer than its parts."""
    answers: list[list[Candidate]]
    own_ranks: list[int]
    """See `Answer`."""
    near_duplicates: NearDuplicates
    binding: int
    """The tokenizer that needs most text, as far as is known."""
    goal_tokens: int
    copies: dict[int, bool] = field(default_factory=dict)
    """For each chunk whose text was read, whether it is a near-copy of a meta-chunk."""
    banned: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rejected:
    """Why a text gave no sample, and how many tokens it had."""

    reason: Reason
    tokens: int
    is_overfull: bool = False
    """It reaches the target before its last meta-chunk has ended: fewer negatives belong in front of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSample:
    """A sample with what each tokenizer makes of it."""

    sample: Sample
    token_counts: tuple[int, ...]
    """Tokens of the row under each tokenizer, in their order."""


class SampleBuilder:
    """Makes the samples of one unit; it keeps every text that it has read."""

    def __init__(
        self,
        *,
        recipe: Recipe,
        store: ChunkStore,
        tokenizers: Sequence[TokenizerContext],
        special_tokens: SpecialTokens,
    ) -> None:
        """Start with no text read.

        Args:
            recipe: what to make.
            store: the corpus.
            tokenizers: the tokenizers; ids and token counts of a row are those of the first.
            special_tokens: what its ids stand between.
        """
        self.near_duplicates = 0
        """Retrieved chunks passed over as near-copies, in the samples made so far."""
        self._recipe = recipe
        self._store = store
        self._tokenizers = tokenizers
        self._special_tokens = special_tokens
        self._target = recipe.target_length - special_tokens.tokens
        self._texts: dict[int, str] = {}
        self._may_repeat = repeats_own(recipe.retrieval)
        self._binding = max(range(len(tokenizers)), key=lambda number: tokenizers[number].characters_per_token)

    def synthesise(self, documents: NDArray[np.int64], answers: Sequence[Answer]) -> list[BuiltSample | Discarded]:
        """One outcome a document, in order; `answers` are those of all their meta-chunks, in order."""
        first = self._store.first_chunk
        chunks = [np.arange(first[d], first[d + 1]) for d in documents]
        self._gather(int(c) for document_chunks in chunks for c in document_chunks)
        remaining = iter(answers)
        drafts = [
            self._draft(int(document), own, [next(remaining) for _ in own])
            for document, own in zip(documents, chunks, strict=True)
        ]
        return [self._finish(draft, selection) for draft, selection in zip(drafts, self._settle(drafts), strict=True)]

    def _draft(self, document: int, chunks: NDArray[np.int64], answers: Sequence[Answer]) -> _Draft:
        texts = [self._texts[chunk] for chunk in chunks.tolist()]
        return _Draft(
            document=document,
            meta_chunks=chunks,
            meta_texts=texts,
            answers=[answer.candidates for answer in answers],
            own_ranks=[answer.own_rank for answer in answers],
            near_duplicates=NearDuplicates(texts, self._recipe.negatives),
            binding=self._binding,
            goal_tokens=self._target,
        )

    def _settle(self, drafts: Sequence[_Draft]) -> list[Selection]:
        """Select for all drafts together, one pass over the corpus a round, until nothing is left to read."""
        selections = [self._select(draft) for draft in drafts]
        while unread := frozenset().union(*(selection.unread for selection in selections)):
            self._gather(unread)
            for number, draft in enumerate(drafts):
                for chunk in selections[number].unread:
                    draft.copies[chunk] = not self._may_repeat and self._texts[chunk] in draft.near_duplicates
                if selections[number].unread:
                    selections[number] = self._select(draft)
        return selections

    def _select(self, draft: _Draft) -> Selection:
        context = self._tokenizers[draft.binding]
        meta_tokens = draft.excess_tokens + sum(context.known[chunk].tokens for chunk in draft.meta_chunks.tolist())
        read = {
            chunk: ReadChunk(tokens=context.known[chunk].tokens, near_duplicate=copy)
            for chunk, copy in draft.copies.items()
        }

        def estimate(chunk: int) -> float:
            return self._store.characters_of(chunk) / context.characters_per_token

        if self._recipe.interleave.fill == "even":
            return select_even(
                draft.answers, meta_tokens, draft.goal_tokens, read, estimate, draft.banned, self._may_repeat
            )
        return select_reference(
            draft.answers,
            meta_tokens,
            sum(map(len, draft.meta_texts)),
            self._recipe.target_length,
            self._recipe.chunking.chunk_characters,
            self._recipe.interleave,
            read,
            estimate,
            self._may_repeat,
        )

    def _finish(self, draft: _Draft, selection: Selection) -> BuiltSample | Discarded:
        """Fit a settled draft; where its text falls short or has no exact cut, choose again and retry."""
        identity, _ = self._store.document(draft.document)
        rejected = _Rejected(reason=Reason.NO_EXACT_CUT, tokens=0)
        for _ in range(_ATTEMPTS):
            if selection.exhausted:
                rejected = _Rejected(reason=Reason.TOO_FEW_NEGATIVES, tokens=selection.tokens)
                break
            outcome = self._fit(draft, selection)
            if isinstance(outcome, BuiltSample):
                self.near_duplicates += selection.near_duplicates
                return outcome
            rejected = outcome
            if self._recipe.interleave.fill == "reference":
                break
            if rejected.reason is Reason.BELOW_TARGET:
                draft.goal_tokens += self._target - rejected.tokens
            elif rejected.is_overfull:
                draft.excess_tokens += max(1, rejected.tokens - selection.tokens)
            else:
                draft.banned |= {selection.negatives[-1][-1].chunk}
            (selection,) = self._settle([draft])
        return Discarded(meta_document=identity, reason=rejected.reason, tokens=rejected.tokens)

    def _fit(self, draft: _Draft, selection: Selection) -> BuiltSample | _Rejected:
        """Lay out the text of a settled draft and cut it."""
        identity, source = self._store.document(draft.document)
        meta_chunks = [
            Candidate(chunk=chunk, rank=0, score=0.0, own_rank=own_rank)
            for chunk, own_rank in zip(draft.meta_chunks.tolist(), draft.own_ranks, strict=True)
        ]
        order = laid_out(meta_chunks, selection.negatives, self._recipe.interleave.layout)
        long_text = joined(map(self._piece, order), self._recipe.interleave.separator)
        spans = [(segment.start, segment.end) for segment in long_text.segments]
        stitched = [
            context.tokenizer.stitch(long_text.text, spans, [context.known[one.chunk] for one in order])
            for context in self._tokenizers
        ]
        shortest = min(range(len(stitched)), key=lambda number: stitched[number].total_tokens)
        if stitched[shortest].total_tokens < self._target:
            draft.binding = shortest
            return _Rejected(reason=Reason.BELOW_TARGET, tokens=stitched[shortest].total_tokens)
        cut = next(self._cuts(long_text, stitched), None)
        if cut is None:
            return _Rejected(
                reason=Reason.NO_EXACT_CUT,
                tokens=stitched[draft.binding].total_tokens,
                is_overfull=max(one.end_of(self._target) for one in stitched) <= _start_of_last_negatives(long_text),
            )
        kept = stitched[0].keep(cut)
        token_counts = (len(kept.input_ids), *(one.count(cut) for one in stitched[1:]))
        sample = Sample(
            id=f"{self._recipe.name}/{identity}",
            text=long_text.text[:cut],
            input_ids=self._special_tokens.around(kept.input_ids),
            meta_document=identity,
            source=source,
            segments=clip(long_text.segments, cut, kept.chunk_tokens),
            truncated_tokens=stitched[0].total_tokens - len(kept.input_ids),
        )
        return BuiltSample(
            sample=sample, token_counts=tuple(count + self._special_tokens.tokens for count in token_counts)
        )

    def _cuts(self, long_text: LongText, stitched: Sequence[Stitched]) -> Iterator[int]:
        """Places to cut, best first: exactly the target under one tokenizer, no less under the others.

        What is cut is a negative (`fill = "even"`): a cut before the last meta-chunk has ended is none.
        """
        earliest = _start_of_last_negatives(long_text) + 1 if self._recipe.interleave.fill == "even" else 1
        needs = sorted(range(len(stitched)), key=lambda number: (-stitched[number].end_of(self._target), number))
        for number in needs:
            others = [one for other, one in enumerate(stitched) if other != number]
            for cut in stitched[number].exact_cuts(self._target):
                if cut >= earliest and all(one.count(cut) >= self._target for one in others):
                    yield cut

    def _piece(self, chosen: Candidate) -> ChunkText:
        document = int(self._store.document_of(np.array([chosen.chunk]))[0])
        return ChunkText(
            text=self._texts[chosen.chunk],
            document=self._store.document(document)[0],
            chunk=chosen.chunk - int(self._store.first_chunk[document]),
            rank=chosen.rank,
            score=chosen.score,
            own_rank=chosen.own_rank,
        )

    def _gather(self, chunks: Iterable[int]) -> None:
        """Read the text of chunks not read before, in one ascending pass, and learn their tokens."""
        missing = np.array(sorted(set(chunks) - self._texts.keys()), np.int64)
        texts = self._store.texts(missing)
        self._texts |= texts
        for context in self._tokenizers:
            context.known.update(_look_up(context, texts, self._recipe.interleave.separator))


def _look_up(context: TokenizerContext, texts: Mapping[int, str], separator: str) -> dict[int, ChunkTokens]:
    """What a tokenizer knows of chunks, or now finds out."""
    cached = {chunk: found for chunk in texts if (found := context.cache.get(chunk)) is not None}
    others = [chunk for chunk in texts if chunk not in cached]
    new = context.tokenizer.tokenise_chunks([texts[chunk] for chunk in others], separator)
    return {**cached, **dict(zip(others, new, strict=True))}


def _start_of_last_negatives(long_text: LongText) -> int:
    """The character at which the negatives of the last meta-chunk begin; the text's end when it has none."""
    last = max(number for number, segment in enumerate(long_text.segments) if segment.role == "meta")
    behind = long_text.segments[last + 1 : last + 2]
    return behind[0].start if behind else len(long_text.text)
