"""Parquet for axolotl: exactly the three columns by which it recognises tokenised rows.

It treats a row as one document, so packed rows are exported as one row for each document, and it packs them itself.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from nextlong_hub.exports import parquet
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_SCHEMA = pa.schema([(name, pa.list_(pa.int32())) for name in ("input_ids", "attention_mask", "labels")])


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write one row of tokens, ones and labels for each document."""
    values: Iterator[parquet.RowColumns] = (
        {
            "input_ids": row.input_ids,
            "attention_mask": np.ones(len(row.input_ids), np.int32),
            "labels": row.labels,
        }
        for row in rows
    )
    parquet.write_shards(values, _SCHEMA, writer, settings.shard_bytes)


def read(folder: Path) -> Iterator[ReadDocument]:
    """The document of each row."""
    for input_ids, ones, labels in parquet.read_columns(folder, _SCHEMA.names):
        if len(ones) != len(input_ids) or not ones.all():
            raise ValueError("an attention_mask is not all ones")
        yield parquet.document_of_labels(input_ids, labels)


FORMAT = ExportFormat(
    name="axolotl",
    reader="axolotl",
    trainer_setting="datasets: [{{path: {0}, split: train, type: }}]",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=True,
    shard_bytes=parquet.SHARD_BYTES,
)
