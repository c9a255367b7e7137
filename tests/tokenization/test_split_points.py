"""Safe split points: the tokens of a text are those of its parts, and what is not proven is reported as doubt."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tokenizers import PATTERNS, PROVEN, byte_level, demo_texts, ours, plain, sentencepiece
from token_texts import FOLDERS, TEXTS
from tokenizers import normalizers, pre_tokenizers

from nextlong_hub.tokenization import Tokenizer, load_tokenizer

MAKERS: dict[str, Callable[[], Tokenizer]] = {**PROVEN, "the embedded one": lambda: load_tokenizer("demo")}


@cache
def tokenizer_named(name: str) -> Tokenizer:
    """Each tokenizer is made once for all tests."""
    return MAKERS[name]()


def check_every_split_point(tokenizer: Tokenizer, text: str) -> int:
    """At each safe split point of a text, its tokens are those of the two halves; how many there were."""
    places = tokenizer.split_points.places
    assert places is not None
    whole = tokenizer.encode(text)
    cuts = [found.end() for found in places.finditer(text)]
    for cut in cuts:
        (before,) = tokenizer._encode_parts([text[:cut]], True)
        (behind,) = tokenizer._encode_parts([text[cut:]], False)
        assert np.array_equal(np.concatenate([before, behind]), whole), (text[:cut], text[cut:])
    return len(cuts)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(deadline=None, max_examples=120)
@given(text=TEXTS)
def test_halves_have_the_tokens_of_the_whole(name: str, text: str) -> None:
    """Whatever the text, at every place where we say so."""
    check_every_split_point(tokenizer_named(name), text)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_prose_has_a_split_point_at_nearly_every_word(name: str) -> None:
    """On real text the law holds at thousands of places: it is not kept by finding none."""
    assert tokenizer_named(name).split_points.doubt == ""
    assert sum(check_every_split_point(tokenizer_named(name), text[:700]) for text in demo_texts()[:12]) > 700


@pytest.mark.skipif(not FOLDERS, reason="NEXTLONG_TOKENIZERS names no folder of tokenizer folders")
def test_halves_have_the_tokens_of_the_whole_for_real_tokenizers() -> None:
    """The law for whole vocabularies of published models."""
    for folder in sorted(path for path in Path(str(FOLDERS)).iterdir() if path.is_dir()):
        tokenizer = load_tokenizer(str(folder))
        if not tokenizer.split_points.doubt:
            assert sum(check_every_split_point(tokenizer, text[:2000]) for text in demo_texts()[:25]) > 4000


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("one two\nthree", 3, 8),
        ("one", None, None),
        ("1 2", None, None),
        ("a\nb", 1, 2),
        ("日本\n語", 2, 3),
        ("x " + "1" * 500 + "y z", 1, 503),
    ],
)
def test_first_and_last_place_by_hand(text: str, first: int | None, last: int | None) -> None:
    """Before a space or line feed behind a letter, and behind a line feed before one."""
    split_points = tokenizer_named("llama 3").split_points
    assert (split_points.first(text), split_points.last(text)) == (first, last)


def test_a_place_counts_only_with_both_its_sides() -> None:
    """The end of a stretch hides what stands behind it: a half must show itself that it may be cut."""
    split_points = tokenizer_named("llama 3").split_points
    assert split_points.last("one two three", 0, 7) == 3
    assert split_points.last("one two three", 0, 8) == 7
    assert split_points.last("one two three", 4, 7) is None


def test_gpt_2_has_no_split_point_behind_a_line_feed() -> None:
    """Two line feeds are one token at the end of a text and two before a letter."""
    gpt2 = tokenizer_named("the embedded one")
    assert gpt2.split_points.first("1\n\nword") is None
    assert [len(gpt2.encode("\n\n")), len(gpt2.encode("\n\nword"))] == [1, 3]


@pytest.mark.parametrize(
    ("make", "doubt"),
    [
        (lambda: byte_level(r"\w+|\W+"), "the expression by which it finds words is not a known one"),
        (lambda: byte_level(PATTERNS["qwen 2"] + "|x"), "the expression by which it finds words is not a known one"),
        (lambda: byte_level(PATTERNS["qwen 2"], normalizer=normalizers.NFKC()), "its normalizer NFKC is not a known"),
        (lambda: byte_level(PATTERNS["qwen 2"], normalizer=normalizers.Lowercase()), "its normalizer Lowercase"),
        (lambda: byte_level(added=(plain("end of"),)), "'end of' spans a place between words"),
        (lambda: byte_level(PATTERNS["tekken"], added=(plain("a\nb"),)), "spans a place between words"),
        (lambda: byte_level(added=(plain("<x>", rstrip=True),)), "'<x>' depends on what stands around it"),
        (lambda: byte_level(added=(plain("<x>", lstrip=True),)), "'<x>' depends on what stands around it"),
        (lambda: byte_level(added=(plain("<x>", single_word=True),)), "'<x>' depends on what stands around it"),
        (lambda: sentencepiece(added=(plain("<x>"),)), "'<x>' is followed by another ▁"),
        (lambda: sentencepiece(form="gemma", added=(plain("s▁a"),)), "'s▁a' spans a place between words"),
    ],
)
def test_doubt_is_told(make: Callable[[], Tokenizer], doubt: str) -> None:
    """What could break the law, and does in other texts, is found when the tokenizer is opened."""
    split_points = make().split_points
    assert split_points.places is None
    assert doubt in split_points.doubt
    assert (split_points.first("one two"), split_points.last("one two"), list(split_points.blocks("one two", 1))) == (
        None,
        None,
        ["one two"],
    )


def test_merges_over_spaces_are_found_in_the_vocabulary() -> None:
    """A vocabulary learnt from whole texts joins words: a space is no split point there; the law holds for what is."""
    tokenizer = sentencepiece(whole=True)
    assert any("s▁" in entry for entry in tokenizer.copy_backend().get_vocab())
    assert tokenizer.split_points.first("ones twos threes") is None
    for text in demo_texts():
        check_every_split_point(tokenizer, text[:2000])


def test_a_splitter_of_another_kind_is_doubted() -> None:
    """A space put in front of a text, words cut at white space alone: not proven, whatever the rest."""
    for splitter in (
        pre_tokenizers.ByteLevel(add_prefix_space=True),
        pre_tokenizers.Whitespace(),
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ):
        backend = byte_level().copy_backend()
        backend.pre_tokenizer = splitter
        tokenizer = Tokenizer(backend, name="other", location="nowhere", revision=None, digest="0" * 12)
        assert tokenizer.split_points.places is None
        assert tokenizer.split_points.doubt


@given(text=TEXTS, characters=st.integers(1, 8))
def test_blocks_are_the_text(text: str, characters: int) -> None:
    """Blocks put together give the text back, and each but the last has at least the length asked for."""
    blocks = list(tokenizer_named("llama 3").split_points.blocks(text, characters))
    assert "".join(blocks) == text
    assert all(len(block) > characters for block in blocks[:-1])


def test_bytes_that_are_added_tokens_only_are_no_fallback() -> None:
    """A model falls back to the bytes of its own vocabulary: without these any text may be altered."""
    plain_one = sentencepiece(form="gemma")
    assert not plain_one.split_points.altered_by("abc")
    assert plain_one.split_points.altered_by("a▁c")
    content = json.loads(plain_one.copy_backend().to_str())
    pieces = sorted(content["model"]["vocab"], key=content["model"]["vocab"].get)
    kept = [piece for piece in pieces if not piece.startswith("<0x")]
    content["model"]["vocab"] = {piece: number for number, piece in enumerate(kept)}
    backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    backend.add_tokens([plain(f"<0x{byte:02X}>") for byte in range(256)])
    found = ours(backend).split_points
    assert (found.doubt, found.places is not None) == ("", True)
    assert found.altered_by("abc")
