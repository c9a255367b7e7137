"""Checks of one shard: size, sha256 and every row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.core.files import sha256_of
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.config_record import ConfigRecord, FileRecord
from nextlong_hub.dataset.row_digest import RowDigest, digest_rows
from nextlong_hub.dataset.schema import TOKEN_COLUMNS, is_laid_out, row_schema, with_current_names
from nextlong_hub.dataset.spelled import span_column
from nextlong_hub.verification.documents import check_document
from nextlong_hub.verification.packed_faults import packed_faults
from nextlong_hub.verification.repeats import recount
from nextlong_hub.verification.report import Check, RowDocument


def check_file(
    folder: Path, record: FileRecord, config: ConfigRecord, first_row: int, rows: list[RowDocument], check: Check
) -> None:
    """Check one shard and add the documents of its rows to `rows`; the rows of a damaged file are not read."""
    if not is_readable(folder, record, check):
        return
    path = folder / record.path
    count = tokens = 0
    read = RowDigest()
    try:
        for place, row in _rows(path, record.path, config, read, check):
            documents = list(_documents(place, row, config, first_row + count, check))
            for where, document in documents:
                rows.append(
                    RowDocument(document["id"], document["meta_document"], first_row + count, document["token_count"])
                )
                check_document(where, document, config, check)
            recount(place, row, [document for _, document in documents], check)
            for digest, finder in check.finders.items():
                check.spelled[digest].add(row, span_column(row, conversations=config.conversations is not None), finder)
            count += 1
            tokens += row["token_count"]
    except (OSError, ValueError, pa.ArrowException) as error:
        check.fault(record.path, f"cannot be read: {error}")
    if (count, tokens) != (record.rows, record.tokens):
        check.fault(
            record.path, f"holds {count:,} rows, {tokens:,} tokens instead of {record.rows:,} and {record.tokens:,}"
        )
    elif record.rows_sha256 and read.hexdigest() != record.rows_sha256:
        check.fault(record.path, f"the digest of its rows is {read.hexdigest()} instead of {record.rows_sha256}")
    check.rows += count


def is_readable(folder: Path, record: FileRecord, check: Check) -> bool:
    """Check the bytes of one file; whether its rows are to be read: they are those that were recorded."""
    path = folder / record.path
    check.files += 1
    if not path.is_file():
        check.fault(record.path, "is missing")
        return False
    if (fault := fault_of_bytes(path, record)) is not None:
        writer = other_writer(path, record)
        if writer is None:
            check.fault(record.path, fault)
            return False
        check.rewritten.append(f"{record.path} ({writer})")
    return True


def fault_of_bytes(path: Path, record: FileRecord) -> str | None:
    """How a file differs from its record; None where it does not."""
    size = path.stat().st_size
    if size != record.bytes:
        return f"has {size:,} bytes instead of {record.bytes:,}"
    try:
        found = sha256_of(path)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None if found == record.sha256 else f"its sha256 is {found} instead of {record.sha256}"


def other_writer(path: Path, record: FileRecord) -> str | None:
    """What wrote the same rows anew; None where they are others, or the program is the one that gives other bytes."""
    try:
        writer = shards.writer_of(path)
        if not record.rows_sha256 or writer == record.writer:
            return None
        return writer if rows_digest(path) == record.rows_sha256 else None
    except (OSError, ValueError, pa.ArrowException):
        return None


def rows_digest(path: Path) -> str:
    """The digest of the rows of a file.

    Raises:
        OSError, ValueError, pyarrow.ArrowException: it cannot be read.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return digest_rows(file.read_row_group(group) for group in range(file.num_row_groups))


def _rows(
    path: Path, name: str, config: ConfigRecord, digest: RowDigest, check: Check
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its place, tokens as an array; none when the columns differ from the schema."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        wanted = row_schema(
            tokens=bool(config.recipe["tokens"]),
            packed=config.packing is not None,
            masked=config.conversations is not None
            or (config.packing is not None and config.packing.padding_id is not None),
            inputs=config.conversations is not None and config.conversations.with_inputs > 0,
        )
        found = with_current_names(file.schema_arrow.remove_metadata())
        if not is_laid_out(found, wanted):
            check.fault(name, f"has columns {file.schema_arrow.names} of other names or types than {wanted.names}")
            return
        number = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            if any(column.null_count for column in table.columns):
                check.fault(name, f"row group {group} holds nulls")
                return
            digest.update(table)
            table = table.rename_columns(found.names)
            long = [column for column in TOKEN_COLUMNS if column in table.column_names]
            rows = table.drop_columns(long).to_pylist()
            for index, row in enumerate(rows):
                row |= {column: table[column][index].values.to_numpy() for column in long}
                yield f"{name}, row {number}", row
                number += 1


def _documents(
    place: str, row: dict[str, Any], config: ConfigRecord, number: int, check: Check
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of a row with their places: the row itself, or those of a packed row that can be unpacked."""
    if config.packing is None or check.recipe is None:
        yield place, row
        return
    messages = list(packed_faults(row, check.recipe, number, config.packing))
    for message in messages:
        check.fault(place, message)
    if not messages:
        yield from ((f"{place}, document {n}", document) for n, document in enumerate(unpack(row)))
