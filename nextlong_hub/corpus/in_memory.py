"""Rows that a Python caller holds: a table, a dataset, a list, a generator. They become one file, and are read as that.

A file can be read by any process, again after a crash, and has a digest. It is JSON Lines, whose bytes depend on the
rows alone. What no reader uses is not copied: `true` stands for it, so that it is counted as unused like a column of
any other file.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from nextlong_hub.core.files import digest_of, flush, read_json, storage_errors, write_json
from nextlong_hub.corpus.columns import LANGUAGE_COLUMNS, SOURCE_COLUMN
from nextlong_hub.corpus.emptiness import has_value
from nextlong_hub.corpus.kept_segments import SEGMENTS_COLUMN
from nextlong_hub.corpus.row_licences import LICENCE_COLUMNS, TEXTS_OF_JSON
from nextlong_hub.corpus.settings import EVERY_COLUMN, USUAL_ID_COLUMNS, SourceSettings
from nextlong_hub.errors import DataError, RecipeError

_BATCH_ROWS = 256
_BLOCK_BYTES = 1 << 20
_FOR_FILES = re.compile(r"[^\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemorySource:
    """Rows that the caller holds, as a source of a corpus; made by `memory_source`."""

    settings: SourceSettings
    """Name, columns, licence and limit; its path says what the rows are."""
    rows: Any
    """A table, a `datasets.Dataset` or `IterableDataset`, or an iterable of mappings or texts."""

    @property
    def name(self) -> str:
        """Its name in the corpus."""
        return self.settings.name


Source = SourceSettings | MemorySource
"""One named source: files or a Hub dataset by their settings, or rows that the caller holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRows:
    """Rows that have become a file."""

    settings: SourceSettings
    """Of the file."""
    description: str
    """What they were, and how many: `pandas.DataFrame of 1,000 rows`."""


def memory_source(
    rows: Any,
    name: str,
    *,
    text_column: str = "text",
    id_column: str = USUAL_ID_COLUMNS[0],
    record_columns: tuple[str, ...] = (),
    kind: str | None = None,
) -> MemorySource:
    """Name rows in memory as a source of a corpus.

    Args:
        rows: what has Arrow tables (pyarrow, pandas, polars), a `datasets.Dataset` or `IterableDataset`, or any
            iterable of mappings or of texts; a generator is read once, when the corpus is found.
        name: of the source.
        text_column: see `SourceSettings`, as for the two below.
        id_column: the column of ids.
        record_columns: the columns of a record.
        kind: what the rows are, for people; None is told by their class.
    """
    settings = SourceSettings(
        name=name, path=kind or _kind(rows), text_column=text_column, id_column=id_column, record_columns=record_columns
    )
    return MemorySource(settings=settings, rows=rows)


def with_settings(source: Source, **values: Any) -> Source:
    """The source with other settings."""
    if isinstance(source, MemorySource):
        return replace(source, settings=source.settings.model_copy(update=values))
    return source.model_copy(update=values)


def is_table(value: object) -> bool:
    """Whether a value is rows by itself: a dataset, a frame or a table, but no list of rows."""
    return any(hasattr(value, name) for name in ("column_names", "iloc", "__arrow_c_stream__", "collect_schema"))


def as_files(sources: Iterable[Source], folder: Path) -> tuple[list[SourceSettings], dict[str, str]]:
    """The sources with every one in memory written into `folder`, and what those were, by name.

    Raises:
        DataError: rows cannot be written, or there are none.
        RecipeError: rows come in no order, or a setting only makes sense for files.
        StorageError: no space, or no permission.
    """
    settings: list[SourceSettings] = []
    held: dict[str, str] = {}
    for source in sources:
        if isinstance(source, MemorySource):
            written = _write(source, folder)
            settings.append(written.settings)
            held[source.name] = written.description
        else:
            settings.append(source)
    return settings, held


def _write(source: MemorySource, folder: Path) -> WrittenRows:
    """Write the rows, unless a dataset with the same fingerprint was written before."""
    settings = source.settings
    part = next((name for name in ("config", "split", "revision") if getattr(settings, name) is not None), None)
    if part is not None:
        raise RecipeError(
            f"source {source.name!r} is a {settings.path} in memory, which has no {part} to choose; leave it out"
        )
    file_name = f"{_FOR_FILES.sub('-', source.name).strip('-.') or 'memory'}.jsonl"
    known = _fingerprint(source)
    record = folder / f"fingerprint-{known}.json"
    found = read_json(record) if known else None
    if not (isinstance(found, dict) and (folder / str(found.get("sha256")) / file_name).is_file()):
        found = _written(source, folder, file_name)
        if known:
            write_json(record, found)
    path = folder / str(found["sha256"]) / file_name
    description = f"{settings.path} of {found['rows']:,} row{'' if found['rows'] == 1 else 's'}"
    return WrittenRows(settings=settings.model_copy(update={"path": str(path)}), description=description)


def _fingerprint(source: MemorySource) -> str:
    """A name for the content of a `datasets.Dataset` under these settings; empty where nobody knows one."""
    fingerprint = getattr(source.rows, "_fingerprint", None)
    if not isinstance(fingerprint, str) or not hasattr(source.rows, "num_rows"):
        return ""
    return digest_of([fingerprint, source.settings.model_dump(mode="json", exclude={"license", "limit", "weight"})])


def _written(source: MemorySource, folder: Path, file_name: str) -> dict[str, Any]:
    """Write all rows into a file in a folder called by their digest; give that and their number."""
    digest = hashlib.sha256()
    rows = 0
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{file_name}.{os.getpid()}.tmp"
    try:
        with storage_errors(aside):
            handle = aside.open("wb")
        with handle:
            for block, count in _blocks(_lines(source)):
                digest.update(block)
                rows += count
                with storage_errors(aside):
                    handle.write(block)
        if not rows:
            raise DataError(f"source {source.name!r}, a {source.settings.path}, holds no rows; give some")
        path = folder / digest.hexdigest()[:12] / file_name
        with storage_errors(path):
            flush(aside)
            path.parent.mkdir(exist_ok=True)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return {"sha256": path.parent.name, "rows": rows}


def _blocks(lines: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Lines joined to blocks that are worth writing, each with their number."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield b"".join(held), len(held)
            held, size = [], 0
    yield b"".join(held), len(held)


def _lines(source: MemorySource) -> Iterator[bytes]:
    """Each row as a line of JSON."""
    settings = source.settings
    is_read = _reader_of(settings)
    for row in _rows(source.rows, source.name):
        if isinstance(row, str):
            row = {settings.text_column: row}
        if isinstance(row, Mapping):
            keeps_all = settings.text_column.partition(".")[0] not in row and not settings.record_columns
            row = {
                # An object may say under which licence the row is.
                str(name): value
                if keeps_all or is_read(str(name)) or isinstance(value, Mapping)
                else has_value(_plain(value)) or None
                for name, value in row.items()
            }
        yield json.dumps(row, default=_plain, separators=(",", ":")).encode() + b"\n"


def _reader_of(settings: SourceSettings) -> Callable[[str], bool]:
    """Whether a column may be read, by its name."""
    if settings.record_columns == (EVERY_COLUMN,):
        return lambda _: True
    usual = (*USUAL_ID_COLUMNS, SOURCE_COLUMN, *LICENCE_COLUMNS, *LANGUAGE_COLUMNS, *TEXTS_OF_JSON, SEGMENTS_COLUMN)
    named = (settings.text_column, settings.id_column, *settings.record_columns)
    read = {*usual, *named, *(name.partition(".")[0] for name in named)}
    return read.__contains__


def _plain(value: Any) -> Any:
    """What JSON can hold of a value; of others an object with the name of their class, which is no text."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"class": "bytes that are not UTF-8"}
    if isinstance(value, str | int | float | bool | list | tuple | dict) or value is None:
        return value
    if isinstance(value, Mapping):
        return dict(value)
    for name in ("tolist", "isoformat"):  # NumPy; dates and times
        if hasattr(value, name):
            return getattr(value, name)()
    return {"class": type(value).__name__}


def _rows(rows: Any, name: str) -> Iterator[Any]:
    """The rows of anything that has some, in order, a batch at a time."""
    if hasattr(rows, "collect_schema") and hasattr(rows, "collect"):
        rows = rows.collect()  # a LazyFrame of polars
    if isinstance(rows, set | frozenset):
        raise RecipeError(
            f"source {name!r} is a set, whose order changes from run to run; give sorted(…), so that the same corpus "
            "gives the same dataset"
        )
    tables = _tables(rows, name)
    if tables is None:
        yield from rows
        return
    for table in tables:
        for start in range(0, table.num_rows, _BATCH_ROWS):
            yield from table.slice(start, _BATCH_ROWS).to_pylist()


def _tables(rows: Any, name: str) -> Iterator[pa.Table | pa.RecordBatch] | None:
    """The rows as Arrow tables; None of those that are Python objects."""
    tables: Iterable[pa.Table | pa.RecordBatch] | None = None
    try:
        if hasattr(rows, "with_format") and hasattr(rows, "num_rows"):
            tables = rows.with_format("arrow").iter(batch_size=_BATCH_ROWS)
        elif isinstance(rows, pa.Table | pa.RecordBatch):
            tables = [rows]
        elif hasattr(rows, "iloc") and hasattr(rows, "columns"):
            tables = [pa.Table.from_pandas(rows, preserve_index=False)]
        elif hasattr(rows, "__arrow_c_stream__") and not hasattr(rows, "name"):
            tables = pa.RecordBatchReader.from_stream(rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        columns = re.findall(r"column (\S+) with type", str(error))
        place = f" (column {columns[0]})" if columns else ""
        raise DataError(
            f"source {name!r} has a column that holds several types or none that Arrow knows{place}; give each column "
            "one type, or drop it"
        ) from None  # the error quotes a value
    return None if tables is None else iter(tables)


def _kind(rows: Any) -> str:
    """What the rows are, for people: `pandas.DataFrame`, `list of texts`, `generator`."""
    package = type(rows).__module__.partition(".")[0]
    if package != "builtins":
        return f"{package}.{type(rows).__name__}"
    kind = type(rows).__name__
    if isinstance(rows, Sequence) and rows:
        return f"{kind} of {noun_of(rows[0])}"
    return kind


def noun_of(row: object) -> str:
    """What a row of Python is called, in the plural."""
    return "texts" if isinstance(row, str) else "dicts"


def with_first(rows: Iterable[Any]) -> tuple[Any, Iterable[Any]]:
    """The first row, None where there is none, and all rows again, that one included."""
    if isinstance(rows, Sequence):
        return (rows[0] if rows else None), rows
    iterator = iter(rows)
    first = next(iterator, None)
    return first, chain([] if first is None else [first], iterator)
