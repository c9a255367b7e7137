"""The columns of a table that are read: the text, the id, what rows say of their source, licence and language."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nextlong_hub.corpus.kept_segments import SEGMENTS_COLUMN, are_segments
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.row_licences import LICENCE_COLUMNS, TEXTS_OF_JSON, licence_column
from nextlong_hub.corpus.settings import EVERY_COLUMN, USUAL_ID_COLUMNS
from nextlong_hub.errors import DataError, argument

SOURCE_COLUMN = "source"
"""A string column of this name says where each row came from."""

LANGUAGE_COLUMNS = ("language", "lang", "language_code", "lang_code")
"""Columns, and fields of objects, that say in which language a row is: the first that is there and holds strings."""

_USUAL_TEXT_COLUMNS = ("text", "content", "body", "document", "raw_content", "article", "markdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns to read from a table; dots lead into the fields of structs."""

    text: str
    """Empty where a row is a record."""
    record: tuple[str, ...] = ()
    """The columns of a record that the table has."""
    id: str | None
    """None: rows are numbered."""
    source: str | None
    """None: the source's name stands for every row."""
    license: str | None = None
    """None: rows say nothing of it."""
    language: str | None = None
    """None: rows say nothing of it, or are records."""
    segments: str | None = None
    """None: the rows are none of ours, or their segments are not kept."""
    others: tuple[str, ...] = ()
    """Where a row is a record, all further columns: a record tells which of them have a value, so that nothing of a row
    is left out unseen."""
    unused: tuple[str, ...] = ()
    """Where a row is a text, all further columns."""

    @property
    def names(self) -> tuple[str, ...]:
        """What is read, as it is told; of a text in which a licence may stand the rest is not."""
        return tuple(path for path in self.paths if path not in self.others and path not in self.unused)

    @property
    def paths(self) -> list[str]:
        """All that is read, each once, with its dots."""
        said = (self.source, self.license, self.language, self.segments)
        return list(dict.fromkeys(path for path in (self.text, *self.record, *self.others, self.id, *said) if path))

    def top_names(self, names: Sequence[str]) -> list[str]:
        """The columns of a table, which has these, that hold what is read."""
        return list(dict.fromkeys(_top(path, names) for path in self.paths))


def columns_of(schema: pa.Schema, piece: Piece) -> Columns | BadDocument:
    """The columns of `piece` in a table's schema; a fault of every row where the text column is missing or no text.

    Raises:
        DataError: the column of ids has a type that cannot be used.
    """
    types = dict(zip(schema.names, schema.types, strict=True))
    wanted = tuple(types) if piece.record_columns == (EVERY_COLUMN,) else piece.record_columns
    record = tuple(name for name in wanted if name in types)
    text = "" if record else piece.text_column
    fault = None if record else _record_fault(types, piece) if piece.record_columns else _text_fault(types, piece)
    if fault is not None:
        return fault
    identity = _id_column(types, piece)
    licence = licence_column(types)
    source = SOURCE_COLUMN if SOURCE_COLUMN in types and is_text(types[SOURCE_COLUMN]) else None
    is_ours = piece.keeps_segments and SEGMENTS_COLUMN in types and are_segments(types[SEGMENTS_COLUMN])
    segments = SEGMENTS_COLUMN if is_ours and not record else None
    language = None if record else _language_column(types, {text, identity, source, licence})
    used = [name for name in (text, *record, identity, source, licence, language, segments) if name]
    whole = {_top(one, types) for one in used if one not in TEXTS_OF_JSON or one == text}
    others = tuple(name for name in types if name not in whole)
    if not record:
        others = (*(name for name in others if not _is_empty(types[name])), *_beside(used, types))
    return Columns(
        text=text,
        record=record,
        id=identity,
        source=source,
        license=licence,
        language=language,
        segments=segments,
        others=others if record else (),
        unused=() if record else others,
    )


def _beside(paths: Sequence[str], types: Mapping[str, pa.DataType]) -> Iterator[str]:
    """The fields of structs, by their dotted names, that stand beside a field that is read."""
    for top in dict.fromkeys(_top(path, types) for path in paths if path not in types):
        if pa.types.is_struct(types[top]):
            for one in types[top]:
                if not _is_within(f"{top}.{one.name}", paths) and not _is_empty(one.type):
                    yield f"{top}.{one.name}"


def _is_empty(kind: pa.DataType) -> bool:
    """Whether a column of a type cannot hold a value: writers give it to one in which they met none."""
    return bool(pa.types.is_null(kind.value_type if pa.types.is_list(kind) else kind))


def _is_within(name: str, paths: Sequence[str]) -> bool:
    """Whether a path leads to a name or through it."""
    return any(path == name or path.startswith(f"{name}.") for path in paths)


def values_of(table: pa.RecordBatch | pa.Table, path: str) -> pa.Array | pa.ChunkedArray:
    """A column of a table, or a field of its structs."""
    names = table.schema.names
    top = _top(path, names)
    column = table.column(top)
    for step in [] if top == path else path.removeprefix(f"{top}.").split("."):
        column = pc.struct_field(column, step)
    return column


def noted(table: pa.RecordBatch | pa.Table, columns: Columns) -> ReadingNotes:
    """How many rows have a value in each of the columns that are not read."""
    counts = {name: table.num_rows - values_of(table, name).null_count for name in columns.unused}
    return ReadingNotes(columns=+Counter(counts))


def _record_fault(types: Mapping[str, pa.DataType], piece: Piece) -> BadDocument:
    """What is wrong with every row of a table without a column that may hold a conversation."""
    return BadDocument(
        BadReason.MISSING_CONVERSATION,
        piece.location,
        f"none of the columns {listed_names(piece.record_columns)}; its columns are {listed_names(types)}",
    )


def _text_fault(types: Mapping[str, pa.DataType], piece: Piece) -> BadDocument | None:
    """What is wrong with every row of a table without the column of texts."""
    kind = _type_at(types, piece.text_column)
    hint = likely_text_column(piece, {name: is_text(one) for name, one in _leaf_types(types)})
    if kind is None:
        return BadDocument(
            BadReason.MISSING_TEXT,
            piece.location,
            f"no column {piece.text_column!r}; its columns are {listed_names(types)}{hint}",
        )
    if not (is_text(kind) or pa.types.is_null(kind)):
        return BadDocument(
            BadReason.WRONG_TYPE,
            piece.location,
            f"column {piece.text_column!r} holds {kind}, and text must be string; its columns are "
            f"{listed_names(types)}{hint}",
        )
    return None


def _id_column(types: Mapping[str, pa.DataType], piece: Piece) -> str | None:
    """The column of ids: the one that is named, or the first usual one that can hold them."""
    wanted = USUAL_ID_COLUMNS if piece.id_column == USUAL_ID_COLUMNS[0] else (piece.id_column,)
    for name in wanted:
        kind = _type_at(types, name)
        if kind is None:
            continue
        if is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
            return name
        if name == piece.id_column:
            raise DataError(
                f"{piece.location}: column {name!r} holds {kind}, and ids must be string or integer; name another with "
                f"{argument('id-column')}, or one that does not exist to number the rows"
            )
    return None


def _language_column(types: Mapping[str, pa.DataType], taken: Container[str | None]) -> str | None:
    return next(
        (name for name in LANGUAGE_COLUMNS if name in types and name not in taken and is_text(types[name])), None
    )


def _type_at(types: Mapping[str, pa.DataType], path: str) -> pa.DataType | None:
    """The type of a column, or of a field of structs; None where there is none."""
    if path in types:
        return types[path]
    first, *steps = path.split(".")
    kind = types.get(first)
    for step in steps:
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(step) < 0:
            return None
        kind = kind.field(step).type
    return kind


def _leaf_types(types: Mapping[str, pa.DataType], prefix: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """All columns, those within structs by their dotted names."""
    for name, kind in types.items():
        if pa.types.is_struct(kind):
            yield from _leaf_types({field.name: field.type for field in kind}, f"{prefix}{name}.")
        else:
            yield prefix + name, kind


def _top(path: str, names: Container[str]) -> str:
    return path if path in names else path.partition(".")[0]


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds strings, or bytes that may be strings."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)) or (
        is_binary(kind)
    )


def is_binary(kind: pa.DataType) -> bool:
    """Whether a column holds bytes, as some writers of Parquet store strings."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def likely_text_column(piece: Piece, is_string: Mapping[str, bool]) -> str:
    """The column or field that may have been meant; ids and sources are none."""
    others = {*USUAL_ID_COLUMNS, *LICENCE_COLUMNS, piece.id_column, SOURCE_COLUMN}
    strings = [name for name, is_one in is_string.items() if is_one and name not in others]
    close = get_close_matches(piece.text_column, strings, n=1)
    usual = [name for word in _USUAL_TEXT_COLUMNS for name in strings if name.rpartition(".")[2] == word]
    only = strings if len(strings) == 1 else []
    likely = [*close, *usual, *only]
    return f' (did you mean text_column = "{likely[0]}"?)' if likely else ""


def listed_names(names: Any) -> str:
    """Names as a message lists them."""
    return ", ".join(map(repr, names)) or "none"
