"""Token offsets: places told from spellings are right, and spellings that are not the text are not believed."""

import numpy as np
import pytest

from nextlong_hub.tokenization.spellings import Spellings, byte_alphabet, byte_level_spelling, sentencepiece_spelling

PIECES = [b"a", b"bc", b" ", "é".encode(), "日".encode()[:1], "日".encode()[1:], b"", b" a"]


def spans_of(text: str, ids: list[int]) -> list[tuple[int, int]] | None:
    """The places of tokens of a vocabulary that can be read on one line."""
    spans = Spellings(enumerate(PIECES)).spans(text, np.array(ids, np.int32))
    return None if spans is None else list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True))


def test_places_worked_out_by_hand() -> None:
    """Tokens lie end to end; two that share a character both cover it; characters count, not bytes."""
    assert spans_of("abc a", [0, 1, 7]) == [(0, 1), (1, 3), (3, 5)]
    assert spans_of("éa日bc", [3, 0, 4, 5, 1]) == [(0, 1), (1, 2), (2, 3), (2, 3), (3, 5)]


def test_space_put_in_front_has_no_place() -> None:
    """What a tokenizer adds before the text is no character of it; alone, it is counted to the first."""
    assert spans_of("abc", [7, 1]) == [(0, 1), (1, 3)]
    assert spans_of("éa", [2, 3, 0]) == [(0, 1), (0, 1), (1, 2)]
    assert spans_of(" a", [2, 7]) == [(0, 1), (0, 2)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("ba", [0, 1]),  # another text of the same length
        ("abc", [0]),  # an end is missing
        ("a", [0, 0]),  # one byte more, and no space in front
        ("a", [0, 6]),  # a token that spells nothing
        ("", []),
        ("", [2]),
    ],
)
def test_spellings_that_are_not_the_text_are_not_believed(text: str, ids: list[int]) -> None:
    """Without tokens that spell the text byte by byte there is no answer, rather than a wrong one."""
    assert spans_of(text, ids) is None


def test_byte_alphabet_is_that_of_gpt2() -> None:
    """All 256 bytes have a character; a space is `Ġ`, a line feed `Ċ`, and visible characters are themselves."""
    alphabet = byte_alphabet()
    assert sorted(alphabet.values()) == list(range(256))
    assert byte_level_spelling("ĠaĊ", alphabet) == b" a\n"
    assert byte_level_spelling("Ã©", alphabet) == "é".encode()
    assert byte_level_spelling("日本", alphabet) == "日本".encode(), "an added token is spelled as it stands"


def test_sentencepiece_spellings() -> None:
    """`▁` is a space, and a byte piece the byte it names."""
    assert sentencepiece_spelling("▁▁wor") == b"  wor"
    assert sentencepiece_spelling("<0xE6>") == b"\xe6"
    assert sentencepiece_spelling("<0xE6") == b"<0xE6"


def test_bytes_of_many_texts_at_once() -> None:
    """Tokens of 2, 1 and 3 bytes: one begins at bytes 2 and 3, none at 4; a space put in front belongs to the first."""
    spellings = Spellings([(0, b"ab"), (1, b" "), (2, b"cde"), (3, b" ab")])
    one, other = np.array([0, 1, 2], np.int32), np.array([3, 1, 2], np.int32)
    found = spellings.places([one, one, one, other], [6, 6, 7, 6], [(2, 3), (2, 4), (2, 3), (3, 2)])
    assert found.tolist() == [[1, 2], [1, -1], [-1, -1], [2, 1]], "the third text is longer than its tokens"
    assert spellings.places([], [], []).shape == (0, 2)
