"""From one row to one document: which columns are read, what they may hold, and the document's id.

A document's text is one column of strings or, where a row is more than a text (a conversation), a record: a JSON object
of several columns of any type.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from nextlong_hub.corpus.emptiness import has_value, values_there
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece
from nextlong_hub.errors import DataError
from nextlong_hub.records import Document

SOURCE_COLUMN = "source"
"""A string column of this name says where each row came from."""

_USUAL_TEXT_COLUMNS = ("text", "content", "body", "document", "raw_content", "article", "markdown")
_SLICE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns to read from a table."""

    text: str
    """Empty where a row is a record."""
    record: tuple[str, ...] = ()
    """The columns of a record that the table has."""
    others: tuple[str, ...] = ()
    """Where a row is a record, all further columns: a record tells which of them have a value, so that nothing of a row
    is left out unseen."""
    id: str | None
    """None: rows are numbered."""
    source: str | None
    """None: the source's name stands for every row."""

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        return list(
            dict.fromkeys(name for name in (self.text, *self.record, *self.others, self.id, self.source) if name)
        )


def columns_of(schema: pa.Schema, piece: Piece) -> Columns:
    """The columns of `piece` in a table's schema.

    Raises:
        DataError: the text column is missing, or a column has a type that cannot be used.
    """
    types = dict(zip(schema.names, schema.types, strict=True))
    others = [name for name, kind in types.items() if _is_string(kind) and name not in (piece.id_column, SOURCE_COLUMN)]
    record = tuple(name for name in piece.record_columns if name in types)
    if piece.record_columns and not record:
        raise DataError(
            f"{piece.location} has none of the columns {_listed(piece.record_columns)}; its columns are "
            f"{_listed(types)}; name the ones that hold the conversation in the recipe's conversations.columns"
        )
    if not record and piece.text_column not in types:
        hint = _likely_text_column(piece.text_column, others)
        raise DataError(
            f"{piece.location} has no column {piece.text_column!r}; its columns are {_listed(types)}; name the one "
            f"that holds the text with text_column (--text-column){hint}"
        )
    if not record and not _is_string(types[piece.text_column]):
        hint = _likely_text_column("", others)
        raise DataError(
            f"{piece.location}: column {piece.text_column!r} holds {types[piece.text_column]}, and text must be "
            f"string; its columns are {_listed(types)}; name the one that holds the text with text_column "
            f"(--text-column){hint}"
        )
    id_type = types.get(piece.id_column)
    if id_type is not None and not (_is_string(id_type) or pa.types.is_integer(id_type) or pa.types.is_null(id_type)):
        raise DataError(
            f"{piece.location}: column {piece.id_column!r} holds {id_type}, and ids must be string or integer; name "
            "another with id_column (--id-column), or one that does not exist to number the rows"
        )
    identity = piece.id_column if id_type is not None else None
    source = SOURCE_COLUMN if SOURCE_COLUMN in types and _is_string(types[SOURCE_COLUMN]) else None
    return Columns(
        text="" if record else piece.text_column,
        record=record,
        others=tuple(name for name in types if record and name not in (*record, identity, source)),
        id=identity,
        source=source,
    )


def documents_of_table(
    table: pa.RecordBatch | pa.Table, columns: Columns, piece: Piece, first_row: int
) -> Iterator[Document | BadDocument]:
    """Give the rows of `table`, the first of which is row `first_row` of its file, in order."""
    # Text becomes Python strings a slice at a time: a table of a few huge documents must not be held twice.
    rows = table.num_rows
    step = max(1, rows * _SLICE_BYTES // max(1, table.nbytes))
    for start in range(0, rows, step):
        part = table.slice(start, step)
        texts = _records(part, columns) if columns.record else _strings(part.column(columns.text))
        nothing: list[Any] = [None] * len(texts)
        ids = _strings(part.column(columns.id)) if columns.id else nothing
        sources = _strings(part.column(columns.source)) if columns.source else nothing
        numbered = enumerate(zip(texts, ids, sources, strict=True), first_row + start)
        del texts
        for row, (text, identity, source) in numbered:
            yield _document(text, identity, source, piece, "row", row)


def document_of_object(value: Any, piece: Piece, unit: str, number: int) -> Document | BadDocument:
    """Give the document of one JSON object; `unit` and `number` say where it stands: line 7, row 0."""
    if not isinstance(value, Mapping):
        place = place_of(piece, unit, number)
        return BadDocument(BadReason.WRONG_TYPE, place, f"it is {_kind(value)} where an object was needed")
    record = {name: value[name] for name in piece.record_columns if name in value}
    if not record and piece.record_columns:
        return BadDocument(
            BadReason.MISSING_CONVERSATION,
            place_of(piece, unit, number),
            f"none of the fields {_listed(piece.record_columns)}; its fields are {_listed(map(str, value))}",
        )
    if not record and piece.text_column not in value:
        known = [str(key) for key in value]
        hint = _likely_text_column(piece.text_column, [key for key in known if isinstance(value.get(key), str)])
        return BadDocument(
            BadReason.MISSING_TEXT,
            place_of(piece, unit, number),
            f"no field {piece.text_column!r}; its fields are {_listed(known)}{hint}",
        )
    identity = value.get(piece.id_column)
    if isinstance(identity, int) and not isinstance(identity, bool):
        identity = str(identity)
    source = value.get(SOURCE_COLUMN)
    if record:
        read = (*piece.record_columns, piece.id_column, SOURCE_COLUMN)
        text = _record(record, [str(name) for name in value if name not in read and has_value(value[name])])
    else:
        text = value[piece.text_column]
    return _document(text, identity, source if isinstance(source, str) else None, piece, unit, number)


def place_of(piece: Piece, unit: str, number: int) -> str:
    """Say where a row or line stands: `/data/notes.jsonl, line 7`."""
    return f"{piece.location}, {unit} {number}"


def without_surrogates(document: Document | BadDocument, place: str) -> Document | BadDocument:
    """Refuse a document that no UTF-8 can hold; needed where strings did not come out of UTF-8 bytes."""
    if isinstance(document, Document):
        try:
            for value in (document.text, document.id, document.source):
                value.encode()
        except UnicodeEncodeError as error:
            return BadDocument(BadReason.LONE_SURROGATE, place, f"character {error.start}")
    return document


def _document(text: Any, identity: Any, source: Any, piece: Piece, unit: str, number: int) -> Document | BadDocument:
    """Check the values of one row. Types: `str`, None, or `bytes` for a string that is not UTF-8."""
    if type(text) is str and text and not text.isspace() and "\0" not in text and type(source) is not bytes:
        if identity is None:
            return Document(id=f"{piece.id_prefix}{number}", text=text, source=source or piece.source)
        if type(identity) is str and "\0" not in identity:
            return Document(id=identity, text=text, source=source or piece.source)
    return _fault({"text": text, "id": identity, "source": source}, place_of(piece, unit, number))


def _fault(values: dict[str, Any], place: str) -> BadDocument:
    """Say what is wrong with a row that was refused; the text's fault goes before the others'."""
    text = values["text"]
    if text is None:
        return BadDocument(BadReason.NULL_TEXT, place)
    if isinstance(text, str) and not text.strip():
        return BadDocument(BadReason.EMPTY, place)
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            return BadDocument(BadReason.NUL_CHARACTER, place, f"character {value.index(chr(0))} of its {name}")
        if isinstance(value, bytes):
            try:
                value.decode()
            except UnicodeDecodeError as error:
                return BadDocument(BadReason.INVALID_UTF8, place, f"byte {error.start} of its {name}: {error.reason}")
    name, value = next((n, v) for n, v in values.items() if v is not None and not isinstance(v, str))
    return BadDocument(BadReason.WRONG_TYPE, place, f"its {name} is {_kind(value)}")


def _records(table: pa.RecordBatch | pa.Table, columns: Columns) -> list[str | bytes | None]:
    """The rows of a table as JSON objects; one in which a string is not UTF-8 stays `bytes`, to be refused."""
    try:
        rows = table.select(columns.record).to_pylist()
    except UnicodeDecodeError as error:
        if table.num_rows == 1:
            return [error.object]
        return [record for row in range(table.num_rows) for record in _records(table.slice(row, 1), columns)]
    there = [values_there(table.column(name)).to_pylist() for name in columns.others]
    names = columns.others
    return [
        _record(row, [name for name, has in zip(names, own, strict=True) if has])
        for row, own in zip(rows, zip(*there, strict=True) if there else [()] * len(rows), strict=True)
    ]


def _record(values: Mapping[str, Any], others: Iterable[str]) -> str | None:
    """A JSON object of values, and `true` for each of the others that has one; None when there is no value at all."""
    if all(value is None for value in values.values()):
        return None
    there = {**values, **dict.fromkeys(others, True)}
    return json.dumps(there, ensure_ascii=False, default=str, separators=(",", ":"))


def _strings(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """A column of strings or integers as Python values; a string that is not UTF-8 stays `bytes`."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]
    return values


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _is_string(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _likely_text_column(wanted: str, string_columns: list[str]) -> str:
    close = get_close_matches(wanted, string_columns, n=1)
    usual = [name for name in _USUAL_TEXT_COLUMNS if name in string_columns]
    only = string_columns if len(string_columns) == 1 else []
    likely = [*close, *usual, *only]
    return f' (did you mean text_column = "{likely[0]}"?)' if likely else ""


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names)) or "none"


def _kind(value: Any) -> str:
    """A value's type, as JSON calls it."""
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null" if value is None else type(value).__name__)
