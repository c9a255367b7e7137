"""The token cache: tokenised chunks on disk, mapped into memory; written by `tasks`, read where samples are made.

tokens-<id>/<round>/
    chunks.npy          int64: the chunks of one round, ascending
    00000.arrow         the `ChunkTokens` of the first 2,048 of them; 00001 of the next, …

The folder of a round does not change once it is finished, so that a task can name it.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.core.files import written_aside
from nextlong_hub.core.mapping import map_array, map_table
from nextlong_hub.tokenization.stitching import ChunkTokens

PART_CHUNKS = 2_048
"""Chunks in one file: about a second's work."""

_SCHEMA = pa.schema(
    [
        ("tokens", pa.int32()),
        ("first", pa.int32()),
        ("last", pa.int32()),
        ("most_times", pa.int32()),
        ("ids", pa.list_(pa.int32())),
    ]
)


_BYTES_A_TOKEN = 4.2
"""On disk: its id, and a share of the other columns of its chunk."""


def estimate_bytes(tokens: int) -> int:
    """Bytes on disk of chunks with so many tokens together."""
    return round(_BYTES_A_TOKEN * tokens)


def write_part(path: Path, chunks: Sequence[ChunkTokens]) -> None:
    """Write some tokenised chunks as one file, whole or not at all.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    offsets = np.cumsum([0, *(len(chunk.ids) for chunk in chunks)])
    flat = np.concatenate([np.zeros(0, np.int32), *(chunk.ids for chunk in chunks)])
    columns = [
        pa.array([chunk.tokens for chunk in chunks], pa.int32()),
        pa.array([chunk.first for chunk in chunks], pa.int32()),
        pa.array([chunk.last for chunk in chunks], pa.int32()),
        pa.array([chunk.most_times for chunk in chunks], pa.int32()),
        pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat, pa.int32())),
    ]
    with written_aside(path) as aside, pa.ipc.new_file(str(aside), _SCHEMA) as writer:
        writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))


class TokenCache:
    """The finished rounds of one token cache; files are opened when a chunk in them is first read."""

    def __init__(self, rounds: Sequence[Path]) -> None:
        """Give access to the rounds in these folders."""
        self._rounds = [_Round(folder) for folder in rounds]

    def find(self, chunks: NDArray[np.int64]) -> dict[int, ChunkTokens]:
        """The tokens of those chunks that a round holds, by their numbers."""
        found: dict[int, ChunkTokens] = {}
        for one in self._rounds:
            places = np.searchsorted(one.chunks, chunks)
            is_held = one.chunks[np.minimum(places, len(one.chunks) - 1)] == chunks
            for chunk, place in zip(chunks[is_held].tolist(), places[is_held].tolist(), strict=True):
                found[chunk] = one.part(place // PART_CHUNKS).chunk(place % PART_CHUNKS)
        return found


class _Round:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[int, _PartFile] = {}

    @cached_property
    def chunks(self) -> NDArray[np.int64]:
        return map_array(chunks_path(self._folder))

    def part(self, number: int) -> "_PartFile":
        if number not in self._parts:
            self._parts[number] = _PartFile(part_path(self._folder, number))
        return self._parts[number]


class _PartFile:
    def __init__(self, path: Path) -> None:
        batch = map_table(path).to_batches()[0]
        numbers = ("tokens", "first", "last", "most_times")
        self._tokens, self._first, self._last, self._most_times = (batch[name].to_numpy() for name in numbers)
        self._ids = batch["ids"].values.to_numpy()
        self._offsets = batch["ids"].offsets.to_numpy()

    def chunk(self, row: int) -> ChunkTokens:
        return ChunkTokens(
            tokens=int(self._tokens[row]),
            first=int(self._first[row]),
            last=int(self._last[row]),
            ids=self._ids[self._offsets[row] : self._offsets[row + 1]],
            most_times=int(self._most_times[row]),
        )


def chunks_path(folder: Path) -> Path:
    """The file that lists the chunks of the round in `folder`."""
    return folder / "chunks.npy"


def part_path(folder: Path, number: int) -> Path:
    """The file that holds one part of the round in `folder`."""
    return folder / f"{number:05d}.arrow"


def part_ranges(chunks: int) -> list[tuple[int, int]]:
    """The places in a round of so many chunks that each part covers."""
    borders = [*range(0, chunks, PART_CHUNKS), chunks]
    return list(pairwise(borders)) if chunks else []
