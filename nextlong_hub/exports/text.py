"""Parquet with one column `text`, for trainers that tokenise themselves, and LLaMA-Factory's `dataset_info.json`.

LLaMA-Factory finds the dataset by its name in that file; torchtitan and most others read the Parquet files as they are.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.core.files import json_bytes
from nextlong_hub.exports import parquet
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_SCHEMA = pa.schema([("text", pa.large_string())])


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write one row of text for each document, and name the dataset for LLaMA-Factory."""
    values: Iterator[parquet.RowColumns] = ({"text": row.text} for row in rows)
    parquet.write_shards(values, _SCHEMA, writer, settings.shard_bytes)
    dataset = {"file_name": "data", "columns": {"prompt": "text"}}
    writer.put("dataset_info.json", json_bytes({dataset_name(settings.name): dataset}))


def read(folder: Path) -> Iterator[ReadDocument]:
    """The text of each row."""
    for path in sorted((folder / "data").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=16, columns=["text"]):
            yield from (ReadDocument(text=text) for text in batch.column("text").to_pylist())


def dataset_name(config: str) -> str:
    """Name of the dataset in LLaMA-Factory, without commas, which separate datasets there."""
    return f"nextlong_{config.replace('-', '_')}"


FORMAT = ExportFormat(
    name="text",
    reader="LLaMA-Factory, torchtitan",
    trainer_setting="dataset_dir: {0}        # LLaMA-Factory; or load_dataset({0!r})",
    write=write,
    read=read,
    tokens="never",
    wants_text=True,
    takes_packed_rows=False,
    takes_loss_mask=False,
    shard_bytes=parquet.SHARD_BYTES,
)
