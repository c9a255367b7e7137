"""BM25 counted a second time: on paper, and to the last bit and the last tie what the build's search answers."""

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_stores import make_store

from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.proof.choices import Cutting, Scoring
from nextlong_hub.proof.languages import spoken
from nextlong_hub.proof.ranking import Ranking, as_float32, may_be
from nextlong_hub.proof.scores import Statistics
from nextlong_hub.proof.texts import Texts
from nextlong_hub.retrieval import build_index, found_languages, open_retriever
from nextlong_hub.retrieval.settings import RetrievalSettings

WHOLE = Cutting(mode="lossless", longest=10_000, shortest=0)


def scoring(formula: str = "lucene", **choices: object) -> Scoring:
    """The usual constants."""
    values: dict[str, object] = {"k1": 1.5, "b": 0.75, "languages": (), "keeps_short_words": False, **choices}
    return Scoring(formula=formula, **values)  # type: ignore[arg-type]


@pytest.fixture
def texts() -> Iterator[Texts]:
    """Room for documents of one chunk each."""
    with Texts(WHOLE) as empty:
        yield empty


def test_a_score_on_paper(texts: Texts) -> None:
    """Three chunks of three, two and one word: "oak" is in two of them, twice in the first."""
    for number, text in enumerate(["oak oak elm", "oak ash", "fir"]):
        texts.add(str(number), text)
    scores = Statistics(texts, scoring(), [1]).scores(1)
    oak = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    assert scores[0] == pytest.approx(oak * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / 2)))
    assert scores[2] == 0


def test_the_floor_of_okapi_on_paper(texts: Texts) -> None:
    """A word of two in three chunks would weigh less than nothing, and weighs a quarter of the mean of all words."""
    for number, text in enumerate(["oak elm", "oak ash", "fir yew"]):
        texts.add(str(number), text)
    rare = math.log(2.5) - math.log(1.5)
    mean = (math.log(1.5) - math.log(2.5) + 4 * rare) / 5
    assert Statistics(texts, scoring("okapi"), [1]).scores(1)[0] == pytest.approx(0.25 * mean * 2.5 / (1 + 1.5))


def test_a_score_is_right_to_the_last_bit_of_32() -> None:
    """Its neighbours among 32-bit floats are wrong."""
    score = 12.345678901
    published = as_float32(score)
    assert may_be(published, score)
    for other in (math.inf, 0.0):
        assert not may_be(float(np.nextafter(np.float32(published), np.float32(other))), score)


@pytest.mark.parametrize(
    "settings",
    [
        RetrievalSettings(stop_words=()),
        RetrievalSettings(stop_words=("en", "de"), formula="okapi", k1=0.9, b=0.4),
        RetrievalSettings(stop_words=(), keep_short_words=True, b=0, shard_chunks=7),
    ],
    ids=["lucene", "okapi", "short words, in shards"],
)
def test_the_order_is_that_of_the_search(settings: RetrievalSettings, texts: Texts, tmp_path: Path) -> None:
    """Forty chunks of few words, among them equal ones: each answer is found again, with its scores and its ties."""
    chance = random.Random(1)
    vocabulary = ["oak", "elm", "ash", "fir", "yew", "C++", "the", "und", "松竹梅", "q"]
    corpus = [" ".join(chance.choices(vocabulary, k=chance.randint(1, 9))) for _ in range(34)]
    corpus += corpus[:6]
    store = make_store(tmp_path / "store", [[[text] for text in corpus]])
    build_index(store, settings, tmp_path / "index", InlineExecutor())
    hits = open_retriever(tmp_path / "index", store, settings).search(np.arange(40), 40)
    for number, text in enumerate(corpus):
        texts.add(str(number), text)
    chosen = scoring(
        settings.formula,
        k1=settings.k1,
        b=settings.b,
        languages=settings.stop_word_languages,
        keeps_short_words=settings.keep_short_words,
    )
    statistics = Statistics(texts, chosen, range(40))
    for query in range(40):
        found = hits.chunks[query] >= 0
        said = dict(zip(hits.chunks[query][found].tolist(), hits.scores[query][found].tolist(), strict=True))
        ranking = Ranking(statistics.scores(query), range(query, query + 1), said)
        assert ranking.chunks == ranking.all_chunks() == list(said)
        assert all(may_be(score, ranking.score(chunk)) for chunk, score in said.items())


@pytest.mark.parametrize("size", [30, 1500])
def test_the_languages_are_those_of_the_build(size: int, texts: Texts, tmp_path: Path) -> None:
    """Of few chunks and of so many that not all are looked at; what is rare does not count."""
    sentences = [
        "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt.",
        "static const uint8_t next struct node head",
    ]
    corpus = random.Random(2).choices(sentences, weights=[20, 4, 3], k=size)
    store = make_store(tmp_path / "store", [[[text] for text in corpus]])
    for number, text in enumerate(corpus):
        texts.add(str(number), text)
    languages = found_languages(store, RetrievalSettings())
    assert languages is not None
    assert spoken(texts) == dict(languages.shares)
