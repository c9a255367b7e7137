"""What people are told of the stop words that followed the corpus."""

from nextlong_hub.dataset.config_record import StopWordsRecord
from nextlong_hub.dataset.stop_words import stop_words_phrase, stop_words_phrases, stop_words_record
from nextlong_hub.retrieval import FoundLanguages


def test_the_most_frequent_language_comes_first() -> None:
    """Of equals the first in the alphabet; the chunks are told once."""
    found = FoundLanguages(shares={"de": 0.2, "fr": 0.3, "en": 0.3}, chunks=1024)
    record = stop_words_record(found)
    assert record == StopWordsRecord(shares={"de": 0.2, "fr": 0.3, "en": 0.3}, chunks=1024)
    assert stop_words_phrase(record) == "English (in 30.0% of 1,024 chunks), French (in 30.0%), German (in 20.0%)"
    assert stop_words_record(None) is None


def test_configurations_are_named_where_they_differ() -> None:
    """Those that were not looked at are left out."""
    one, none = StopWordsRecord(shares={"en": 1.0}, chunks=8), StopWordsRecord(shares={}, chunks=8)
    phrase = "English (in 100.0% of 8 chunks)"
    assert stop_words_phrases({"a": one, "b": None, "c": one}) == [phrase]
    assert stop_words_phrases({"a": one, "b": none, "c": one}) == [
        f"for a and c {phrase}",
        "for b none (no language with a list was found in 8 chunks)",
    ]
    assert stop_words_phrases({"b": None}) == []
