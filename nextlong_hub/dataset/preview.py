"""The preview of a configuration whose rows are too large for the viewer of the Hub: its first rows, cut short.

    WritePreview     the shards of a configuration  ▶  one file of small rows
    write_preview    the same in a run, where it is needed; None where the viewer shows the rows themselves
    told             a preview in a sentence
    preview_tables   the rows of a preview, for whoever checks one

A preview is no data: nothing counts its rows, `load_dataset` gives them by name only, and their split is `preview`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextlong_hub.core.config_names import PREVIEW_ENDING
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.printable import counted, size
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.config_record import FileRecord, PreviewRecord
from nextlong_hub.dataset.folder import invalidate, kept_manifest, own_files
from nextlong_hub.errors import DataError
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.execution.run import Run
from nextlong_hub.recipe import OutputSettings

VIEWER_ROW_BYTES = 2_000_000
"""The Hub's viewer shows no row with more; text and tokens count."""
PREVIEW_ROWS = 100
"""One page of the viewer."""
PREVIEW_CHARACTERS = 8_192
PREVIEW_ENTRIES = 2_048
"""Of each list of a row: tokens, documents, and segments, of which a row of 512k has about 1,250."""

_UNBOUNDED = "template_inputs"
"""The one column whose single entries may be of any length, and are nothing when they are cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewCounts:
    """What a preview holds."""

    rows: int
    tokens: int
    """Ids that are shown."""
    rows_sha256: str
    """See `row_digest`."""
    writer: str
    """See `FileRecord`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePreview(Task[PreviewCounts]):
    """Cut the first rows of a configuration to their beginnings."""

    stage: ClassVar[str] = "preview"
    noun: ClassVar[str] = "files"

    config: str
    shards: tuple[InputPath, ...]
    settings: OutputSettings

    def run(self) -> PreviewCounts:
        """See `Task.run`."""
        tables = list(preview_tables(self.config, self.shards))
        table = pa.concat_tables(tables)
        return PreviewCounts(
            rows=table.num_rows,
            tokens=sum(map(_tokens, tables)),
            rows_sha256=shards.write_table(self.output, table, self.settings),
            writer=shards.writer_of(self.output),
        )


def write_preview(
    run: Run, config: str, files: Sequence[FileRecord], largest_row_bytes: int, settings: OutputSettings
) -> PreviewRecord | None:
    """Write the preview of a configuration; None where the viewer shows its rows, so that none is needed.

    The manifest is invalidated before it is written, as before any published file.

    Args:
        run: where the configuration is written.
        config: its name.
        files: its shards, in row order.
        largest_row_bytes: text and tokens of its largest row.
        settings: how files are written.

    Raises:
        DataError: a shard is damaged.
        StorageError: no space, or no permission.
        ConflictError: a file that is not ours has the name of the preview, or a link leads to its folder.
    """
    if largest_row_bytes <= VIEWER_ROW_BYTES:
        return None
    name = config + PREVIEW_ENDING
    path = f"data/{name}/preview.parquet"

    def before_first() -> None:
        own_files(run.output, kept_manifest(run.output, run.workspace)).claim([path])
        invalidate(run.output, run.workspace)

    task = WritePreview(
        key=name,
        output=run.output / path,
        config=config,
        shards=tuple(run.output / file.path for file in files),
        settings=settings,
    )
    cut = [PREVIEW_ROWS, PREVIEW_CHARACTERS, PREVIEW_ENTRIES]
    [receipt] = run.map(f"preview {config}", [task], digest_of([[file.sha256 for file in files], cut]), before_first)
    file = FileRecord(
        path=path,
        sha256=receipt.sha256,
        bytes=receipt.bytes,
        rows=receipt.counts.rows,
        tokens=receipt.counts.tokens,
        rows_sha256=receipt.counts.rows_sha256,
        writer=receipt.counts.writer,
    )
    return PreviewRecord(name=name, largest_row_bytes=largest_row_bytes, file=file)


def told(config: str, preview: PreviewRecord) -> str:
    """What people are told of a preview, in a sentence."""
    return (
        f"{config} has rows of up to {size(preview.largest_row_bytes)}, and the Hub's viewer shows none above "
        f"{size(VIEWER_ROW_BYTES)}: for it, {preview.name} holds the beginnings of "
        f"{counted(preview.file.rows, 'row')}, which is no data to train on."
    )


def preview_tables(config: str, files: Sequence[Path]) -> Iterator[pa.Table]:
    """The rows of a preview, one table for each row group of the whole rows; no row group is read without need.

    Raises:
        DataError: a file is missing or damaged.
    """
    number = 0
    for table in chain.from_iterable(map(_row_groups, files)):
        rows = table.slice(0, PREVIEW_ROWS - number)
        yield _cut(rows, config, number)
        number += rows.num_rows
        if number == PREVIEW_ROWS:
            return


def _row_groups(path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the build again to make it anew") from error


def _cut(table: pa.Table, config: str, first: int) -> pa.Table:
    """Rows cut to their beginnings; `config` and `row` lead to the whole ones, whose text has so many `characters`."""
    numbers = np.arange(first, first + table.num_rows, dtype=np.int32)
    columns = {
        "id": table["id"],
        "config": pa.array([config] * table.num_rows, pa.string()),
        "row": pa.array(numbers),
        "characters": pc.utf8_length(table["text"]).cast(pa.int32()),
    }
    for name in table.column_names:
        if name != _UNBOUNDED:
            columns.setdefault(name, _beginning(table[name]))
    return pa.table(columns)


def _beginning(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(values.type):
        return pc.list_slice(values, 0, PREVIEW_ENTRIES)
    if pa.types.is_large_string(values.type):
        return pc.utf8_slice_codeunits(values, 0, PREVIEW_CHARACTERS)
    return values


def _tokens(table: pa.Table) -> int:
    return len(pc.list_flatten(table["input_ids"])) if "input_ids" in table.column_names else 0
