"""Packing: every document once, no row too long, few rows, and no document sees another."""

import random
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nextlong_hub.dataset.best_fit import WindowPacker, cu_seqlens, indices, pack, position_ids, unpack
from nextlong_hub.errors import DataError

worlds = st.integers(1, 60).flatmap(
    lambda capacity: st.tuples(st.just(capacity), st.lists(st.integers(1, capacity), min_size=1, max_size=60))
)
"""A capacity and documents that fit it."""

tiny_worlds = st.integers(2, 12).flatmap(
    lambda capacity: st.tuples(st.just(capacity), st.lists(st.integers(1, capacity), min_size=1, max_size=9))
)
"""So few documents that every way to pack them can be tried."""

document_lengths = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def numbers(rows: Sequence[NDArray[np.int64]]) -> list[list[int]]:
    """Rows as plain lists."""
    return [row.tolist() for row in rows]


def first_fit(lengths: Sequence[int], capacity: int) -> int:
    """How many rows first-fit needs, documents as they come."""
    rooms: list[int] = []
    for length in lengths:
        row = next((row for row, room in enumerate(rooms) if room >= length), None)
        if row is None:
            rooms.append(capacity - length)
        else:
            rooms[row] -= length
    return len(rooms)


def fewest_rows(lengths: Sequence[int], capacity: int) -> int:
    """The optimum, by trying every row for every document, longest first."""
    ordered = sorted(lengths, reverse=True)
    best = len(ordered)

    def place(number: int, rooms: list[int]) -> None:
        nonlocal best
        if len(rooms) >= best:
            return
        if number == len(ordered):
            best = len(rooms)
            return
        for row in range(len(rooms)):
            if rooms[row] >= ordered[number] and rooms[row] not in rooms[:row]:
                place(number + 1, [room - ordered[number] * (row == at) for at, room in enumerate(rooms)])
        place(number + 1, [*rooms, capacity - ordered[number]])

    place(0, [])
    return best


def stretch_bound(lengths: NDArray[np.int64], capacity: int) -> int:
    """No packing needs fewer rows: documents over half a row stand alone, the rest is a matter of tokens.

    Martello and Toth's L2 (1990): for each threshold, documents that leave less room than it are full rows.
    """
    best = 0
    for least in np.unique(np.concatenate([[0], lengths[lengths <= capacity // 2]])).tolist():
        alone = int((lengths > capacity - least).sum()) if least else 0
        large = lengths[(lengths > capacity / 2) & ((lengths <= capacity - least) if least else True)]
        small = lengths[(lengths <= capacity / 2) & (lengths >= least)]
        rest = int(small.sum()) - (len(large) * capacity - int(large.sum()))
        best = max(best, alone + len(large) + max(0, ceil(rest / capacity)))
    return best


@given(worlds)
@settings(deadline=None)
def test_every_document_is_in_one_row_and_no_row_is_too_long(world: tuple[int, list[int]]) -> None:
    """Nothing is lost, doubled, split or squeezed; documents and rows are in the order of the documents."""
    capacity, lengths = world
    rows = numbers(pack(lengths, capacity))
    assert sorted(document for row in rows for document in row) == list(range(len(lengths)))
    assert all(sum(lengths[document] for document in row) <= capacity for row in rows)
    assert all(row == sorted(row) for row in rows)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


@given(worlds)
@settings(deadline=None)
def test_rows_are_those_of_best_fit_decreasing(world: tuple[int, list[int]]) -> None:
    """The tree finds what looking at every row finds: the fullest row that has room, of equals the first begun."""
    capacity, lengths = world
    rows: list[list[int]] = []
    rooms: list[int] = []
    for document in sorted(range(len(lengths)), key=lambda number: (-lengths[number], number)):
        fitting = [(room, row) for row, room in enumerate(rooms) if room >= lengths[document]]
        if not fitting:
            fitting = [(capacity, len(rows))]
            rows.append([])
            rooms.append(capacity)
        row = min(fitting)[1]
        rows[row].append(document)
        rooms[row] -= lengths[document]
    assert numbers(pack(lengths, capacity)) == sorted(sorted(row) for row in rows)


@given(tiny_worlds)
@settings(deadline=None, max_examples=150)
def test_rows_are_few_beside_the_optimum(world: tuple[int, list[int]]) -> None:
    """At most 11/9 of the fewest rows and two thirds of one; never below what no packing can beat."""
    capacity, lengths = world
    rows, optimum = len(pack(lengths, capacity)), fewest_rows(lengths, capacity)
    assert stretch_bound(np.array(lengths), capacity) <= optimum <= rows <= floor(11 / 9 * optimum + 2 / 3)
    assert rows <= floor(1.7 * optimum), "what first-fit is known to keep to"


def test_small_worlds_by_hand() -> None:
    """Rows one can pack on paper."""
    assert numbers(pack([5, 5, 5, 5], 10)) == [[0, 1], [2, 3]]
    assert numbers(pack([3, 7, 6, 4], 10)) == [[0, 1], [2, 3]]
    assert numbers(pack([2, 9, 1, 8], 10)) == [[0, 3], [1, 2]]
    assert numbers(pack([4, 6, 4, 6], 10)) == [[0, 1], [2, 3]], "of equal lengths the first comes first"
    assert numbers(pack([10, 10], 10)) == [[0], [1]]
    assert numbers(pack([512] * 17, 4096)) == [list(range(8)), list(range(8, 16)), [16]]
    assert pack([], 10) == []


@pytest.mark.parametrize("capacity", [2048, 65_536])
def test_rows_of_realistic_lengths_are_nearly_full(capacity: int) -> None:
    """Conversations and articles: within half a percent of what no packing can beat, and fewer rows than first-fit."""
    chance = random.Random(1)
    lengths = [min(capacity, max(1, round(chance.lognormvariate(6.6, 1.1)))) for _ in range(4000)]
    rows = len(pack(lengths, capacity))
    assert stretch_bound(np.array(lengths), capacity) <= rows <= 1.005 * stretch_bound(np.array(lengths), capacity) + 1
    assert rows <= first_fit(lengths, capacity)


@pytest.mark.parametrize(("lengths", "message"), [([3, 0, 2], "document 1 has 0 tokens"), ([3, 11], "has 11 tokens")])
def test_what_fits_no_row_is_refused(lengths: list[int], message: str) -> None:
    """A document without tokens has no place, one longer than a row none either: whoever packs decides first."""
    with pytest.raises(DataError, match=message + r".*takes documents of 1 to 10"):
        pack(lengths, 10)
    with pytest.raises(DataError, match=message):
        WindowPacker(10, 100).add(lengths)


@given(worlds, st.integers(1, 200), st.lists(st.integers(0, 20), max_size=20))
@settings(deadline=None)
def test_a_stream_gives_the_same_rows_however_it_is_handed_over(
    world: tuple[int, list[int]], window_tokens: int, steps: list[int]
) -> None:
    """At once or a few at a time: the rows are equal, every document is in one of them, and none is too long."""
    capacity, lengths = world
    at_once = WindowPacker(capacity, window_tokens)
    rows = numbers([*at_once.add(lengths), *at_once.finish()])
    piecewise = WindowPacker(capacity, window_tokens)
    borders = sorted({0, len(lengths), *(min(len(lengths), place) for place in np.cumsum(steps).tolist())})
    given_out = [row for start, stop in pairwise(borders) for row in piecewise.add(lengths[start:stop])]
    assert numbers([*given_out, *piecewise.finish()]) == rows
    assert sorted(document for row in rows for document in row) == list(range(len(lengths)))
    assert all(sum(lengths[document] for document in row) <= capacity for row in rows)
    assert at_once.finish() == []


@given(worlds, st.integers(1, 200))
@settings(deadline=None)
def test_only_the_last_row_of_a_stream_is_not_half_full(world: tuple[int, list[int]], window_tokens: int) -> None:
    """The emptiest row of a stretch waits for the next one, and of best-fit's rows no second one is half empty."""
    capacity, lengths = world
    packer = WindowPacker(capacity, window_tokens)
    final = packer.add(lengths)
    assert all(2 * sum(lengths[document] for document in row) > capacity for row in final)
    rest = [sum(lengths[document] for document in row) for row in packer.finish()]
    assert rest[-1] == min(rest), "the emptiest comes last, so that the first rows are full ones"
    assert all(2 * tokens > capacity for tokens in rest[:-1])


def test_a_stream_keeps_documents_near_to_their_neighbours() -> None:
    """Documents of one row come from one stretch, or waited in the one row that is carried on."""
    chance = random.Random(2)
    lengths = [chance.randint(1, 60) for _ in range(3000)]
    packer = WindowPacker(100, 1000)
    rows = [*packer.add(lengths), *packer.finish()]
    spans = [int(row[-1] - row[0]) for row in rows]
    assert len(rows) > 800
    assert sorted(spans)[len(spans) * 95 // 100] < 100, "a stretch of 1,000 tokens is about 33 documents"
    assert len(rows) <= 1.03 * len(pack(lengths, 100))


@given(document_lengths)
def test_positions_lengths_and_indices_tell_the_same_borders(lengths: list[int]) -> None:
    """Three ways in which trainers are told where documents begin, each derived by itself here."""
    assert position_ids(lengths).tolist() == [place for length in lengths for place in range(length)]
    borders = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
    assert cu_seqlens(lengths).tolist() == borders
    assert indices(lengths).tolist() == [list(pair) for pair in pairwise(borders)]
    assert (position_ids(lengths).dtype, cu_seqlens(lengths).dtype, indices(lengths).dtype) == (
        np.dtype("int64"),
        np.dtype("int32"),
        np.dtype("uint32"),
    )


def attention_mask(borders: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which token may look at which, as a variable-length kernel reads `cu_seqlens`: causal, inside one document."""
    mask = np.zeros((borders[-1], borders[-1]), bool)
    for start, end in pairwise(borders.tolist()):
        mask[start:end, start:end] = np.tri(end - start, dtype=bool)
    return mask


@given(document_lengths)
def test_no_document_sees_another(lengths: list[int]) -> None:
    """Under the mask of `cu_seqlens` no pair of tokens of different documents is allowed, nor a look ahead."""
    mask = attention_mask(cu_seqlens(lengths))
    owner = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(owner))
    assert not mask[owner[:, None] != owner[None, :]].any()
    assert np.array_equal(mask, (owner[:, None] == owner[None, :]) & (places[:, None] >= places[None, :]))
    assert int(mask.sum()) == sum(length * (length + 1) // 2 for length in lengths)


@given(document_lengths)
def test_position_ids_and_lengths_make_the_same_mask(lengths: list[int]) -> None:
    """A trainer that begins a document wherever a position is 0 masks as one that reads `cu_seqlens`."""
    owner = np.cumsum(position_ids(lengths) == 0)
    places = np.arange(len(owner))
    mask = (owner[:, None] == owner[None, :]) & (places[:, None] >= places[None, :])
    assert np.array_equal(mask, attention_mask(cu_seqlens(lengths)))


def test_a_packed_row_is_taken_apart_by_hand() -> None:
    """Texts, tokens, masks and segments go to their documents, counted from each document's beginning."""
    segment = {"role": "meta", "document": "x", "chunk": 0, "tokens": 1, "rank": 0, "score": 0.0}
    document = {"source": "s", "meta_document": "x", "offset": 0}
    row = {
        "id": "packed/000000",
        "text": "abcdefg",
        "input_ids": [1, 2, 3],
        "assistant_masks": [0, 1, 1],
        "token_count": 3,
        "seq_lengths": [1, 2],
        "documents": [
            {"id": "one/x", **document, "start": 0, "end": 3, "tokens": 1},
            {"id": "one/x@3", **document, "offset": 3, "start": 3, "end": 7, "tokens": 2},
        ],
        "segments": [
            {**segment, "start": 0, "end": 3},
            {**segment, "start": 3, "end": 5},
            {**segment, "start": 5, "end": 7},
        ],
    }
    first, second = unpack(row)
    assert first == {
        "id": "one/x",
        "text": "abc",
        "input_ids": [1],
        "assistant_masks": [0],
        "token_count": 1,
        "meta_document": "x",
        "source": "s",
        "offset": 0,
        "segments": [{**segment, "start": 0, "end": 3}],
    }
    assert (second["text"], second["input_ids"], second["assistant_masks"], second["offset"]) == (
        "defg",
        [2, 3],
        [1, 1],
        3,
    )
    assert [(s["start"], s["end"]) for s in second["segments"]] == [(0, 2), (2, 4)]
    del row["assistant_masks"]
    assert "assistant_masks" not in unpack(row)[0]
