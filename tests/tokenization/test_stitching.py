"""Stitching: whatever chunks a text is made of, its tokens and those of all its beginnings are the tokenizer's own."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tokenizers import PATTERNS, PROVEN, byte_level, demo_texts
from token_texts import FOLDERS, TEXTS

from nextlong_hub.tokenization import ChunkTokens, Stitched, Tokenizer, bounds, load_tokenizer
from nextlong_hub.tokenization.cache import PART_CHUNKS, TokenCache, chunks_path, part_path, part_ranges, write_part

MAKERS: dict[str, Callable[[], Tokenizer]] = {
    **PROVEN,
    "the embedded one": lambda: load_tokenizer("demo"),
    "not proven": lambda: byte_level(PATTERNS["qwen 2"] + "|x"),
}
SEPARATORS = st.sampled_from(["\n", "\n\n", "", " ", "|", "\n\n\n"])
CHUNKS = st.lists(
    TEXTS.filter(len) | st.tuples(st.integers(0, 50), st.integers(1, 60)).map(lambda p: demo_texts()[p[0]][: p[1]]),
    min_size=1,
    max_size=8,
)


@cache
def tokenizer_named(name: str) -> Tokenizer:
    """Each tokenizer is made once for all tests."""
    return MAKERS[name]()


def stitched(tokenizer: Tokenizer, chunks: Sequence[str], separator: str) -> Stitched:
    """A text put together from chunks that were tokenised one by one."""
    known = tokenizer.tokenise_chunks(chunks, separator)
    return tokenizer.stitch(separator.join(chunks), bounds([len(chunk) for chunk in chunks], len(separator)), known)


def check_beginning(tokenizer: Tokenizer, whole: Stitched, cut: int, spans: Sequence[tuple[int, int]]) -> None:
    """The first `cut` characters have the ids, and each chunk the tokens, that encoding in one go finds."""
    ids, starts = tokenizer.encode_with_starts(whole.text[:cut])
    kept = whole.keep(cut)
    assert kept.input_ids.tolist() == ids.tolist()
    assert whole.count(cut) == len(ids)
    own = [(start, min(stop, cut)) for start, stop in spans if start < cut]
    assert kept.chunk_tokens == tuple(int(((starts >= a) & (starts < b)).sum()) for a, b in own)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(deadline=None, max_examples=80)
@given(chunks=CHUNKS, separator=SEPARATORS, place=st.floats(0, 1))
def test_stitched_is_encoded(name: str, chunks: list[str], separator: str, place: float) -> None:
    """The law: ids of the whole and of any beginning, tokens of each chunk, tokens of each chunk by itself."""
    tokenizer = tokenizer_named(name)
    whole = stitched(tokenizer, chunks, separator)
    spans = bounds([len(chunk) for chunk in chunks], len(separator))
    check_beginning(tokenizer, whole, len(whole.text), spans)
    assert whole.total_tokens == len(tokenizer.encode(whole.text))
    check_beginning(tokenizer, whole, max(1, round(place * len(whole.text))), spans)
    known = tokenizer.tokenise_chunks(chunks, separator)
    assert [chunk.tokens for chunk in known] == tokenizer.count([chunk + separator for chunk in chunks])


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(deadline=None, max_examples=60)
@given(chunks=CHUNKS, separator=SEPARATORS, choice=st.integers(0, 10_000))
def test_cuts_are_exact(name: str, chunks: list[str], separator: str, choice: int) -> None:
    """Every cut that is offered has exactly the target; a text without any cut has no beginning of that length."""
    tokenizer = tokenizer_named(name)
    whole = stitched(tokenizer, chunks, separator)
    target = 1 + choice % whole.total_tokens if whole.total_tokens else 1
    cuts = list(whole.exact_cuts(target))
    assert all(len(tokenizer.encode(whole.text[:cut])) == target for cut in cuts)
    assert len(set(cuts)) == len(cuts)
    if not cuts and len(whole.text) < 500:
        assert target not in tokenizer.count([whole.text[:cut] for cut in range(1, len(whole.text) + 1)])


@pytest.mark.parametrize(
    ("name", "chunks"),
    [
        ("qwen 2 with NFC", ["It zq xq zq \ufb1d", "so it is"]),
        ("qwen 2 with NFC", ["the cafe\u0301 qz xq zq \u0958e\u0301e\u0301", "so it is"]),
        ("mistral", ["a ▁ zq xq▁ ▁zq", "▁so it ▁is"]),
        ("gemma", ["a ▁▁▁ zq xq▁ ▁zq", "▁so it ▁is"]),
    ],
    ids=["one byte longer", "as long as before", "a visible space", "a visible space, Gemma"],
)
def test_a_chunk_that_the_normaliser_alters_is_stitched_like_the_whole(name: str, chunks: list[str]) -> None:
    """Its tokens spell another text, of as many bytes or of one more: their places are not taken from it."""
    tokenizer = tokenizer_named(name)
    assert all(tokenizer.split_points.altered_by(chunk) for chunk in chunks[:1])
    whole = stitched(tokenizer, chunks, "\n")
    spans = bounds([len(chunk) for chunk in chunks], 1)
    for cut in range(1, len(whole.text) + 1):
        check_beginning(tokenizer, whole, cut, spans)


def check_long_text(tokenizer: Tokenizer) -> float:
    """A text of real chunks, put together; the share of its characters that had been tokenised before."""
    chunks = [text[start : start + 1500] for text in demo_texts()[:16] for start in (0, 3000) if len(text) > start]
    known = tokenizer.tokenise_chunks(chunks, "\n")
    whole = stitched(tokenizer, chunks, "\n")
    spans = bounds([len(chunk) for chunk in chunks], 1)
    for share in (0.3, 0.71, 1):
        check_beginning(tokenizer, whole, round(len(whole.text) * share), spans)
    return sum(chunk.last - chunk.first for chunk in known) / len(whole.text)


@pytest.mark.parametrize("name", PROVEN)
def test_little_of_a_real_text_is_encoded_again(name: str) -> None:
    """Cores cover nearly all of a text of real chunks."""
    assert check_long_text(tokenizer_named(name)) > 0.95


@pytest.mark.skipif(not FOLDERS, reason="NEXTLONG_TOKENIZERS names no folder of tokenizer folders")
def test_real_tokenizers_are_stitched() -> None:
    """The law for whole vocabularies of published models."""
    for folder in sorted(path for path in Path(str(FOLDERS)).iterdir() if path.is_dir()):
        tokenizer = load_tokenizer(str(folder))
        assert check_long_text(tokenizer) > 0.95 or tokenizer.split_points.doubt


def test_by_hand() -> None:
    """GPT-2: the cores of two chunks, and what is encoded between them."""
    gpt2 = tokenizer_named("the embedded one")
    one, other = gpt2.tokenise_chunks(["It was late.", "He ran away"], "\n")
    assert [(one.first, one.last, one.tokens), (other.first, other.last, other.tokens)] == [(2, 6, 5), (2, 6, 4)]
    assert one.ids.tolist() == gpt2.encode(" was").tolist()
    whole = gpt2.stitch("It was late.\nHe ran away", [(0, 12), (13, 24)], [one, other])
    assert whole.keep(24).chunk_tokens == (4, 3)
    assert whole.keep(12).chunk_tokens == (4,)
    assert [whole.end_of(token) for token in range(1, 9)] == [2, 6, 11, 12, 13, 15, 19, 24]
    assert list(whole.exact_cuts(9)) == []
    assert list(whole.exact_cuts(8)) == [24]
    assert next(whole.exact_cuts(3)) == 11


def test_a_run_of_white_space_can_be_cut() -> None:
    """Under GPT-2 a run of spaces has other tokens at the end of a text; a cut is found somewhere in its reach."""
    gpt2 = tokenizer_named("the embedded one")
    text = "some words and then" + " " * 700 + "the end of it"
    total = len(gpt2.encode(text))
    assert all(next(stitched(gpt2, [text], "\n").exact_cuts(target), None) for target in range(1, total + 1))


@pytest.mark.parametrize("text", ["a" * 30_000, "日本語" * 8_000, "x;" * 15_000, " " * 30_000, "word " * 6_000])
def test_texts_without_a_split_point_grow_no_faster_than_their_length(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a text looks, what is encoded to cut it is a small multiple of its length."""
    tokenizer = byte_level(PATTERNS["llama 3"])
    encoded = 0
    encode = tokenizer._encode_batch

    def counting(backend: object, texts: Sequence[str]) -> object:
        nonlocal encoded
        encoded += sum(map(len, texts))
        return encode(backend, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(tokenizer, "_encode_batch", counting)
    tokenizer.fit(text, max(1, len(tokenizer.encode(text)) * 2 // 3))
    assert 2 * len(text) <= encoded < 16 * len(text)


def test_a_token_cache_gives_back_what_was_written(tmp_path: Path) -> None:
    """Chunks of two rounds are found by their numbers; others are not there."""
    rounds = {"first": {3: [1, 2, 3], 700: []}, "second": {1: [9], 4: [8, 7]}}
    for name, chunks in rounds.items():
        (tmp_path / name).mkdir()
        np.save(chunks_path(tmp_path / name), np.array(list(chunks), np.int64))
        known = [
            ChunkTokens(tokens=len(ids) + 2, first=number, last=number + 5, ids=np.array(ids, np.int32))
            for number, ids in chunks.items()
        ]
        write_part(part_path(tmp_path / name, 0), known)
    cache = TokenCache([tmp_path / name for name in rounds])
    found = cache.find(np.array([0, 1, 2, 3, 4, 5, 700, 701]))
    assert found.keys() == {1, 3, 4, 700}
    for number, ids in (rounds["first"] | rounds["second"]).items():
        one = found[number]
        assert (one.tokens, one.first, one.last) == (len(ids) + 2, number, number + 5)
        assert one.ids.tolist() == ids


@given(st.integers(0, 5 * PART_CHUNKS))
def test_parts_cover_a_round(chunks: int) -> None:
    """Every chunk of a round is in one part, full ones but the last."""
    ranges = part_ranges(chunks)
    assert sum(stop - start for start, stop in ranges) == chunks
    assert all(one[1] == other[0] and one[1] % PART_CHUNKS == 0 for one, other in pairwise(ranges))
    assert all(0 < stop - start <= PART_CHUNKS for start, stop in ranges)
