"""A `datasets.Dataset` or `IterableDataset` that the caller holds, as a source of a corpus.

Its rows cannot travel to a worker by name, so the driver reads its pieces itself.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nextlong_hub.corpus.formats.base import CorpusFormat, Held, Results, Stratum, TextsOf
from nextlong_hub.corpus.formats.measuring import stratum_of_rows
from nextlong_hub.corpus.formats.rows_of_dataset import read_dataset
from nextlong_hub.corpus.pieces import Piece, ReadingNotes
from nextlong_hub.corpus.rows import document_of_object, place_of, without_surrogates
from nextlong_hub.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySource:
    """A dataset in memory and its name in the corpus; made by `memory_source`."""

    name: str
    dataset: Any
    """`datasets.Dataset` or `datasets.IterableDataset`."""
    fingerprint: str
    """Identifies the dataset's content."""
    text_column: str = "text"
    id_column: str = "id"
    record_columns: tuple[str, ...] = ()

    @property
    def piece(self) -> Piece:
        """The one piece it is read as."""
        return Piece(
            source=self.name,
            format="memory",
            location=f"dataset {self.name}",
            name=self.name,
            id_prefix=f"{self.name}/",
            text_column=self.text_column,
            id_column=self.id_column,
            record_columns=self.record_columns,
            revision=self.fingerprint,
        )


def memory_source(
    dataset: Any,
    name: str,
    *,
    text_column: str = "text",
    id_column: str = "id",
    record_columns: tuple[str, ...] = (),
) -> MemorySource:
    """Name a dataset in memory as a source of a corpus.

    A `Dataset` knows its fingerprint. An `IterableDataset` has none and is read once to the end to make one.
    """
    columns = (*(record_columns or (text_column,)), id_column)
    fingerprint = getattr(dataset, "_fingerprint", None) or _fingerprint_of_rows(dataset, columns)
    return MemorySource(
        name=name,
        dataset=dataset,
        fingerprint=str(fingerprint),
        text_column=text_column,
        id_column=id_column,
        record_columns=record_columns,
    )


def read(piece: Piece, held: Held) -> Results:
    """Read a `datasets.Dataset`, or the rows of an `IterableDataset`, which may hold anything Python can.

    Raises:
        DataError: it is held by another process.
    """
    if piece.source not in held:
        raise DataError(
            f"source {piece.source!r} is a dataset in the memory of another process; read it there, or save it "
            "with dataset.to_parquet(path) and name that path"
        )
    dataset = held[piece.source]
    if hasattr(dataset, "num_rows"):
        yield from read_dataset(dataset, piece)
        return
    notes = ReadingNotes()
    yield notes
    for number, row in enumerate(dataset):
        yield without_surrogates(document_of_object(row, piece, "row", number, notes), place_of(piece, "row", number))


def measure(pieces: Sequence[Piece], texts_of: TextsOf, held: Held) -> Iterator[Stratum]:
    """A `Dataset` knows its rows; those of an `IterableDataset` are counted."""
    for piece in pieces:
        dataset = held[piece.source]
        rows = dataset.num_rows if hasattr(dataset, "num_rows") else sum(1 for _ in dataset)
        yield stratum_of_rows(piece, rows, texts_of)


def _fingerprint_of_rows(rows: Any, columns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        for column in (*columns, "source"):
            value = repr(row.get(column)).encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(value) + value)
    return digest.hexdigest()[:16]


FORMAT = CorpusFormat(name="memory", suffixes=(), read=read, measure=measure)
