"""Spans of a corpus, and their tokens: each distinct span is encoded once, by all processes there are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

_SPANS_IN_TASK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Pieces of the documents of one corpus."""

    document: NDArray[np.int32]
    """Number of the document in the corpus. Shape: (spans,)."""
    start: NDArray[np.int32]
    """First character. Shape: (spans,)."""
    characters: NDArray[np.int32]
    """How many. Shape: (spans,)."""

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int, int]]) -> "Spans":
        """The spans of some triples: document, first character, characters."""
        table = np.array(spans, np.int32).reshape(-1, 3)
        return cls(document=table[:, 0].copy(), start=table[:, 1].copy(), characters=table[:, 2].copy())

    @classmethod
    def whole(cls, texts: Sequence[str], documents: NDArray[np.int64]) -> "Spans":
        """Each of some documents as a whole."""
        lengths = np.array([len(texts[number]) for number in documents.tolist()], np.int32)
        return cls(document=documents.astype(np.int32), start=np.zeros_like(lengths), characters=lengths)

    @classmethod
    def joined(cls, several: Sequence["Spans"]) -> "Spans":
        """Several of them as one."""
        return cls(
            document=np.concatenate([spans.document for spans in several]),
            start=np.concatenate([spans.start for spans in several]),
            characters=np.concatenate([spans.characters for spans in several]),
        )

    def __len__(self) -> int:
        return len(self.document)

    def table(self) -> NDArray[np.int32]:
        """Document, first character and characters of each. Shape: (spans, 3)."""
        return np.stack([self.document, self.start, self.characters], axis=1)


class SpanTokens:
    """The tokens of many spans of one corpus; see `encode`."""

    def __init__(self, spans: NDArray[np.int32], tokens: NDArray[np.uint16], ends: NDArray[np.int64]) -> None:
        self._places = {tuple(span): number for number, span in enumerate(spans.tolist())}
        self._tokens = tokens
        self._starts = np.concatenate(([0], ends))

    def of(self, spans: Spans) -> list[NDArray[np.uint16]]:
        """The tokens of each span, all of which were encoded. Shape of each: (tokens,)."""
        found = [self._places[tuple(span)] for span in spans.table().tolist()]
        return [self._tokens[self._starts[place] : self._starts[place + 1]] for place in found]


def encode(texts: Sequence[str], spans: Spans, tokenizer_file: Path, workers: int) -> SpanTokens:
    """Encode every distinct span once; text that looks like a special token is text."""
    distinct = np.unique(spans.table(), axis=0)
    pieces = [texts[number][start : start + characters] for number, start, characters in distinct.tolist()]
    tasks = [pieces[first : first + _SPANS_IN_TASK] for first in range(0, len(pieces), _SPANS_IN_TASK)]
    if workers > 1 and len(tasks) > 1:
        with get_context("fork").Pool(workers, _open, (str(tokenizer_file),)) as pool:
            encoded = pool.map(_encode, tasks, chunksize=1)
    else:
        _open(str(tokenizer_file))
        encoded = [_encode(task) for task in tasks]
    tokens = [np.zeros(0, np.uint16), *(one for one, _ in encoded)]
    counts = [np.zeros(0, np.int64), *(one for _, one in encoded)]
    return SpanTokens(distinct, np.concatenate(tokens), np.concatenate(counts).cumsum())


_OPENED: dict[str, Tokenizer] = {}


def _open(file: str) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _OPENED["tokenizer"] = open_tokenizer(Path(file))


def open_tokenizer(file: Path) -> Tokenizer:
    """The tokenizer in a file, which takes every text as text."""
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.encode_special_tokens = True
    return tokenizer


def _encode(texts: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The tokens of some texts, end to end, and how many each has."""
    encoded = [one.ids for one in _OPENED["tokenizer"].encode_batch_fast(list(texts), add_special_tokens=False)]
    tokens = np.concatenate([np.array(ids, np.uint16) for ids in encoded])
    return tokens, np.array([len(ids) for ids in encoded], np.int64)
