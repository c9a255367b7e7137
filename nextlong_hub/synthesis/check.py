"""What is wrong with a sample: alone, and compared with the corpus."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.producer import RowChecker
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import accepts_score, repeats_own


class SampleChecker(RowChecker):
    """Checks samples: meta-chunks of one document, and hard negatives behind them."""

    may_be_shorter = False

    def shape_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """See `RowChecker.shape_faults`."""
        yield from self.segment_faults(row)
        segments = row["segments"]
        if segments and segments[-1]["role"] != "negative" and self.recipe.interleave.fill == "even":
            yield "does not end with a negative"

    def segment_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the order, the borders or the origin of a row's segments."""
        segments, text, separator = row["segments"], row["text"], self.recipe.interleave.separator
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
        own = [s["chunk"] for s in segments if s["role"] == "meta"]
        origins = {s["document"] for s in segments if s["role"] == "meta"}
        if own != list(range(len(own))) or origins != {row["meta_document"]}:
            yield "its meta-chunks are not those of its meta-document, in order"
        yield from _negative_faults(row, self.recipe)
        counted = sum(s["tokens"] for s in segments)
        special = self.recipe.add_bos_token + self.recipe.add_eos_token
        if not special <= row["token_count"] - counted <= special + len(segments) * max(1, len(separator.encode())):
            yield f"its segments count {counted:,} tokens of {row['token_count']:,}"

    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """See `RowChecker.corpus_faults`."""
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
        if self.recipe.interleave.fill == "even" and sum(segment["role"] == "meta" for segment in segments) != count:
            yield f"its meta-document has {count:,} chunks, and not all of them are there"
        if corpus.store.document(meta)[1] != row["source"]:
            yield f"its meta-document comes from {corpus.store.document(meta)[1]!r}, not {row['source']!r}"


def _negative_faults(row: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """What is wrong with a row's negatives among themselves, and with what their retriever says of them."""
    segments = row["segments"]
    negatives = [(s["document"], s["chunk"]) for s in segments if s["role"] == "negative"]
    may_repeat = repeats_own(recipe.retrieval)
    if len(set(negatives)) != len(negatives) and not may_repeat:
        yield "a negative occurs twice"
    own = {document for document, _ in negatives} & {row["meta_document"]}
    if own and not may_repeat:
        yield "a negative comes from the meta-document"
    if may_repeat and own != {document for document, _ in negatives}:
        yield "a negative does not come from the meta-document, which its retriever repeats"
    for segment in segments:
        is_negative = segment["role"] == "negative"
        is_scored = accepts_score(recipe.retrieval, segment["score"]) if is_negative else segment["score"] == 0
        if is_negative != (segment["rank"] > 0) or not is_scored:
            yield f"its segment at {segment['start']:,} is {segment['role']}, which does not go with its rank or score"
        if segment.get("own_rank", 0) < 0 or (is_negative and segment.get("own_rank", 0)):
            yield f"its segment at {segment['start']:,} is {segment['role']}, which does not go with its own_rank"
    yield from _order_faults(segments, recipe)


def _order_faults(segments: Sequence[Mapping[str, Any]], recipe: Recipe) -> Iterator[str]:
    """What is wrong with the order of the negatives: those of one meta-chunk come by rank.

    Without interleaving those of the next meta-chunk follow, and may begin anew: once less than there are meta-chunks.
    """
    is_apart = recipe.interleave.layout == "none"
    breaks = [
        (one["start"], other["start"])
        for one, other in pairwise(segments)
        if one["role"] == other["role"] == "negative"
        and (one["rank"] >= other["rank"] or one["score"] < other["score"])
    ]
    allowed = sum(segment["role"] == "meta" for segment in segments) - 1 if is_apart else 0
    for one_start, other_start in breaks if len(breaks) > allowed else ():
        yield f"its negatives at {one_start:,} and {other_start:,} are not in the order of their ranks"
    for one, other in pairwise(segments):
        if is_apart and one["role"] == "negative" and other["role"] == "meta":
            yield f"its meta-chunk at {other['start']:,} follows a negative, and the recipe interleaves none"
