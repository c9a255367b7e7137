"""Packed Parquet for Megatron Bridge: `input_ids`, `seq_start_id`, and a `loss_mask` that stands at the labels.

    input_ids       list of int32
    seq_start_id    list of int32: where each document begins
    loss_mask       list of int8: whether the *next* token is learnt, so that of each document is moved up by one

Its reader takes the last token of each document only as a label, so an EOS is put behind each: T tokens stay T.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.dataset import best_fit as packing
from nextlong_hub.exports import parquet
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_SCHEMA = pa.schema(
    [
        ("input_ids", pa.list_(pa.int32())),
        ("loss_mask", pa.list_(pa.int8())),
        ("seq_start_id", pa.list_(pa.int32())),
    ]
)


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write Parquet files of about `shard_bytes`."""
    parquet.write_shards(map(_columns, rows), _SCHEMA, writer, settings.shard_bytes)


def _columns(row: ExportRow) -> parquet.RowColumns:
    borders = packing.cu_seqlens(row.document_lengths)
    return {
        "input_ids": row.input_ids,
        "loss_mask": mask_at_labels(row, borders),
        "seq_start_id": borders[:-1].tolist(),
    }


def mask_at_labels(row: ExportRow, borders: NDArray[np.int32]) -> NDArray[np.int32]:
    """1 at each token whose next one, in the same document, is learnt. Shape: (tokens,)."""
    learnt = np.ones(len(row.input_ids), np.int32) if row.loss_mask is None else row.loss_mask.astype(np.int32)
    moved = np.append(learnt[1:], np.int32(0))
    moved[borders[1:] - 1] = 0
    return moved


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents of each row, the mask moved back to its tokens."""
    for input_ids, moved, starts in parquet.read_columns(folder, _SCHEMA.names):
        if len(moved) != len(input_ids):
            raise ValueError("a loss_mask is not as long as its tokens")
        for start, end in pairwise([*starts.tolist(), len(input_ids)]):
            mask = np.append(np.int32(0), moved[start : end - 1])
            yield ReadDocument(input_ids=input_ids[start:end], loss_mask=mask.astype(np.uint8))


FORMAT = ExportFormat(
    name="megatron-bridge",
    reader="Megatron Bridge, packed",
    trainer_setting="PackedSequenceSpecs(packed_train_data_path={0}/data)",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=True,
    takes_loss_mask=True,
    shard_bytes=parquet.SHARD_BYTES,
    eos="append",
    shared_rows="With context_parallel_size=N each of them needs a multiple of 2·N tokens: otherwise leave it at 1",
    aligned_rows="Each of them has a multiple of {0} tokens, so context_parallel_size may be {1} or what divides it",
    tokens_dropped=1,
)
