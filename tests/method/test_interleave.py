"""Interleaving: the text is its pieces and separators, segments tile it, and clipping counts every token once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import pieces

from nextlong_hub.method.interleave import ChunkText, Layout, LongText, clip, joined, laid_out

Chunks = tuple[list[ChunkText], list[list[ChunkText]]]
"""Meta-chunks, and the negatives of each."""

layouts = st.sampled_from(["interleaved", "none"])

separators = st.sampled_from(["\n", "", "\n\n", " · "])


@st.composite
def chunks(draw: st.DrawFn) -> Chunks:
    """Draw meta-chunks and the negatives of each; a chunk of the reference chunker may be empty."""
    metas, negatives = [], []
    for number in range(draw(st.integers(1, 4))):
        metas.append(ChunkText(text=draw(pieces), document="own", chunk=number))
        found = draw(st.lists(pieces, max_size=3))
        negatives.append(
            [ChunkText(text=t, document=f"d{n}", chunk=7, rank=n, score=9.5 - n) for n, t in enumerate(found, 1)]
        )
    return metas, negatives


def test_the_two_layouts_by_hand() -> None:
    """Negatives behind each meta-chunk; or all meta-chunks, then the same negatives in the same order."""
    assert laid_out("AB", ["uv", "xy"], "interleaved") == list("AuvBxy")
    assert laid_out("AB", ["uv", "xy"], "none") == list("ABuvxy")


@given(chunks(), layouts, separators)
def test_the_text_is_its_pieces_joined(parts: Chunks, layout: Layout, separator: str) -> None:
    """No piece is lost or altered, and each segment's span holds exactly its piece."""
    metas, negatives = parts
    laid = laid_out(metas, negatives, layout)
    assert sorted(map(id, laid)) == sorted(map(id, [*metas, *(piece for own in negatives for piece in own)]))
    long_text = joined(laid, separator)
    assert long_text.text == separator.join(piece.text for piece in laid)
    assert [long_text.text[s.start : s.end] for s in long_text.segments] == [piece.text for piece in laid]
    assert [(s.document, s.chunk, s.rank, s.score) for s in long_text.segments] == [
        (piece.document, piece.chunk, piece.rank, piece.score) for piece in laid
    ]
    assert [s.role for s in long_text.segments] == ["negative" if piece.rank else "meta" for piece in laid]


@given(chunks(), layouts, separators)
def test_segments_tile_the_text_with_one_separator_between(parts: Chunks, layout: Layout, separator: str) -> None:
    """The first segment starts at 0, the last ends with the text, and between two lies one separator."""
    long_text = joined(laid_out(*parts, layout), separator)
    assert long_text.segments[0].start == 0
    assert long_text.segments[-1].end == len(long_text.text)
    for left, right in zip(long_text.segments, long_text.segments[1:], strict=False):
        assert long_text.text[left.end : right.start] == separator


@given(chunks(), layouts, separators, st.data())
def test_clipping_drops_and_shortens_only_what_lies_behind_the_cut(
    parts: Chunks, layout: Layout, separator: str, data: st.DataObject
) -> None:
    """Segments before the cut stay whole, the one it falls into ends there, later ones are gone."""
    long_text = joined(laid_out(*parts, layout), separator)
    characters = data.draw(st.integers(0, len(long_text.text)))
    spans = [(s.start, min(s.end, characters)) for s in long_text.segments if s.start < characters]
    kept = clip(long_text.segments, characters, range(len(spans)))
    assert [(s.start, s.end) for s in kept] == spans
    assert [s.tokens for s in kept] == list(range(len(spans)))


@pytest.fixture
def long_text() -> LongText:
    """`ab|cde|f` with tokens to be placed by hand."""
    return joined(
        [
            ChunkText(text="ab", document="own", chunk=0),
            ChunkText(text="cde", document="x", chunk=4, rank=1, score=2.5),
            ChunkText(text="f", document="y", chunk=0, rank=3),
        ],
        "|",
    )


def test_clip_by_hand(long_text: LongText) -> None:
    """The text `ab|cde|f` is cut behind d: one token begins in `ab`, two in what is kept of `cde`."""
    kept = clip(long_text.segments, 5, [1, 2])
    assert [(s.role, s.document, s.start, s.end, s.tokens) for s in kept] == [
        ("meta", "own", 0, 2, 1),
        ("negative", "x", 3, 5, 2),
    ]


def test_a_cut_inside_a_separator(long_text: LongText) -> None:
    """The separator behind the last segment belongs to none; the segment after it is gone."""
    kept = clip(long_text.segments, 7, [1, 1])
    assert [(s.document, s.end, s.tokens) for s in kept] == [("own", 2, 1), ("x", 6, 1)]


def test_every_meta_chunk_needs_its_negatives() -> None:
    """Lists of different lengths are a fault of the caller, not a shorter sample."""
    with pytest.raises(ValueError, match="shorter"):
        laid_out("AB", ["x"], "interleaved")
