"""Which stop words followed the corpus: its record, and what people are told of it."""

from collections.abc import Mapping

from nextlong_hub.dataset.config_record import StopWordsRecord
from nextlong_hub.retrieval import FoundLanguages
from nextlong_hub.retrieval.bm25.stop_words import language_name


def stop_words_record(found: FoundLanguages | None) -> StopWordsRecord | None:
    """What the manifest says of the languages that were found; None where the corpus was not looked at."""
    return None if found is None else StopWordsRecord(shares=dict(found.shares), chunks=found.chunks)


def stop_words_phrase(record: StopWordsRecord) -> str:
    """The languages with their shares, the most frequent first: `English (in 97.2% of 1,024 chunks)`."""
    ranked = sorted(record.shares.items(), key=lambda entry: (-entry[1], entry[0]))
    if not ranked:
        return f"none (no language with a list was found in {record.chunks:,} chunks)"
    first, *others = [(language_name(language), f"in {share:.1%}") for language, share in ranked]
    told = [(first[0], f"{first[1]} of {record.chunks:,} chunks"), *others]
    return ", ".join(f"{name} ({where})" for name, where in told)


def stop_words_phrases(records: Mapping[str, StopWordsRecord | None]) -> list[str]:
    """What is told of the stop words of several configurations, by name; each is named where they differ."""
    told: dict[str, list[str]] = {}
    for name, record in records.items():
        if record is not None:
            told.setdefault(stop_words_phrase(record), []).append(name)
    return [phrase if len(told) == 1 else f"for {' and '.join(names)} {phrase}" for phrase, names in told.items()]
