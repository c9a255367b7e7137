"""verify --prove finds what a build did wrong from the start: all digests agree, and the method was not done."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import make_request, read_rows
from synthetic_secrets import make_secret

import nextlong_hub
from nextlong_hub.cli import run
from nextlong_hub.corpus import ingest
from nextlong_hub.errors import RecipeError
from nextlong_hub.method import chunking, near_duplicates, negatives
from nextlong_hub.pipeline import build
from nextlong_hub.proof import parse_amount
from nextlong_hub.recipe import Ingredient, Recipe
from nextlong_hub.records import ChunkSpan, Document
from nextlong_hub.retrieval.bm25 import languages
from nextlong_hub.retrieval.languages import FoundLanguages
from nextlong_hub.retrieval.tasks import Answer, read_answers
from nextlong_hub.synthesis import tasks
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import VerifyReport, verify


def proven(dataset: Path, corpus: Path, amount: str = "all", tokenizer: str | tuple[()] = "demo") -> VerifyReport:
    """Verify and prove with the corpus."""
    return verify(dataset, sources=make_request(corpus).sources, tokenizer=tokenizer, prove=parse_amount(amount))


def test_a_sound_dataset_is_proven_in_full(built: Path, corpus_file: Path) -> None:
    """Every chunk, score and token of every row is derived again, and nothing is left open."""
    report = proven(built, corpus_file)
    assert report.faults == ()
    [proof] = report.proofs
    assert (proof.config, proof.rows, proof.of_rows, proof.texts, proof.proven) == ("tiny", 8, 8, 8, 8)
    assert (proof.borders, proof.encoded, dict(proof.open)) == (report.segments, 8, {})
    assert proof.scores == proof.borders - sum(1 for _ in meta_segments(built))
    assert proof.passed_over["in the row already"] > 0


def meta_segments(dataset: Path) -> Iterator[dict[str, Any]]:
    """The segments of all rows that are meta-chunks."""
    return (one for row in read_rows(dataset) for one in row["segments"] if one["role"] == "meta")


def test_a_sample_is_proven(built: Path, corpus_file: Path) -> None:
    """A share of the rows is rounded up; without a tokenizer the number of tokens is told to be open."""
    [proof] = proven(built, corpus_file, "30%", ()).proofs
    assert (proof.rows, proof.texts, proof.proven) == (3, 3, 0)
    assert dict(proof.open) == {"the number of its tokens: give the tokenizer": 3}


def test_a_proof_needs_the_corpus(built: Path) -> None:
    """It says what to give."""
    with pytest.raises(RecipeError, match="corpus="):
        verify(built, prove=parse_amount("1"))


def test_a_corpus_with_masked_secrets_is_proven(tmp_path: Path) -> None:
    """Words are counted as the build saw them: with the mask in the place of each secret."""
    secret = make_secret("hugging_face", 1).text
    documents = [
        replace(document, text=f"{secret} {document.text}") if number % 5 == 0 else document
        for number, document in enumerate(make_documents(40))
    ]
    corpus = write_corpus(tmp_path / "corpus.jsonl", documents)
    build(make_request(corpus), tmp_path / "out")
    assert secret not in "".join(row["text"] for row in read_rows(tmp_path / "out"))
    report = proven(tmp_path / "out", corpus)
    assert report.faults == ()
    assert all(proof.proven == proof.rows for proof in report.proofs)


def test_nothing_is_proven_of_another_corpus(built: Path, tmp_path: Path) -> None:
    """That it is another one is the fault; what was not done is told."""
    other = write_corpus(tmp_path / "corpus.jsonl", make_documents(40, seed=9))
    report = proven(built, other)
    assert report.proofs == ()
    assert any("nothing was derived again" in remark for remark in report.remarks)


Lie = Callable[[pytest.MonkeyPatch], None]


def in_answers(change: Callable[[Answer], Answer]) -> Lie:
    """A retriever whose answers are changed."""

    def lie(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(tasks, "read_answers", lambda path: [change(answer) for answer in read_answers(path)])

    return lie


def without_the_best(answer: Answer) -> Answer:
    """The best chunk is passed over in silence; ranks may have gaps."""
    return replace(answer, candidates=answer.candidates[1:])


def without_a_trace(answer: Answer) -> Answer:
    """The same, and the others move up."""
    return replace(answer, candidates=[replace(one, rank=rank) for rank, one in enumerate(answer.candidates[1:], 1)])


def swapped(answer: Answer) -> Answer:
    """The second chunk stands in the place of the first, with its rank and score."""
    one, other, *rest = answer.candidates
    return replace(answer, candidates=[replace(one, chunk=other.chunk), replace(other, chunk=one.chunk), *rest])


def better_scored(answer: Answer) -> Answer:
    """Each score is a millionth too high."""
    return replace(answer, candidates=[replace(one, score=one.score * 1.000001) for one in answer.candidates])


def easier(answer: Answer) -> Answer:
    """The best other chunk of the document is said to be one place worse."""
    return replace(answer, own_rank=answer.own_rank + 1)


def shifted(patch: pytest.MonkeyPatch) -> None:
    """The first border of each document is one character late, in every reading."""

    def cut(text: str, settings: Any) -> list[ChunkSpan]:
        first, *rest = chunking.cut(text, settings)
        if not rest:
            return [first]
        return [ChunkSpan(0, first.end + 1), ChunkSpan(rest[0].start + 1, rest[0].end), *rest[1:]]

    patch.setattr(ingest, "cut", cut)


def copies_serve(patch: pytest.MonkeyPatch) -> None:
    """Near-copies of a meta-chunk are taken."""
    patch.setattr(near_duplicates.NearDuplicates, "__contains__", lambda self, shingles: False)


def first_to_last(patch: pytest.MonkeyPatch) -> None:
    """Turns go from the first meta-chunk to the last."""
    patch.setattr(negatives, "reversed", list, raising=False)


def every_word(patch: pytest.MonkeyPatch) -> None:
    """The corpus is found to be in no language, so that stop words count."""
    patch.setattr(languages, "find_languages", lambda store: FoundLanguages(shares={}, chunks=store.chunks))


def with_copies() -> list[Document]:
    """Documents of which every second one is another one with a word at its end."""
    documents = make_documents(24)
    return [
        one if number % 2 == 0 else replace(one, text=documents[number - 1].text + " again")
        for number, one in enumerate(documents)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (in_answers(without_the_best), "was passed over without a reason"),
        (in_answers(without_a_trace), "come before it for chunk"),
        (in_answers(swapped), "counted again the corpus gives"),
        (in_answers(better_scored), "counted again the corpus gives"),
        (in_answers(easier), "has own_rank"),
        (shifted, "which by the rule of its cuts"),
        (copies_serve, "may not serve: near-copy of a meta-chunk"),
        (first_to_last, "was passed over without a reason"),
        (every_word, "says that the corpus of 'tiny' is in the languages {}"),
    ],
    ids=[
        *("a worse negative", "a worse negative in its place", "swapped negatives", "a score", "an own rank"),
        *("a border", "a copy", "the turns", "the stop words"),
    ],
)
def test_a_lie_of_the_build_is_found(lie: Lie, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All digests, texts, tokens and segments agree, so that nothing else finds it."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", with_copies() if lie is copies_serve else make_documents(24))
    lie(monkeypatch)
    build(make_request(corpus, rows=3), tmp_path / "dataset")
    assert verify(tmp_path / "dataset", sources=make_request(corpus).sources, tokenizer="demo").faults == ()
    faults = proven(tmp_path / "dataset", corpus).faults
    assert any(message in fault.message for fault in faults)
    assert {fault.place for fault in faults} <= {
        "manifest.json",
        *(f"data/tiny/train-00000-of-00001.parquet, row {row}" for row in range(3)),
    }


EXACT = {
    "okapi": tiny_recipe(name="okapi", retrieval={"formula": "okapi", "keep_short_words": True, "stop_words": ("en",)}),
    "authors": tiny_recipe(
        name="authors", chunking={"mode": "reference"}, interleave={"fill": "reference", "separator": "\n\n"}
    ),
    "apart": tiny_recipe(name="apart", interleave={"layout": "none"}),
    "guarded": tiny_recipe(name="guarded", negatives={"guard": "shingles", "guard_shingles": 0.01, "shingle_words": 2}),
    "later": tiny_recipe(name="later", negatives={"first_rank": 4}),
    "reference": tiny_recipe(name="reference", retrieval={"retriever": "rank-bm25", "stop_words": ()}),
    "ended": tiny_recipe(name="ended", add_bos_token=True, add_eos_token=True, target_length=1024),
}
OPEN = {
    "repeats": (tiny_recipe(name="repeats", negatives={"guard": "tokens"}), "what its guard on tokens passed over"),
    "budget": (tiny_recipe(name="budget", retrieval={"postings_budget": 0.5}), "its search is approximate"),
    "chance": (tiny_recipe(name="chance", retrieval={"retriever": "random"}), "choice of the retriever random"),
    "itself": (tiny_recipe(name="itself", retrieval={"retriever": "self"}), "how the retriever self chose"),
}


def all_recipes() -> tuple[Recipe, ...]:
    """Every choice that changes what must be derived, each in a recipe of its own."""
    mixed = tiny_recipe(
        name="mixed",
        pack=True,
        target_length=2048,
        mixture=(Ingredient(recipe="okapi", share=1), Ingredient(recipe="ended", share=1)),
    )
    return (*EXACT.values(), *(recipe for recipe, _ in OPEN.values()), mixed)


@pytest.mark.slow
def test_every_choice_of_a_recipe_is_proven_or_told(tmp_path: Path) -> None:
    """What is not derived again is counted and told for each text, and nothing that a build makes is a fault."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(90))
    recipes = all_recipes()
    rows = {recipe.name: 2 for recipe in recipes if not recipe.mixture}
    build(make_request(corpus, *recipes, rows=rows), tmp_path / "dataset")
    report = proven(tmp_path / "dataset", corpus)
    assert report.faults == ()
    for proof in report.proofs:
        assert proof.texts > 0
        if proof.config in OPEN:
            assert any(OPEN[proof.config][1] in what for what in proof.open)
            assert proof.proven == 0
        else:
            assert (proof.proven, dict(proof.open)) == (proof.texts, {})
    assert {proof.config for proof in report.proofs} == {recipe.name for recipe in recipes}


def test_the_command_and_the_method_prove(built: Path, corpus_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints what was derived again; the method takes a number or a share, and none of the Hub."""
    assert run(["verify", str(built), "--corpus", str(corpus_file), "--tokenizer", "demo", "--prove", "30%"]) == 0
    printed = capsys.readouterr().out
    assert "Derived again from the corpus:" in printed and "rightly passed over: in the row already" in printed
    dataset = nextlong_hub.open(built)
    [proof] = dataset.verify(corpus=str(corpus_file), prove=2, progress=False).proofs
    assert (proof.rows, proof.of_rows) == (2, 8)
    assert run(["verify", "hf://datasets/someone/rows", "--prove", "1"]) == 2
    assert "--prove need the rows" in " ".join(capsys.readouterr().err.split())
