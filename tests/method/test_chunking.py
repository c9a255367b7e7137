"""Chunking: nothing is lost, chunks are long but no longer than allowed, and the authors' chunker is reproduced."""

from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import texts

from nextlong_hub.method.chunking import cut
from nextlong_hub.method.settings import ChunkingSettings

limits = st.sampled_from([1, 2, 3, 7, 16, 50])


def chunks(text: str, chunk_characters: int, mode: str = "lossless", minimum: int = 0) -> list[str]:
    """The texts of the chunks."""
    settings = ChunkingSettings.model_validate(
        {"mode": mode, "chunk_characters": chunk_characters, "minimum_characters": minimum}
    )
    return [text[span.start : span.end] for span in cut(text, settings)]


def chunks_by_the_rule(text: str, limit: int) -> list[str]:
    """What the authors' chunker does, in other words: lines are dealt to groups, each with its own tally."""
    groups: list[list[str]] = [[]]
    for line in text.split("\n"):
        tally = sum(len(member) for member in groups[-1])
        if tally + len(line) > limit:
            if tally == 0:
                groups.pop()
            groups.append([])
        groups[-1].append(line)
    return ["\n".join(group) for group in groups]


@given(texts(), limits)
@example("\r\n" * 9, 3)
@example("👩\u200d🚀" * 9, 2)
@example("e\u0301" * 9, 1)
@example("\n", 1)
def test_lossless_chunks_joined_are_the_document(text: str, limit: int) -> None:
    """No character is lost, added or moved; no chunk is empty or longer than allowed."""
    found = chunks(text, limit)
    assert "".join(found) == text
    assert all(1 <= len(chunk) <= limit for chunk in found)
    assert bool(found) == bool(text)


@given(texts(), limits)
def test_lossless_is_greedy(text: str, limit: int) -> None:
    """A chunk that ends at a newline had no room for the next line; one cut elsewhere held no line worth ending."""
    found = chunks(text, limit)
    position = 0
    for chunk in found[:-1]:
        position += len(chunk)
        next_line = text[position:].partition("\n")
        if chunk.endswith("\n"):
            assert len(chunk) + len(next_line[0] + next_line[1]) > limit
        else:
            assert "\n" not in chunk.lstrip()


@given(texts(), limits)
def test_a_stump_is_never_cut_off_inside_a_paragraph(text: str, limit: int) -> None:
    """A chunk that ends inside a paragraph is more than half as long as allowed."""
    for chunk in chunks(text, limit)[:-1]:
        assert chunk.endswith("\n") or 2 * len(chunk) >= limit


@given(texts(), limits, st.floats(0, 1))
@example("a\n" * 9, 3, 1.0)
def test_no_chunk_is_a_stump(text: str, limit: int, share: float) -> None:
    """Joined stumps still give the document back; a chunk is too short only where the whole document is."""
    minimum = round(limit * share)
    found = chunks(text, limit, minimum=minimum)
    assert "".join(found) == text
    assert all(minimum <= len(chunk) < limit + max(1, 2 * minimum) for chunk in found) or len(found) <= 1


@given(texts(), limits)
def test_stumps_are_joined_at_no_other_place(text: str, limit: int) -> None:
    """Joining stumps takes borders between chunks away and adds none."""
    cut_anyway, *without = [set(accumulate(map(len, chunks(text, limit, minimum=m)))) for m in (0, limit // 2, limit)]
    assert all(cut_anyway >= ends for ends in without)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\n" + "x" * 17 + "\nend of text", ["One\n" + "x" * 17 + "\n", "end of text"]),
        ("x" * 19 + "\nOne\n" + "y" * 17, ["x" * 19 + "\n", "One\n" + "y" * 17]),
        ("x" * 19 + "\n" + "y" * 19 + "\nend", ["x" * 19 + "\n", "y" * 19 + "\nend"]),
        ("x" * 19 + "\nend", ["x" * 19 + "\nend"]),
        ("end", ["end"]),
    ],
    ids=["title", "title in the middle", "last line", "last line of two chunks", "short document"],
)
def test_stumps_are_joined_forward_and_the_last_one_back(text: str, expected: list[str]) -> None:
    """With chunks of 20 characters and stumps below 5: a title goes with what it stands above."""
    assert chunks(text, 20, minimum=5) == expected


def test_a_stump_is_told_by_the_length_of_chunks() -> None:
    """Of usual chunks 200 characters make no stump; of small ones a tenth of their length; `reference` has stumps."""
    assert ChunkingSettings().shortest_characters == 200
    assert ChunkingSettings(chunk_characters=60).shortest_characters == 6
    assert ChunkingSettings(chunk_characters=60, minimum_characters=60).shortest_characters == 60
    with pytest.raises(ValueError, match="lower the one or raise the other"):
        ChunkingSettings(chunk_characters=60, minimum_characters=61)
    text = "One\n" + "x" * 17 + "\nend of text"
    assert chunks(text, 20, "reference", minimum=5) == chunks(text, 20, "reference", minimum=0)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 5, []),
        ("abcde", 5, ["abcde"]),
        ("ab\ncd\nef\n", 6, ["ab\ncd\n", "ef\n"]),
        ("ab\n\n\ncd", 5, ["ab\n\n\n", "cd"]),
        ("ab\r\ncd\r\n", 4, ["ab\r\n", "cd\r\n"]),
        ("One two. Three four five", 15, ["One two. ", "Three four five"]),
        ('He said "No." Then he went', 16, ['He said "No." ', "Then he went"]),
        ("One. Two three four", 16, ["One. Two three ", "four"]),
        ("one two three four", 10, ["one two ", "three four"]),
        ("a bcdefghijkl", 8, ["a bcdefg", "hijkl"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("東京は晴れ。大阪は雨だった", 8, ["東京は晴れ。", "大阪は雨だった"]),
        ("abcde\nfgh", 5, ["abcde", "\nfgh"]),
        ("ab\n" + "c" * 7, 5, ["ab\n", "ccccc", "cc"]),
    ],
    ids=[
        "nothing",
        "fits",
        "lines",
        "blank lines",
        "crlf",
        "sentence",
        "sentence in quotes",
        "no stump after a sentence",
        "words",
        "no stump after a word",
        "mid-word",
        "sentence without spaces",
        "line as long as a chunk",
        "long line",
    ],
)
def test_lossless_cuts_by_hand(text: str, limit: int, expected: list[str]) -> None:
    """Newlines come first, then sentence ends, then word ends, then any place."""
    assert chunks(text, limit) == expected


SENTENCES = {
    "amharic": ("ሰላም ነው።", "ደህና ነህ፧"),
    "burmese": ("မင်္ဂလာပါ။", "နေကောင်းလား။"),
    "hindi": ("वह आया।", "मैं गया था॥"),
    "japanese": ("東京は晴れ\uff0e", "「大阪は雨｡」"),
    "khmer": ("ខ្ញុំទៅ។", "គេមកផ្ទះ៕"),
    "tibetan": ("བོད་ཡིག། ", "བཀྲ་ཤིས༎"),
    "urdu": ("وہ آیا\u06d4", "تم کہاں؟"),
}
"""Two sentences in each of several languages, as they end there, with nothing between them."""


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_end_in_any_script(language: str) -> None:
    """Text without a newline is cut behind its last sentence that fits, in `reference` nowhere."""
    first, second = SENTENCES[language]
    for one, other in ((first, second), (second, first)):
        text = one + other
        assert chunks(text, len(one) + 2)[0] == one
        assert chunks(text, len(one) + 2, "reference") == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("སེམས་ཅན་འདི་ར", "སེམས་ཅན་"),
        ("လာလာ၊ သွားသွ", "လာလာ၊ "),
        ("ሰላም፡ዓለም", "ሰላም፡"),
    ],
    ids=["tibetan", "burmese", "ethiopic"],
)
def test_words_end_at_signs_that_stand_for_spaces(text: str, expected: str) -> None:
    """Where no sentence ends."""
    limit = len(expected) + 2
    assert chunks(text, limit)[0] == expected


def test_a_number_is_cut_at_no_full_width_stop() -> None:
    """Between digits it is a decimal point."""
    assert chunks("値は３\uff0e\uff11\uff14ですね", 7) == ["値は３\uff0e\uff11\uff14で", "すね"]


@given(texts(), limits)
@example("\n\nabc\n", 2)
def test_reference_equals_the_rule(text: str, limit: int) -> None:
    """For any text the spans give exactly what splitting and joining lines gives."""
    expected = chunks_by_the_rule(text, limit) if text else []
    assert chunks(text, limit, "reference") == expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("ab\ncd\nef", 4, ["ab\ncd", "ef"]),
        ("a\nb\nc\nd", 4, ["a\nb\nc\nd"]),
        ("ab\n" + "x" * 9 + "\ncd", 4, ["ab", "x" * 9, "cd"]),
        ("\n\n" + "x" * 9, 4, ["x" * 9]),
        ("ab\n\n\nxyz", 4, ["ab\n\n", "xyz"]),
        ("x" * 9 + "\n", 4, ["x" * 9, ""]),
        ("\n\n", 4, ["\n\n"]),
    ],
    ids=[
        "newline between chunks dropped",
        "newlines not counted",
        "long line kept whole",
        "blank lines dropped",
        "blank lines kept",
        "empty last chunk",
        "only blank lines",
    ],
)
def test_reference_quirks_by_hand(text: str, limit: int, expected: list[str]) -> None:
    """The quirks of the released chunker, each on a text small enough to check on paper."""
    assert chunks(text, limit, "reference") == expected
