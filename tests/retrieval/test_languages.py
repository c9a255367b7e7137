"""Stop words that follow the corpus: which languages it is found to be in, and that every retriever takes these."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_stores import Parts, make_store

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.retrieval import FoundLanguages, build_index, found_languages, open_retriever, settled
from nextlong_hub.retrieval.bm25.languages import MOST_CHUNKS, find_languages, spread
from nextlong_hub.retrieval.bm25.stop_words import language_name, languages
from nextlong_hub.retrieval.settings import RetrievalSettings

LISTED = {
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão, devem agir.",
    "ru": "Каждый имеет все права без какого бы то ни было различия, как то в отношении расы, цвета кожи, пола, языка.",
}
UNLISTED = {
    "Finnish": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki.",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "Japanese": "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni.",
    "Swedish": "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med förnuft.",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím.",
    "code": "static const uint8_t *next(struct node *head) { return head->size ? head->next : NULL; }",
    "numbers": "1.5 22 333 4,444 0x5f 17.25 2024-11-28 99",
}


def corpus_of(folder: Path, texts: Sequence[str]) -> ChunkStore:
    """One document of one chunk for each text."""
    return make_store(folder / "store", [[[text] for text in texts]])


@pytest.mark.parametrize("language", languages())
def test_a_corpus_in_a_listed_language_is_found_to_be_in_it(language: str, tmp_path: Path) -> None:
    """Two sentences are enough, and its relatives are not found with it."""
    assert find_languages(corpus_of(tmp_path, [LISTED[language]])) == FoundLanguages(shares={language: 1.0}, chunks=1)


@pytest.mark.parametrize("name", UNLISTED)
def test_other_corpora_keep_every_word(name: str, tmp_path: Path) -> None:
    """A language without a list, a script without spaces, code and numbers: no language is found."""
    assert find_languages(corpus_of(tmp_path, [UNLISTED[name]])) == FoundLanguages(shares={}, chunks=1)


def test_a_corpus_without_chunks_is_in_no_language(tmp_path: Path) -> None:
    """Nothing is divided by their number."""
    assert find_languages(corpus_of(tmp_path, [])) == FoundLanguages(shares={}, chunks=0)
    assert find_languages(make_store(tmp_path / "empty", [[["", " "]]])) == FoundLanguages(shares={}, chunks=2)


def test_a_mixed_corpus_is_in_all_its_languages_in_the_order_of_their_codes(tmp_path: Path) -> None:
    """Whatever the order of the documents; chunks in none of them count as looked at."""
    texts = [LISTED["ru"], LISTED["en"], LISTED["de"], LISTED["en"], UNLISTED["Japanese"]]
    found = find_languages(corpus_of(tmp_path, texts))
    assert list(found.shares.items()) == [("de", 0.2), ("en", 0.4), ("ru", 0.2)]
    assert found.chunks == 5


@pytest.mark.parametrize(("others", "expected"), [(19, {"en": 0.95, "ru": 0.05}), (20, {"en": 0.9524})])
def test_a_language_counts_from_one_chunk_in_twenty(others: int, expected: dict[str, float], tmp_path: Path) -> None:
    """Below that its words are too rare to be left out of the rest."""
    assert find_languages(corpus_of(tmp_path, [LISTED["ru"], *[LISTED["en"]] * others])).shares == expected


def test_languages_that_take_turns_are_all_seen(tmp_path: Path) -> None:
    """A parallel corpus of four times the chunks that are looked at shows both of its languages alike."""
    found = find_languages(corpus_of(tmp_path, [LISTED["en"], LISTED["ru"]] * 2 * MOST_CHUNKS))
    assert found.chunks == MOST_CHUNKS
    assert found.shares == pytest.approx({"en": 0.5, "ru": 0.5}, abs=0.02)


def test_parts_of_a_store_do_not_matter(tmp_path: Path) -> None:
    """The chunks alone decide, not the files that they came from."""
    texts = [*LISTED.values(), *UNLISTED.values()]
    whole: Parts = [[[text] for text in texts]]
    pieces: Parts = [[[text] for text in texts[start : start + 3]] for start in range(0, len(texts), 3)]
    found = [find_languages(make_store(tmp_path / str(len(parts)), parts)) for parts in (whole, pieces)]
    assert found[0] == found[1]
    assert set(found[0].shares) == set(LISTED)


@given(st.integers(0, 10**12), st.integers(1, 300))
def test_the_chunks_looked_at_are_spread_evenly(count: int, most: int) -> None:
    """All where there are few; else no stretch of three mean distances is without one."""
    numbers = spread(count, most)
    assert len(numbers) <= most
    if count <= most:
        assert numbers.tolist() == list(range(count))
    else:
        edges = np.concatenate(([-1], numbers, [count]))
        assert (np.diff(numbers) > 0).all()
        assert np.diff(edges).max() <= 3 * count / most + 1


def index_id(folder: Path) -> Any:
    """The identity of the index in a folder, which digests all that decides its bytes."""
    return json.loads((folder / "index.json").read_text())["id"]


@pytest.mark.parametrize("retriever", ["bm25", "rank-bm25"])
def test_an_index_is_the_one_of_the_languages_that_were_found(retriever: str, tmp_path: Path) -> None:
    """`auto` on a German corpus is `["de"]`: the same index and the same scores, and not those of English."""
    texts = [f"{LISTED['de']} {word}" for word in ("Hafen Anker", "Hafen Segel", "Apfel Birne")]
    store = corpus_of(tmp_path, texts)
    auto = RetrievalSettings(retriever=retriever)
    named = auto.model_copy(update={"stop_words": ("de",)})
    english = auto.model_copy(update={"stop_words": ("en",)})
    for name, settings in {"auto": auto, "de": named, "en": english}.items():
        build_index(store, settings, tmp_path / name, InlineExecutor())
    assert index_id(tmp_path / "auto") == index_id(tmp_path / "de") != index_id(tmp_path / "en")
    one, other, less = (
        open_retriever(tmp_path / folder, store, settings).search(np.arange(3), 2)
        for folder, settings in (("auto", auto), ("auto", named), ("en", english))
    )
    assert (one.chunks == other.chunks).all()
    assert (one.scores == other.scores).all()
    assert (one.scores != less.scores).any()


def test_only_a_recipe_that_leaves_it_to_the_corpus_has_it_looked_at(tmp_path: Path) -> None:
    """Languages that are named, even none, are those that are used, and a retriever without words has none."""
    store = corpus_of(tmp_path, [LISTED["ru"]])
    for named in (("en",), (), ("de", "nl")):
        settings = RetrievalSettings(stop_words=named)
        assert found_languages(store, settings) is None
        assert settled(settings, None).stop_word_languages == named
    assert found_languages(store, RetrievalSettings(retriever="random")) is None
    for retriever in ("bm25", "rank-bm25", "hybrid"):
        settings = RetrievalSettings(retriever=retriever)
        assert settled(settings, found_languages(store, settings)).stop_word_languages == ("ru",)


def test_settings_that_no_corpus_settled_name_no_language() -> None:
    """A caller that forgot to look at the corpus is told so, instead of getting an index of other words."""
    with pytest.raises(TypeError, match="settle the settings first"):
        _ = RetrievalSettings().stop_word_languages


def test_a_language_has_the_name_that_its_list_begins_with() -> None:
    """A list that is added names its language."""
    names = ["German", "English", "Spanish", "French", "Italian", "Dutch", "Portuguese", "Russian"]
    assert [language_name(language) for language in languages()] == names
    assert language_name("tlh") == "tlh"
