"""datatrove's tokenised files, for nanotron: `.ds` tokens, `.ds.index` ends of documents, `.ds.metadata`.

    train_00000.ds            uint16 or uint32, documents back to back
    train_00000.ds.index      uint64: where each document ends, in tokens
    train_00000.ds.metadata   `tokenizer|bytes of a token`, tokens, a readable count of tokens, on three lines

nanotron cuts a file into windows of `sequence_length` + 1 tokens that do not overlap. With rows of exactly T tokens and
`sequence_length: T - 1` each window is one row; files end with a row.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from nextlong_hub.exports import flat
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

_NAME = "train_{:05d}.ds"


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write files of about `shard_bytes`; see `flat.write_files`."""
    for file in flat.write_files(rows, writer, settings, _NAME):
        name = _NAME.format(file.number)
        writer.put(f"{name}.index", np.array(file.ends[1:], "<u8").tobytes())
        writer.put(f"{name}.metadata", metadata_text(settings, file.ends[-1]).encode())


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents between the ends that `.ds.index` names."""
    for path in sorted(folder.glob("*.ds")):
        ends = np.fromfile(f"{path}.index", "<u8").astype(np.int64).tolist()
        width = int(Path(f"{path}.metadata").read_text("utf-8").splitlines()[0].rpartition("|")[2])
        tokens = np.memmap(path, flat.TYPES[width], "r")
        if ends[-1] != len(tokens):
            raise ValueError(f"{path.name} has {len(tokens):,} tokens, and its index ends at {ends[-1]:,}")
        for start, end in pairwise([0, *ends]):
            yield ReadDocument(input_ids=tokens[start:end].astype(np.int32))


def metadata_text(settings: ExportSettings, tokens: int) -> str:
    """The content of `.ds.metadata`; the reader splits it at line ends and at `|`."""
    name = " ".join(settings.tokenizer_name.replace("|", " ").split())
    return "\n".join([f"{name}|{settings.token_bytes}", str(int(tokens)), _metric(int(tokens))])


def _metric(tokens: int) -> str:
    """Three digits and an SI prefix: 131072 is `131 kT`."""
    exponent = math.floor(math.log10(tokens))
    prefix = ["", "k", "M", "G", "T", "P"][exponent // 3]
    return f"{tokens / 10 ** (exponent // 3 * 3):.{2 - exponent % 3}f} {prefix}T"


FORMAT = ExportFormat(
    name="nanotron",
    reader="nanotron (datatrove)",
    trainer_setting="dataset_folder: {0}",
    write=write,
    read=read,
    tokens="always",
    wants_text=False,
    takes_packed_rows=True,
    takes_loss_mask=False,
    shard_bytes=1 << 30,
    token_bytes="by vocabulary",
)
