"""The own writer of each format: the library that the trainer's people write it with, or the call that they name.

Each gets the rows as the export does, as arrays in memory, and a folder that does not exist. A writer whose library is
not installed is left out, and told.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub.exports.export_rows import ExportRow

Rows = Sequence[ExportRow]
Write = Callable[[Rows, Path, int], None]
"""Writes rows into a folder, in tokens of so many bytes.

Raises:
    ImportError: its library is not installed.
"""


def mds(rows: Rows, folder: Path, width: int) -> None:
    """MDSWriter of mosaicml-streaming, with the columns of ProLong."""
    from streaming import MDSWriter

    columns = {"domain": "str", "indices": "ndarray:uint32", "input_ids": "ndarray:uint32", "length": "int"}
    with MDSWriter(columns=columns, out=str(folder)) as writer:
        for row in rows:
            borders = np.array([[0, len(row.input_ids)]], np.uint32)
            ids = row.input_ids.astype(np.uint32)
            writer.write({"domain": row.source, "indices": borders, "input_ids": ids, "length": len(ids)})


def megatron(rows: Rows, folder: Path, width: int) -> None:
    """IndexedDatasetBuilder of megatron-core."""
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    folder.mkdir()
    builder = IndexedDatasetBuilder(str(folder / "train.bin"), dtype=np.uint16 if width == 2 else np.int32)
    for row in rows:
        builder.add_document(torch.from_numpy(row.input_ids), [len(row.input_ids)])
    builder.finalize(str(folder / "train.idx"))


def nanotron(rows: Rows, folder: Path, width: int) -> None:
    """TokenizedFile of datatrove, from lists, as its tokenizers give them."""
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    file = TokenizedFile(str(folder), "train_00000.ds", save_final_metadata=True, token_size=width)
    for row in rows:
        file.write(row.input_ids.tolist(), None)
    file.close()


def litdata(rows: Rows, folder: Path, width: int) -> None:
    """BinaryWriter of LitData, which stands behind its `optimize`."""
    import torch
    from litdata.streaming.item_loader import TokensLoader
    from litdata.streaming.writer import BinaryWriter

    writer = BinaryWriter(str(folder), chunk_bytes=1 << 26, item_loader=TokensLoader())
    for number, row in enumerate(rows):
        writer[number] = torch.from_numpy(row.input_ids)
    writer.done()
    writer.merge()


def flat_array(rows: Rows, folder: Path, width: int) -> None:
    """`numpy.tofile`, and the ends of documents beside it."""
    folder.mkdir()
    with (folder / "tokens.bin").open("wb") as file:
        for row in rows:
            row.input_ids.astype(f"<u{width}").tofile(file)
    np.save(folder / "offsets.npy", np.cumsum([0, *(len(row.input_ids) for row in rows)]))


def saved_array(rows: Rows, folder: Path, width: int) -> None:
    """`numpy.save` of all tokens, joined."""
    folder.mkdir()
    np.save(folder / "tokens.npy", np.concatenate([row.input_ids.astype(f"<u{width}") for row in rows]))
    np.save(folder / "offsets.npy", np.cumsum([0, *(len(row.input_ids) for row in rows)]))


def lines(rows: Rows, folder: Path, width: int) -> None:
    """`json.dumps` of each row."""
    folder.mkdir()
    with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            content = {"id": row.id, "source": row.source, "text": row.text, "input_ids": row.input_ids.tolist()}
            file.write(json.dumps(content | {"lengths": row.document_lengths}, ensure_ascii=False) + "\n")


def table_of(*names: str) -> Write:
    """`pyarrow.parquet.write_table`, compressed as ours are, of columns as long as the tokens, or of the text."""

    def write(rows: Rows, folder: Path, width: int) -> None:
        folder.mkdir()
        columns: dict[str, Any] = {}
        for name in names:
            kind = pa.int8() if name.endswith("mask") else pa.int32()
            columns[name] = pa.array([row.text for row in rows]) if name == "text" else lists(rows, kind)
        options: dict[str, Any] = {"compression": "zstd", "use_dictionary": False}
        options |= {"write_page_index": True, "write_page_checksum": True, "row_group_size": 64}
        pq.write_table(pa.table(columns), folder / "train.parquet", **options)

    return write


def lists(rows: Rows, kind: pa.DataType) -> pa.ListArray:
    """A column of one list a row."""
    flat: NDArray[np.int32] = np.concatenate([row.input_ids for row in rows])
    values = pa.array(np.ones(len(flat), np.int8)) if kind == pa.int8() else pa.array(flat)
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *(len(row.input_ids) for row in rows)]), pa.int32()), values)


WRITERS: dict[str, tuple[str, Write]] = {
    "mds": ("MDSWriter", mds),
    "megatron": ("IndexedDatasetBuilder", megatron),
    "nanotron": ("datatrove's TokenizedFile", nanotron),
    "litdata": ("LitData's BinaryWriter", litdata),
    "nanogpt": ("numpy.tofile", flat_array),
    "olmo": ("numpy.tofile", flat_array),
    "torchtitan": ("numpy.tofile", flat_array),
    "numpy": ("numpy.save", saved_array),
    "trl": ("pyarrow, write_table", table_of("input_ids", "labels")),
    "axolotl": ("pyarrow, write_table", table_of("input_ids", "labels", "attention_mask")),
    "skyrl": ("pyarrow, write_table", table_of("input_ids", "loss_mask")),
    "megatron-bridge": ("pyarrow, write_table", table_of("input_ids", "loss_mask")),
    "text": ("pyarrow, write_table", table_of("text")),
    "jsonl": ("json.dumps", lines),
}
"""By export: what the own writer is called, and the writer."""
