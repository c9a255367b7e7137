"""How much text there is once, and what configurations have in common: on paper, and against counting by hand."""

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.dataset.schema import DOCUMENT_TYPE, SEGMENT_TYPE
from nextlong_hub.stats import DatasetStats, measure

Part = tuple[str, str, int, int]
"""Role, document, chunk, tokens."""


def rows(*made: tuple[str, list[Part]]) -> pa.Table:
    """Rows that are not packed: the id, and the segments."""
    lists = [
        [
            {
                "role": role,
                "document": document,
                "chunk": chunk,
                "tokens": tokens,
                "start": 10 * place,
                "end": 10 * place + 9,
                "rank": int(role == "negative"),
                "score": 1.0,
            }
            for place, (role, document, chunk, tokens) in enumerate(parts)
        ]
        for _, parts in made
    ]
    return pa.table(
        {
            "id": [name for name, _ in made],
            "token_count": pa.array([sum(part[3] for part in parts) for _, parts in made], pa.int32()),
            "segments": pa.array(lists, pa.list_(SEGMENT_TYPE)),
        }
    )


SHORT = rows(
    ("short/a", [("meta", "a", 0, 10), ("negative", "x", 0, 30), ("meta", "a", 1, 10), ("negative", "y", 1, 20)]),
    ("short/b", [("meta", "b", 0, 10), ("negative", "x", 0, 25)]),
)
LONG = rows(("long/c", [("meta", "c", 0, 10), ("negative", "x", 0, 30), ("negative", "a", 1, 10)]))


def test_two_configurations_on_paper() -> None:
    """X 0 stands in both and in two rows of the short ones, once cut; a 1 is a meta-chunk here and a negative there."""
    stats = measure({"short": [SHORT], "long": [LONG]})
    short, long = stats["short"].chunks, stats["long"].chunks
    assert short is not None and long is not None
    assert (short.different, short.unique_tokens) == (5, 10 + 30 + 10 + 20 + 10)
    assert short.repeated_share == pytest.approx(1 - 80 / 105, abs=1e-6)
    assert short.shared_share == pytest.approx((30 + 25 + 10) / 105, abs=1e-6)
    assert (long.different, long.unique_tokens, long.repeated_share, long.shared_share) == (3, 50, 0, 0.8)
    [pair] = stats.overlaps
    assert (pair.one, pair.other, pair.documents, pair.chunks) == ("short", "long", 0, 2)
    assert (pair.one_share, pair.other_share) == (short.shared_share, long.shared_share)
    assert stats.unique_tokens == 80 + 10


def test_an_ingredient_and_its_mixture_do_not_overlap() -> None:
    """The same row in both is one row; its chunks count as shared only with rows of the other recipe."""
    mixed = pa.concat_tables([SHORT.slice(0, 1), LONG])
    stats = measure({"short": [SHORT], "both": [mixed]})
    [pair] = stats.overlaps
    assert (pair.documents, pair.chunks) == (0, 2)
    assert pair.one_share == pytest.approx(65 / 105, abs=1e-6), "what the long row has, too"
    assert pair.other_share == pytest.approx(40 / 120, abs=1e-6), "what of the long row short rows have, too"
    alone = measure({"short": [SHORT], "some": [SHORT.slice(1)]})
    assert [(one.documents, one.chunks, one.one_share) for one in alone.overlaps] == [(0, 0, 0)]


def test_documents_extended_twice_are_counted() -> None:
    """The row of another recipe that extends the same document is an overlap, in a mixture, too."""
    again = rows(("long/a", [("meta", "a", 0, 10), ("negative", "z", 3, 5)]))
    assert [pair.documents for pair in measure({"short": [SHORT], "long": [again]}).overlaps] == [1]
    assert [pair.documents for pair in measure({"short": [SHORT], "m": [SHORT.slice(1), again]}).overlaps] == [1]


def test_one_configuration_alone_has_nothing_to_share() -> None:
    """Then nothing is said of others; and rows without chunks have no such numbers."""
    stats = measure({"short": [SHORT]})
    assert stats["short"].chunks is not None and stats["short"].chunks.shared_share is None
    assert stats.overlaps == ()
    assert measure({"none": [pa.table({"token_count": [3]})]})["none"].chunks is None


def test_whole_documents_are_no_chunks_of_samples() -> None:
    """In a packed row a document without negatives is one chunk of its own, and each piece of a split one another."""
    segments = [
        {"role": role, "document": "d", "chunk": 0, "start": start, "end": start + 9, "tokens": tokens, "rank": 0}
        for role, start, tokens in (("meta", 0, 7), ("meta", 10, 8))
    ]
    documents = [
        {"id": "whole/d", "source": "s", "meta_document": "d", "offset": offset, "start": start, "end": start + 10}
        for offset, start in ((0, 0), (100, 10))
    ]
    packed = pa.table(
        {
            "id": ["p/000000"],
            "token_count": pa.array([15], pa.int32()),
            "documents": pa.array([documents], pa.list_(DOCUMENT_TYPE)),
            "segments": pa.array([segments], pa.list_(SEGMENT_TYPE)),
        }
    )
    sample = rows(("short/d", [("meta", "d", 0, 7), ("negative", "x", 0, 5)]))
    stats = measure({"packed": [packed], "short": [sample]})
    pieces = stats["packed"].chunks
    assert pieces is not None and (pieces.different, pieces.unique_tokens) == (2, 15)
    assert [(pair.documents, pair.chunks) for pair in stats.overlaps] == [(1, 0)], "the document itself is in both"


PARTS = st.tuples(st.sampled_from(["meta", "negative"]), st.sampled_from("abc"), st.integers(0, 2), st.integers(1, 9))


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, list[tuple[str, list[Part]]]]:
    """Two or three configurations of rows of two recipes; every row has a negative."""
    found = {}
    for name in draw(st.sampled_from([["one", "two"], ["one", "two", "three"]])):
        made = draw(st.lists(st.tuples(st.sampled_from(["r", "s"]), st.lists(PARTS, max_size=4)), max_size=4))
        found[name] = [(f"{owner}/{n}", [*parts, ("negative", "z", n, 1)]) for n, (owner, parts) in enumerate(made)]
    return found


def counted(world: dict[str, list[tuple[str, list[Part]]]], name: str, other: str) -> tuple[int, int, int, int]:
    """By hand: unique tokens, all tokens, shared tokens and shared documents of one configuration and another."""
    longest: dict[tuple[str, int], int] = defaultdict(int)
    theirs, extended = defaultdict(set), defaultdict(set)
    for identity, parts in world[other]:
        owner = identity[0]
        theirs[owner] |= {part[1:3] for part in parts}
        extended[owner] |= {part[1] for part in parts if part[0] == "meta"}
    tokens = shared = 0
    documents: set[str] = set()
    for identity, parts in world[name]:
        strange = "s" if identity[0] == "r" else "r"
        for role, document, chunk, count in parts:
            longest[document, chunk] = max(longest[document, chunk], count)
            tokens += count
            shared += count * ((document, chunk) in theirs[strange])
            documents |= {document} & extended[strange] if role == "meta" else set()
    return sum(longest.values()), tokens, shared, len(documents)


@given(configurations(), st.integers(1, 3))
def test_unique_and_shared_tokens_are_those_counted_by_hand(world: dict[str, Any], size: int) -> None:
    """However the rows come in batches."""
    tables = {
        name: [rows(*made[start : start + size]) for start in range(0, len(made), size)] for name, made in world.items()
    }
    stats: DatasetStats = measure(tables)
    for pair in stats.overlaps:
        unique, tokens, shared, documents = counted(world, pair.one, pair.other)
        chunks = stats[pair.one].chunks
        assert chunks is not None and chunks.unique_tokens == unique
        assert chunks.repeated_share == pytest.approx(1 - unique / tokens, abs=1e-6)
        assert pair.one_share == pytest.approx(shared / tokens, abs=1e-6)
        assert pair.other_share == pytest.approx(
            counted(world, pair.other, pair.one)[2] / counted(world, pair.other, pair.one)[1], abs=1e-6
        )
        assert pair.documents == documents
