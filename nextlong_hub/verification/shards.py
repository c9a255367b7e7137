"""Checks of one shard: size, sha256 and every row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.core.files import sha256_of
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.manifest import ConfigRecord, FileRecord
from nextlong_hub.dataset.schema import TOKEN_COLUMNS, row_schema, without_later_fields
from nextlong_hub.dataset.spelled import span_column
from nextlong_hub.verification.documents import check_document
from nextlong_hub.verification.packed_faults import packed_faults
from nextlong_hub.verification.repeats import recount
from nextlong_hub.verification.report import Check, RowDocument


def check_file(
    folder: Path, record: FileRecord, config: ConfigRecord, first_row: int, rows: list[RowDocument], check: Check
) -> None:
    """Check one shard and add the documents of its rows to `rows`; the rows of a damaged file are not read."""
    path = folder / record.path
    check.files += 1
    if not path.is_file():
        check.fault(record.path, "is missing")
        return
    if path.stat().st_size != record.bytes:
        check.fault(record.path, f"has {path.stat().st_size:,} bytes instead of {record.bytes:,}")
        return
    try:
        found = sha256_of(path)
    except OSError as error:
        check.fault(record.path, f"cannot be read: {error.strerror or error}")
        return
    if found != record.sha256:
        check.fault(record.path, f"its sha256 is {found} instead of {record.sha256}")
        return
    count = tokens = 0
    try:
        for place, row in _rows(path, record.path, config, check):
            documents = list(_documents(place, row, config, first_row + count, check))
            for where, document in documents:
                rows.append(
                    RowDocument(document["id"], document["meta_document"], first_row + count, document["token_count"])
                )
                check_document(where, document, config, check)
            recount([document for _, document in documents], check)
            if check.finder is not None:
                check.spelled.add(row, span_column(row), check.finder)
            count += 1
            tokens += row["token_count"]
    except (OSError, ValueError, pa.ArrowException) as error:
        check.fault(record.path, f"cannot be read: {error}")
    if (count, tokens) != (record.rows, record.tokens):
        check.fault(
            record.path, f"holds {count:,} rows, {tokens:,} tokens instead of {record.rows:,} and {record.tokens:,}"
        )
    check.rows += count


def _rows(path: Path, name: str, config: ConfigRecord, check: Check) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its place, tokens as an array; none when the columns differ from the schema."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        wanted = row_schema(
            tokens=bool(config.recipe["tokens"]),
            packed=config.packing is not None,
            masked=config.conversations is not None,
            inputs=config.conversations is not None and config.conversations.with_inputs > 0,
        )
        found = file.schema_arrow.remove_metadata()
        if not found.equals(wanted) and not found.equals(without_later_fields(wanted)):
            check.fault(name, f"has columns {file.schema_arrow.names} of other names or types than {wanted.names}")
            return
        number = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            if any(column.null_count for column in table.columns):
                check.fault(name, f"row group {group} holds nulls")
                return
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
    messages = list(packed_faults(row, check.recipe, number))
    for message in messages:
        check.fault(place, message)
    if not messages:
        yield from ((f"{place}, document {n}", document) for n, document in enumerate(unpack(row)))
