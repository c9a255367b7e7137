"""The `.bin` files of modded-nanogpt, which NeMo AutoModel reads: a header, the tokens, and where documents begin.

    train_00000.bin        256 int32: magic number, version 1, tokens, bytes of a token; then the tokens, back to back
    train_00000.bos.idx    int32: the token with which each document begins

Tokens of two bytes get the older magic number, which every reader of such files knows, those of four the newer one.
AutoModel cuts windows of T + 1 tokens and learns T, so an EOS is put behind each document. With `align_to_bos` a window
begins where `.bos.idx` says a document does, whatever its first token is; its own preparing script counts there in
bytes, and its reader, like this file, in tokens.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from nextlong_hub.exports import flat
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_NAME = "train_{:05d}.bin"
_HEADER_BYTES = 256 * 4
_MAGIC = {2: 20_240_520, 4: 278_895_051}
"""By the bytes of a token."""
_VERSION = 1


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write files of about `shard_bytes`; see `flat.write_files`."""

    def header(ends: list[int]) -> bytes:
        values = np.zeros(_HEADER_BYTES // 4, "<i4")
        values[:4] = (_MAGIC[settings.token_bytes], _VERSION, ends[-1], settings.token_bytes)
        return values.tobytes()

    for file in flat.write_files(rows, writer, settings, _NAME, header):
        name = Path(_NAME.format(file.number)).with_suffix(".bos.idx").name
        writer.put(name, np.array(file.ends[:-1], "<i4").tobytes())


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents between the beginnings that `.bos.idx` names."""
    for path in sorted(folder.glob("train_*.bin")):
        magic, version, count, width = np.fromfile(path, "<i4", 4).tolist()
        if _MAGIC.get(width) != magic or version != _VERSION:
            raise ValueError(f"{path.name} does not begin as such a file of version {_VERSION}")
        tokens = np.memmap(path, flat.TYPES[width], "r", _HEADER_BYTES)
        if len(tokens) != count:
            raise ValueError(f"{path.name} has {len(tokens):,} tokens, and its header says {count:,}")
        for start, end in pairwise([*np.fromfile(path.with_suffix(".bos.idx"), "<i4").tolist(), count]):
            yield ReadDocument(input_ids=tokens[start:end].astype(np.int32))


FORMAT = ExportFormat(
    name="nanogpt",
    reader="NeMo AutoModel, modded-nanogpt",
    trainer_setting="file_pattern={0}/train_*.bin, align_to_bos=true",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=False,
    shard_bytes=1 << 27,
    most_shard_bytes=1 << 31,
    token_bytes="by vocabulary",
    two_byte_vocabulary=1 << 16,
    eos="append",
)
