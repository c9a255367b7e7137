"""Rows of a `datasets.Dataset`, on the Hub or in memory."""

from collections.abc import Iterator
from typing import Any

from nextlong_hub.corpus.pieces import BadDocument, Piece
from nextlong_hub.corpus.rows import Columns, columns_of, documents_of_table
from nextlong_hub.records import Document

_BATCH_ROWS = 256


def read_dataset(dataset: Any, piece: Piece) -> Iterator[Document | BadDocument]:
    """Read the rows of a dataset in order, a batch at a time, and only the columns that are needed."""
    columns: Columns | None = None
    row = 0
    for table in dataset.with_format("arrow").iter(batch_size=_BATCH_ROWS):
        columns = columns or columns_of(table.schema, piece)
        yield from documents_of_table(table.select(columns.names), columns, piece, row)
        row += table.num_rows
