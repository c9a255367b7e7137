"""What is wrong with a document that is a row by itself, or one of several in a packed row."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.documents.fit import settings_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis.check import SampleChecker
from nextlong_hub.tokenization import Tokenizer


class DocumentChecker(SampleChecker):
    """Checks whole documents: samples without negatives, of one segment each."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer | None) -> None:
        """See `RowChecker`."""
        super().__init__(recipe, tokenizer)
        settings = settings_of(recipe)
        self.may_be_shorter = recipe.pack or not settings.discard
        self.may_be_split = recipe.pack and not (settings.truncate or settings.discard)

    def shape_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """See `RowChecker.shape_faults`."""
        return _kept_faults(row) if _has_kept(row) else self.segment_faults(row)

    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """See `RowChecker.corpus_faults`."""
        if self.recipe.pack or _has_kept(row):
            return _piece_faults(row, corpus)
        return super().corpus_faults(row, corpus)


def _has_kept(row: Mapping[str, Any]) -> bool:
    """Whether its segments are those of a row that was fitted or imported: of other documents than itself."""
    return {segment["document"] for segment in row["segments"]} != {row["meta_document"]}


def _kept_faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with segments that a row had before."""
    segments = row["segments"]
    if not segments:
        yield "has no segments"
    for segment in segments:
        place = f"its segment at {segment['start']:,}"
        is_negative = segment["role"] == "negative"
        if segment["role"] not in ("meta", "negative") or is_negative != (segment["rank"] > 0):
            yield f"{place} is {segment['role']}, which does not go with its rank {segment['rank']}"
        if not 0 <= segment["start"] < segment["end"] <= len(row["text"]):
            yield f"{place} ends at {segment['end']:,} in a text of {len(row['text']):,} characters"
    if any(one["end"] > other["start"] for one, other in pairwise(segments)):
        yield "its segments are not apart and in the order of the text"


class WholeDocumentChecker(SampleChecker):
    """Checks documents that stand whole beside samples, one segment each."""

    may_be_shorter = True

    def shape_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """See `RowChecker.shape_faults`."""
        yield from self.segment_faults(row)
        if len(row["segments"]) != 1:
            yield f"is an ordinary document, but has {len(row['segments']):,} segments"

    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """See `RowChecker.corpus_faults`."""
        yield from _piece_faults(row, corpus)
        [whole] = corpus.texts([(row["meta_document"], 0)])
        if whole is not None and len(whole) != len(row["text"]):
            yield f"has {len(row['text']):,} of the {len(whole):,} characters of {row['meta_document']!r}"


def _piece_faults(document: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
    """What reading a document again from the corpus shows, when it is the whole of one there or a piece of it."""
    offset = document.get("offset", 0)
    [whole] = corpus.texts([(document["meta_document"], 0)])
    if whole is None:
        yield f"the corpus has no document {document['meta_document']!r}"
    elif not whole.startswith(document["text"], offset):
        yield f"its text is not what {document['meta_document']!r} holds from character {offset:,}"
    else:
        source = corpus.store.document(corpus.numbers[document["meta_document"]])[1]
        if source != document["source"]:
            yield f"it comes from {source!r}, not {document['source']!r}"
