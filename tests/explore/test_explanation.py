"""A score is taken apart to the last bit, or an estimate says that it is one."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from building import make_request, read_rows

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore, PartWriter, finish_store
from nextlong_hub.dataset import SplitReader, open_split
from nextlong_hub.errors import DataError
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.explore.explain import Basis, explain_negative
from nextlong_hub.pipeline import build
from nextlong_hub.records import ChunkSpan, Document
from nextlong_hub.retrieval import build_index
from nextlong_hub.retrieval.bm25.explain import explain, passage
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus


def negatives_of(split: SplitReader) -> Iterator[tuple[int, int]]:
    """Every (row, segment) that is a hard negative."""
    for row in split:
        yield from ((row.number, n) for n, segment in enumerate(row.segment_list) if segment.role == "negative")


def store_of(folder: Path, *texts: str) -> ChunkStore:
    """A store of one chunk a document."""
    with PartWriter(folder / "store" / "part-00000") as part:
        for number, text in enumerate(texts):
            part.add(Document(id=f"d{number}", text=text, source="s"), [ChunkSpan(0, len(text))])
    return finish_store(folder / "store", [part.counts], folder.name, {})


def test_the_weights_of_every_negative_add_up_to_its_score(built: Path) -> None:
    """From the index that the build left: the sum is the stored score to the last bit, for every negative there is."""
    split = open_split(built)
    asked = list(negatives_of(split))
    assert len(asked) > 50
    for number, segment in asked:
        row = split.row(number)
        why = explain_negative(split, row, segment)
        assert why.basis is Basis.INDEX
        assert why.is_exact
        assert np.float32(sum(term.weight for term in why.explanation.terms)) == np.float32(why.stored_score)
        assert row.segment_list[why.meta_segment].role == "meta"
        assert all(other.role == "negative" for other in row.segment_list[why.meta_segment + 1 : segment])


def test_the_shared_terms_are_the_words_of_both_chunks(built: Path) -> None:
    """Nothing but words that stand in both texts, with their numbers of occurrences."""
    split = open_split(built)
    row = split.row(0)
    why = explain_negative(split, row, 1)
    texts = [row.segment_text(number).lower().replace(".", " ").split() for number in (why.meta_segment, 1)]
    assert len(why.explanation.terms) > 5
    for term in why.explanation.terms:
        assert (term.in_query, term.in_chunk) == (texts[0].count(term.term), texts[1].count(term.term))
        assert term.in_query and term.in_chunk


def test_without_the_index_the_corpus_gives_the_same_weights(dataset: Path, corpus_file: Path) -> None:
    """A pushed dataset has no index; its corpus, named again, explains it exactly."""
    with_index = open_split(dataset)
    exact = explain_negative(with_index, with_index.row(2), 1)
    shutil.rmtree(dataset / ".work")
    split = open_split(dataset)
    source = SourceSettings(name="corpus", path=str(corpus_file))
    why = explain_negative(split, split.row(2), 1, sources=[source])
    assert why.basis is Basis.CORPUS
    assert why.is_exact
    assert why.explanation == exact.explanation


def test_another_corpus_is_refused(dataset: Path, tmp_path: Path) -> None:
    """Its frequencies would explain another score."""
    other = write_corpus(tmp_path / "other.jsonl", make_documents(12, seed=5))
    split = open_split(dataset)
    with pytest.raises(DataError, match=r"was made from corpus .*, and the one given is .*; name the same files"):
        explain_negative(split, split.row(0), 1, sources=[SourceSettings(name="corpus", path=str(other))])


def test_with_neither_it_is_an_estimate_from_the_rows_at_hand(dataset: Path) -> None:
    """The same terms, weighed by the chunks of the row group, and called what it is."""
    with_index = open_split(dataset)
    exact = explain_negative(with_index, with_index.row(2), 1).explanation
    shutil.rmtree(dataset / ".work")
    split = open_split(dataset)
    why = explain_negative(split, split.row(2), 1)
    held = {(s["document"], s["chunk"]) for row in read_rows(dataset) for s in row["segments"]}
    assert why.basis is Basis.ESTIMATE
    assert why.explanation.chunks == len(held)
    assert {term.term for term in why.explanation.terms} == {term.term for term in exact.terms}
    assert 0.3 < why.explanation.score / why.stored_score < 3


def test_a_score_that_was_changed_is_not_explained_away(dataset: Path, corpus_file: Path) -> None:
    """The weights are those of the corpus; a row that says otherwise is found out."""
    split = open_split(dataset)
    row = split.row(0)
    scores = row.segments["score"].to_numpy() + 1
    changed = row.segments.set_column(7, "score", [scores.astype(np.float32)])
    why = explain_negative(split, type(row)(**{**{n: getattr(row, n) for n in row.__slots__}, "segments": changed}), 1)
    assert (why.basis, why.is_exact) == (Basis.INDEX, False)


def test_a_meta_chunk_was_not_retrieved(built: Path) -> None:
    """Asking why it is there is answered with a segment that can be asked about."""
    split = open_split(built)
    row = split.row(0)
    with pytest.raises(
        DataError, match=r"segment 0 of row 'tiny/.*' is a meta-chunk, .*; ask for a negative, segment 1"
    ):
        explain_negative(split, row, 0)
    with pytest.raises(DataError, match=r"segment 99 was asked for, and row 'tiny/.*' has \d+"):
        explain_negative(split, row, 99)


@pytest.mark.parametrize("retrieval", [{"formula": "okapi", "k1": 1.2, "b": 0.3}, {"retriever": "rank-bm25"}])
def test_every_formula_and_retriever_is_explained(tmp_path: Path, corpus_file: Path, retrieval: dict[str, str]) -> None:
    """What counts is the recipe of the row; rank-bm25 leaves no index, so one is made for the question."""
    build(make_request(corpus_file, tiny_recipe(retrieval=retrieval), rows=2), tmp_path / "out")
    split = open_split(tmp_path / "out")
    asked = list(negatives_of(split))
    assert asked
    for number, segment in asked[:6]:
        why = explain_negative(split, split.row(number), segment)
        assert why.basis is Basis.INDEX
        assert math.isclose(why.explanation.score, why.stored_score, rel_tol=3e-7)
        assert why.is_exact or "retriever" in retrieval


def test_weights_on_paper(tmp_path: Path) -> None:
    """Four chunks of two words each, `k1 = 1.5`: a word of 2 in 4 chunks has idf ln(1 + 2.5/2.5) and tf 1/(1 + 1.5)."""
    store = store_of(tmp_path, "apple pear", "apple plum", "fig lime", "kiwi lime")
    settings = RetrievalSettings(stop_words=())
    build_index(store, settings, tmp_path / "index", InlineExecutor())
    found = explain(tmp_path / "index", store, settings, 0, 1)
    [term] = found.terms
    assert (term.term, term.in_query, term.in_chunk, term.frequency) == ("apple", 1, 1, 2)
    assert (found.chunks, found.chunk_words, found.mean_words) == (4, 2, 2.0)
    assert math.isclose(term.idf, math.log(2))
    assert math.isclose(term.weight, math.log(2) / 2.5)
    assert found.score == float(np.float32(term.weight))
    assert explain(tmp_path / "index", store, settings, 0, 2).terms == ()


def test_a_word_of_more_than_254_occurrences_counts_them_all(tmp_path: Path) -> None:
    """The index keeps small counts in a byte; what does not fit is found beside it."""
    store = store_of(tmp_path, "pear apple", "plum " + "apple " * 300, "fig")
    settings = RetrievalSettings(stop_words=())
    build_index(store, settings, tmp_path / "index", InlineExecutor())
    [term] = explain(tmp_path / "index", store, settings, 0, 1).terms
    assert (term.term, term.in_chunk) == ("apple", 300)


def test_terms_are_spelled_over_shards_in_every_script(tmp_path: Path) -> None:
    """Accents, other alphabets and pairs of characters come back as the lexer folds them."""
    texts = ("École 漢字仮 дом", "x École 漢字仮", "дом y zz", "дом zz école")
    store = store_of(tmp_path, *texts)
    settings = RetrievalSettings(stop_words=(), shard_chunks=1)
    build_index(store, settings, tmp_path / "index", InlineExecutor())
    assert {term.term for term in explain(tmp_path / "index", store, settings, 0, 1).terms} == {"école", "漢字", "字仮"}
    assert [term.term for term in explain(tmp_path / "index", store, settings, 0, 2).terms] == ["дом"]


def test_a_passage_is_where_the_heaviest_terms_meet() -> None:
    """The stretch, cut at words, with each term told apart; nothing is lost between the pieces."""
    text = "far away " * 20 + "the Apple, and pear! " + "more of nothing " * 20 + "apple"
    pieces = passage(text, {"apple": 2.0, "pear": 1.0}, 30)
    assert "".join(piece for piece, _ in pieces) in text
    assert [(piece, weight) for piece, weight in pieces if weight] == [("Apple", 2.0), ("pear", 1.0)]
    assert sum(len(piece) for piece, _ in pieces) <= 30
    assert passage("", {"a": 1.0}, 30) == []
    assert passage("none of them", {"apple": 1.0}, 30) == [("none of them", 0.0)]
    assert passage("...", {}, 2) == [("..", 0.0)]
