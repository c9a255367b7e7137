"""Arrays with NumPy's header, for a loop of one's own: `np.load(path, mmap_mode="r")`, without any other library.

tokens_00000.npy              uint16 or uint32 by the size of the vocabulary; documents back to back
document_offsets_00000.npy    int64: the first token of each document, and one past the last
loss_mask_00000.npy           bool, one a token; only of rows with a loss mask
"""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.exports import flat
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write files of about `shard_bytes`; see `flat.write_files`."""

    def header(ends: list[int]) -> bytes:
        return header_of(ends[-1], flat.TYPES[settings.token_bytes])

    for file in flat.write_files(rows, writer, settings, "tokens_{:05d}.npy", header):
        writer.put(f"document_offsets_{file.number:05d}.npy", array_bytes(np.array(file.ends, "<i8")))
        if settings.masked:
            writer.put(f"loss_mask_{file.number:05d}.npy", array_bytes(np.frombuffer(file.mask, np.bool_)))


def header_of(length: int, kind: str) -> bytes:
    """NumPy's header of an array of one dimension."""
    stream = io.BytesIO()
    shape = {"descr": kind, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(stream, shape)
    return stream.getvalue()


def array_bytes(array: NDArray[np.int64] | NDArray[np.bool_]) -> bytes:
    """A file of one array. Shape: (length,)."""
    return header_of(len(array), array.dtype.str) + array.tobytes()


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents between the offsets."""
    for path in sorted(folder.glob("tokens_*.npy")):
        number = path.stem.rpartition("_")[2]
        tokens = np.load(path, mmap_mode="r", allow_pickle=False)
        offsets = np.load(folder / f"document_offsets_{number}.npy", allow_pickle=False).tolist()
        if offsets[-1] != len(tokens):
            raise ValueError(f"{path.name} has {len(tokens):,} tokens, and the offsets end at {offsets[-1]:,}")
        masks = folder / f"loss_mask_{number}.npy"
        mask = np.load(masks, allow_pickle=False) if masks.exists() else np.ones(len(tokens), np.bool_)
        for start, end in pairwise(offsets):
            ids = tokens[start:end].astype(np.int32)
            yield ReadDocument(input_ids=ids, loss_mask=mask[start:end].astype(np.uint8))


FORMAT = ExportFormat(
    name="numpy",
    reader="any loop that reads NumPy's arrays",
    trainer_setting="np.load({0}/tokens_00000.npy, mmap_mode='r')",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=True,
    shard_bytes=1 << 27,
    token_bytes="by vocabulary",
    two_byte_vocabulary=1 << 16,
)
