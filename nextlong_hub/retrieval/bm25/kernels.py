"""Compiled kernels of the search's first pass, one shard at a time: a bound on every chunk's score, in whole steps.

    locate       where the queries' terms stand in the shard
    collect      bounds: 16-bit sums of quantised impacts for all chunks of the shard, and the chunks above a floor
    rank_floor   the k-th largest of a row, by bisection on the value: no sort, and loops the compiler vectorises

The exact scores of the few chunks whose bound is high enough: see `scoring_kernels`.

What lies where while `collect` runs over a full shard of 65,536 chunks:

* first level (32 KB): a 16 KB tile of one query's sums and the 8 KB tiles of the columns added to it;
* second level (1 MB): the sums of a handful of queries (128 KB each), to which postings scatter, and the column tiles
  those queries share;
* last level: the shard's columns (64 KB a term) and the postings in use, each read once for that handful of queries.

An impact is 1 to 255 steps and a query's sum at most the sum of occurrences times peak, which `locate` returns: where
it could pass 16 bits the caller runs the same kernel with 32-bit sums. Those cannot overflow: the lexer refuses chunks
above 2^24 bytes, so a query has fewer than 2^23 words of at most 255 steps each.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.compiling import kernel
from nextlong_hub.retrieval.bm25.index import BUCKET_BITS, Postings
from nextlong_hub.retrieval.bm25.queries import Candidates, QueryBatch

_TILE = 8192
_BUCKET_SHIFT = np.uint32(BUCKET_BITS)


@kernel
def locate(
    postings: Postings,
    bucket_starts: NDArray[np.int64],
    active: NDArray[np.int64],
    queries: QueryBatch,
    places: NDArray[np.int64],
    largest: NDArray[np.int64],
) -> None:
    """Find each query term's row in the shard's directory, and the largest sum a chunk of the shard could reach.

    Args:
        postings: The shard's.
        bucket_starts: Where terms 64 * i and above begin in the directory, so that a look-up halves 64 places and not
            100,000.
        active: Queries to look at. Shape: (active,).
        queries: The batch.
        places: Filled with directory rows, -1 for a term the shard does not hold. Shape: as `queries.terms`.
        largest: Filled with the sums, in steps. Shape: (queries,).
    """
    directory = postings.directory
    for query in active:
        total = np.int64(0)
        for entry in range(queries.starts[query], queries.starts[query + 1]):
            term = queries.terms[entry]
            bucket = term >> _BUCKET_SHIFT
            low, high = bucket_starts[bucket], bucket_starts[bucket + 1]
            end = high
            while low < high:
                middle = (low + high) >> 1
                if directory[middle] < term:
                    low = middle + 1
                else:
                    high = middle
            if low < end and directory[low] == term:
                places[entry] = low
                total += np.int64(queries.counts[entry]) * np.int64(postings.peaks[low])
            else:
                places[entry] = -1
        largest[query] = total


@kernel
def rank_floor(values, size, rank):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The `rank`-th largest of the first `size` values, unsigned integers; 0 when there are fewer than `rank`."""
    low, high = np.uint32(0), np.uint32(0)
    for place in range(size):
        high = max(high, np.uint32(values[place]))
    while low < high:
        middle = high - ((high - low) >> np.uint32(1))
        reached = 0
        for place in range(size):
            reached += values[place] >= middle
        if reached >= rank:
            low = middle
        else:
            high = middle - np.uint32(1)
    return low


@kernel
def _add_columns(sums, first, second, third, fourth, a, b, c, d):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add a * first + b * second + c * third + d * fourth to the sums."""
    for chunk in range(len(sums)):
        sums[chunk] += a * first[chunk] + b * second[chunk] + c * third[chunk] + d * fourth[chunk]


@kernel
def _add_column(sums, column, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for chunk in range(len(sums)):
        sums[chunk] += weight * column[chunk]


@kernel
def _kept(chunks, bounds, size, floor, keep):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Throw out the lowest candidates until at most `keep` are left, all ties of a bound together."""
    floor = max(floor, rank_floor(bounds, size, keep + 1))
    left = 0
    for place in range(size):
        if bounds[place] > floor:
            chunks[left] = chunks[place]
            bounds[left] = bounds[place]
            left += 1
    return left, floor


@kernel
def _sum_columns(sums, dense, tile, columns, weights, used):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Set a tile of sums to that of `used` weighted columns; four at a time, so that sums are loaded less often."""
    sums[:] = 0
    end = tile + len(sums)
    step = 0
    while step + 4 <= used:
        _add_columns(
            sums,
            dense[columns[step], tile:end],
            dense[columns[step + 1], tile:end],
            dense[columns[step + 2], tile:end],
            dense[columns[step + 3], tile:end],
            weights[step],
            weights[step + 1],
            weights[step + 2],
            weights[step + 3],
        )
        step += 4
    while step < used:
        _add_column(sums, dense[columns[step], tile:end], weights[step])
        step += 1


@kernel
def _add_postings(sums, chunks, impacts, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for posting in range(len(chunks)):
        sums[chunks[posting]] += weight * impacts[posting]


@kernel
def _find_peaks(sums, peaks):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The largest sum of each group: chunks that lie `len(peaks)` apart, so that the loop is over neighbours."""
    groups = len(peaks)
    for group in range(groups):  # an assignment of slices is checked, and the check takes two seconds to compile
        peaks[group] = sums[group]
    for layer in range(groups, len(sums), groups):
        values = sums[layer : layer + groups]
        for group in range(groups):
            if values[group] > peaks[group]:  # the compiler makes better vector code of this form than of max()
                peaks[group] = values[group]


@kernel
def _take(sums, peaks, passing, keep, first_chunk, query, candidates):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Append the chunks with sums above the query's floor to its candidates."""
    chunks, bounds = candidates.chunks[query], candidates.bounds[query]
    size, floor = candidates.sizes[query], candidates.floors[query]
    above = 0
    for group in range(len(peaks)):
        above += peaks[group] > floor
    if above > keep:
        # At least `keep` groups reach this, hence at least `keep` chunks: all below it can be left out at once.
        floor = max(floor, rank_floor(peaks, len(peaks), keep) - np.uint32(1))
    layers = len(sums) // len(peaks)
    found = 0  # which groups and chunks pass cannot be predicted: both are gathered without a branch
    for group in range(len(peaks)):
        passing[found] = group
        found += peaks[group] > floor
    for group in passing[:found]:
        if size + layers > len(chunks):
            size, floor = _kept(chunks, bounds, size, floor, keep)
        for chunk in range(group, len(sums), len(peaks)):
            chunks[size] = first_chunk + chunk
            bounds[size] = sums[chunk]
            size += sums[chunk] > floor
    candidates.sizes[query] = size
    candidates.floors[query] = floor


@kernel
def collect(
    postings: Postings,
    first_chunk: int,
    active: NDArray[np.int64],
    queries: QueryBatch,
    places: NDArray[np.int64],
    keep: int,
    sums: NDArray[Any],
    group_peaks: NDArray[Any],
    candidates: Candidates,
) -> None:
    """Add this shard's chunks to the queries' candidates: those whose bound is above the query's floor.

    When a query's list is full the floor rises until at most `keep` candidates are above it. So at any time every chunk
    seen so far that is not in the list has a bound of at most the floor.

    Args:
        postings: The shard's.
        first_chunk: Number of the shard's first chunk.
        active: Queries to serve. Shape: (active,).
        queries: The batch.
        places: From `locate`.
        keep: Candidates to keep when a list is full.
        sums: Room for the sums of several queries, of the unsigned integer type to use. Shape: (together, width).
        group_peaks: Room for the largest sum in each group of chunks, of the same type. Shape: (groups,).
        candidates: Of all queries; a list has room for a whole group beyond the chunks it can hold.
    """
    together, width = sums.shape
    integer = sums.dtype.type
    dense = postings.dense
    columns = np.zeros((together, len(dense)), np.int64)
    weights = np.zeros((together, len(dense)), sums.dtype)
    used = np.zeros(together, np.int64)
    passing = np.zeros(len(group_peaks) + 1, np.int64)
    for batch in range(0, len(active), together):
        lanes = active[batch : batch + together]
        for lane in range(len(lanes)):
            entry, last = queries.starts[lanes[lane]], queries.starts[lanes[lane] + 1]
            column = 0
            while entry < last and queries.terms[entry] < len(dense):
                columns[lane, column] = queries.terms[entry]
                weights[lane, column] = queries.counts[entry]
                column += 1
                entry += 1
            used[lane] = column
        for tile in range(0, width, _TILE):
            for lane in range(len(lanes)):
                _sum_columns(sums[lane, tile : tile + _TILE], dense, tile, columns[lane], weights[lane], used[lane])
        for lane in range(len(lanes)):
            query = lanes[lane]
            row = sums[lane]
            for entry in range(queries.starts[query] + used[lane], queries.starts[query + 1]):
                place = places[entry]
                if place >= 0:
                    first, last = postings.starts[place], postings.starts[place + 1]
                    weight = integer(queries.counts[entry])
                    _add_postings(row, postings.chunks[first:last], postings.impacts[first:last], weight)
            own_first, own_last = queries.own_starts[query] - first_chunk, queries.own_stops[query] - first_chunk
            row[max(own_first, 0) : max(min(own_last, width), 0)] = 0
            _find_peaks(row, group_peaks)
            _take(row, group_peaks, passing, keep, first_chunk, query, candidates)


@kernel
def rank_floors(values: NDArray[np.uint32], sizes: NDArray[np.int64], rank: int, floors: NDArray[np.uint32]) -> None:
    """Set `floors` to each row's `rank_floor`. Shapes: (queries, capacity), (queries,), (queries,)."""
    for query in range(len(sizes)):
        floors[query] = rank_floor(values[query], sizes[query], rank)
