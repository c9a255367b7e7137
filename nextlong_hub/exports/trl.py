"""Parquet for TRL: `input_ids`, `labels`, and `seq_lengths`, from which its collator derives positions."""

from collections.abc import Iterator

import pyarrow as pa

from nextlong_hub.exports import parquet
from nextlong_hub.exports.base import ExportFormat, ExportSettings
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_SCHEMA = pa.schema([(name, pa.list_(pa.int32())) for name in ("input_ids", "labels", "seq_lengths")])


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write one row of tokens, labels and document lengths for each row."""
    values: Iterator[parquet.RowColumns] = (
        {"input_ids": row.input_ids, "labels": row.labels, "seq_lengths": row.document_lengths} for row in rows
    )
    parquet.write_shards(values, _SCHEMA, writer, settings.shard_bytes)


FORMAT = ExportFormat(
    name="trl",
    reader="TRL's SFTTrainer",
    trainer_setting='load_dataset("parquet", data_files="{0}/data/*.parquet")',
    write=write,
    tokens="always",
    wants_text=False,
    takes_packed_rows=True,
    takes_loss_mask=True,
    shard_bytes=parquet.SHARD_BYTES,
)
