"""Headerless arrays for OLMo-core, open-instruct and MaxText's `olmo_grain`: documents back to back, an EOS after each.

    token_ids_part_0000.npy      the tokens, uint16 where the vocabulary has at most 65,536 entries, else uint32
    token_ids_part_0000.csv.gz   `start,end` of each document, in tokens, one a line
    labels_mask_part_0000.npy    one byte a token, 1 where the loss is taken; only of rows with a loss mask

`.npy` is what the readers call them; NumPy's own header is not there. A local array is cut at each EOS, one behind a
URL by its `.csv.gz`. The last token of a row gives way to the EOS, so that T tokens fill a window of T.
"""

import gzip
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from nextlong_hub.exports import flat
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write files of about `shard_bytes`; see `flat.write_files`."""
    for file in flat.write_files(rows, writer, settings, "token_ids_part_{:04d}.npy"):
        lines = "".join(f"{start},{end}\n" for start, end in pairwise(file.ends))
        writer.put(f"token_ids_part_{file.number:04d}.csv.gz", gzip.compress(lines.encode(), mtime=0))
        if settings.masked:
            writer.put(f"labels_mask_part_{file.number:04d}.npy", file.mask)


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents between the borders that `.csv.gz` names."""
    for path in sorted(folder.glob("token_ids_part_*.csv.gz")):
        name = path.name.removesuffix(".csv.gz")
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        borders = [(int(start), int(end)) for start, end in (line.split(",") for line in lines)]
        size = (folder / f"{name}.npy").stat().st_size
        kind = next(kind for width, kind in flat.TYPES.items() if width * borders[-1][1] == size)
        tokens = np.memmap(folder / f"{name}.npy", kind, "r")
        masks = folder / f"{name.replace('token_ids', 'labels_mask')}.npy"
        mask = np.memmap(masks, np.uint8, "r") if masks.exists() else np.ones(len(tokens), np.uint8)
        for start, end in borders:
            yield ReadDocument(input_ids=tokens[start:end].astype(np.int32), loss_mask=mask[start:end])


FORMAT = ExportFormat(
    name="olmo",
    reader="OLMo-core, open-instruct, MaxText's olmo_grain",
    trainer_setting="NumpyPackedFSLDatasetConfig.glob({0}/'token_ids_part_*.npy', generate_doc_lengths=True, …)",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=True,
    shard_bytes=1 << 30,
    token_bytes="by vocabulary",
    two_byte_vocabulary=1 << 16,
    eos="fit",
    eos_is_border=True,
    masks_repetition=True,
)
