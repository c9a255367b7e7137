"""Rows as spans and digests: from them and the corpus a bare machine makes exactly the rows that the package made."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.spans import Spans, SpanTokens
from nextlong_hub.errors import DataError

PADDING = 65_535
"""Fills a row of whole documents that is not quite full; never a token, never learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """Rows of one arm, without their text."""

    spans: Spans
    """What stands in the rows, in order."""
    spans_in_document: NDArray[np.int16]
    """Of each document of each row; a sample is one of many, joined by newlines. Shape: (documents,)."""
    documents_in_row: NDArray[np.int16]
    """Shape: (rows,)."""
    meta_document: NDArray[np.int32]
    """The document that a row extends; -1 where it is made of ordinary ones. Shape: (rows,)."""
    digests: NDArray[np.uint8]
    """Of each row's ids. Shape: (rows, 8)."""

    def __len__(self) -> int:
        return len(self.documents_in_row)

    def holds(self, documents: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether any of some documents stands in each row. Shape: (rows,)."""
        counts = np.add.reduceat(self.spans_in_document, np.cumsum(self.documents_in_row) - self.documents_in_row)
        is_in = np.isin(self.spans.document, documents)
        return np.logical_or.reduceat(is_in, np.cumsum(counts) - counts)

    def take(self, rows: NDArray[np.int64]) -> "RowTable":
        """Some of the rows, in the order given."""
        documents = _ranges(self.documents_in_row, rows)
        spans = _ranges(self.spans_in_document, documents)
        table = self.spans
        return RowTable(
            spans=Spans(document=table.document[spans], start=table.start[spans], characters=table.characters[spans]),
            spans_in_document=self.spans_in_document[documents],
            documents_in_row=self.documents_in_row[rows],
            meta_document=self.meta_document[rows],
            digests=self.digests[rows],
        )

    def save(self, file: Path) -> None:
        """Write it; a few hundred kilobytes for 25 million tokens."""
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            file,
            document=self.spans.document,
            start=self.spans.start,
            characters=self.spans.characters,
            spans_in_document=self.spans_in_document,
            documents_in_row=self.documents_in_row,
            meta_document=self.meta_document,
            digests=self.digests,
        )

    @classmethod
    def load(cls, file: Path) -> "RowTable":
        """Read what `save` wrote.

        Raises:
            DataError: there is no such file.
        """
        if not file.is_file():
            raise DataError(f"there are no rows {file}; run `prepare` with that arm first")
        with np.load(file) as held:
            return cls(
                spans=Spans(document=held["document"], start=held["start"], characters=held["characters"]),
                spans_in_document=held["spans_in_document"],
                documents_in_row=held["documents_in_row"],
                meta_document=held["meta_document"],
                digests=held["digests"],
            )


def _ranges(counts: NDArray[np.int16], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of all entries of the chosen groups, where group i has `counts[i]` entries."""
    ends = np.cumsum(counts, dtype=np.int64)
    groups = [np.arange(ends[number] - counts[number], ends[number]) for number in chosen.tolist()]
    return np.concatenate([np.zeros(0, np.int64), *groups])


def digest(ids: NDArray[Any]) -> bytes:
    """Eight bytes that tell rows of token ids apart."""
    return hashlib.blake2b(ids.astype("<i4").tobytes(), digest_size=8).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """The tokens that stand between spans."""

    beginning: int
    """Before each document."""
    newline: int
    """Between the chunks of a sample."""


def replay(table: RowTable, tokens: SpanTokens, framing: Framing, length: int) -> NDArray[np.uint16]:
    """The rows again, padded to the target length. Shape: (rows, length).

    Raises:
        DataError: a row is not what the package wrote: the corpus, the tokenizer or its library is another one.
    """
    pieces = iter(tokens.of(table.spans))
    counts = iter(table.spans_in_document.tolist())
    rows = np.full((len(table), length), PADDING, np.uint16)
    wrong = 0
    for number, documents in enumerate(table.documents_in_row.tolist()):
        parts: list[NDArray[np.uint16]] = []
        for _ in range(documents):
            for place in range(next(counts)):
                parts.append(np.array([framing.newline if place else framing.beginning], np.uint16))
                parts.append(next(pieces))
        row = np.concatenate(parts)
        wrong += digest(row) != table.digests[number].tobytes()
        rows[number, : len(row)] = row[:length]
    if wrong:
        raise DataError(
            f"{wrong:,} of {len(table):,} rows are not those that the package made: their spans have other tokens; "
            "prepare again, with this corpus and these versions of the libraries"
        )
    return rows


def joined(tables: Sequence[RowTable]) -> RowTable:
    """The rows of several tables, one after the other."""
    return RowTable(
        spans=Spans.joined([one.spans for one in tables]),
        spans_in_document=np.concatenate([one.spans_in_document for one in tables]),
        documents_in_row=np.concatenate([one.documents_in_row for one in tables]),
        meta_document=np.concatenate([one.meta_document for one in tables]),
        digests=np.concatenate([one.digests for one in tables]),
    )
