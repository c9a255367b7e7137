"""From one row to one document: which columns are read, what they may hold, and the document's id.

A document's text is one column of strings or, where a row is more than a text (a conversation), a record: a JSON object
of several columns of any type.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from nextlong_hub.corpus.columns import (
    LANGUAGE_COLUMNS,
    SOURCE_COLUMN,
    Columns,
    is_binary,
    likely_text_column,
    listed_names,
    values_of,
)
from nextlong_hub.corpus.emptiness import has_value, values_there
from nextlong_hub.corpus.formats.base import Results
from nextlong_hub.corpus.formats.bounds import LONGEST_DOCUMENT_BYTES, Unpacked, more_than
from nextlong_hub.corpus.kept_segments import SEGMENTS_COLUMN, kept_segments
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes, add_named
from nextlong_hub.corpus.row_licences import licence_of_row, licences_of_column
from nextlong_hub.corpus.row_sizes import row_bytes, together
from nextlong_hub.corpus.settings import EVERY_COLUMN, USUAL_ID_COLUMNS
from nextlong_hub.records import Document

_MISSING = object()


def documents_of_table(
    table: pa.RecordBatch | pa.Table, columns: Columns, piece: Piece, first_row: int, unpacked: Unpacked | None = None
) -> Results:
    """Give the rows of `table`, the first of which is row `first_row` of its file, in order.

    Raises:
        ExpandsTooFar: the file of which `unpacked` keeps count gives far more than it takes.
    """
    notes = ReadingNotes(read={columns.names})
    yield notes
    sizes = row_bytes(table, columns)
    if unpacked is not None:
        unpacked.add(int(sizes.sum()))
    for start, stop in together(sizes):
        if sizes[start] > LONGEST_DOCUMENT_BYTES:  # it stands alone
            place = place_of(piece, "row", first_row + start)
            yield BadDocument(BadReason.TOO_LONG, place, more_than(LONGEST_DOCUMENT_BYTES))
            continue
        part = table.slice(start, stop - start)
        texts = _records(part, columns) if columns.record else _strings(values_of(part, columns.text))
        nothing: list[Any] = [None] * len(texts)
        ids = _strings(values_of(part, columns.id)) if columns.id else nothing
        sources = _strings(values_of(part, columns.source)) if columns.source else nothing
        licences = _licences(part, columns.license) if columns.license else nothing
        languages = _strings(values_of(part, columns.language)) if columns.language else nothing
        segments = values_of(part, columns.segments).to_pylist() if columns.segments else nothing
        numbered = enumerate(zip(texts, ids, sources, licences, languages, segments, strict=True), first_row + start)
        del texts
        for row, (text, identity, source, licence, language, kept) in numbered:
            notes.numbered += not identity
            values = _Row(text, identity or None, source, licence, language, kept_segments(kept))
            yield _document(values, piece, "row", row)


def document_of_object(
    value: Any, piece: Piece, unit: str, number: int, notes: ReadingNotes | None = None
) -> Document | BadDocument:
    """Give the document of one JSON object; `unit` and `number` say where it stands: line 7, row 0.

    `notes` gets the fields that are not used.
    """
    try:
        return _document_of_object(value, piece, unit, number, notes)
    except RecursionError:
        return BadDocument(BadReason.INVALID_JSON, place_of(piece, unit, number), "it is nested too deeply")


def _document_of_object(
    value: Any, piece: Piece, unit: str, number: int, notes: ReadingNotes | None
) -> Document | BadDocument:
    if not isinstance(value, Mapping):
        place = place_of(piece, unit, number)
        return BadDocument(BadReason.WRONG_TYPE, place, f"it is {_kind(value)} where an object was needed")
    wanted = value if piece.record_columns == (EVERY_COLUMN,) else piece.record_columns
    record = {name: value[name] for name in wanted if name in value}
    if not record and piece.record_columns:
        return BadDocument(
            BadReason.MISSING_CONVERSATION,
            place_of(piece, unit, number),
            f"none of the fields {listed_names(piece.record_columns)}; its fields are {listed_names(map(str, value))}",
        )
    text = None if record else field_of(value, piece.text_column)
    if text is _MISSING:
        known = [str(key) for key in value]
        hint = _rows_within(value) or likely_text_column(
            piece, {key: isinstance(one, str) for key, one in _leaves(value)}
        )
        return BadDocument(
            BadReason.MISSING_TEXT,
            place_of(piece, unit, number),
            f"no field {piece.text_column!r}; its fields are {listed_names(known)}{hint}",
        )
    id_field, identity = _identity(value, piece)
    source = value.get(SOURCE_COLUMN)
    licence_field, licence = licence_of_row(value)
    language_field = None if record else _language_field(value, (piece.text_column, id_field))
    segments = kept_segments(value.get(SEGMENTS_COLUMN)) if piece.keeps_segments and not record else None
    read = (
        *(record or (piece.text_column, SEGMENTS_COLUMN if segments else None)),
        id_field,
        SOURCE_COLUMN if SOURCE_COLUMN in value else None,
        licence_field,
        language_field,
    )
    others = list(_others(value, read, is_record=bool(record)))
    if record:
        text = _record(record, others)
    if notes is not None:
        notes.numbered += identity is None
        notes.read.add(read if identity is not None else (*read[:-4], *read[-3:]))
        add_named(notes.columns, {} if record else dict.fromkeys(others, 1))
    language = value[language_field] if language_field else None
    row = _Row(text, identity, source if isinstance(source, str) else None, licence, language, segments)
    return _document(row, piece, unit, number)


def _others(value: Mapping[Any, Any], read: Sequence[str | None], *, is_record: bool) -> Iterator[str]:
    """The fields of an object that have a value and are not read; also those beside one that is read within another."""
    tops = {path.partition(".")[0]: path for path in read if path and path not in value}
    for name, held in value.items():
        if name in read or not has_value(held):
            continue
        if name not in tops or is_record or not isinstance(held, Mapping):
            yield str(name)
            continue
        for inner, one in held.items():
            path = f"{name}.{inner}"
            if has_value(one) and not any(other and (other == path or other.startswith(f"{path}.")) for other in read):
                yield path


def field_of(value: Mapping[str, Any], path: str) -> Any:
    """A field of an object; dots lead into the objects within it. `_MISSING` where there is none."""
    if path in value:
        return value[path]
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return _MISSING
        value = value[step]
    return value


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


class _Row(NamedTuple):
    """The values of one row: `str`, None, or `bytes` for a string that is not UTF-8."""

    text: Any
    id: Any
    source: Any
    license: Any
    language: Any
    segments: str | None


def _document(row: _Row, piece: Piece, unit: str, number: int) -> Document | BadDocument:
    """Check the values of one row."""
    text, identity, source, licence, language, segments = row
    if type(text) is str and text and not text.isspace() and "\0" not in text and type(source) is not bytes:
        metadata = {"license": licence} if type(licence) is str and licence else {}
        metadata |= {"language": language} if type(language) is str and language else {}
        metadata |= {SEGMENTS_COLUMN: segments} if segments else {}
        if identity is None:
            place = f"{piece.id_prefix}{number}"
            return Document(id=place, text=text, source=source or piece.source, metadata=metadata)
        if type(identity) is str and "\0" not in identity:
            return Document(id=identity, text=text, source=source or piece.source, metadata=metadata)
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


def _licences(table: pa.RecordBatch | pa.Table, column: str) -> list[str | None]:
    values = values_of(table, column)
    is_nested = pa.types.is_nested(values.type)
    return licences_of_column(values.to_pylist() if is_nested else _strings(values), column, table.schema.names)


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
    """A column of strings, bytes or integers as Python strings; one that is not UTF-8 stays `bytes`."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    if not is_binary(column.type):
        try:
            values: list[Any] = column.to_pylist()
            return values
        except UnicodeDecodeError:
            column = column.cast(pa.large_binary())
    return [_decoded(value) for value in column.to_pylist()]


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _identity(value: Mapping[str, Any], piece: Piece) -> tuple[str, Any]:
    """The field of an object that holds its id, and the id as a string; None where there is none."""
    if piece.id_column != USUAL_ID_COLUMNS[0]:
        found = field_of(value, piece.id_column)
        identity = None if found is _MISSING or found == "" else found
        return piece.id_column.partition(".")[0], str(identity) if _is_whole(identity) else identity
    for name in USUAL_ID_COLUMNS:
        identity = value.get(name)
        if (isinstance(identity, str) and identity) or _is_whole(identity):
            return name, str(identity)
        if identity is not None and identity != "" and name == piece.id_column:
            return name, identity
    return piece.id_column, None


def _language_field(value: Mapping[str, Any], taken: Sequence[str]) -> str | None:
    """The field of an object that says in which language it is."""
    return next((name for name in LANGUAGE_COLUMNS if name not in taken and isinstance(value.get(name), str)), None)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rows_within(value: Mapping[Any, Any]) -> str:
    """What to do with an object that is no row but holds a list of them; empty where it does not."""
    lists = {name: one for name, one in value.items() if isinstance(one, list) and one}
    name = next((name for name, one in lists.items() if isinstance(one[0], Mapping)), None)
    return "" if name is None else f"; {name!r} holds a list of objects: if those are the rows, write that list alone"


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All fields, those within objects by their dotted names; one level deep, where texts are."""
    for name, one in value.items():
        if isinstance(one, Mapping) and not prefix:
            yield from _leaves(one, f"{name}.")
        else:
            yield f"{prefix}{name}", one


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
