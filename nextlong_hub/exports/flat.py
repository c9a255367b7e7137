"""Flat files of tokens, documents back to back, each closed at a size; the borders are the format's to write."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nextlong_hub.exports.base import ExportSettings
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter

TYPES = {2: "<u2", 4: "<u4"}
"""Type of a token by its size in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatFile:
    """A file that was written."""

    number: int
    """From 0."""
    ends: list[int]
    """0, and where each document ends, in tokens."""
    mask: bytes
    """A byte a token, 1 where the loss is taken; empty where the rows have no loss mask."""


Header = Callable[[list[int]], bytes]
"""What stands before the tokens of a file, of its `ends`."""


def write_files(
    rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings, name: str, header: Header | None = None
) -> Iterator[FlatFile]:
    """Write files of about `shard_bytes`; each ends with a row, and none is empty.

    Args:
        rows: consumed.
        writer: writes the files.
        settings: the bytes of a token, and those of a file.
        name: with a place for the file's number: `train_{:05d}.ds`.
        header: written first; None: the tokens alone.

    Yields:
        Each file when it is closed; memory holds 8 bytes a document of it, its mask and, with a header, its tokens.

    Raises:
        DataError: a token id does not fit into the bytes of a token.
    """
    kind = TYPES[settings.token_bytes]
    waiting = next(rows, None)
    number = 0
    while waiting is not None:
        ends, masks = [0], []
        held: list[bytes] = []
        with writer.stream(name.format(number)) as stream:
            put = stream.write if header is None else held.append
            while waiting is not None and (ends[-1] == 0 or ends[-1] * settings.token_bytes < settings.shard_bytes):
                put(waiting.token_bytes(kind))
                ends.extend((ends[-1] + np.cumsum(waiting.document_lengths)).tolist())
                if waiting.loss_mask is not None:
                    masks.append(waiting.loss_mask.astype(np.bool_).tobytes())
                waiting = next(rows, None)
            if header is not None:
                stream.write(header(ends))
                for tokens in held:
                    stream.write(tokens)
        yield FlatFile(number=number, ends=ends, mask=b"".join(masks))
        number += 1
