"""Arrow IPC, a file or a stream, such as `Dataset.save_to_disk` writes."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from nextlong_hub.corpus.columns import columns_of, noted, values_of
from nextlong_hub.corpus.formats.arrow_sizes import require_bounded
from nextlong_hub.corpus.formats.base import CorpusFormat, Results, Stratum, TextsOf
from nextlong_hub.corpus.formats.bounds import TooLarge, Unpacked
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_fault
from nextlong_hub.corpus.formats.measuring import evenly, measure_by_reading, usable
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece
from nextlong_hub.corpus.reading import open_any, source_errors
from nextlong_hub.corpus.rows import documents_of_table


def read(piece: Piece) -> Results:
    """Read the record batches in order, and of them only the columns that are needed."""
    with open_any(piece.address) as handle:
        row = 0
        size = handle.seek(0, 2)
        unpacked = Unpacked(lambda: size)
        try:
            if "://" not in piece.location:  # elsewhere, a request for each batch would take longer than the batches
                require_bounded(handle, size)
            schema, batches = _open(handle)
            columns = columns_of(schema, piece)
            for batch in batches:
                unpacked.add(batch.num_rows)
                if isinstance(columns, BadDocument):
                    yield from repeat(columns, batch.num_rows)
                    continue
                batch.validate()
                yield noted(batch, columns)
                wanted = batch.select(list(columns.top_names(batch.schema.names)))
                _require_sound(wanted)
                yield from documents_of_table(wanted, columns, piece, row, unpacked)
                row += batch.num_rows
        except TooLarge as error:
            yield BadDocument(BadReason.TOO_LONG, piece.location, str(error))
        except READ_ERRORS as error:
            yield damage_fault(error, f"{piece.location}, after row {row - 1}" if row else piece.location)


def measure(pieces: Sequence[Piece], texts_of: TextsOf) -> Iterator[Stratum]:
    """A file is mapped into memory: only offsets are read, and the texts that are drawn."""
    for piece in pieces:
        next(texts_of(piece), None)  # raises the reader's own error for a wrong column
        if "://" in piece.location:
            yield from measure_by_reading([piece], texts_of)
            continue
        with source_errors(piece):
            columns = [values_of(batch, piece.text_column) for batch in _mapped_batches(piece.location)]
        yield Stratum(
            documents=sum(map(len, columns)),
            text_bytes=sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns),
            draw=partial(_draw, columns),
        )


def _open(handle: IO[bytes]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    handle.seek(0)
    is_file = handle.read(6) == b"ARROW1"
    handle.seek(0)
    if is_file:
        reader = pa.ipc.open_file(handle)
        return reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches))
    stream = pa.ipc.open_stream(handle)
    return stream.schema, iter(stream)


def _require_sound(batch: pa.RecordBatch) -> None:
    """Refuse offsets that point outside their text: no later step checks them.

    Strings are checked as bytes, so that one which is not UTF-8 is reported as a fault of its row.
    """
    batch.validate()
    for column in batch.columns:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        (column.cast(pa.large_binary()) if is_text else column).validate(full=True)


def _mapped_batches(location: str) -> Iterator[pa.RecordBatch]:
    return _open(pa.memory_map(location))[1]


def _draw(columns: Sequence[Any], wanted: int) -> Iterator[str | None]:
    rows = sum(map(len, columns))
    return (usable(_value(columns, number)) for number in evenly(rows, wanted))


def _value(columns: Sequence[Any], number: int) -> Any:
    for column in columns:
        if number < len(column):
            return column[number].as_py()
        number -= len(column)
    return None


FORMAT = CorpusFormat(name="arrow", suffixes=(".arrow", ".feather"), read=read, measure=measure)
