r"""Megatron-LM's indexed dataset: all tokens in one `.bin`, and where each document lies in `.idx`.

    MMIDIDX\0\0            9 bytes
    version                uint64, 1
    type of a token        uint8: 8 is uint16, 4 is int32
    sequences, documents   uint64 each; the documents are counted with the end of the last
    lengths                int32 for each sequence, in tokens
    pointers               int64 for each sequence, in bytes of `.bin`
    document indices       int64: the sequence with which each document begins, and one past the last

A document is one sequence. With rows of exactly T tokens and `--seq-length T` a window of training is a row: it takes T
tokens and the next one as its last label.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

PREFIX = "train"

_HEADER = b"MMIDIDX\0\0"
_VERSION = 1
_TYPES = {2: (8, "<u2"), 4: (4, "<i4")}
"""Code and type of a token by its size in bytes."""


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write `train.bin` and `train.idx`; memory holds 4 bytes a document.

    Raises:
        DataError: a token id does not fit into the bytes of a token.
    """
    code, kind = _TYPES[settings.token_bytes]
    lengths = []
    with writer.stream(f"{PREFIX}.bin") as stream:
        for row in rows:
            stream.write(row.token_bytes(kind))
            lengths.append(len(row.input_ids))
    writer.put(f"{PREFIX}.idx", index_bytes(lengths, code, settings.token_bytes))


def read(folder: Path) -> Iterator[ReadDocument]:
    """The sequences that `train.idx` names."""
    content = (folder / f"{PREFIX}.idx").read_bytes()
    place = len(_HEADER) + struct.calcsize("<QBQQ")
    version, code, sequences, _ = struct.unpack_from("<QBQQ", content, len(_HEADER))
    if not content.startswith(_HEADER) or version != _VERSION:
        raise ValueError(f"{PREFIX}.idx does not begin as an index of version {_VERSION}")
    width, kind = next((width, kind) for width, (known, kind) in _TYPES.items() if known == code)
    lengths = np.frombuffer(content, "<i4", sequences, place)
    pointers = np.frombuffer(content, "<i8", sequences, place + lengths.nbytes)
    tokens = np.memmap(folder / f"{PREFIX}.bin", kind, "r")
    for length, pointer in zip(lengths.tolist(), (pointers // width).tolist(), strict=True):
        yield ReadDocument(input_ids=tokens[pointer : pointer + length].astype(np.int32))


def index_bytes(lengths: list[int], code: int, token_bytes: int) -> bytes:
    """The `.idx` of sequences of those lengths, each a document."""
    pointers = np.cumsum([0, *lengths[:-1]], dtype=np.int64) * token_bytes if lengths else np.zeros(0, np.int64)
    return b"".join(
        [
            _HEADER,
            struct.pack("<QBQQ", _VERSION, code, len(lengths), len(lengths) + 1),
            np.array(lengths, "<i4").tobytes(),
            pointers.astype("<i8").tobytes(),
            np.arange(len(lengths) + 1, dtype="<i8").tobytes(),
        ]
    )


FORMAT = ExportFormat(
    name="megatron",
    reader="Megatron-LM, Megatron Bridge",
    trainer_setting="--data-path {0}/train",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=False,
    takes_loss_mask=False,
    shard_bytes=0,
    token_bytes="by vocabulary or 4",
)
