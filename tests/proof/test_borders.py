"""Chunk borders, found a second time: on paper, and wherever the build finds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import texts

from nextlong_hub.method.chunking import cut
from nextlong_hub.method.settings import ChunkingSettings
from nextlong_hub.proof.borders import borders
from nextlong_hub.proof.choices import Cutting


@pytest.mark.parametrize(
    ("text", "longest", "shortest", "chunks"),
    [
        ("", 4, 0, []),
        ("abc", 4, 0, ["abc"]),
        ("ab\ncd\nef", 6, 0, ["ab\ncd\n", "ef"]),
        ("One two. Three four", 12, 0, ["One two. ", "Three four"]),
        ("alpha beta gamma", 12, 0, ["alpha beta ", "gamma"]),
        ("abcdefgh", 3, 0, ["abc", "def", "gh"]),
        ("\n\nabcdefgh", 5, 0, ["\n\nabc", "defgh"]),
        ("T\nsome words\nand more of them\n", 20, 4, ["T\nsome words\n", "and more of them\n"]),
        ("T\nabcdefghijkl", 12, 4, ["T\nabcdefghijkl"]),
        ("abcdefghijkl\nT", 13, 4, ["abcdefghijkl\nT"]),
    ],
)
def test_borders_on_paper(text: str, longest: int, shortest: int, chunks: list[str]) -> None:
    """A chunk ends behind its last line, else a sentence, else a word, else anywhere; stumps are joined."""
    found = borders(text, Cutting(mode="lossless", longest=longest, shortest=shortest))
    assert [text[start:end] for start, end in found] == chunks


def test_the_authors_rule_on_paper() -> None:
    """Line ends between chunks are dropped and not counted, long lines stay, blank ones before them disappear."""
    text = "ab\ncd\n\nabcdefgh\nx"
    found = borders(text, Cutting(mode="reference", longest=4, shortest=0))
    assert [text[start:end] for start, end in found] == ["ab\ncd\n", "abcdefgh", "x"]


@given(
    texts(),
    st.sampled_from([1, 2, 3, 7, 16, 50]),
    st.sampled_from(["lossless", "reference"]),
    st.sampled_from([0, 0.3, 1]),
)
def test_borders_are_those_of_the_build(text: str, longest: int, mode: str, stump: float) -> None:
    """Two implementations of one rule agree on every text."""
    shortest = int(longest * stump)
    settings = ChunkingSettings.model_construct(  # chunks too short for a recipe show borders best
        mode=mode, chunk_characters=longest, minimum_characters=shortest
    )
    found = borders(text, Cutting(mode=mode, longest=longest, shortest=shortest))
    assert found == [(span.start, span.end) for span in cut(text, settings)]
