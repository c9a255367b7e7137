"""What is wrong with a row: as it stands, under its tokenizer, and against the corpus it claims to come from."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import accepts_score
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.tokenization import Frame, Tokenizer


class CorpusTexts:
    """Chunk texts by document id and number."""

    def __init__(self, store: ChunkStore) -> None:
        self.store = store
        self.numbers = {store.document(number)[0]: number for number in range(store.documents)}

    def texts(self, chunks: Sequence[tuple[str, int]]) -> list[str | None]:
        """The text of each (document, chunk); None where the corpus has no such chunk."""
        first = self.store.first_chunk
        numbers = [
            int(first[number]) + chunk
            if (number := self.numbers.get(document)) is not None and 0 <= chunk < first[number + 1] - first[number]
            else -1
            for document, chunk in chunks
        ]
        texts = self.store.texts(np.array([n for n in numbers if n >= 0], np.int64))
        return [texts.get(number) for number in numbers]


def token_faults(row: dict[str, Any], tokenizer: Tokenizer, frame: Frame) -> Iterator[str]:
    """What encoding a row's text again, in one go, shows; `frame` is what its ids must stand between."""
    text_ids, starts = tokenizer.encode_with_starts(row["text"])
    total = len(text_ids) + frame.tokens
    if total != row["token_count"]:
        yield f"its text encodes to {total:,} tokens, token_count says {row['token_count']:,}"
        return
    if "input_ids" in row and not np.array_equal(frame.around(text_ids), row["input_ids"]):
        yield "its text does not encode to its input_ids"
    spans = np.array([(segment["start"], segment["end"]) for segment in row["segments"]]).reshape(-1, 2)
    counted = np.diff(np.searchsorted(starts, spans), axis=1).ravel().tolist()
    for segment, tokens in zip(row["segments"], counted, strict=True):
        if segment["tokens"] != tokens:
            yield f"{tokens:,} tokens begin in its segment at {segment['start']:,}, not {segment['tokens']:,}"


def segment_faults(row: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    """What is wrong with the order, the borders or the origin of a row's segments."""
    segments, text, separator = row["segments"], row["text"], recipe.interleave.separator
    if not segments:
        yield "has no segments"
        return
    if segments[0]["start"] != 0 or segments[0]["role"] != "meta":
        yield "does not begin with a meta-chunk at character 0"
    for one, other in pairwise(segments):
        if one["end"] < one["start"] or text[one["end"] : other["start"]] != separator:
            yield f"segments at {one['start']:,} and {other['start']:,} are not joined by the separator"
    last_end = segments[-1]["end"]
    if not segments[-1]["start"] <= last_end <= len(text) or not separator.startswith(text[last_end:]):
        yield f"the last segment ends at {last_end:,}, the text at {len(text):,}"
    if segments[-1]["role"] != "negative" and recipe.interleave.fill == "even" and recipe.fit is None:
        yield "does not end with a negative"
    own = [s["chunk"] for s in segments if s["role"] == "meta"]
    origins = {s["document"] for s in segments if s["role"] == "meta"}
    if own != list(range(len(own))) or origins != {row["meta_document"]}:
        yield "its meta-chunks are not those of its meta-document, in order"
    yield from _negative_faults(row, recipe.retrieval)
    counted = sum(s["tokens"] for s in segments)
    framing = recipe.add_bos_token + recipe.add_eos_token
    if not framing <= row["token_count"] - counted <= framing + len(segments) * max(1, len(separator.encode())):
        yield f"its segments count {counted:,} tokens of {row['token_count']:,}"


def _negative_faults(row: dict[str, Any], retrieval: RetrievalSettings) -> Iterator[str]:
    """What is wrong with a row's negatives among themselves, and with what their retriever says of them."""
    segments = row["segments"]
    negatives = [(s["document"], s["chunk"]) for s in segments if s["role"] == "negative"]
    if len(set(negatives)) != len(negatives):
        yield "a negative occurs twice"
    if row["meta_document"] in {document for document, _ in negatives}:
        yield "a negative comes from the meta-document"
    for segment in segments:
        is_negative = segment["role"] == "negative"
        is_scored = accepts_score(retrieval, segment["score"]) if is_negative else segment["score"] == 0
        if is_negative != (segment["rank"] > 0) or not is_scored:
            yield f"its segment at {segment['start']:,} is {segment['role']}, which does not go with its rank or score"
    for one, other in pairwise(segments):
        both = one["role"] == other["role"] == "negative"
        if both and (one["rank"] >= other["rank"] or one["score"] < other["score"]):
            yield f"its negatives at {one['start']:,} and {other['start']:,} are not in the order of their ranks"


def corpus_faults(row: dict[str, Any], recipe: Recipe, corpus: CorpusTexts) -> Iterator[str]:
    """What reading a row's segments again from the corpus shows."""
    segments, text = row["segments"], row["text"]
    chunks = corpus.texts([(segment["document"], segment["chunk"]) for segment in segments])
    for number, (segment, chunk) in enumerate(zip(segments, chunks, strict=True), 1):
        own = text[segment["start"] : segment["end"]]
        if chunk is None:
            yield f"the corpus has no chunk {segment['chunk']} of document {segment['document']!r}"
        elif own != chunk and not (number == len(segments) and chunk.startswith(own)):
            yield f"its segment at {segment['start']:,} is not what the corpus holds there"
    meta = corpus.numbers.get(row["meta_document"])
    if meta is None:
        return
    count = int(corpus.store.first_chunk[meta + 1] - corpus.store.first_chunk[meta])
    if recipe.interleave.fill == "even" and sum(segment["role"] == "meta" for segment in segments) != count:
        yield f"its meta-document has {count:,} chunks, and not all of them are there"
    if corpus.store.document(meta)[1] != row["source"]:
        yield f"its meta-document comes from {corpus.store.document(meta)[1]!r}, not {row['source']!r}"
