"""BM25 retrieval is exact, the same however it is run, and says so itself when it is not."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi
from worded_corpora import ALL_WORDS, WORDS, Corpus, corpora, every_chunk, opened, varied_corpus

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.bm25.queries import QueryBatch
from nextlong_hub.retrieval.bm25.search import Bm25Searcher
from nextlong_hub.retrieval.ranking import merge_hits, ordered
from nextlong_hub.retrieval.settings import RetrievalSettings


def okapi_scores(corpus: Corpus, query: str) -> NDArray[np.float64]:
    """What rank-bm25 says of every chunk."""
    chunks = [chunk.split() for document in corpus for chunk in document]
    return np.asarray(BM25Okapi(chunks).get_scores(query.split()))


def lucene_scores(corpus: Corpus, query: str, k1: float = 1.5, b: float = 0.75) -> NDArray[np.float64]:
    """Lucene's formula, written out."""
    bags = [Counter(chunk.split()) for document in corpus for chunk in document]
    lengths = [bag.total() for bag in bags]
    mean = sum(lengths) / len(lengths)
    scores = np.zeros(len(bags))
    for word, times in Counter(query.split()).items():
        frequency = sum(word in bag for bag in bags)
        idf = math.log(1 + (len(bags) - frequency + 0.5) / (frequency + 0.5))
        for chunk, bag in enumerate(bags):
            if word in bag:
                norm = k1 * (1 - b + b * lengths[chunk] / mean)
                scores[chunk] += times * idf * bag[word] / (bag[word] + norm)
    return scores


def check_exact(hits: Hits, row: int, scores: NDArray[np.float64], own: range) -> int:
    """Check one answer against the true scores of all chunks; chunks of equal score may stand in for one another.

    Returns how many hits there were.
    """
    scores = scores.copy()
    scores[own.start : own.stop] = 0
    chunks, found = hits.chunks[row], hits.scores[row]
    size = int((chunks >= 0).sum())
    best = np.sort(scores[scores > 1e-9])[::-1][: len(chunks)]
    assert size == len(best)
    assert np.allclose(found[:size], best, rtol=1e-5)
    assert np.allclose(found[:size], scores[chunks[:size]], rtol=1e-5)
    assert not np.isin(chunks[:size], own).any()
    assert len(set(chunks[:size].tolist())) == size
    assert (chunks[size:] == -1).all()
    assert (found[size:] == 0).all()
    order = list(zip((-found[:size]).tolist(), chunks[:size].tolist(), strict=True))
    assert order == sorted(order)
    return size


def check_corpus(corpus: Corpus, store: ChunkStore, hits: Hits, formula: str) -> int:
    """`check_exact` for every chunk of the corpus as a query; returns the number of hits."""
    total = 0
    texts = [chunk for document in corpus for chunk in document]
    for number, text in enumerate(texts):
        document = int(store.document_of(np.array([number]))[0])
        own = range(int(store.first_chunk[document]), int(store.first_chunk[document + 1]))
        scores = okapi_scores(corpus, text) if formula == "okapi" else lucene_scores(corpus, text)
        total += check_exact(hits, number, scores, own)
    return total


def same(one: Hits, other: Hits) -> bool:
    """Whether two answers are the same to the last bit."""
    return one.chunks.tobytes() == other.chunks.tobytes() and one.scores.tobytes() == other.scores.tobytes()


def test_scores_are_those_worked_out_by_hand() -> None:
    """Three chunks of mean length 2; "ant" is in two of them, so the query meets one other chunk through it."""
    with opened([["ant bee"], ["ant ant cow"], ["dog"]]) as (store, retriever):
        hits = retriever.search(every_chunk(store), 2)
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    second = idf * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / 2))
    first = 2 * idf * 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / 2))
    assert hits.chunks.tolist() == [[1, -1], [0, -1], [-1, -1]]
    assert hits.scores[0].tolist() == pytest.approx([second, 0], rel=1e-6)
    assert hits.scores[1].tolist() == pytest.approx([first, 0], rel=1e-6)
    assert hits.scores.dtype == np.float32
    assert hits.chunks.dtype == np.int64


@settings(max_examples=20, deadline=None)
@given(corpora, st.sampled_from([3, 8, 65_536]), st.integers(1, 8))
@example([["ant bee"], ["ant bee"], ["ant bee"], [""], ["bee bee bee"]], 2, 3)
def test_okapi_is_rank_bm25(corpus: Corpus, shard_chunks: int, k: int) -> None:
    """For every chunk as a query the answer is rank-bm25's, ties aware, however many shards there are."""
    with opened(corpus, formula="okapi", shard_chunks=shard_chunks) as (store, retriever):
        hits = retriever.search(every_chunk(store), k)
        if any(chunk for document in corpus for chunk in document):  # rank-bm25 divides by the number of words
            check_corpus(corpus, store, hits, "okapi")
        else:
            assert (hits.chunks == -1).all()


@settings(max_examples=20, deadline=None)
@given(corpora, st.sampled_from([3, 8, 65_536]), st.integers(1, 8))
def test_lucene_is_the_written_out_formula(corpus: Corpus, shard_chunks: int, k: int) -> None:
    """The same for Lucene's formula against a double loop over words and chunks."""
    with opened(corpus, shard_chunks=shard_chunks) as (store, retriever):
        hits = retriever.search(every_chunk(store), k)
        if any(chunk for document in corpus for chunk in document):
            check_corpus(corpus, store, hits, "lucene")
        else:
            assert (hits.chunks == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("formula", ["okapi", "lucene"])
@pytest.mark.parametrize("shard_chunks", [65_536, 150])
def test_a_corpus_with_frequent_words_is_exact_too(formula: str, shard_chunks: int) -> None:
    """With enough chunks for columns of frequent words, every query of several hundred is answered exactly."""
    corpus = varied_corpus(400)
    with opened(corpus, formula=formula, shard_chunks=shard_chunks) as (store, retriever):
        assert retriever.index.statistics["dense_terms"] > 5
        assert len(retriever.index.shards) == math.ceil(store.chunks / shard_chunks)
        hits = retriever.search(every_chunk(store), 10)
        assert check_corpus(corpus, store, hits, formula) > 3000


ALIKE = {
    "amharic": ("አዲስ አበባ ዋና ከተማ ናት።", "ዋና ከተማ ወዴት ነው፧"),
    "arabic": ("مُحَمَّدٌ كَتَبَ رِسَالَةً.", "قرأت رســـالة من محمد"),
    "burmese": ("ရန်ကုန်မြို့ကြီးဖြစ်သည်။", "ရန်ကုန်မြို့သို့သွား၊"),
    "hebrew": ("שָׁלוֹם לָעוֹלָם.", "עולם של שלום: שלום"),
    "hindi": ("दिल्ली भारत की राजधानी है।", "भारत में दिल्ली है।"),
    "japanese": ("東京は日本の首都である。", "日本の首都へ行く｡"),
    "khmer": ("ភ្នំពេញជារាជធានី។", "ទៅភ្នំពេញ៕"),
    "russian": ("Ещё зелёная ёлка.", "Зеленая елка еще растет."),
    "thai": ("กรุงเทพเป็นเมืองหลวง", "ไปกรุงเทพ"),
    "tibetan": ("བོད་ཡིག་ནི་བོད་ཀྱི་ཡིག་གེ།", "བོད་ཡིག་སློབ།"),
    "urdu": ("لاہور پاکستان کا شہر ہے\u06d4", "پاکستان میں لاہور"),
}
"""Two texts on one thing in each of several languages; of Arabic, Hebrew and Russian in two ways of writing."""


@pytest.mark.parametrize("name", ["bm25", "rank-bm25"])
def test_negatives_are_in_the_language_of_the_query(name: str) -> None:
    """What is found first for a text is the other one in its language."""
    corpus = [[text] for pair in ALIKE.values() for text in pair]
    with opened(corpus, retriever=name) as (store, retriever):
        first = retriever.search(every_chunk(store), 3).chunks[:, 0]
    assert first.tolist() == [number ^ 1 for number in range(len(corpus))]


@pytest.mark.parametrize("formula", ["okapi", "lucene"])
def test_both_retrievers_give_the_same_answer(formula: str) -> None:
    """`retriever = "rank-bm25"` finds what ours finds, with stop words left out and the own document masked."""
    corpus = [[f"the {chunk} and of" for chunk in document] for document in varied_corpus(120, seed=1)]
    answers = []
    for name in ("bm25", "rank-bm25"):
        with opened(corpus, retriever=name, formula=formula, stop_words=("en",)) as (store, retriever):
            answers.append(retriever.search(every_chunk(store), 20))
    ours, theirs = answers
    assert np.allclose(ours.scores, theirs.scores, rtol=1e-6)
    assert (ours.chunks == theirs.chunks).mean() > 0.99
    assert (ours.chunks >= 0).sum() > 1000


def test_the_answer_does_not_depend_on_how_it_is_computed() -> None:
    """Any number of shards and threads, any split of the queries and any order of asking gives the same bits."""
    corpus = varied_corpus(300, seed=2)
    with opened(corpus) as (store, retriever):
        queries = every_chunk(store)
        whole = retriever.search(queries, 25)
        assert (whole.chunks >= 0).sum() > 5000
        for threads in (2, 7):
            assert same(retriever.search(queries, 25, threads=threads), whole)
        split = [retriever.search(queries[first : first + 37], 25) for first in range(0, len(queries), 37)]
        assert np.concatenate([part.chunks for part in split]).tobytes() == whole.chunks.tobytes()
        backwards = retriever.search(queries[::-1], 25)
        assert np.array_equal(backwards.chunks[::-1], whole.chunks)
        shorter = retriever.search(queries, 7)
        assert np.array_equal(shorter.chunks, whole.chunks[:, :7])
    for shard_chunks in (17, 64, 299):
        with opened(corpus, shard_chunks=shard_chunks) as (store, retriever):
            assert same(retriever.search(every_chunk(store), 25), whole)


def test_answers_of_some_shards_merge_into_the_answer_of_all() -> None:
    """Search each shard alone, merge: the bytes of the whole. This is how an index can be spread over machines."""
    with opened(varied_corpus(200, seed=3), shard_chunks=48) as (store, retriever):
        shards = range(len(retriever.index.shards))
        assert len(shards) == 5
        batch = retriever.query_batch(every_chunk(store))
        parts = [retriever.search_shards(batch, 12, [number]) for number in shards]
        assert same(merge_hits(parts, 12), retriever.search(every_chunk(store), 12))
        pairs = [retriever.search_shards(batch, 12, group) for group in ([4, 0], [2], [1, 3])]
        assert same(merge_hits(pairs, 12), retriever.search(every_chunk(store), 12))


def test_sums_beyond_sixteen_bits_are_computed_in_thirty_two() -> None:
    """A word 700 times in a query, and rare enough for a high impact, would overflow; counts above 254 are kept."""
    corpus = [["zebra " * 700 + "ant"], ["zebra " * 300], ["zebra"], ["ant bee"], *[[f"bee w{n}x"] for n in range(60)]]
    for formula in ("lucene", "okapi"):
        with opened(corpus, formula=formula) as (store, retriever):
            hits = retriever.search(every_chunk(store), 5)
            assert retriever.counts.wide >= 1
            assert retriever.index.shards[0].forward.large_counts.tolist() == [700, 300]
            check_corpus(corpus, store, hits, formula)
            assert hits.chunks[0, :2].tolist() == [1, 2]


@pytest.mark.parametrize(("words", "others"), [(300, 9_000), (1_500, 9_000), (5_000, 1)])
def test_a_query_of_many_words_is_scored_like_any_other(words: int, others: int) -> None:
    """However many words a query has, and whether or not they are the whole vocabulary, each counts once."""
    here = [f"w{number}x" for number in range(words)]
    there = [f"v{number}x" for number in range(others)]
    corpus = [[" ".join(some)] for some in (here, [*here, "ant"], here[: words // 2], there, [*there, "ant"])]
    with opened(corpus) as (store, retriever):
        check_corpus(corpus, store, retriever.search(every_chunk(store), 3), "lucene")


def test_candidates_grow_until_the_answer_is_certain() -> None:
    """900 chunks whose bounds differ by less than rounding: the first candidates prove nothing, and more are taken."""
    rng = np.random.default_rng(5)
    corpus = [[" ".join(rng.permutation(WORDS * 4 + ["gnu"] * int(n)))] for n in rng.integers(0, 2, 900)]
    with opened(corpus, shard_chunks=256) as (store, retriever):
        impatient = Bm25Searcher(retriever.index, store, RetrievalSettings(**ALL_WORDS, shard_chunks=256), spare=1)
        queries = every_chunk(store)[::100]
        hits = impatient.search(queries, 5)
        assert impatient.counts.repeated > 0
        texts = [chunk for document in corpus for chunk in document]
        for row, query in enumerate(queries.tolist()):
            check_exact(hits, row, lucene_scores(corpus, texts[query]), range(query, query + 1))
            scores = lucene_scores(corpus, texts[query]).astype(np.float32)
            scores[query] = 0
            assert hits.chunks[row].tolist() == np.lexsort((np.arange(900), -scores))[:5].tolist()


AT_THE_FLOOR = {
    "two scores within a step": {},
    "two scores just below a whole step": {"k1": 1.4959995130053876, "b": 0.7502392966942849},
}
"""Settings under which the better chunk has the lower bound; in the second, rounding decides whether it is seen."""


@pytest.mark.parametrize("chosen", AT_THE_FLOOR.values(), ids=AT_THE_FLOOR)
def test_no_answer_is_certified_that_a_chunk_left_out_could_beat(chosen: dict[str, float]) -> None:
    """The floor is the last score's own step: the first answer, of 150 alike, is found when it is asked again.

    `three` has the highest bound, as three impacts are rounded up in it, and the lower score by a hair. The candidates
    overflow, all those of one bound together leave them, and `three` alone is scored.
    """
    three = " ".join(["bee"] * 3 + ["cow"] + ["dog"] * 2 + [f"p{number}x" for number in range(135)])
    rest = " ".join(f"z{number}x" for number in range(20))
    columns = [[f"{word} {rest}"] for word in ("bee", "cow", "dog") for _ in range(60)]
    corpus = [["ant bee cow dog"], *[["ant"]] * 150, [three], *columns, *[["eel"]] * 50]
    with opened(corpus, **chosen) as (_, retriever):
        best, other = retriever.score(np.array([0]), np.array([[1, 151]]))[0]
        assert 0 < best - other < retriever.index.statistics["step"]
        hits = retriever.search(np.array([0]), 1)
        assert (hits.chunks.tolist(), hits.scores.tolist()) == ([[1]], [[best]])
        assert retriever.counts.repeated == 1


def test_a_budget_is_spent_on_the_words_that_tell_most_for_their_cost() -> None:
    """Three postings buy the rare word, whose weight is highest, and not the frequent one that costs them all."""
    rare, often = 0, 1
    batch = QueryBatch(
        numbers=np.array([0, 1]),
        own_starts=np.array([0, 1]),
        own_stops=np.array([1, 2]),
        starts=np.array([0, 2, 3]),
        terms=np.array([rare, often, often], np.uint32),
        counts=np.array([1, 1, 1], np.uint32),
    )
    idf, frequencies = np.array([2.0, 1.9]), np.array([2, 3])
    reduced, is_partial = batch.within_budget(3, idf, frequencies)
    assert (reduced.terms.tolist(), reduced.starts.tolist()) == ([rare, often], [0, 1, 2])
    assert is_partial.tolist() == [True, False]
    assert batch.within_budget(2, idf, frequencies)[0].starts.tolist() == [0, 1, 1]
    assert batch.within_budget(5, idf, frequencies)[0].starts.tolist() == [0, 2, 3]


def test_more_hits_wanted_than_chunks() -> None:
    """K beyond the corpus gives every chunk that shares a word, then padding."""
    with opened([["ant"], ["ant"], ["ant bee"], ["bee"], ["cow"]]) as (store, retriever):
        hits = retriever.search(every_chunk(store), 2000)
        assert (hits.chunks >= 0).sum(axis=1).tolist() == [2, 2, 3, 1, 0]


@pytest.mark.parametrize("query", [-1, 2])
def test_a_query_that_is_no_chunk_is_refused(query: int) -> None:
    """A number out of range is told, not answered with another chunk's hits."""
    with opened([["ant"], ["ant"]]) as (_, retriever), pytest.raises(ValueError, match="from 0 to 1"):
        retriever.search(np.array([query]), 1)


def test_no_queries_no_chunks_no_words() -> None:
    """Nothing to search, or nothing to search with, is an answer and not a fault."""
    with opened([["ant"], ["ant"]]) as (_, retriever):
        assert retriever.search(np.zeros(0, np.int64), 3).chunks.shape == (0, 3)
    with opened([]) as (_, retriever):
        assert retriever.search(np.zeros(0, np.int64), 3).scores.shape == (0, 3)
    for name in ("bm25", "rank-bm25"):
        with opened([["", "."], ["!"]], retriever=name) as (store, retriever):
            assert (retriever.search(every_chunk(store), 3).chunks == -1).all()


def test_a_budget_reads_less_and_reports_its_recall() -> None:
    """With a small budget scores stay exact and recall is measured; with a large one the answer is the exact one."""
    corpus = varied_corpus(400, seed=6)
    with opened(corpus) as (store, retriever):
        exact = retriever.search(every_chunk(store), 10)
        assert retriever.recall(every_chunk(store), exact) is None
    recalls = []
    for budget in (0.05, 0.5, 1000.0):
        with opened(corpus, postings_budget=budget) as (store, retriever):
            hits = retriever.search(every_chunk(store), 10)
            recalls.append(retriever.recall(every_chunk(store), hits) or 0.0)
            texts = [chunk for document in corpus for chunk in document]
            scores = lucene_scores(corpus, texts[7])
            found = hits.chunks[7][hits.chunks[7] >= 0]
            assert len(found)
            assert np.allclose(hits.scores[7][: len(found)], scores[found], rtol=1e-5)
    assert 0 < recalls[0] < recalls[1] <= recalls[2] == 1
    assert same(hits, exact)


def test_a_pool_shows_each_query_some_shards_and_reports_its_recall() -> None:
    """Hits come from the number of shards that was asked for, differ from query to query, and are the same again."""
    corpus = [[f"ant w{number % 50}x"] for number in range(400)]
    with opened(corpus, shard_chunks=40, pool_chunks=120) as (store, retriever):
        hits = retriever.search(every_chunk(store), 400)
        shards = [set((row[row >= 0] // 40).tolist()) for row in hits.chunks]
        assert {len(seen) for seen in shards} == {3}
        assert len({frozenset(seen) for seen in shards}) > 50
        assert same(retriever.search(every_chunk(store), 400, threads=3), hits)
        assert 0.2 < (retriever.recall(every_chunk(store), hits) or 0.0) < 0.4  # three shards of ten
    with opened(corpus, shard_chunks=40, pool_chunks=10_000) as (store, retriever):
        assert retriever.recall(every_chunk(store), retriever.search(every_chunk(store), 9)) == 1


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=30), st.integers(1, 40))
@example([0.0, -0.0, -1.0, 2.0**-149, -(2.0**-149), -1.0], 5)
def test_any_finite_scores_are_ordered(scores: list[float], k: int) -> None:
    """Highest first, equal ones by chunk, whatever their sign: a retriever need not score above 0."""
    chunks = np.arange(len(scores))[::-1] * 7
    expected = sorted(zip(scores, chunks.tolist(), strict=True), key=lambda hit: (-hit[0], hit[1]))[:k]
    best, found = ordered(chunks, np.array(scores, np.float32), k)
    padding = k - len(expected)
    assert best.tolist() == [chunk for _, chunk in expected] + [-1] * padding
    assert found.tolist() == [score for score, _ in expected] + [0.0] * padding
