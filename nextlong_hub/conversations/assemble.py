"""A conversation becomes a document of its own: parse ▶ lay out ▶ encode, and cut where a row is too short for it.

The tasks of a build use it, and the check that renders and encodes a finished row again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nextlong_hub.conversations.layout import Layout, lay_out
from nextlong_hub.conversations.parse import Conversation, parse, settings_of
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Message, PackedRow, Reason, Sample, Segment
from nextlong_hub.tokenization import ChatTemplate, ChatTokenizer, EncodedChat, Tokenizer, turn_delimiters

_TRIAL = (
    Message("user", "first question"),
    Message("assistant", "first answer"),
    Message("user", "second question"),
    Message("assistant", "second answer"),
)
_TRIAL_SYSTEM = Message("system", "system prompt")


class ConversationBuilder:
    """Makes documents of conversations under one template and one tokenizer."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer) -> None:
        """Try the template out on a short conversation.

        Raises:
            RecipeError: the recipe has no section `[conversations]`; or no answer can be found in what the template
                makes of it, or none ends with a control token.
        """
        self._settings = settings_of(recipe)
        self._recipe = recipe
        self.template = ChatTemplate(
            text=self._settings.chat_template, variables=self._settings.template_variables, name="of the recipe"
        )
        trial = self._try_out()
        bos = self._settings.template_variables.get("bos_token")
        bos = bos if isinstance(bos, str) else None
        delimiters = turn_delimiters(tokenizer, trial.text, trial.turns)
        self.tokenizer = ChatTokenizer(tokenizer, delimiters=delimiters, bos=bos)
        if not any(self.tokenizer.ends_of_turns(trial.text, trial.turns)):
            raise RecipeError(
                f"no answer ends with a control token of the tokenizer {tokenizer.name} under this chat template: "
                f"{trial.text!r}; a model could not learn where to stop, and what a user types could end a turn: use "
                "the tokenizer and the template of the same model"
            )

    def make(self, identity: str, source: str, record: str) -> "BuiltConversation | Discarded":
        """One row of the corpus as a document of a packed row, or the reason why it gives none."""
        conversation = parse(record, self._settings)
        if isinstance(conversation, Reason):
            return Discarded(meta_document=identity, reason=conversation, tokens=0)
        try:
            return self._make(identity, source, conversation)
        except DataError:
            return Discarded(meta_document=identity, reason=Reason.REFUSED_BY_TEMPLATE, tokens=0)

    def encode(self, layout: Layout) -> EncodedChat:
        """The ids and the loss mask of a rendered conversation."""
        generated = self.template.generated(layout.messages) if self.template.marks_generation else None
        return self.tokenizer.encode(layout.text, layout.turns, generated)

    def _make(self, identity: str, source: str, conversation: Conversation) -> "BuiltConversation | Discarded":
        messages = conversation.messages
        layout = lay_out(messages, self.template)
        if layout is None:
            return Discarded(meta_document=identity, reason=Reason.MASK_UNLOCATABLE, tokens=0)
        encoded = self.encode(layout)
        total = len(encoded.input_ids)
        if total > self._recipe.target_length:
            fitting = None if self._settings.too_long == "discard" else self._longest_that_fits(messages)
            if fitting is None:
                return Discarded(meta_document=identity, reason=Reason.OVER_TARGET, tokens=total)
            layout, encoded = fitting
        if not encoded.loss_mask.any():
            return Discarded(meta_document=identity, reason=Reason.MASK_UNLOCATABLE, tokens=total)
        sample = Sample(
            id=f"{self._recipe.name}/{identity}",
            text=layout.text,
            input_ids=encoded.input_ids,
            meta_document=identity,
            source=source,
            segments=_segments(identity, layout, encoded),
            truncated_tokens=total - len(encoded.input_ids),
        )
        return BuiltConversation(
            row=PackedRow.of(sample, loss_mask=encoded.loss_mask),
            unanswered=conversation.unanswered,
            truncated_tokens=sample.truncated_tokens,
        )

    def _longest_that_fits(self, messages: Sequence[Message]) -> tuple[Layout, EncodedChat] | None:
        """The conversation up to the last answer with which it fits into a row."""
        answers = [number for number, message in enumerate(messages) if message.role == "assistant"]
        best = None
        low, high = 0, len(answers) - 1  # the whole does not fit
        while low < high:
            middle = (low + high) // 2
            layout = lay_out(messages[: answers[middle] + 1], self.template)
            encoded = self.encode(layout) if layout else None
            if layout and encoded is not None and len(encoded.input_ids) <= self._recipe.target_length:
                best, low = (layout, encoded), middle + 1
            else:
                high = middle
        return best

    def _try_out(self) -> Layout:
        """The trial conversation as the template lays it out; with a system prompt where it cannot do without."""
        for messages in (_TRIAL, (_TRIAL_SYSTEM, *_TRIAL)):
            try:
                layout = lay_out(messages, self.template)
            except DataError as error:
                refusal = error
                continue
            if layout is not None and len(layout.turns) == len(messages):
                return layout
            raise RecipeError(
                "the chat template does not write messages as they are: their places in its text cannot be found; use "
                "another conversations.chat_template"
            )
        raise RecipeError(f"the chat template cannot be used: {refusal}") from refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltConversation:
    """A conversation that gave a document."""

    row: PackedRow
    """A packed row of this document alone."""
    unanswered: int
    """Messages after the last answer, left out."""
    truncated_tokens: int
    """Tokens of later turns, for which the row was too short."""


def _segments(identity: str, layout: Layout, encoded: EncodedChat) -> tuple[Segment, ...]:
    """The messages of a conversation, in the order of the text."""
    return tuple(
        Segment(
            role=turn.role,
            document=identity,
            chunk=turn.number,
            start=turn.start,
            end=turn.end,
            tokens=tokens,
            rank=0,
            score=0.0,
        )
        for turn, tokens in zip(layout.turns, encoded.turn_tokens, strict=True)
    )
