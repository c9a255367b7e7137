"""What a worker does to fit documents: each is measured, cut, split or left out."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import PackableDocument, UnitCounts, write_documents, write_samples
from nextlong_hub.documents.fit import settings_of
from nextlong_hub.documents.lineage import segments_of, whole_segment
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, PackedRow, Reason, Sample, Segment
from nextlong_hub.tokenization import Fitted, SpecialTokens, Tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference

_SHORTER_CUTS = 64
"""A packed document need not fill its row: where no prefix has exactly so many tokens, up to so many fewer will do."""
_GUESSED_CHARACTERS_PER_TOKEN = 8
"""A piece is looked for in so many characters a token; in more, where they are not enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitUnit(Task[UnitCounts]):
    """Fit whole documents to the target length, or, to be packed, to a row of that length at most."""

    stage: ClassVar[str] = "fit"

    store: InputPath
    start: int
    """First document."""
    stop: int
    recipe: Recipe
    tokenizer: TokenizerReference
    special_tokens: SpecialTokens

    def run(self) -> UnitCounts:
        """See `Task.run`."""
        fitter = _Fitter(recipe=self.recipe, tokenizer=self.tokenizer.open(), special_tokens=self.special_tokens)
        store = open_store(self.store)
        texts = store.texts(np.arange(self.start, self.stop))  # each document is one chunk
        documents = [_Document(*store.document(number), text, store.segments(number)) for number, text in texts.items()]
        if self.recipe.pack:
            pieces = [_pack_document(fitter, document) for document in documents]
            return write_documents(self.output, pieces, self.recipe)
        samples = [_fit_document(fitter, document) for document in documents]
        return write_samples(self.output, samples, self.recipe)


class _Document(NamedTuple):
    """One document of the corpus."""

    id: str
    source: str
    text: str
    segments: str
    """Those that it has of its own, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitter:
    """What every document of a unit is fitted with."""

    recipe: Recipe
    tokenizer: Tokenizer
    special_tokens: SpecialTokens

    @property
    def most_tokens(self) -> int:
        """Most tokens of a row's text, its special tokens not counted."""
        return self.recipe.target_length - self.special_tokens.tokens

    def segments(self, document: _Document, text: str, tokens: int, *, offset: int = 0) -> tuple[Segment, ...]:
        """The segments of a document's text, or of a part of it that begins at `offset`."""
        if not document.segments:
            return (whole_segment(document.id, len(text), tokens),)
        return segments_of(document.id, document.segments, text, self.tokenizer, offset=offset)


def _fit_document(fitter: _Fitter, document: _Document) -> Sample | Discarded:
    """One document, cut, left as it is, or discarded, as the recipe says."""
    identity, text = document.id, document.text
    settings = settings_of(fitter.recipe)
    fitted = fitter.tokenizer.fit(text, fitter.most_tokens)
    total = fitted.total_tokens
    if isinstance(fitted, Fitted) and (total == fitter.most_tokens or settings.truncate):
        characters, input_ids = fitted.characters, fitted.input_ids
    elif 0 < total < fitter.most_tokens and not settings.discard:
        characters, input_ids = len(text), fitter.tokenizer.encode(text)
    else:
        reason = Reason.OVER_TARGET if isinstance(fitted, Fitted) else fitted.reason
        return Discarded(meta_document=identity, reason=reason if total else Reason.NO_TOKENS, tokens=total)
    return Sample(
        id=f"{fitter.recipe.name}/{identity}",
        text=text[:characters],
        input_ids=fitter.special_tokens.around(input_ids),
        meta_document=identity,
        source=document.source,
        segments=fitter.segments(document, text[:characters], len(input_ids)),
        truncated_tokens=total - len(input_ids),
    )


def _pack_document(fitter: _Fitter, document: _Document) -> PackableDocument | Discarded:
    """One document as it is or, when it is longer than a row, cut, split or discarded, as the recipe says."""
    identity, text = document.id, document.text
    settings = settings_of(fitter.recipe)
    input_ids = fitter.tokenizer.encode(text)
    total = len(input_ids)
    if total == 0:
        return Discarded(meta_document=identity, reason=Reason.NO_TOKENS, tokens=0)
    if total > fitter.most_tokens and settings.discard:
        return Discarded(meta_document=identity, reason=Reason.OVER_TARGET, tokens=total)
    cuts: list[tuple[int, int, NDArray[np.int32]]] | None = [(0, len(text), input_ids)]
    if total > fitter.most_tokens:
        cuts = split_text(fitter.tokenizer, text, fitter.most_tokens, most=1 if settings.truncate else None)
    if cuts is None:
        return Discarded(meta_document=identity, reason=Reason.NO_EXACT_CUT, tokens=total)
    return PackableDocument(
        rows=tuple(_one_document(fitter, document, text[a:b], ids, offset=a) for a, b, ids in cuts),
        truncated_tokens=total - len(cuts[0][2]) if settings.truncate else 0,
    )


def split_text(
    tokenizer: Tokenizer, text: str, capacity: int, most: int | None = None
) -> list[tuple[int, int, NDArray[np.int32]]] | None:
    """Cut a long text into pieces that fill rows, each but the last as well as it can.

    A piece is looked for in a stretch of text not much longer than itself: the time grows with the text, not with its
    square.

    Args:
        tokenizer: counts the tokens.
        text: all of it becomes pieces, but for an end that has no token.
        capacity: most tokens of a piece.
        most: stop after so many pieces.

    Returns:
        First character, one past the last, and ids of each piece, which are those of the piece encoded by itself; None
        where there is no place to cut.
    """
    pieces: list[tuple[int, int, NDArray[np.int32]]] = []
    start = 0
    while start < len(text) and (most is None or len(pieces) < most):
        stretch = capacity * _GUESSED_CHARACTERS_PER_TOKEN
        rest = text[start : start + stretch]
        while len(input_ids := tokenizer.encode(rest)) <= capacity and start + len(rest) < len(text):
            stretch *= 2
            rest = text[start : start + stretch]
        if len(input_ids) == 0:
            break
        if len(input_ids) > capacity:
            fitted = _fullest(tokenizer, rest, capacity)
            if fitted is None:
                return None
            rest, input_ids = rest[: fitted.characters], fitted.input_ids
        pieces.append((start, start + len(rest), input_ids))
        start += len(rest)
    return pieces


def _fullest(tokenizer: Tokenizer, text: str, capacity: int) -> Fitted | None:
    """The longest prefix that fills a row, or nearly: not every number of tokens has a prefix."""
    for target in range(capacity, max(0, capacity - _SHORTER_CUTS), -1):
        fitted = tokenizer.fit(text, target)
        if isinstance(fitted, Fitted):
            return fitted
    return None


def _one_document(
    fitter: _Fitter, document: _Document, text: str, text_ids: NDArray[np.int32], offset: int
) -> PackedRow:
    sample = Sample(
        id=f"{fitter.recipe.name}/{document.id}" + (f"@{offset}" if offset else ""),
        text=text,
        input_ids=fitter.special_tokens.around(text_ids),
        meta_document=document.id,
        source=document.source,
        segments=fitter.segments(document, text, len(text_ids), offset=offset),
        truncated_tokens=0,
    )
    return PackedRow.of(sample, offset=offset)


def unit_ranges(characters: NDArray[np.int64], most_documents: int, most_characters: int) -> list[tuple[int, int]]:
    """Cut documents into units of at most so many documents and characters, one document at least.

    Args:
        characters: of each document. Shape: (documents,).
        most_documents: in a unit.
        most_characters: in a unit of several documents.
    """
    ends = np.cumsum(characters)
    ranges = []
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + most_characters, side="right"))
        ranges.append((start, min(max(stop, start + 1), start + most_documents)))
        start = ranges[-1][1]
    return ranges
