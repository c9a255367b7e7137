"""Rows of an export: read in batches, unpacked into documents, or packed into longer rows.

A row is one or several documents back to back; attention never crosses a document. Memory holds one row group and one
window of packing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.dataset import SplitReader
from nextlong_hub.dataset import best_fit as packing
from nextlong_hub.dataset.schema import LOSS_MASK
from nextlong_hub.errors import DataError, argument

UNKNOWN_SOURCE = "unknown"
"""The source of rows in a dataset that names none."""
MIXED_SOURCE = "mixed"
"""The source of a packed row whose documents come from several."""
IGNORED_LABEL = -100
"""The label of a token without loss, the same in all trainers."""

_WINDOW_ROWS = 16
"""Rows that are packed together: more of them fill rows better, and take more memory."""
_COLUMNS_OF_TOKENS = ("input_ids", LOSS_MASK)

EncodeBatch = Callable[[Sequence[str]], Iterable[NDArray[np.int32]]]
"""Encodes the texts of documents, in order, special tokens included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDocument:
    """One document of a row."""

    id: str
    source: str
    tokens: int
    """0 where tokens are not wanted."""
    text: str
    """Empty where text is not wanted."""
    padding: int = 0
    """Those of its tokens, at the end, that stand for no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One training row."""

    id: str
    input_ids: NDArray[np.int32]
    """Empty where tokens are not wanted. Shape: (tokens,)."""
    loss_mask: NDArray[np.uint8] | None
    """1 where the loss is taken; None when it is taken everywhere. Shape: (tokens,)."""
    documents: tuple[ExportDocument, ...]

    @property
    def source(self) -> str:
        """The source of its documents, or `mixed` for several."""
        sources = {document.source for document in self.documents}
        return sources.pop() if len(sources) == 1 else MIXED_SOURCE

    @property
    def document_lengths(self) -> list[int]:
        """Tokens of each document; they sum to the row's."""
        return [document.tokens for document in self.documents]

    @property
    def text(self) -> str:
        """The texts of its documents, with nothing between them."""
        return "".join(document.text for document in self.documents)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The tokens, -100 where there is no loss; the trainer shifts them by one. Shape: (tokens,)."""
        if self.loss_mask is None:
            return self.input_ids
        return np.where(self.loss_mask, self.input_ids, np.int32(IGNORED_LABEL))

    def token_bytes(self, kind: str) -> bytes:
        """The tokens as little-endian integers of `kind`, `<u2` or wider.

        Raises:
            DataError: one does not fit.
        """
        largest = int(self.input_ids.max(initial=0))
        if largest > np.iinfo(kind).max:
            raise DataError(
                f"row {self.id!r} has the token id {largest:,}, which does not fit into {np.dtype(kind).itemsize} "
                f"bytes; give {argument('token-bytes', 4)}"
            )
        return self.input_ids.astype(kind).tobytes()


def read_rows(
    split: SplitReader, *, tokens: bool, text: bool, encode_batch: EncodeBatch | None = None
) -> Iterator[ExportRow]:
    """Read the rows of a configuration in order.

    Args:
        split: the configuration.
        tokens: read the tokens.
        text: read the text.
        encode_batch: encodes the texts; None takes the stored tokens.

    Raises:
        DataError: a file is damaged, or the parts of a row do not fit together.
    """
    stored = tokens and encode_batch is None
    columns = ["id", "source", "documents", *(_COLUMNS_OF_TOKENS if stored else ())]
    if text or encode_batch is not None:
        columns.append("text")
    number = 0
    for batch in split.batches([name for name in columns if name in split.columns]):
        rows = [_row(batch, index, f"{split.config}/{number + index:06d}") for index in range(batch.num_rows)]
        number += len(rows)
        if encode_batch is not None:
            encoded = iter(encode_batch([document.text for row in rows for document in row.documents]))
            rows = [_with_tokens(row, [next(encoded) for _ in row.documents]) for row in rows]
        yield from rows if text else map(_without_text, rows)


def unpack(rows: Iterable[ExportRow]) -> Iterator[ExportRow]:
    """Unpack rows: each document becomes a row with the document's id, without padding."""
    for row in rows:
        borders = packing.cu_seqlens(row.document_lengths).tolist()
        for document, start, after in zip(row.documents, borders[:-1], borders[1:], strict=True):
            end = after - document.padding
            yield ExportRow(
                id=row.id if len(row.documents) == 1 else document.id,
                input_ids=row.input_ids[start:end],
                loss_mask=None if row.loss_mask is None else row.loss_mask[start:end],
                documents=(replace(document, tokens=end - start, padding=0),),
            )


def pack(rows: Iterable[ExportRow], config: str, row_tokens: int, *, by_source: bool = False) -> Iterator[ExportRow]:
    """Pack documents into rows of at most `row_tokens` tokens, best fit, one window of the stream at a time.

    Args:
        rows: they are unpacked first.
        config: prefix of the ids of the new rows.
        row_tokens: tokens of a row at most.
        by_source: pack only documents of one source together.

    Raises:
        DataError: a document is longer than a row.
    """
    packers: dict[str, _RowPacker] = {}
    numbers = count()
    for row in unpack(rows):
        if len(row.input_ids) > row_tokens:
            raise DataError(
                f"the document {row.documents[0].id!r} has {len(row.input_ids):,} tokens, which do not fit into rows "
                f"of {row_tokens:,}; give a longer {argument('pack')}"
            )
        packer = packers.setdefault(row.source if by_source else "", _RowPacker(row_tokens))
        yield from (_join(group, f"{config}/{next(numbers):06d}") for group in packer.add(row))
    for _, packer in sorted(packers.items()):
        yield from (_join(group, f"{config}/{next(numbers):06d}") for group in packer.finish())


class _RowPacker:
    """Packs documents into rows, window by window."""

    def __init__(self, row_tokens: int) -> None:
        self._packer = packing.WindowPacker(row_tokens, _WINDOW_ROWS * row_tokens)
        self._waiting: dict[int, ExportRow] = {}
        self._numbers = count()

    def add(self, row: ExportRow) -> list[list[ExportRow]]:
        """Add a document; returns the rows that are final."""
        self._waiting[next(self._numbers)] = row
        return self._taken(self._packer.add([len(row.input_ids)]))

    def finish(self) -> list[list[ExportRow]]:
        """Return the remaining rows."""
        return self._taken(self._packer.finish())

    def _taken(self, groups: Iterable[NDArray[np.int64]]) -> list[list[ExportRow]]:
        return [[self._waiting.pop(number) for number in group.tolist()] for group in groups]


def _join(rows: Sequence[ExportRow], identity: str) -> ExportRow:
    masks = [np.ones(len(row.input_ids), np.uint8) if row.loss_mask is None else row.loss_mask for row in rows]
    return ExportRow(
        id=identity,
        input_ids=np.concatenate([row.input_ids for row in rows]),
        loss_mask=np.concatenate(masks) if any(row.loss_mask is not None for row in rows) else None,
        documents=tuple(document for row in rows for document in row.documents),
    )


def _row(batch: pa.RecordBatch, index: int, number: str) -> ExportRow:
    """One row of a batch; `number` replaces a missing id."""
    values = {name: batch.column(name)[index] for name in batch.schema.names}
    identity = _string(values.get("id")) or number
    input_ids = _numbers(values.get("input_ids"), "input_ids", identity)
    mask = _numbers(values[LOSS_MASK], LOSS_MASK, identity).astype(np.uint8) if LOSS_MASK in values else None
    if mask is not None and len(mask) != len(input_ids):
        raise DataError(
            f"row {identity!r} has {len(input_ids):,} tokens and {LOSS_MASK} of {len(mask):,}; build the dataset again"
        )
    text = _string(values.get("text"))
    if "documents" not in values:
        source = _string(values.get("source")) or UNKNOWN_SOURCE
        documents = [ExportDocument(id=identity, source=source, tokens=len(input_ids), text=text)]
    else:
        documents = [
            ExportDocument(
                id=part["id"],
                source=part["source"],
                tokens=part["tokens"] if "input_ids" in values else 0,
                text=text[part["start"] : part["end"]],
                padding=part.get("padding", 0) if "input_ids" in values else 0,
            )
            for part in values["documents"].as_py()
        ]
    if sum(document.tokens for document in documents) != len(input_ids):
        raise DataError(
            f"row {identity!r} has {len(input_ids):,} tokens, but its documents have "
            f"{sum(document.tokens for document in documents):,}; build the dataset again"
        )
    return ExportRow(id=identity, input_ids=input_ids, loss_mask=mask, documents=tuple(documents))


def _with_tokens(row: ExportRow, encoded: Sequence[NDArray[np.int32]]) -> ExportRow:
    documents = tuple(replace(document, tokens=len(ids)) for document, ids in zip(row.documents, encoded, strict=True))
    return replace(row, input_ids=np.concatenate(encoded), documents=documents)


def _without_text(row: ExportRow) -> ExportRow:
    return replace(row, documents=tuple(replace(document, text="") for document in row.documents))


def _string(scalar: pa.Scalar | None) -> str:
    return "" if scalar is None or not scalar.is_valid else str(scalar.as_py())


def _numbers(scalar: pa.Scalar | None, name: str, identity: str) -> NDArray[np.int32]:
    """A list of token ids or of mask values, none of them missing, negative or beyond 31 bits."""
    if scalar is None:
        return np.zeros(0, np.int32)
    values = None if not scalar.is_valid or scalar.values.null_count else scalar.values.to_numpy(zero_copy_only=False)
    if values is None or not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"row {identity!r} has no whole numbers in {name}; build the dataset again")
    if len(values) and (values.min() < 0 or values.max() >= 2**31):
        raise DataError(
            f"row {identity!r} has {name} from {values.min():,} to {values.max():,}, which are no token ids"
        )
    return np.asarray(values, np.int32)
