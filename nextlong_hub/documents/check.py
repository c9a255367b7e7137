"""What is wrong with a document that is a row by itself, or one of several in a packed row."""

from collections.abc import Iterator, Mapping
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
        return self.segment_faults(row)

    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """See `RowChecker.corpus_faults`."""
        return _piece_faults(row, corpus) if self.recipe.pack else super().corpus_faults(row, corpus)


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
    [whole] = corpus.texts([(document["meta_document"], 0)])
    if whole is None:
        yield f"the corpus has no document {document['meta_document']!r}"
    elif not whole.startswith(document["text"], document["offset"]):
        yield f"its text is not what {document['meta_document']!r} holds from character {document['offset']:,}"
    else:
        source = corpus.store.document(corpus.numbers[document["meta_document"]])[1]
        if source != document["source"]:
            yield f"it comes from {source!r}, not {document['source']!r}"
