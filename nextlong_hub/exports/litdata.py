"""Chunks of LitData for its `TokensLoader`, as LitGPT reads them: an index, and files of tokens.

    index.json        the chunks, and how they were written
    chunk-0-0.bin     uint32: documents, and where each begins in the file, with the file's end; then int32 tokens

The loader knows no documents: it cuts each chunk into blocks of `block_size` tokens. With rows of one length and blocks
of that length a block is a row; a chunk ends with a row. LitGPT learns T of T + 1 tokens, so an EOS is put behind each
document. Rows of several lengths do not fit blocks.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nextlong_hub.exports import flat
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_NAME = "chunk-0-{}.bin"
_INT32 = "no_header_tensor:16"
"""LitData's name for tensors of one dimension and type `torch.int32`."""
_ONE_LEAF = '[1, {"type": null, "context": null, "children_spec": []}]'
"""PyTorch's description of an item that is one tensor."""


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write chunks of about `shard_bytes` and their index; see `flat.write_files`."""
    chunks: list[dict[str, Any]] = [
        {
            "chunk_bytes": 4 * file.ends[-1],
            "chunk_size": len(file.ends) - 1,
            "dim": file.ends[-1],
            "filename": _NAME.format(file.number),
        }
        for file in flat.write_files(rows, writer, replace(settings, token_bytes=4), _NAME, header)
    ]
    config: dict[str, Any] = dict.fromkeys(
        ("chunk_size", "compression", "compression_batch_size", "compression_level", "encryption", "ipc_compression")
    )
    config |= {"chunk_bytes": settings.shard_bytes, "data_format": [_INT32], "data_spec": _ONE_LEAF}
    config |= {"item_loader": "TokensLoader", "types": "tensor"}
    # LitData puts the time there, and takes "0" for unknown: it then names its copy by the folder.
    index = {"chunks": chunks, "config": config, "updated_at": "0"}
    writer.put("index.json", json.dumps(index, sort_keys=True).encode())


def header(ends: list[int]) -> bytes:
    """The number of documents, and where each begins in the file, with the file's end."""
    places = 4 * (len(ends) + 1) + 4 * np.array(ends, np.int64)
    return np.array([len(ends) - 1, *places.tolist()], "<u4").tobytes()


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents of each chunk that the index names."""
    for chunk in json.loads((folder / "index.json").read_text("utf-8"))["chunks"]:
        content = np.memmap(folder / chunk["filename"], "<u4", "r")
        count = int(content[0])
        places = content[1 : count + 2].astype(np.int64)
        if (count, int(places[-1])) != (chunk["chunk_size"], content.nbytes):
            raise ValueError(f"{chunk['filename']} is not as long as it says, or has other documents than its index")
        for start, end in pairwise((places // 4).tolist()):
            yield ReadDocument(input_ids=content[start:end].astype(np.int32))


FORMAT = ExportFormat(
    name="litdata",
    reader="LitData's TokensLoader, LitGPT",
    trainer_setting="StreamingDataset({0}, item_loader=TokensLoader(block_size=…))",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=False,
    shard_bytes=1 << 26,
    most_shard_bytes=1 << 31,
    eos="append",
)
