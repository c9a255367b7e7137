"""JSON Lines with every field of a row, for readers without a format of their own."""

import io
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nextlong_hub.dataset import best_fit as packing
from nextlong_hub.dataset.schema import DOCUMENT_LENGTHS, LOSS_MASK, current_names
from nextlong_hub.exports.base import ExportFormat, ExportSettings, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import ExportWriter, Stream


def write(rows: Iterator[ExportRow], writer: ExportWriter, settings: ExportSettings) -> None:
    """Write `train-00000.jsonl` and so on, closed at `shard_bytes` of JSON; a compressed file is one frame.

    Memory holds one line or, compressed, one compressed file.
    """
    lines = (_line(row) for row in rows)
    waiting = next(lines, None)
    number = 0
    while waiting is not None:
        name = f"train-{number:05d}.jsonl"
        size = 0
        with writer.stream(f"{name}.zst" if settings.compression else name) as stream:
            sink = _Frame(stream) if settings.compression else stream
            while waiting is not None and (size == 0 or size + len(waiting) <= settings.shard_bytes):
                sink.write(waiting)
                size += len(waiting)
                waiting = next(lines, None)
            if isinstance(sink, _Frame):
                sink.finish()
        number += 1


def read(folder: Path) -> Iterator[ReadDocument]:
    """The documents of each line: its tokens between `seq_lengths`, or its text."""
    for path in sorted(folder.glob("train-*.jsonl*")):
        with pa.OSFile(str(path)) as file:
            stream = pa.CompressedInputStream(file, "zstd") if path.suffix == ".zst" else file
            for line in io.BufferedReader(stream, 1 << 20):
                stored = json.loads(line)
                values = dict(zip(current_names([*stored]), stored.values(), strict=True))
                if "input_ids" not in values:
                    yield ReadDocument(text=values["text"])
                    continue
                ids = np.array(values["input_ids"], np.int32)
                mask = np.array(values.get(LOSS_MASK, np.ones(len(ids))), np.uint8)
                for start, end in pairwise(packing.cu_seqlens(values[DOCUMENT_LENGTHS]).tolist()):
                    yield ReadDocument(input_ids=ids[start:end], loss_mask=mask[start:end])


class _Frame:
    """One zstd frame for a whole file: some readers stop at the end of the first frame."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._compressed = pa.BufferOutputStream()
        self._writer = pa.CompressedOutputStream(self._compressed, "zstd")

    def write(self, content: bytes) -> None:
        """Append bytes."""
        self._writer.write(content)

    def finish(self) -> None:
        """End the frame and write it."""
        self._writer.close()
        self._stream.write(memoryview(self._compressed.getvalue()))


def _line(row: ExportRow) -> bytes:
    values: dict[str, Any] = {"id": row.id, "source": row.source, "text": row.text}
    if len(row.input_ids):
        values |= {"input_ids": row.input_ids.tolist(), DOCUMENT_LENGTHS: row.document_lengths}
    if row.loss_mask is not None:
        values[LOSS_MASK] = row.loss_mask.tolist()
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


FORMAT = ExportFormat(
    name="jsonl",
    reader="anything that reads JSON Lines",
    trainer_setting='load_dataset("json", data_files="{0}/*.jsonl*")',
    write=write,
    read=read,
    tokens="where stored",
    wants_text=True,
    takes_packed_rows=True,
    takes_loss_mask=True,
    shard_bytes=1 << 27,
    compressions=("zstd",),
    shared_rows=(
        "Under context parallelism a trainer may let them see each other, or need documents of a multiple of 2·N "
        "tokens on N devices: see what yours does"
    ),
    aligned_rows=(
        "Under context parallelism a trainer may let them see each other: see what yours does. Each has a multiple "
        "of {0} tokens, which {1} devices can share"
    ),
)
