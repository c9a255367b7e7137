"""The retriever's answers become samples: negatives are chosen, interleaved with the meta-chunks, and fitted.

Text is read for all samples of a unit together: each round of choosing names the chunks whose text it needs, and one
ascending pass over the corpus reads them all. Tokens of chunks come from the cache; others are tokenised here.

Under several tokenizers a text is as long as the one that needs most of it demands: it has exactly the target length
under that one and at least the target length under the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.method.guard import Guard, PassedOver, guard_limits
from nextlong_hub.method.interleave import ChunkText, LongText, clip, joined, laid_out
from nextlong_hub.method.near_duplicates import NearDuplicates
from nextlong_hub.method.negatives import (
    Candidate,
    Retrieved,
    Selection,
    reference_count,
    select_even,
    select_reference,
)
from nextlong_hub.method.periods import find_runs
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Reason, Sample
from nextlong_hub.retrieval import repeats_own
from nextlong_hub.retrieval.tasks import Answer
from nextlong_hub.synthesis.known_chunks import KnownChunks, TokenizerContext
from nextlong_hub.tokenization import SpecialTokens, Stitched

_ATTEMPTS = 8
_UNIT_TOKEN_BYTES = 210
"""Of memory: texts, candidates and token ids of all rows of a unit."""
_ROW_TOKEN_BYTES = 500
"""Of memory: what encoding one row takes at its peak, and what the allocator keeps of it."""


def estimate_memory_bytes(recipe: Recipe) -> int:
    """What a process takes to make the rows of a unit, besides the text and the index that it maps."""
    unit_tokens = recipe.output.unit_documents * recipe.target_length
    return _UNIT_TOKEN_BYTES * unit_tokens + _ROW_TOKEN_BYTES * recipe.target_length


@dataclass(slots=True, kw_only=True)
class _Draft:
    """One sample in the making."""

    document: int
    meta_chunks: NDArray[np.int64]
    excess_tokens: int = 0
    """By how many tokens the joined text has turned out longer than its parts."""
    answers: list[list[Candidate]]
    own_ranks: list[int]
    """See `Answer`."""
    near_duplicates: NearDuplicates
    binding: int
    """The tokenizer that needs most text, as far as is known."""
    goal_tokens: int
    read: set[int]
    """Chunks whose text was read for it, its own among them."""
    copies: dict[int, bool] = field(default_factory=dict)
    """Whether a chunk is a near-copy of a meta-chunk, as far as it was asked."""
    banned: frozenset[int] = frozenset()
    repeating: frozenset[int] = frozenset()
    """Chunks that, beside their neighbours, repeated a few tokens too often on end."""
    limits: tuple[float, ...]
    """Of the guard; see `guard_limits`."""
    relaxed: int = 0
    """How many of them were tried in vain."""
    guard: Guard | None = None
    """Of this attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rejected:
    """Why a text gave no sample, and how many tokens it had."""

    reason: Reason
    tokens: int
    is_overfull: bool = False
    """It reaches the target before its last meta-chunk has ended: fewer negatives belong in front of that."""
    repeating: frozenset[int] = frozenset()
    """Negatives, by chunk number, without which the row would not repeat a few tokens too often on end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSample:
    """A sample with what each tokenizer makes of it."""

    sample: Sample
    token_counts: tuple[int, ...]
    """Tokens of the row under each tokenizer, in their order."""
    passed_over: Mapping[PassedOver, int]
    """Retrieved chunks that were passed over, by reason."""
    is_relaxed: bool
    """The answers ended before the row was full, so that its guard had to be relaxed."""
    cut_meta_chunks: int
    """Meta-chunks that the row lacks, all of them or a part, because it is cut before they end."""


class SampleBuilder:
    """Makes the samples of one unit."""

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
        self._recipe = recipe
        self._store = store
        self._tokenizers = tokenizers
        self._special_tokens = special_tokens
        self._target = recipe.target_length - special_tokens.tokens
        self._chunks = KnownChunks(recipe, store, tokenizers)
        self._barred = frozenset(store.barred_chunks.tolist())
        self._may_repeat = repeats_own(recipe.retrieval)
        self._binding = max(range(len(tokenizers)), key=lambda number: tokenizers[number].characters_per_token)

    def synthesise(self, documents: NDArray[np.int64], answers: Sequence[Answer]) -> list[BuiltSample | Discarded]:
        """One outcome a document, in order; `answers` are those of all their meta-chunks, in order."""
        first = self._store.first_chunk
        chunks = [np.arange(first[d], first[d + 1]) for d in documents]
        self._chunks.gather(int(c) for document_chunks in chunks for c in document_chunks)
        remaining = iter(answers)
        outcomes: dict[int, BuiltSample | Discarded] = {}
        drafts: dict[int, _Draft] = {}
        for document, own in zip(documents.tolist(), chunks, strict=True):
            answered = [next(remaining) for _ in own]
            if any(map(self._chunks.repeats_on_end, own.tolist())):
                identity, _ = self._store.document(document)
                outcomes[document] = Discarded(meta_document=identity, reason=Reason.REPEATED_ON_END, tokens=0)
            else:
                drafts[document] = self._draft(document, own, answered)
        for draft, selection in zip(drafts.values(), self._settle(list(drafts.values())), strict=True):
            outcomes[draft.document] = self._finish(draft, selection)
        return [outcomes[document] for document in documents.tolist()]

    def _draft(self, document: int, chunks: NDArray[np.int64], answers: Sequence[Answer]) -> _Draft:
        settings = self._recipe.negatives
        draft = _Draft(
            document=document,
            meta_chunks=chunks,
            answers=[answer.candidates for answer in answers],
            own_ranks=[answer.own_rank for answer in answers],
            near_duplicates=NearDuplicates(map(self._chunks.shingles, chunks.tolist()), settings),
            binding=self._binding,
            goal_tokens=self._target,
            read=set(chunks.tolist()),
            limits=guard_limits(settings),
        )
        self._start(draft)
        return draft

    def _start(self, draft: _Draft) -> None:
        """Begin an attempt: its selection starts with an empty row."""
        limits = draft.limits[draft.relaxed :]
        draft.guard = self._chunks.guard(draft.meta_chunks.tolist(), limits[0]) if limits else None

    def _relax(self, draft: _Draft) -> bool:
        """Go on to the next limit of the guard, behind the last one to none; False when there was none already."""
        if draft.guard is None:
            return False
        draft.relaxed += 1
        self._start(draft)
        return True

    def _settle(self, drafts: Sequence[_Draft]) -> list[Selection]:
        """Select for all drafts together, one pass over the corpus a round, until nothing is left to read."""
        selections = [self._select(draft) for draft in drafts]
        while unread := frozenset[int]().union(*(selection.unread for selection in selections)):
            self._chunks.gather(unread)
            for number, draft in enumerate(drafts):
                draft.read |= selections[number].unread
                if selections[number].unread:
                    selections[number] = self._select(draft)
        return selections

    def _select(self, draft: _Draft) -> Selection:
        """Select in one round; where the answers end before the row is full, with a laxer guard."""
        selection = self._select_once(draft)
        while self._is_short(selection) and not selection.unread and self._relax(draft):
            selection = self._select_once(draft)
        return selection

    def _is_short(self, selection: Selection) -> bool:
        """Whether a selection is known to be too short; `fill = "reference"` leaves that to the tokenizer."""
        return selection.exhausted and self._recipe.interleave.fill == "even"

    def _select_once(self, draft: _Draft) -> Selection:
        meta_chunks = draft.meta_chunks.tolist()
        characters_per_token = self._tokenizers[draft.binding].characters_per_token

        def tokens_of(chunk: int) -> float:
            if chunk in draft.read:
                return self._chunks.tokens(chunk, draft.binding).tokens
            return self._store.characters_of(chunk) / characters_per_token

        def is_copy(chunk: int) -> bool:
            found = draft.copies.get(chunk)
            if found is None:
                found = draft.copies[chunk] = self._chunks.shingles(chunk) in draft.near_duplicates
            return found

        retrieved = Retrieved(
            answers=draft.answers,
            meta_tokens=draft.excess_tokens + sum(map(tokens_of, meta_chunks)),
            read=draft.read,
            tokens_of=tokens_of,
            is_copy=is_copy,
            repeats_on_end=lambda chunk: chunk in draft.repeating or self._chunks.repeats_on_end(chunk),
            banned=draft.banned,
            barred=self._barred,
            first_rank=self._recipe.negatives.first_rank,
            guard=draft.guard,
            may_repeat=self._may_repeat,
        )
        if self._recipe.interleave.fill == "even":
            return select_even(retrieved, draft.goal_tokens)
        each = reference_count(
            self._recipe.target_length,
            [len(self._chunks.texts[chunk]) for chunk in meta_chunks],
            self._recipe.chunking.chunk_characters,
            self._recipe.interleave,
        )
        return select_reference(retrieved, each)

    def _finish(self, draft: _Draft, selection: Selection) -> BuiltSample | Discarded:
        """Fit a settled draft; where its text falls short or has no exact cut, choose again and retry."""
        identity, _ = self._store.document(draft.document)
        rejected = _Rejected(reason=Reason.NO_EXACT_CUT, tokens=0)
        for _ in range(_ATTEMPTS):
            if self._is_short(selection):
                rejected = _Rejected(reason=Reason.TOO_FEW_NEGATIVES, tokens=selection.tokens)
                break
            outcome = self._fit(draft, selection)
            if isinstance(outcome, BuiltSample):
                return outcome
            rejected = outcome
            if rejected.reason is Reason.REPEATED_ON_END:
                if not rejected.repeating:
                    break
                draft.repeating |= rejected.repeating
            elif self._recipe.interleave.fill == "reference":
                ended = rejected.reason is Reason.BELOW_TARGET and selection.exhausted
                if not (ended and self._relax(draft)):
                    break
            elif rejected.reason is Reason.BELOW_TARGET:
                draft.goal_tokens += self._target - rejected.tokens
            elif rejected.is_overfull:
                draft.excess_tokens += max(1, rejected.tokens - selection.tokens)
            else:
                draft.banned |= {selection.negatives[-1][-1].chunk}
            self._start(draft)
            (selection,) = self._settle([draft])
        reason = Reason.NEAR_DUPLICATES if self._is_crowded_out(draft, rejected) else rejected.reason
        return Discarded(meta_document=identity, reason=reason, tokens=rejected.tokens)

    def _is_crowded_out(self, draft: _Draft, rejected: _Rejected) -> bool:
        """Whether a text that is too short would be about long enough with the near-copies that were passed over."""
        if rejected.reason not in (Reason.TOO_FEW_NEGATIVES, Reason.BELOW_TARGET):
            return False
        characters = sum(self._store.characters_of(chunk) for chunk, is_copy in draft.copies.items() if is_copy)
        return rejected.tokens + characters / self._tokenizers[draft.binding].characters_per_token >= self._target

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
            context.tokenizer.stitch(long_text.text, spans, [self._chunks.tokens(one.chunk, number) for one in order])
            for number, context in enumerate(self._tokenizers)
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
        repeating = self._repeating(order, long_text, [(one, one.prefix(cut)) for one in stitched])
        if repeating is not None:
            return _Rejected(
                reason=Reason.REPEATED_ON_END, tokens=stitched[draft.binding].total_tokens, repeating=repeating
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
            sample=sample,
            token_counts=tuple(count + self._special_tokens.tokens for count in token_counts),
            passed_over=selection.passed_over,
            is_relaxed=draft.relaxed > 0,
            cut_meta_chunks=sum(one.role == "meta" and one.end > cut for one in long_text.segments),
        )

    def _repeating(
        self,
        order: Sequence[Candidate],
        long_text: LongText,
        encoded: Sequence[tuple[Stitched, NDArray[np.int32]]],
    ) -> frozenset[int] | None:
        """The last negative in each run that no row may hold, of chunks that had none by themselves; None without one.

        Args:
            order: the chunks of the text.
            long_text: the text.
            encoded: under each tokenizer the whole text, and the ids of the part that is kept.
        """
        settings = self._recipe.repetition
        if not settings.times:
            return None
        found: set[int] = set()
        is_found = False
        for stitched, ids in encoded:
            for start, stop, _ in find_runs(ids, settings.longest_tokens, settings.times).tolist():
                is_found = True
                first, last = stitched.end_of(start + 1), stitched.end_of(min(stop, stitched.total_tokens))
                touched = [
                    one.chunk
                    for one, segment in zip(order, long_text.segments, strict=True)
                    if one.rank and segment.start < last and segment.end >= first
                ]
                found.update(touched[-1:])
        return frozenset(found) if is_found else None

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
            text=self._chunks.texts[chosen.chunk],
            document=self._store.document(document)[0],
            chunk=chosen.chunk - int(self._store.first_chunk[document]),
            rank=chosen.rank,
            score=chosen.score,
            own_rank=chosen.own_rank,
        )


def _start_of_last_negatives(long_text: LongText) -> int:
    """The character at which the negatives of the last meta-chunk begin; the text's end when it has none."""
    last = max(number for number, segment in enumerate(long_text.segments) if segment.role == "meta")
    behind = long_text.segments[last + 1 : last + 2]
    return behind[0].start if behind else len(long_text.text)
