"""Flat tokens for torchtitan's pretokenised source: `tokens.bin`, and where each document begins.

    tokens.bin              uint32, documents back to back
    document_offsets.npy    int64 with NumPy's header: the first token of each document, and one past the last

torchtitan learns a document's tokens from the second on, so a document of T + 1 tokens fills a window of T: for that an
EOS is put behind each. Releases up to 0.3 read text instead: `text`.
"""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write both files; memory holds 8 bytes a document."""
    offsets = [0]
    with writer.stream("tokens.bin") as stream:
        for row in rows:
            stream.write(row.token_bytes("<u4"))
            offsets.append(offsets[-1] + len(row.input_ids))
    header = io.BytesIO()
    np.lib.format.write_array(header, np.array(offsets, "<i8"), version=(1, 0), allow_pickle=False)
    writer.put("document_offsets.npy", header.getvalue())


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents between the offsets."""
    offsets = np.load(folder / "document_offsets.npy", allow_pickle=False).tolist()
    tokens = np.memmap(folder / "tokens.bin", "<u4", "r")
    if offsets[-1] != len(tokens):
        raise ValueError(f"tokens.bin has {len(tokens):,} tokens, and document_offsets.npy ends at {offsets[-1]:,}")
    return (ReadDocument(input_ids=tokens[start:end].astype(np.int32)) for start, end in pairwise(offsets))


FORMAT = ExportFormat(
    name="torchtitan",
    reader="torchtitan (main), tokens",
    trainer_setting="tokens_path={0}/tokens.bin, document_offsets_path={0}/document_offsets.npy",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=False,
    shard_bytes=0,
    eos="append",
)
