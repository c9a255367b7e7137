"""Which documents were trained on: told by their words."""

from nextlong_hub.evaluation.held_out import HeldOut

WORDS = [f"w{number}" for number in range(200)]


def text(first: int, last: int) -> str:
    """Words `first` up to `last`."""
    return " ".join(WORDS[first:last])


def test_a_document_is_seen_where_half_of_a_chunk_stands_elsewhere() -> None:
    """25 words are 13 runs of 13 words: 19 of them hold 7, more than half; 18 hold 6. Case and marks do not count."""
    held = HeldOut({1: [text(0, 25)], 2: [text(50, 75), text(100, 125)], 3: [text(150, 175)]})
    held.look([text(0, 18), f"Before. {text(100, 119).upper()}!", text(150, 162)])
    assert held.seen() == {2}


def test_rows_add_up_and_short_chunks_tell_nothing() -> None:
    """Two rows that each hold a part; a chunk of fewer than 13 words is never seen."""
    held = HeldOut({1: [text(0, 30)], 2: [text(50, 62)]})
    held.look([text(0, 17)])
    assert held.seen() == frozenset()
    held.look([text(13, 30), text(50, 62)])
    assert held.seen() == {1}
    assert HeldOut({}).seen() == frozenset()
