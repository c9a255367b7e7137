"""Words, terms and near-copies, found a second time: on paper, and wherever the build finds them."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import LETTERS

from nextlong_hub.core.words import words_of
from nextlong_hub.method.near_duplicates import NearDuplicates, shingles_of
from nextlong_hub.method.settings import NegativeSettings
from nextlong_hub.proof.copies import is_copy, shingles
from nextlong_hub.proof.words import listed_languages, stop_words, terms, words
from nextlong_hub.records import TextBlock
from nextlong_hub.retrieval.bm25.lexer import Lexer
from nextlong_hub.retrieval.bm25.stop_words import languages
from nextlong_hub.retrieval.bm25.stop_words import stop_words as listed
from nextlong_hub.retrieval.settings import RetrievalSettings

hard = st.one_of(
    st.text(LETTERS + "C+#9ﬁÉİ\u0627\u064eЁёкㅎ한\u0e33", max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)


@pytest.mark.parametrize(
    ("text", "found", "short"),
    [
        ("It's C++ and C#, not 7#.", ["it", "and", "not"], ["it", "s", "c++", "and", "c#", "not", "7"]),
        ("Éte\u0301 ﬁne", ["été", "fine"], ["été", "fine"]),
        ("日本語 x 人", ["日本", "本語", "人"], ["日本", "本語", "x", "人"]),
        ("a+++ b#c", [], ["a", "b", "c"]),
    ],
)
def test_terms_on_paper(text: str, found: list[str], short: list[str]) -> None:
    """Folded words, pairs where there are no spaces, and signs of words where short ones are kept."""
    assert terms(text, keeps_short_words=False) == found
    assert terms(text, keeps_short_words=True) == short


@given(hard, st.booleans())
@example("\u0301a \u0301", False)
@example("한a글\u0301국어", True)
def test_terms_are_those_of_the_build(text: str, keeps_short_words: bool) -> None:
    """Two implementations of one definition agree on every text."""
    encoded = text.encode()
    block = TextBlock(first_chunk=0, text=np.frombuffer(encoded, np.uint8), offsets=np.array([0, len(encoded)]))
    lexed = Lexer(RetrievalSettings(stop_words=(), keep_short_words=keeps_short_words)).lex([block], 1)
    spelled = lexed.term_bytes.tobytes()
    names = [spelled[start:stop].decode() for start, stop in pairwise(lexed.term_starts.tolist())]
    built = {names[term]: count for term, count in zip(lexed.terms.tolist(), lexed.counts.tolist(), strict=True)}
    assert Counter(terms(text, keeps_short_words=keeps_short_words)) == built


@given(hard)
def test_words_are_those_of_the_build(text: str) -> None:
    """What shingles are made of is the same in both."""
    assert words(text) == words_of(text)


def test_stop_words_are_those_of_the_build() -> None:
    """The lists are data that both read."""
    assert listed_languages() == languages()
    assert all(stop_words((code,)) == {*listed((code,))} for code in languages())


few_words = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)


@given(st.lists(few_words, min_size=1, max_size=3), few_words, st.integers(1, 4), st.sampled_from([0.2, 0.5, 1]))
def test_near_copies_are_those_of_the_build(others: list[str], text: str, length: int, share: float) -> None:
    """A share of the runs of words of the shorter text decides, at the limit, too."""
    settings = NegativeSettings(near_duplicate=share, shingle_words=length)
    built = NearDuplicates([shingles_of(other, length) for other in others], settings)
    found = is_copy(shingles(text, length), [shingles(other, length) for other in others], share)
    assert found == (shingles_of(text, length) in built)
