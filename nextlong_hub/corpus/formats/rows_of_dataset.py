"""Rows of a `datasets.Dataset`, on the Hub or in memory."""

from itertools import repeat
from typing import Any

from nextlong_hub.corpus.columns import Columns, columns_of, noted
from nextlong_hub.corpus.formats.base import Results
from nextlong_hub.corpus.pieces import BadDocument, Piece
from nextlong_hub.corpus.rows import documents_of_table

_BATCH_ROWS = 256


def read_dataset(dataset: Any, piece: Piece) -> Results:
    """Read the rows of a dataset in order, a batch at a time, and only the columns that are needed."""
    columns: Columns | BadDocument | None = None
    row = 0
    for table in dataset.with_format("arrow").iter(batch_size=_BATCH_ROWS):
        columns = columns or columns_of(table.schema, piece)
        if isinstance(columns, BadDocument):
            yield from repeat(columns, table.num_rows)
        else:
            yield noted(table, columns)
            wanted = table.select(list(columns.top_names(table.schema.names)))
            yield from documents_of_table(wanted, columns, piece, row)
        row += table.num_rows
