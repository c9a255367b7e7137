"""The orders of a pair: always the same pieces, the target last."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.evaluation.pieces import Piece, Pieces, Role, orders


def piece(name: str, tokens: int, role: Role = "random") -> Piece:
    """A piece of so many tokens."""
    return Piece(role=role, document=name, chunk=0, offset=0, text=name, behind="\n", tokens=tokens)


def test_a_pair_on_paper() -> None:
    """A gap gives as many of its first pieces as reach the distance; the rest stand before the document."""
    pieces = Pieces(
        front=(piece("F", 5),),
        meta=(piece("m1", 1), piece("m2", 1), piece("m3", 1)),
        gaps=((piece("a", 2), piece("b", 2)), (piece("c", 3), piece("d", 2))),
    )
    named = [piece.text for piece in pieces.all]
    found = {
        (order.condition, order.distance): " ".join(named[place] for place in order.places)
        for order in orders(pieces, (2, 3))
    }
    assert found == {
        ("blocked", 0): "F a b c d m1 m2 m3",
        ("riffled", 2): "F b d m1 a m2 c m3",
        ("detached", 2): "F b d m1 m2 a c m3",
        ("riffled", 3): "F d m1 a b m2 c m3",
        ("detached", 3): "F d m1 m2 a b c m3",
    }


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(front=sizes, gaps=st.lists(sizes, min_size=1, max_size=4), distances=st.sets(st.integers(1, 12), min_size=1))
def test_every_order_has_every_piece_once(front: list[int], gaps: list[list[int]], distances: set[int]) -> None:
    """The first piece is first, the target last, the document in its order; what is near is at least the distance."""
    pieces = Pieces(
        front=tuple(piece("F", size) for size in front),
        meta=tuple(piece("m", 1, "meta") for _ in range(len(gaps) + 1)),
        gaps=tuple(tuple(piece("g", size) for size in gap) for gap in gaps),
    )
    everything = pieces.all
    meta = [place for place, own in enumerate(everything) if own.role == "meta"]
    made = list(orders(pieces, sorted(distances)))
    assert len(made) == 1 + 2 * len(distances)
    for order in made:
        assert sorted(order.places) == list(range(len(everything)))
        assert (order.places[0], order.places[-1]) == (0, meta[-1])
        assert [place for place in order.places if place in meta] == meta
        at = [order.places.index(place) for place in meta]
        between = [
            sum(everything[place].tokens for place in order.places[first + 1 : last]) for first, last in pairwise(at)
        ]
        full = [min(order.distance, sum(gap)) for gap in gaps]
        if order.condition == "riffled":
            assert all(own >= least for own, least in zip(between, full, strict=True))
        else:
            assert not any(between[:-1])
            assert between[-1] >= (sum(full) if order.condition == "detached" else 0)
