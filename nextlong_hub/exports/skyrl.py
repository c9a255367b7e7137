"""Parquet for SkyRL and prime-rl: `input_ids`, and a `loss_mask` as long; a document a row.

Nothing comes before the first token, so it is never learnt: its mask is 0, as SkyRL wants it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from nextlong_hub.exports import parquet
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_SCHEMA = pa.schema([("input_ids", pa.list_(pa.int32())), ("loss_mask", pa.list_(pa.int8()))])


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write one row of tokens and mask for each document."""
    parquet.write_shards(map(_columns, rows), _SCHEMA, writer, settings.shard_bytes)


def _columns(row: ExportRow) -> parquet.RowColumns:
    mask = np.ones(len(row.input_ids), np.int32) if row.loss_mask is None else row.loss_mask.astype(np.int32)
    mask[:1] = 0
    return {"input_ids": row.input_ids, "loss_mask": mask}


def read(folder: Path) -> Iterator[ReadDocument]:
    """The document of each row."""
    for input_ids, mask in parquet.read_columns(folder, _SCHEMA.names):
        if len(mask) != len(input_ids):
            raise ValueError("a loss_mask is not as long as its tokens")
        yield ReadDocument(input_ids=input_ids, loss_mask=mask.astype(np.uint8))


FORMAT = ExportFormat(
    name="skyrl",
    reader="SkyRL, prime-rl",
    trainer_setting="pretokenized_dataset_paths={0}/data",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=True,
    shard_bytes=parquet.SHARD_BYTES,
)
