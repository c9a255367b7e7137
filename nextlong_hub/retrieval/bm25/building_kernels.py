"""Compiled kernels that turn one lexed shard into postings, quantised impacts and the forward index.

Two counting sorts: entries by chunk become entries by term (the postings), and those become entries by chunk again (the
forward index, each chunk's terms now ascending). Both write to as many places at once as the shard has terms, or
chunks; a cache line for each is a few megabytes, which the last-level cache holds.
"""

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.compiling import kernel_in_place

COUNT_ESCAPE = 255
"""A count in the forward index that stands for "this or more: see the list of large counts"."""
IMPACT_LEVELS = 255
"""Levels of a quantised impact above 0; level q stands for an impact of at most q steps."""
_ROUNDING = 1.0 + 1e-12


@kernel_in_place
def transpose(
    row_ends: NDArray[np.int64],
    terms: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    places: NDArray[np.int64],
    cursors: NDArray[np.int64],
    posting_chunks: NDArray[np.uint16],
    posting_counts: NDArray[np.uint32],
    row_sizes: NDArray[np.int64],
) -> None:
    """Sort a lexed shard's entries by term, chunks ascending.

    Args:
        row_ends: One past each chunk's last entry. Shape: (chunks,).
        terms: The shard's own term numbers. Shape: (entries,).
        counts: Occurrences. Shape: (entries,).
        places: Row of each of the shard's own terms in its directory, -1 for a term that is not indexed.
        cursors: Where each directory row begins in the postings; moved to where it ends. Shape: (directory,).
        posting_chunks: Chunk in the shard of each posting. Shape: (postings,).
        posting_counts: Occurrences of each posting. Shape: (postings,).
        row_sizes: Indexed terms of each chunk, counted here. Shape: (chunks,).
    """
    entry = 0
    for chunk in range(len(row_ends)):
        size = 0
        while entry < row_ends[chunk]:
            place = places[terms[entry]]
            if place >= 0:
                posting = cursors[place]
                posting_chunks[posting] = chunk
                posting_counts[posting] = counts[entry]
                cursors[place] = posting + 1
                size += 1
            entry += 1
        row_sizes[chunk] = size


@kernel_in_place
def fill(
    directory: NDArray[np.uint32],
    starts: NDArray[np.int64],
    posting_chunks: NDArray[np.uint16],
    posting_counts: NDArray[np.uint32],
    idf: NDArray[np.float64],
    norms: NDArray[np.float64],
    gain: float,
    step: float,
    row_cursors: NDArray[np.int64],
    forward_terms: NDArray[np.uint32],
    forward_counts: NDArray[np.uint8],
    impacts: NDArray[np.uint8],
    dense: NDArray[np.uint8],
    peaks: NDArray[np.uint8],
) -> None:
    """Write the forward index, every posting's quantised impact, and the dense columns.

    An impact is rounded *up* to whole steps, so that a sum of levels is never below the sum of impacts; one below 0
    (`okapi` in a tiny corpus) becomes 0.

    Args:
        directory: The shard's terms, ascending. Shape: (directory,).
        starts: Where each begins in the postings. Shape: (directory + 1,).
        posting_chunks: See `transpose`.
        posting_counts: See `transpose`.
        idf: Of every term of the index. Shape: (terms,).
        norms: See `formulas.length_norms`. Shape: (chunks,).
        gain: See `formulas.gain`.
        step: The impact of level 1.
        row_cursors: Where each chunk's row begins in the forward index; moved to where it ends. Shape: (chunks,).
        forward_terms: Shape: (postings,).
        forward_counts: Occurrences, `COUNT_ESCAPE` standing for that many or more. Shape: (postings,).
        impacts: Shape: (postings,).
        dense: The impacts of terms 0, 1, … in every chunk of the shard. Shape: (dense terms, width).
        peaks: Largest impact of each directory term. Shape: (directory,).
    """
    for place in range(len(directory)):
        term = directory[place]
        weight = idf[term]
        peak = 0
        for posting in range(starts[place], starts[place + 1]):
            chunk = posting_chunks[posting]
            count = posting_counts[posting]
            entry = row_cursors[chunk]
            row_cursors[chunk] = entry + 1
            forward_terms[entry] = term
            forward_counts[entry] = min(count, COUNT_ESCAPE)
            impact = weight * (count * gain / (count + norms[chunk]))
            level = min(IMPACT_LEVELS, int(np.ceil(impact / step * _ROUNDING))) if impact > 0 else 0
            peak = max(peak, level)
            impacts[posting] = level
            if term < len(dense):
                dense[term, chunk] = level
        peaks[place] = peak
