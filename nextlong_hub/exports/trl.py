"""Parquet for TRL: `input_ids`, `labels`, and `seq_lengths`, from which its collator derives positions."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from nextlong_hub.dataset import best_fit as packing
from nextlong_hub.exports import parquet
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_SCHEMA = pa.schema([(name, pa.list_(pa.int32())) for name in ("input_ids", "labels", "seq_lengths")])


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write one row of tokens, labels and document lengths for each row."""
    values: Iterator[parquet.RowColumns] = (
        {"input_ids": row.input_ids, "labels": row.labels, "seq_lengths": row.document_lengths} for row in rows
    )
    parquet.write_shards(values, _SCHEMA, writer, settings.shard_bytes)


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents of each row, by `seq_lengths`."""
    for input_ids, labels, lengths in parquet.read_columns(folder, _SCHEMA.names):
        for start, end in pairwise(packing.cu_seqlens(lengths).tolist()):
            yield parquet.document_of_labels(input_ids[start:end], labels[start:end])


FORMAT = ExportFormat(
    name="trl",
    reader="TRL's SFTTrainer",
    trainer_setting='load_dataset("parquet", data_files="{0}/data/*.parquet")',
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=True,
    takes_loss_mask=True,
    shard_bytes=parquet.SHARD_BYTES,
    shared_rows="TRL lets them see each other under context parallelism: leave cp_size=1",
)
