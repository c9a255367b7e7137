"""The retriever's answers become samples: negatives are chosen, interleaved with the meta-chunks, and fitted.

Text is read for all samples of a unit together: each round of choosing names the chunks whose text it needs, and one
ascending pass over the corpus reads them all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.interleave import Piece, clip, interleave
from nextlong_hub.negatives import Candidate, NearDuplicates, ReadChunk, Selection, select_even, select_reference
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Reason, Sample
from nextlong_hub.store import ChunkStore
from nextlong_hub.tokens import Fitted, Tokenizer

_ATTEMPTS = 8


@dataclass(slots=True, kw_only=True)
class _Draft:
    """One sample in the making."""

    document: int
    meta_chunks: NDArray[np.int64]
    meta_texts: list[str]
    meta_tokens: int
    answers: list[list[Candidate]]
    near_duplicates: NearDuplicates
    goal_tokens: int
    read: dict[int, ReadChunk] = field(default_factory=dict)
    banned: frozenset[int] = frozenset()


class Bench:
    """Where the samples of one unit are put together: the store, the tokenizer, and every text read so far."""

    def __init__(self, *, recipe: Recipe, store: ChunkStore, tokenizer: Tokenizer, characters_per_token: float) -> None:
        self.near_duplicates = 0
        """Retrieved chunks passed over as near-copies, in the samples made so far."""
        self._recipe = recipe
        self._store = store
        self._tokenizer = tokenizer
        self._characters_per_token = characters_per_token
        self._texts: dict[int, str] = {}
        self._tokens: dict[int, int] = {}

    def synthesise(self, documents: NDArray[np.int64], answers: Sequence[list[Candidate]]) -> list[Sample | Discarded]:
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

    def _draft(self, document: int, chunks: NDArray[np.int64], answers: list[list[Candidate]]) -> _Draft:
        texts = [self._texts[chunk] for chunk in chunks.tolist()]
        return _Draft(
            document=document,
            meta_chunks=chunks,
            meta_texts=texts,
            meta_tokens=sum(self._tokens[chunk] for chunk in chunks.tolist()),
            answers=answers,
            near_duplicates=NearDuplicates(texts, self._recipe.negatives),
            goal_tokens=self._recipe.target_length,
        )

    def _settle(self, drafts: Sequence[_Draft]) -> list[Selection]:
        """Select for all drafts together, one pass over the corpus a round, until nothing is left to read."""
        selections = [self._select(draft) for draft in drafts]
        while unread := frozenset().union(*(selection.unread for selection in selections)):
            self._gather(unread)
            for number, draft in enumerate(drafts):
                for chunk in selections[number].unread:
                    copy = self._texts[chunk] in draft.near_duplicates
                    draft.read[chunk] = ReadChunk(tokens=self._tokens[chunk], near_duplicate=copy)
                if selections[number].unread:
                    selections[number] = self._select(draft)
        return selections

    def _select(self, draft: _Draft) -> Selection:
        if self._recipe.interleave.fill == "even":
            return select_even(
                draft.answers, draft.meta_tokens, draft.goal_tokens, draft.read, self._estimate_tokens, draft.banned
            )
        return select_reference(
            draft.answers,
            draft.meta_tokens,
            sum(map(len, draft.meta_texts)),
            self._recipe.target_length,
            self._recipe.chunking.chunk_characters,
            self._recipe.interleave,
            draft.read,
            self._estimate_tokens,
        )

    def _finish(self, draft: _Draft, selection: Selection) -> Sample | Discarded:
        """Fit a settled draft; where its text falls short or has no exact cut, choose again and retry."""
        target = self._recipe.target_length
        identity, source = self._store.document(draft.document)
        reason, reached = Reason.NO_EXACT_CUT, 0
        for _ in range(_ATTEMPTS):
            if selection.exhausted:
                reason, reached = Reason.TOO_FEW_NEGATIVES, selection.tokens
                break
            long_text = interleave(
                [self._piece(int(chunk)) for chunk in draft.meta_chunks],
                [[self._piece(c.chunk, c.rank, c.score) for c in followers] for followers in selection.negatives],
                self._recipe.interleave.separator,
            )
            fitted = self._tokenizer.fit(long_text.text, target)
            if isinstance(fitted, Fitted):
                self.near_duplicates += selection.near_duplicates
                return Sample(
                    id=f"{self._recipe.name}/{identity}",
                    text=long_text.text[: fitted.characters],
                    input_ids=fitted.input_ids,
                    meta_document=identity,
                    source=source,
                    segments=clip(long_text.segments, fitted.characters, fitted.token_starts),
                    truncated_tokens=fitted.total_tokens - target,
                )
            reason, reached = fitted.reason, fitted.total_tokens
            if self._recipe.interleave.fill == "reference":
                break
            if reason is Reason.BELOW_TARGET:
                draft.goal_tokens += target - fitted.total_tokens
            else:
                draft.banned |= {selection.negatives[-1][-1].chunk}
            (selection,) = self._settle([draft])
        return Discarded(meta_document=identity, reason=reason, tokens=reached)

    def _piece(self, chunk: int, rank: int = 0, score: float = 0.0) -> Piece:
        document = int(self._store.document_of(np.array([chunk]))[0])
        return Piece(
            text=self._texts[chunk],
            document=self._store.document(document)[0],
            chunk=chunk - int(self._store.first_chunk[document]),
            rank=rank,
            score=score,
        )

    def _gather(self, chunks: Iterable[int]) -> None:
        """Read the text of chunks not read before, in one ascending pass, and count their tokens."""
        missing = np.array(sorted(set(chunks) - self._texts.keys()), np.int64)
        texts = self._store.texts(missing)
        separator = self._recipe.interleave.separator
        self._texts |= texts
        self._tokens |= zip(texts, self._tokenizer.count([text + separator for text in texts.values()]), strict=True)

    def _estimate_tokens(self, chunk: int) -> float:
        return self._store.characters_of(chunk) / self._characters_per_token
