"""Packs whole documents into training rows: best-fit decreasing over their lengths in tokens.

Attention stays inside each document, so a row stores the length of each of its documents. Position ids, cumulative
lengths and index pairs, as trainers want them, follow from the lengths. Rows are not padded; exports to trainers that
need rows of equal length add the padding.

Best-fit decreasing takes the documents from the longest to the shortest and puts each into the fullest row that still
has room: at most 11/9 of the fewest possible rows, and a few (D. S. Johnson, "Fast algorithms for bin packing", Journal
of Computer and System Sciences 8, 1974). Training rows are packed so in "Fewer Truncations Improve Language Modeling"
(arXiv:2404.10830).
"""

from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nextlong_hub.dataset.schema import TOKEN_COLUMNS, current_names
from nextlong_hub.errors import DataError

_PLACE = ("start", "end", "tokens", "padding")
"""The fields of a document that hold only inside its row."""
_PER_DOCUMENT = ("template_inputs",)
"""The columns of a row with an entry for each document."""


def pack(lengths: ArrayLike, capacity: int) -> list[NDArray[np.int64]]:
    """Put documents into as few rows as best-fit decreasing finds.

    Documents of equal length are taken in their order, rows with equal room in the order in which they were begun, so
    equal lengths always give equal rows. Takes O(documents · log capacity) steps.

    Args:
        lengths: tokens of each document. Shape: (documents,).
        capacity: most tokens of a row.

    Returns:
        The numbers of the documents in each row, ascending; rows in the order of their first documents.

    Raises:
        DataError: a document has no token, or more than a row can hold.
    """
    sizes = _checked(lengths, capacity)
    rooms = _Rooms(capacity)
    rows: list[list[int]] = []
    for document in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[document])
        room = rooms.smallest(size)
        if room == 0:
            room, row = capacity, len(rows)
            rows.append([])
        else:
            row = rooms.take(room)
        rows[row].append(document)
        if room > size:
            rooms.give(room - size, row)
    return sorted((np.sort(np.array(row, np.int64)) for row in rows), key=lambda row: int(row[0]))


def fill(lengths: ArrayLike, rooms: ArrayLike) -> NDArray[np.int64]:
    """Put documents into rows that are there already, as `pack` does; no row is added.

    Args:
        lengths: tokens of each document. Shape: (documents,).
        rooms: tokens that each row has free. Shape: (rows,).

    Returns:
        The number of the row of each document; -1 where no row has room for it. Shape: (documents,).

    Raises:
        DataError: a document has no token.
    """
    free = np.asarray(rooms, np.int64).reshape(-1)
    sizes = _checked(lengths, int(np.iinfo(np.int64).max))
    largest = int(free.max(initial=0))
    taken = np.full(len(sizes), -1, np.int64)
    open_rows = _Rooms(largest)
    for row, room in enumerate(free.tolist()):
        if room > 0:
            open_rows.give(room, row)
    for document in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[document])
        room = open_rows.smallest(size) if size <= largest else 0
        if room:
            taken[document] = row = open_rows.take(room)
            if room > size:
                open_rows.give(room - size, row)
    return taken


class WindowPacker:
    """Packs a stream of documents window by window, which bounds memory and how far a document moves from its place.

    Once the waiting documents have `window_tokens` tokens, they are packed. All rows but the emptiest are then final;
    the documents of the emptiest wait for the next window. Best-fit decreasing leaves at most one row less than half
    full, so every final row but the very last is at least half full. The rows depend on the sequence of lengths alone,
    not on how it is divided into calls of `add`.
    """

    def __init__(self, capacity: int, window_tokens: int) -> None:
        self._capacity = capacity
        self._window_tokens = window_tokens
        self._numbers = np.zeros(0, np.int64)
        self._sizes = np.zeros(0, np.int64)
        self._seen = 0

    def add(self, lengths: ArrayLike) -> list[NDArray[np.int64]]:
        """Add the next documents and return the rows that are final now, as numbers of documents from the first added.

        Raises:
            DataError: see `pack`.
        """
        sizes = _checked(lengths, self._capacity)
        ends = np.cumsum(sizes)
        rows: list[NDArray[np.int64]] = []
        start = 0
        while start < len(sizes):
            missing = self._window_tokens - int(self._sizes.sum())
            before = int(ends[start - 1]) if start else 0
            stop = max(start, int(np.searchsorted(ends, before + missing))) + 1
            self._wait(sizes[start:stop])
            if stop <= len(sizes):
                rows += self._close()
            start = stop
        return rows

    def complete(self) -> int:
        """How many rows the waiting documents would give if they were packed now, the emptiest of them not counted."""
        return max(0, len(pack(self._sizes, self._capacity)) - 1)

    def finish(self) -> list[NDArray[np.int64]]:
        """Return the rows of all documents that still wait, the emptiest last."""
        if not len(self._sizes):
            return []
        rows = self._close()
        last, self._numbers, self._sizes = self._numbers, self._numbers[:0], self._sizes[:0]
        return [*rows, last]

    def _wait(self, sizes: NDArray[np.int64]) -> None:
        self._numbers = np.concatenate([self._numbers, np.arange(self._seen, self._seen + len(sizes))])
        self._sizes = np.concatenate([self._sizes, sizes])
        self._seen += len(sizes)

    def _close(self) -> list[NDArray[np.int64]]:
        rows = pack(self._sizes, self._capacity)
        emptiest = min(range(len(rows)), key=lambda row: (int(self._sizes[rows[row]].sum()), -row))
        carried = rows.pop(emptiest)
        final = [self._numbers[row] for row in rows]
        self._numbers, self._sizes = self._numbers[carried], self._sizes[carried]
        return final


def position_ids(document_lengths: ArrayLike) -> NDArray[np.int64]:
    """Positions that restart at 0 with each document. Shape: (tokens,)."""
    lengths = np.asarray(document_lengths, np.int64)
    ends = np.cumsum(lengths)
    return np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(ends - lengths, lengths)


def cu_seqlens(document_lengths: ArrayLike) -> NDArray[np.int32]:
    """Cumulative lengths from 0, as FlashAttention's variable-length kernels take them. Shape: (documents + 1,)."""
    return np.concatenate([[0], np.cumsum(np.asarray(document_lengths, np.int64))]).astype(np.int32)


def indices(document_lengths: ArrayLike) -> NDArray[np.uint32]:
    """First token of each document and one past its last, as ProLong's trainer takes them. Shape: (documents, 2)."""
    borders = cu_seqlens(document_lengths).astype(np.uint32)
    return np.stack([borders[:-1], borders[1:]], axis=1)


def unpack(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The documents of a packed row, each with the columns of a sample and `offset`, without padding.

    Args:
        row: a row as read from a file, an older one, too; token columns may be lists or arrays, and those that it
            lacks stay absent.
    """
    row = dict(zip(current_names([*row]), row.values(), strict=True))
    documents = row["documents"]
    borders = cu_seqlens([document["tokens"] for document in documents]).tolist()
    segments = iter([*row["segments"], None])
    segment = next(segments)
    unpacked = []
    for number, (document, (first, last)) in enumerate(zip(documents, pairwise(borders), strict=True)):
        start, end = document["start"], document["end"]
        last -= document.get("padding", 0)
        own = []
        while segment is not None and segment["start"] < end:
            own.append({**segment, "start": segment["start"] - start, "end": segment["end"] - start})
            segment = next(segments)
        unpacked.append(
            {
                **{name: value for name, value in document.items() if name not in _PLACE},
                "text": row["text"][start:end],
                **{name: row[name][first:last] for name in TOKEN_COLUMNS if name in row},
                **{name: row[name][number] for name in _PER_DOCUMENT if name in row},
                "token_count": last - first,
                "segments": own,
            }
        )
    return unpacked


class _Rooms:
    """The open rows by their free tokens; a binary tree of flags finds the smallest room that is enough."""

    def __init__(self, capacity: int) -> None:
        self._leaves = 1 << capacity.bit_length()
        self._occupied = bytearray(2 * self._leaves)
        self._rows: dict[int, list[int]] = {}

    def smallest(self, least: int) -> int:
        """The smallest room of at least `least` tokens that a row has; 0 when none has."""
        occupied = self._occupied
        node = self._leaves + least
        if occupied[node]:
            return least
        while node > 1 and (node & 1 or not occupied[node + 1]):
            node >>= 1
        if node <= 1:
            return 0
        node += 1
        while node < self._leaves:
            node = 2 * node if occupied[2 * node] else 2 * node + 1
        return node - self._leaves

    def take(self, room: int) -> int:
        """Remove and return the row with that room that was begun first."""
        rows = self._rows[room]
        row = heappop(rows)
        if not rows:
            del self._rows[room]
            node = self._leaves + room
            self._occupied[node] = 0
            while node > 1 and not self._occupied[node ^ 1]:
                node >>= 1
                self._occupied[node] = 0
        return row

    def give(self, room: int, row: int) -> None:
        """Add a row with that room."""
        if room in self._rows:
            heappush(self._rows[room], row)
            return
        self._rows[room] = [row]
        node = self._leaves + room
        while node and not self._occupied[node]:
            self._occupied[node] = 1
            node >>= 1


def _checked(lengths: ArrayLike, capacity: int) -> NDArray[np.int64]:
    sizes = np.asarray(lengths, np.int64).reshape(-1)
    wrong = np.flatnonzero((sizes < 1) | (sizes > capacity))
    if len(wrong):
        raise DataError(
            f"document {wrong[0]:,} has {sizes[wrong[0]]:,} tokens, but a row takes documents of 1 to {capacity:,}; "
            "leave it out, cut it or split it first"
        )
    return sizes
