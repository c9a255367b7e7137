"""A row proven on paper: one meta-chunk, and the two chunks that could follow it."""

from collections.abc import Iterator
from typing import Any

import pytest

from nextlong_hub.proof import Choices, Prover, Statistics, Texts
from nextlong_hub.proof.negatives import Encode
from nextlong_hub.proof.ranking import as_float32
from nextlong_hub.testing.worlds import tiny_recipe

CHOICES = Choices.of({**tiny_recipe().public_values(), "target_length": 6}, ())
DOCUMENTS = {"meta": "oak elm ash", "near": "oak elm yew", "far": "oak fir box", "none": "ivy"}


@pytest.fixture
def texts() -> Iterator[Texts]:
    """Four documents of one chunk each."""
    with Texts(CHOICES.cutting) as held:
        for document, text in DOCUMENTS.items():
            held.add(document, text)
        yield held


def row_of(document: str, rank: int, score: float) -> dict[str, Any]:
    """The meta-document and one negative, six words."""
    text = f"{DOCUMENTS['meta']}\n{DOCUMENTS[document]}"
    meta = {"role": "meta", "document": "meta", "chunk": 0, "start": 0, "end": 11, "rank": 0, "score": 0.0}
    negative = {"role": "negative", "document": document, "chunk": 0, "start": 12, "end": 23}
    negative |= {"rank": rank, "score": score}
    return {"text": text, "meta_document": "meta", "token_count": 6, "segments": [meta, negative]}


def faults_of(row: dict[str, Any], texts: Texts, encode: Encode | None) -> tuple[list[str], dict[str, int], list[str]]:
    """What is wrong with it, what was passed over, and what is open."""
    finding = Prover(CHOICES, texts, Statistics(texts, CHOICES.scoring, [0]), encode).prove(row)
    return finding.faults, dict(finding.passed_over), finding.open


def words(text: str) -> list[int]:
    """A token a word."""
    return [len(word) for word in text.split()]


def words_but_yew(text: str) -> list[int]:
    """The same, but a word that begins with y is two tokens from its first letter on."""
    return [len(word) for word in text.replace("y", "y y").split()]


def scores(texts: Texts) -> list[float]:
    """Those of the four documents for the first."""
    return [as_float32(score) for score in Statistics(texts, CHOICES.scoring, [0]).scores(0)]


def test_the_best_chunk_is_proven(texts: Texts) -> None:
    """It shares two words, the other one."""
    assert faults_of(row_of("near", 1, scores(texts)[1]), texts, words) == ([], {}, [])


def test_a_worse_chunk_is_a_fault(texts: Texts) -> None:
    """Its score and rank are right, and still it does not belong there."""
    faults, _, _ = faults_of(row_of("far", 2, scores(texts)[2]), texts, words)
    assert len(faults) == 1 and "chunk 0 of 'near' with score" in faults[0]


def test_a_chunk_in_which_the_row_cannot_end_is_rightly_passed_over(texts: Texts) -> None:
    """Its last word takes the row from five tokens to seven; without the tokenizer that is open."""
    row = row_of("far", 2, scores(texts)[2])
    reason = "no exact length where the row would end in it"
    assert faults_of(row, texts, words_but_yew) == ([], {reason: 1}, [])
    faults, _, still_open = faults_of(row, texts, None)
    assert faults == [] and any("could not end in a better chunk" in what for what in still_open)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": 2}, "has rank 2, and 0 chunks of other documents come before it"),
        ({"score": 1.0}, "has the score 1, and counted again the corpus gives"),
        ({"end": 22}, "and the row holds 10 of them"),
        ({"document": "far"}, "goes on with 'fir box' from its character 4, and the row with 'elm yew'"),
        ({"document": "gone"}, "by the rule of its cuts the document has no such chunk"),
        ({"document": "meta"}, "which by the rule of its cuts"),
    ],
)
def test_every_part_of_a_segment_is_compared(change: dict[str, Any], message: str, texts: Texts) -> None:
    """One wrong value is one fault, which says what came and what was expected."""
    row = row_of("near", 1, scores(texts)[1])
    row["segments"][1] |= change
    [fault] = faults_of(row, texts, words)[0]
    assert message in fault


def test_tokens_are_compared(texts: Texts) -> None:
    """Their number, and each of them where the row holds them."""
    row = row_of("near", 1, scores(texts)[1])
    assert faults_of({**row, "token_count": 7}, texts, words)[0] == ["its text encodes to 6 tokens, token_count says 7"]
    assert faults_of({**row, "input_ids": [3] * 6}, texts, words)[0] == []
    assert faults_of({**row, "input_ids": [3, 3, 3, 3, 4, 3]}, texts, words)[0] == [
        "its text does not encode to its input_ids"
    ]
