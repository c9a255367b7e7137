"""The lexer finds the words a reader would, in any script, and counts them right."""

import itertools
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextlong_hub.core.code_points import normalise
from nextlong_hub.errors import RecipeError
from nextlong_hub.records import TextBlock
from nextlong_hub.retrieval.bm25.lexer import CHUNK_BYTES_LIMIT, LexedChunks, Lexer, TermTable
from nextlong_hub.retrieval.bm25.lexing_kernels import _term_number
from nextlong_hub.retrieval.bm25.stop_words import languages, stop_words
from nextlong_hub.retrieval.settings import RetrievalSettings

EVERY_WORD = RetrievalSettings(stop_words=())
SHORT_WORDS = RetrievalSettings(stop_words=(), keep_short_words=True)
UNSPACED = (
    "HENTAIGANA",
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "BOPOMOFO",
    "IDEOGRAPHIC",
)


def lexed(chunks: list[str], chosen: RetrievalSettings = EVERY_WORD) -> LexedChunks:
    """Lex some chunks as one block."""
    encoded = [chunk.encode() for chunk in chunks]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    block = TextBlock(first_chunk=0, text=np.frombuffer(b"".join(encoded), np.uint8), offsets=offsets)
    return Lexer(chosen).lex([block], len(chunks))


def bags(result: LexedChunks) -> list[Counter[str]]:
    """Each chunk's terms and how often they occur."""
    held = result.term_bytes.tobytes()
    terms = [held[s:e].decode() for s, e in zip(result.term_starts[:-1], result.term_starts[1:], strict=True)]
    rows = np.concatenate(([0], result.row_ends)).tolist()
    return [
        Counter({terms[t]: int(c) for t, c in zip(result.terms[s:e], result.counts[s:e], strict=True)})
        for s, e in itertools.pairwise(rows)
    ]


def words(text: str, chosen: RetrievalSettings) -> list[str]:
    """The distinct terms of one text, in the order of first appearance."""
    return [term for bag in bags(lexed([text], chosen)) for term in bag]


def plain_words(text: str) -> list[str]:
    """The same definition of a term, one character after the other: slow and obvious."""
    words, run, unspaced = [], [], None
    for character in [*normalise(text), " "]:
        category = unicodedata.category(character)
        kind = None
        if category[0] in "LN":
            name = unicodedata.name(character, "")
            kind = name.startswith(UNSPACED) and (category[0] == "L" or category == "Nl")
        if category[0] == "M":
            if run:
                run[-1] += character
            continue
        if kind != unspaced and run:
            if unspaced:
                words += ["".join(pair) for pair in itertools.pairwise(run)] if len(run) > 1 else run
            elif len(run) > 1:
                words.append("".join(run))
            run = []
        unspaced = kind
        if kind is not None:
            run.append(character)
    return words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The QUICK brown-fox; don't", ["the", "quick", "brown", "fox", "don"]),
        ("École ÉCOLE e\u0301cole", ["école"]),
        ("Straße STRASSE", ["strasse"]),
        ("ﬁne \uff26\uff35\uff2c\uff2c ①② x²", ["fine", "full", "12", "x2"]),
        ("co\u00adoperate", ["cooperate"]),
        ("snake_case covid19", ["snake", "case", "covid19"]),
        ("日本語", ["日本", "本語"]),
        ("は", ["は"]),
        ("東京tower塔", ["東京", "tower", "塔"]),
        ("ที่นี่", ["ที่นี่"]),
        ("한국어", ["한국", "국어"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("\u0301 \u0301abc", ["abc"]),
        ("\u0645\u064f\u062d\u064e\u0645\u0651\u0640\u062f", ["\u0645\u062d\u0645\u062f"]),
        ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", ["\u05e9\u05dc\u05d5\u05dd"]),
        ("\u0401\u043b\u043a\u0430", ["\u0435\u043b\u043a\u0430"]),
        ("C++ R I 3", []),
        ("", []),
    ],
)
def test_words_are_what_a_reader_would_say(text: str, expected: list[str]) -> None:
    """Case, composition and width do not matter; scripts without spaces give pairs of characters."""
    assert words(text, EVERY_WORD) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C++ and C# or R", ["c++", "and", "c#", "or", "r"]),
        ("I use F#.", ["i", "use", "f#"]),
        ("a+b c+++ #tag 3+ A+", ["a", "b", "c", "tag", "3", "a+"]),
        ("vitamin C, plan B", ["vitamin", "c", "plan", "b"]),
    ],
)
def test_short_words_are_kept_when_asked_for(text: str, expected: list[str]) -> None:
    """With keep_short_words a single letter is a word, and a sign that ends a word belongs to it."""
    assert words(text, SHORT_WORDS) == expected


LETTERS = st.sampled_from(
    "aAbBzZ09 _-\n\u00e9\u00c9\u0301\u00df\u3042\u6771\u4eac\u30ab\u0e17\u0e35\u0e48"
    "\ud55c\uff21\u00ad\u0915\u094d\U0001f600\u0640\u0645\u064e\u05e9\u05b8\ufb2a\u0451\u0435"
)
"""Capitals, marks of any kind, scripts with and without spaces, full width, a soft hyphen, a tatweel, an io."""


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.text(LETTERS, max_size=30), st.text(max_size=12)), min_size=1, max_size=5))
def test_the_compiled_lexer_agrees_with_the_plain_definition(chunks: list[str]) -> None:
    """Over any Unicode text, every chunk's bag of terms and its length are those of the plain definition."""
    chunks = [chunk.encode("utf-8", "ignore").decode() for chunk in chunks]
    result = lexed(chunks)
    expected = [Counter(plain_words(chunk)) for chunk in chunks]
    assert bags(result) == expected
    assert result.lengths.tolist() == [bag.total() for bag in expected]


def test_terms_know_their_chunks() -> None:
    """A term's frequency counts the chunks that hold it."""
    result = lexed(["red red blue", "blue", "", "blue green"])
    assert result.frequencies.tolist() == [1, 3, 1]
    assert result.lengths.tolist() == [3, 1, 0, 2]


def test_room_is_made_for_any_number_of_distinct_terms() -> None:
    """A vocabulary far beyond the tables' first size is numbered by first appearance, nothing lost."""
    words = [f"w{number:x}" for number in range(150_000)]
    chunks = [" ".join(words[first : first + 30_000]) for first in range(0, len(words), 30_000)]
    result = lexed(chunks)
    held = result.term_bytes.tobytes().decode()
    assert held == "".join(words)
    assert result.terms.tolist() == list(range(len(words)))


def test_terms_that_share_a_hash_stay_apart() -> None:
    """A slot of the table counts as found only when the bytes agree as well."""
    table = TermTable()
    digest = np.uint64(0x123456789ABCDEF0)
    texts = [np.frombuffer(word, np.uint8) for word in (b"one", b"two", b"one", b"ones", b"two")]
    numbers = [
        _term_number(text, 0, len(text), digest, table.slots, table.arena, table.starts, table.filled) for text in texts
    ]
    assert numbers == [0, 1, 0, 2, 1]


def test_stop_words_leave_neither_terms_nor_length() -> None:
    """A function word of a chosen language is not counted at all; those of other languages are."""
    result = lexed(["The cat und the dog"], RetrievalSettings(stop_words=("en",)))
    assert bags(result) == [Counter({"cat": 1, "und": 1, "dog": 1})]
    assert result.lengths.tolist() == [3]


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "pt", "ru"])
def test_every_stop_word_is_one_term(language: str) -> None:
    """A listed word that the lexer would split or never produce would stop nothing."""
    assert language in languages()
    listed = stop_words((language,))
    assert len(listed) > 100
    assert [word for word in listed if words(word, SHORT_WORDS) != [word]] == []


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    """The message names the languages there are."""
    with pytest.raises(RecipeError, match=r"'tlh'; there are: de, en, es, fr, it, nl, pt, ru"):
        Lexer(RetrievalSettings(stop_words=("en", "tlh")))


def test_a_chunk_too_long_for_exact_bounds_is_refused() -> None:
    """Beyond 16 MiB the 32-bit sums could overflow, so such a chunk never gets in."""
    with pytest.raises(RecipeError, match=r"lower chunking\.chunk_characters"):
        lexed(["x" * (CHUNK_BYTES_LIMIT + 1)])
