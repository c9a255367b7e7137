"""Compiled kernels of the search, one shard at a time.

First a bound on every chunk's score, in whole steps, then the exact score of the few chunks whose bound is high enough.

    locate       where the queries' terms stand in the shard
    collect      bounds: 16-bit sums of quantised impacts for all chunks of the shard, and the chunks above a floor
    rescore      exact scores of collected chunks through the forward index
    rank_floor   the k-th largest of a row, by bisection on the value: no sort, and loops the compiler vectorises

What lies where while `collect` runs over a full shard of 65,536 chunks:

* first level (32 KB): a 16 KB tile of one query's sums and the 8 KB tiles of the columns added to it;
* second level (1 MB): the sums of a handful of queries (128 KB each), to which postings scatter, and the column tiles
  those queries share;
* last level: the shard's columns (64 KB a term) and the postings in use, each read once for that handful of queries.

An impact is 1 to 255 steps and a query's sum at most the sum of occurrences × peak, which `locate` returns: where it
could pass 16 bits the caller runs the same kernel with 32-bit sums. Those cannot overflow: the lexer refuses chunks
above 2^24 bytes, so a query has fewer than 2^23 words of at most 255 steps each.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nextlong_hub.retrieval.building_kernels import COUNT_ESCAPE
from nextlong_hub.retrieval.index import GROUP

_TILE = 8192
_BUCKET_BITS = np.uint32(6)
_HASH = np.uint64(2654435769)
_HASH_SHIFT = np.uint64(12)
_EMPTY = np.uint32(0xFFFFFFFF)


@njit(nogil=True, cache=True)
def gather_rows(
    row_starts: NDArray[np.int64],
    forward_terms: NDArray[np.uint32],
    forward_counts: NDArray[np.uint8],
    large_places: NDArray[np.int64],
    large_counts: NDArray[np.uint32],
    rows: NDArray[np.int64],
    places: NDArray[np.int64],
    starts: NDArray[np.int64],
    terms: NDArray[np.uint32],
    counts: NDArray[np.uint32],
) -> None:
    """Copy the forward rows of chunks `rows` of this shard to queries `places` of a batch (see `search.QueryBatch`)."""
    for number in range(len(rows)):
        target = starts[places[number]]
        for entry in range(row_starts[rows[number]], row_starts[rows[number] + 1]):
            terms[target] = forward_terms[entry]
            count = np.uint32(forward_counts[entry])
            if count == COUNT_ESCAPE:
                count = large_counts[np.searchsorted(large_places, entry)]
            counts[target] = count
            target += 1


@njit(nogil=True, cache=True)
def locate(
    directory: NDArray[np.uint32],
    bucket_starts: NDArray[np.int64],
    peaks: NDArray[np.uint8],
    active: NDArray[np.int64],
    starts: NDArray[np.int64],
    terms: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    places: NDArray[np.int64],
    largest: NDArray[np.int64],
) -> None:
    """Find each query term's row in the shard's directory, and the largest sum a chunk of the shard could reach.

    Args:
        directory: The shard's terms, ascending. Shape: (directory,).
        bucket_starts: Where terms 64 * i and above begin in it, so that a look-up halves 64 places and not 100,000.
        peaks: Largest impact of each directory term, in steps. Shape: (directory,).
        active: Queries to look at. Shape: (active,).
        starts: Query q has the terms `starts[q]` up to `starts[q + 1]`. Shape: (queries + 1,).
        terms: Ascending within a query.
        counts: Occurrences in the query.
        places: Filled with directory rows, -1 for a term the shard does not hold. Shape: as `terms`.
        largest: Filled with the sums, in steps. Shape: (queries,).
    """
    for query in active:
        total = 0
        for entry in range(starts[query], starts[query + 1]):
            term = terms[entry]
            bucket = term >> _BUCKET_BITS
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
                total += np.int64(counts[entry]) * np.int64(peaks[low])
            else:
                places[entry] = -1
        largest[query] = total


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _add_columns(sums, first, second, third, fourth, a, b, c, d):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """sums += a * first + b * second + c * third + d * fourth."""
    for chunk in range(len(sums)):
        sums[chunk] += a * first[chunk] + b * second[chunk] + c * third[chunk] + d * fourth[chunk]


@njit(nogil=True, cache=True)
def _add_column(sums, column, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for chunk in range(len(sums)):
        sums[chunk] += weight * column[chunk]


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _sum_columns(sums, dense, tile, columns, weights, used):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Set a tile of sums to that of `used` weighted columns; four at a time, so that sums are loaded a quarter as often."""
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


@njit(nogil=True, cache=True)
def _add_postings(sums, chunks, impacts, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for posting in range(len(chunks)):
        sums[chunks[posting]] += weight * impacts[posting]


@njit(nogil=True, cache=True)
def _find_peaks(sums, peaks):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The largest sum of each group: chunks that lie `len(peaks)` apart, so that the loop is over neighbours."""
    groups = len(peaks)
    peaks[:] = sums[:groups]
    for layer in range(groups, len(sums), groups):
        values = sums[layer : layer + groups]
        for group in range(groups):
            if values[group] > peaks[group]:  # the compiler makes better vector code of this form than of max()
                peaks[group] = values[group]


@njit(nogil=True, cache=True)
def _take(sums, peaks, floor, keep, first_chunk, size, chunks, bounds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Append the chunks with sums above the floor to one query's candidates; return their number and the new floor."""
    above = 0
    for group in range(len(peaks)):
        above += peaks[group] > floor
    if above > keep:
        # At least `keep` groups reach this, hence at least `keep` chunks: all below it can be left out at once.
        floor = max(floor, rank_floor(peaks, len(peaks), keep) - np.uint32(1))
    for group in range(len(peaks)):
        if peaks[group] <= floor:
            continue
        for chunk in range(group, len(sums), len(peaks)):
            if sums[chunk] <= floor:
                continue
            if size == len(chunks):
                size, floor = _kept(chunks, bounds, size, floor, keep)
                if sums[chunk] <= floor:
                    continue
            chunks[size] = first_chunk + chunk
            bounds[size] = sums[chunk]
            size += 1
    return size, floor


@njit(nogil=True, cache=True)
def collect(
    dense: NDArray[np.uint8],
    posting_starts: NDArray[np.int64],
    posting_chunks: NDArray[np.uint16],
    posting_impacts: NDArray[np.uint8],
    first_chunk: int,
    active: NDArray[np.int64],
    starts: NDArray[np.int64],
    terms: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    places: NDArray[np.int64],
    own_starts: NDArray[np.int64],
    own_stops: NDArray[np.int64],
    keep: int,
    sums: NDArray[np.unsignedinteger],
    group_peaks: NDArray[np.unsignedinteger],
    floors: NDArray[np.uint32],
    sizes: NDArray[np.int64],
    chunks: NDArray[np.uint32],
    bounds: NDArray[np.uint32],
) -> None:
    """Add this shard's chunks to the queries' candidates: those whose bound is above the query's floor.

    When a query's list is full the floor rises until at most `keep` candidates are above it. So at any time every chunk
    seen so far that is not in the list has a bound of at most the floor.

    Args:
        dense: The shard's columns. Shape: (dense terms, width).
        posting_starts: See `index`.
        posting_chunks: See `index`.
        posting_impacts: See `index`.
        first_chunk: Number of the shard's first chunk.
        active: Queries to serve. Shape: (active,).
        starts: See `locate`.
        terms: See `locate`.
        counts: See `locate`.
        places: From `locate`.
        own_starts: First chunk of each query's own document: never a candidate. Shape: (queries,).
        own_stops: One past its last chunk. Shape: (queries,).
        keep: Candidates to keep when a list is full.
        sums: Room for the sums of several queries, of the integer type to use. Shape: (together, width).
        group_peaks: Room for the largest sum in each group of chunks, of the same type. Shape: (width / GROUP,).
        floors: Bounds that chunks left out do not pass, in steps. Shape: (queries,).
        sizes: Candidates of each query. Shape: (queries,).
        chunks: Their chunk numbers. Shape: (queries, capacity).
        bounds: Their bounds, in steps. Shape: (queries, capacity).
    """
    together, width = sums.shape
    integer = sums.dtype.type
    columns = np.zeros((together, len(dense)), np.int64)
    weights = np.zeros((together, len(dense)), sums.dtype)
    used = np.zeros(together, np.int64)
    for batch in range(0, len(active), together):
        queries = active[batch : batch + together]
        for lane in range(len(queries)):
            entry, last = starts[queries[lane]], starts[queries[lane] + 1]
            column = 0
            while entry < last and terms[entry] < len(dense):
                columns[lane, column] = terms[entry]
                weights[lane, column] = counts[entry]
                column += 1
                entry += 1
            used[lane] = column
        for tile in range(0, width, _TILE):
            for lane in range(len(queries)):
                _sum_columns(sums[lane, tile : tile + _TILE], dense, tile, columns[lane], weights[lane], used[lane])
        for lane in range(len(queries)):
            query = queries[lane]
            row = sums[lane]
            for entry in range(starts[query] + used[lane], starts[query + 1]):
                place = places[entry]
                if place >= 0:
                    first, last = posting_starts[place], posting_starts[place + 1]
                    _add_postings(row, posting_chunks[first:last], posting_impacts[first:last], integer(counts[entry]))
            own_first, own_last = own_starts[query] - first_chunk, own_stops[query] - first_chunk
            row[max(own_first, 0) : max(min(own_last, width), 0)] = 0
            _find_peaks(row, group_peaks)
            sizes[query], floors[query] = _take(
                row, group_peaks, floors[query], keep, first_chunk, sizes[query], chunks[query], bounds[query]
            )


@njit(nogil=True, cache=True)
def rank_floors(
    values: NDArray[np.uint32], sizes: NDArray[np.int64], active: NDArray[np.int64], rank: int, out: NDArray[np.uint32]
) -> None:
    """`rank_floor` of each active query's row. Shapes: (queries, capacity), (queries,), (active,), (queries,)."""
    for query in active:
        out[query] = rank_floor(values[query], sizes[query], rank)


@njit(nogil=True, cache=True)
def rescore(
    row_starts: NDArray[np.int64],
    forward_terms: NDArray[np.uint32],
    forward_counts: NDArray[np.uint8],
    large_places: NDArray[np.int64],
    large_counts: NDArray[np.uint32],
    norms: NDArray[np.float64],
    gain: float,
    first_chunk: int,
    idf: NDArray[np.float64],
    active: NDArray[np.int64],
    starts: NDArray[np.int64],
    terms: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    sizes: NDArray[np.int64],
    chunks: NDArray[np.uint32],
    bounds: NDArray[np.uint32],
    lowest: NDArray[np.uint32],
    above: NDArray[np.uint32],
    slots: NDArray[np.uint32],
    weights: NDArray[np.float64],
    matched_entries: NDArray[np.int64],
    matched_slots: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> int:
    """Score exactly the candidates of this shard with `lowest <= bound < above`; return how many that were.

    The query's terms stand in an open-addressing table of 16 KB or so, a 32nd full, so that a first look nearly always
    decides. Which terms of a chunk the query has cannot be predicted: they are first gathered without a branch and then
    summed; a branch for each would cost three times as much. A chunk's terms ascend, so the order of the sum is fixed.

    Args:
        row_starts: See `index`.
        forward_terms: See `index`.
        forward_counts: See `index`.
        large_places: See `index`.
        large_counts: See `index`.
        norms: See `formulas.length_norms`. Shape: (chunks of the shard,).
        gain: See `formulas.gain`.
        first_chunk: Number of the shard's first chunk.
        idf: Shape: (terms of the index,).
        active: Queries to serve. Shape: (active,).
        starts: See `locate`.
        terms: See `locate`.
        counts: See `locate`.
        sizes: See `collect`.
        chunks: See `collect`.
        bounds: See `collect`.
        lowest: Shape: (queries,).
        above: Shape: (queries,).
        slots: Room for the table's terms, a power of two. Shape: (slots,).
        weights: Room for occurrences * idf. Shape: (slots,).
        matched_entries: Room for the entries of a chunk's row that the query has, and one more. Shape: (room,).
        matched_slots: Room for their slots. Shape: (room,).
        scores: Filled in where scored; scores below 0 as 0. Shape: (queries, capacity).
    """
    mask = np.uint64(len(slots) - 1)
    last_chunk = first_chunk + len(row_starts) - 1
    scored = 0
    for query in active:
        slots[:] = _EMPTY
        for entry in range(starts[query], starts[query + 1]):
            term = terms[entry]
            slot = ((term * _HASH) >> _HASH_SHIFT) & mask
            while slots[slot] != _EMPTY:
                slot = (slot + np.uint64(1)) & mask
            slots[slot] = term
            weights[slot] = counts[entry] * idf[term]
        for place in range(sizes[query]):
            chunk = np.int64(chunks[query, place])
            bound = bounds[query, place]
            if chunk < first_chunk or chunk >= last_chunk or bound < lowest[query] or bound >= above[query]:
                continue
            chunk -= first_chunk
            matches = 0
            for entry in range(row_starts[chunk], row_starts[chunk + 1]):
                term = forward_terms[entry]
                slot = ((term * _HASH) >> _HASH_SHIFT) & mask
                held = slots[slot]
                while (held != term) & (held != _EMPTY):
                    slot = (slot + np.uint64(1)) & mask
                    held = slots[slot]
                matched_entries[matches] = entry
                matched_slots[matches] = slot
                matches += held == term
            norm = norms[chunk]
            score = 0.0
            for match in range(matches):
                entry = matched_entries[match]
                count = np.int64(forward_counts[entry])
                if count == COUNT_ESCAPE:
                    count = np.int64(large_counts[np.searchsorted(large_places, entry)])
                score += weights[matched_slots[match]] * (count * gain / (count + norm))
            scores[query, place] = max(score, 0.0)
            scored += 1
    return scored
