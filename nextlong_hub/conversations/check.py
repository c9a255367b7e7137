"""What is wrong with a conversation in a packed row: as it stands, rendered and encoded again, and against its corpus.

A row proves itself: its messages are in its segments, and the chat template, which the resolved recipe holds, must make
exactly its text of them; the tokenizer must make exactly its ids and its loss mask of that text.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from nextlong_hub.conversations.assemble import ConversationBuilder
from nextlong_hub.conversations.inputs import TemplateInputs
from nextlong_hub.conversations.layout import Layout, is_laid_out
from nextlong_hub.conversations.parse import parse, settings_of
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.schema import LOSS_MASK
from nextlong_hub.errors import DataError
from nextlong_hub.producer import RowChecker
from nextlong_hub.recipe import ConversationSettings, Recipe
from nextlong_hub.records import Reason, Turn
from nextlong_hub.tokenization import Tokenizer

_ROLES = ("system", "user", "assistant", "tool")


class ConversationChecker(RowChecker):
    """Checks conversations, each a document of a packed row."""

    may_be_shorter = True

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer | None) -> None:
        """See `RowChecker`; the chat template must go with the tokenizer, too."""
        super().__init__(recipe, tokenizer)
        self._builder = ConversationBuilder(recipe, tokenizer) if tokenizer else None

    def shape_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """See `RowChecker.shape_faults`."""
        return _turn_faults(row)

    def token_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """What rendering and encoding it again shows; messages that are out of place are not rendered."""
        if self._builder is not None and not any(_turn_faults(row)):
            yield from _rendering_faults(row, self._builder)

    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """See `RowChecker.corpus_faults`; a template may have left out some of a message."""
        return _corpus_faults(row, settings_of(self.recipe), corpus)


def _turn_faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with its messages as they stand in its row."""
    segments = row["segments"]
    if "assistant" not in {segment["role"] for segment in segments}:
        yield "has no answer"
    for segment in segments:
        place = f"its message at {segment['start']:,}"
        if segment["role"] not in _ROLES or segment["rank"] or segment["score"]:
            yield f"{place} has the role {segment['role']!r}, rank {segment['rank']} and score {segment['score']}"
        if segment["document"] != row["meta_document"]:
            yield f"{place} is of another conversation, {segment['document']!r}"
        if not 0 <= segment["start"] < segment["end"] <= len(row["text"]):
            yield f"{place} ends at {segment['end']:,} in a text of {len(row['text']):,} characters"
    if any(one["end"] > other["start"] for one, other in pairwise(segments)):
        yield "its messages are not apart and in the order of the text"
    numbers = [segment["chunk"] for segment in segments]
    if len(set(numbers)) < len(numbers):
        yield "one message stands in it twice"


def _rendering_faults(row: Mapping[str, Any], builder: ConversationBuilder) -> Iterator[str]:
    """What rendering and encoding it again shows."""
    roles = {segment["chunk"]: segment["role"] for segment in row["segments"]}
    try:
        inputs = TemplateInputs.from_json(row.get("template_inputs", ""), roles)
    except ValueError as error:
        yield f"its template_inputs cannot be read: {error}"
        return
    layout = Layout(
        text=row["text"],
        turns=tuple(
            Turn(
                number=segment["chunk"],
                role=segment["role"],
                start=segment["start"],
                end=segment["end"],
                is_learnt=segment["chunk"] not in inputs.not_learnt,
            )
            for segment in row["segments"]
        ),
        given=inputs.messages,
    )
    template = builder.template.given(inputs.tools, inputs.variables)
    try:
        text = template.render(layout.messages)
    except DataError as error:
        yield str(error)
        return
    if text != row["text"]:
        yield "its chat template makes another text of its messages"
        return
    encoded = builder.encode(layout, template)
    if not np.array_equal(encoded.input_ids, row["input_ids"]):
        yield "its text does not encode to its input_ids"
        return
    if not np.array_equal(encoded.loss_mask, row[LOSS_MASK]):
        yield f"its {LOSS_MASK} are not those of its answers"
    for segment, tokens in zip(row["segments"], encoded.turn_tokens, strict=True):
        if segment["tokens"] != tokens:
            yield f"{tokens:,} tokens begin in its message at {segment['start']:,}, not {segment['tokens']:,}"


def _corpus_faults(row: Mapping[str, Any], settings: ConversationSettings, corpus: CorpusTexts) -> Iterator[str]:
    """What reading it again from the corpus shows; a template may have left out some of a message."""
    identity = row["meta_document"]
    [record] = corpus.texts([(identity, 0)])
    if record is None:
        yield f"the corpus has no conversation {identity!r}"
        return
    conversation = parse(record, settings)
    if isinstance(conversation, Reason):
        yield f"the corpus holds no such conversation ({conversation.value})"
        return
    for segment in row["segments"]:
        said = row["text"][segment["start"] : segment["end"]]
        number = segment["chunk"]
        message = conversation.messages[number] if number < len(conversation.messages) else None
        is_same = message is not None and (is_laid_out(message) or said in message.content)
        if message is None or message.role != segment["role"] or not is_same:
            yield f"its message at {segment['start']:,} is not what the corpus holds there"
    numbers = {segment["chunk"] for segment in row["segments"]}
    if row.get("template_inputs", "") != TemplateInputs.of(conversation, numbers).to_json():
        yield "its template_inputs are not what the corpus holds"
    source = corpus.store.document(corpus.numbers[identity])[1]
    if source != row["source"]:
        yield f"it comes from {source!r}, not {row['source']!r}"
