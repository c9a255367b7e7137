"""A corpus format: tables with `|` between the columns and a header line.

`--text-column` and `--id-column` name its columns, as in others.
"""

import csv
import io
from collections.abc import Iterator

from nextlong_hub.corpus.formats import CorpusFormat
from nextlong_hub.corpus.pieces import BadDocument, Piece
from nextlong_hub.corpus.reading import open_any
from nextlong_hub.corpus.rows import document_of_object
from nextlong_hub.records import Document


def read(piece: Piece) -> Iterator[Document | BadDocument]:
    """Give the document of each row; what is wrong with a row is a `BadDocument` in its place."""
    with open_any(piece.location) as file:
        rows = csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""), delimiter="|")
        for number, row in enumerate(rows):
            yield document_of_object(row, piece, "row", number)


FORMAT = CorpusFormat(name="psv", suffixes=(".psv",), read=read)
