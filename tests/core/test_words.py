"""Words are the same for whoever compares texts, and digests stand for them."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.core.code_points import normalise
from nextlong_hub.core.words import run_digests, word_digests, word_spans, words_of


def words(text: str) -> list[str]:
    """The words of a text of letters, digits and separators without marks, by the simplest means."""
    return re.findall(r"[^\W_]+", normalise(text))


@given(st.text(st.characters(codec="latin-1")), st.text(st.characters(codec="latin-1")))
def test_texts_have_one_digest_where_they_have_one_word(one: str, other: str) -> None:
    """Word for word, and none elsewhere."""
    digests = [*word_digests(one).tolist(), *word_digests(other).tolist()]
    spelled = [*words(one), *words(other)]
    assert len(digests) == len(spelled)
    assert dict(zip(spelled, digests, strict=True)) == {
        word: digest for word, digest in zip(spelled, digests, strict=True)
    }
    assert len(set(digests)) == len(set(spelled))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("... -- !", 0),
        ("Hello, hello HELLO", 3),
        ("\u4e2d\u6587 text", 3),  # every Chinese character counts by itself
        (
            "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
            2,
        ),  # Hindi: marks do not end a word
        ("e\u0301te\u0301 \u00e9t\u00e9", 2),
    ],
)
def test_words_are_counted(text: str, count: int) -> None:
    """In scripts with and without spaces, with marks and without."""
    assert len(word_digests(text)) == count


def test_one_normal_form_has_one_digest() -> None:
    """Capitals, full-width forms, ligatures and marks written apart."""
    for one, other in (
        ("STRASSE", "stra\u00dfe"),
        ("\uff21\uff22\uff23", "abc"),
        ("\ufb01n", "fin"),
        ("e\u0301", "\u00c9"),
    ):
        assert unicodedata.is_normalized("NFKC", normalise(one))
        assert word_digests(one).tolist() == word_digests(other).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("مُحَمَّد", "محمد"),
        ("مــحمـد", "محمد"),
        ("هٰذا", "هذا"),
        ("آ", "آ"),
        ("שָׁלוֹם", "שלום"),
        ("שׁלום", "שלום"),
        ("ещё", "ЕЩЕ"),
        ("Ёлка", "елка"),
    ],
    ids=["harakat", "tatweel", "small alef", "madda", "niqqud", "letter with a point", "io written apart", "io"],
)
def test_what_is_not_always_written_makes_no_other_word(one: str, other: str) -> None:
    """A word with vowel points, a stretched one, and one spelled with io, is the word without them."""
    assert normalise(one) == normalise(other)
    assert word_digests(one).tolist() == word_digests(other).tolist()
    assert len(word_digests(one)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("\u0622", "\u0627"), ("й", "и"), ("कि", "की"), ("ที", "ทิ")],
    ids=["alef madda", "short i", "hindi vowels", "thai vowels"],
)
def test_marks_that_make_another_letter_count(one: str, other: str) -> None:
    """They are always written."""
    assert word_digests(one).tolist() != word_digests(other).tolist()


@given(st.text(st.sampled_from([*map(chr, range(0x590, 0x700)), " ", "e", "\u0301", "\u0435", "\u0451", "\ufe71"])))
def test_words_of_a_normal_form_are_those_of_the_text(text: str) -> None:
    """Text is normalised where it holds anything to fold, and only its words count."""
    assert word_digests(normalise(text)).tolist() == word_digests(text).tolist()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.integers(1, 5))
def test_runs_have_one_digest_where_they_are_the_same(numbers: list[int], length: int) -> None:
    """Wherever they stand."""
    digests = run_digests(np.array(numbers, np.uint64), length).tolist()
    runs = [tuple(numbers[start : start + length]) for start in range(max(0, len(numbers) - length + 1))]
    assert len(digests) == len(runs)
    assert len(set(digests)) == len(set(runs)) == len(set(zip(digests, runs, strict=True)))


def test_words_are_found_where_they_stand() -> None:
    """As they are written, with their marks; a word that follows a script without spaces is one of its own."""
    text = "The Na\u0301ive \u0928\u092e\u0938\u094d\u0924\u0947, \u4e2d\u6587abc \u0301!"
    assert [text[start:end] for start, end in word_spans(text)] == [
        *("The", "Na\u0301ive", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u4e2d", "\u6587", "abc")
    ]
    assert words_of(text)[-3:] == ["\u4e2d", "\u6587", "abc"]
    assert word_spans("...") == word_spans("") == []
