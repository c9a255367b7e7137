"""A conversation becomes a document of its own: parse ▶ lay out ▶ encode, and cut where a row is too short for it.

The tasks of a build use it, and the check that renders and encodes a finished row again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nextlong_hub.conversations.inputs import TemplateInputs
from nextlong_hub.conversations.layout import Layout, is_laid_out, lay_out
from nextlong_hub.conversations.parse import Conversation, parse, settings_of, texts_of
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
        try:
            conversation = parse(record, self._settings)
        except RecursionError:  # it is nested too deeply
            conversation = Reason.UNPARSEABLE
        if isinstance(conversation, Reason):
            return Discarded(meta_document=identity, reason=conversation, tokens=0)
        try:
            return self._make(identity, source, conversation)
        except DataError:
            return Discarded(meta_document=identity, reason=Reason.REFUSED_BY_TEMPLATE, tokens=0)

    def encode(self, layout: Layout, template: ChatTemplate) -> EncodedChat:
        """The ids and the loss mask of a conversation that `template` has rendered."""
        generated = template.generated(layout.messages) if template.marks_generation else None
        return self.tokenizer.encode(layout.text, layout.turns, generated)

    def _make(self, identity: str, source: str, conversation: Conversation) -> "BuiltConversation | Discarded":
        messages = conversation.messages
        template = self.template.given(conversation.tools, conversation.variables)
        if self._forges_control(conversation):
            return Discarded(meta_document=identity, reason=Reason.UNSUPPORTED, tokens=0)
        layout = lay_out(messages, template)
        if layout is None:
            return Discarded(meta_document=identity, reason=Reason.MASK_UNLOCATABLE, tokens=0)
        left_out = self._left_out(conversation, layout)
        if left_out is None:
            return Discarded(meta_document=identity, reason=Reason.UNSUPPORTED, tokens=0)
        encoded = self.encode(layout, template)
        total = len(encoded.input_ids)
        if total > self._recipe.target_length:
            fitting = None if self._settings.too_long == "discard" else self._longest_that_fits(messages, template)
            if fitting is None:
                return Discarded(meta_document=identity, reason=Reason.OVER_TARGET, tokens=total)
            layout, encoded = fitting
        if not encoded.loss_mask.any():
            return Discarded(meta_document=identity, reason=Reason.MASK_UNLOCATABLE, tokens=total)
        if self._recipe.repetition.found_in(encoded.input_ids):
            return Discarded(meta_document=identity, reason=Reason.REPEATED_ON_END, tokens=total)
        sample = Sample(
            id=f"{self._recipe.name}/{identity}",
            text=layout.text,
            input_ids=encoded.input_ids,
            meta_document=identity,
            source=source,
            segments=_segments(identity, layout, encoded),
            truncated_tokens=total - len(encoded.input_ids),
        )
        inputs = TemplateInputs.of(conversation, {turn.number for turn in layout.turns})
        return BuiltConversation(
            row=PackedRow.of(sample, loss_mask=encoded.loss_mask, template_inputs=inputs.to_json()),
            unanswered=conversation.unanswered,
            truncated_tokens=sample.truncated_tokens,
            unused=conversation.unused | left_out,
            not_learnt=len(inputs.not_learnt),
        )

    def _forges_control(self, conversation: Conversation) -> bool:
        """Whether anything that the template writes between messages spells a control token, and would become one."""
        named = [message.more for message in conversation.messages if not is_laid_out(message)]
        given = [[*conversation.tools], dict(conversation.variables), [dict(more) for more in named if more]]
        return any(map(self.tokenizer.spelt_controls, texts_of(given)))

    def _left_out(self, conversation: Conversation, layout: Layout) -> frozenset[str] | None:
        """What the template does not write, by name; None where an answer cannot do without it.

        A call of a tool is part of its answer. So are control tokens around it: where the template writes some inside
        of a turn, they could not be told from what the assistant says.
        """
        found = set()
        written = {turn.number: layout.text[turn.start : turn.end] for turn in layout.turns}
        for number, message in enumerate(conversation.messages):
            said = written.get(number)
            if said is None:
                found.add(f"{message.role} turns")
                continue
            if not is_laid_out(message):
                continue
            called = [call["function"]["name"] for call in message.more.get("tool_calls", ())]
            own = sum(map(self.tokenizer.spelt_controls, texts_of(message.content, message.more)))
            if self.tokenizer.spelt_controls(said) > own or not all(name in said for name in called):
                return None
            found |= {name for name, text in message.more.items() if name != "tool_calls" and text.strip() not in said}
        if conversation.tools and layout.text == self.template.given((), conversation.variables).render(
            conversation.messages
        ):
            found.add("tools")
        return frozenset(found)

    def _longest_that_fits(
        self, messages: Sequence[Message], template: ChatTemplate
    ) -> tuple[Layout, EncodedChat] | None:
        """The conversation up to the last answer with which it fits into a row."""
        answers = [number for number, one in enumerate(messages) if one.role == "assistant" and one.is_learnt]
        best = None
        low, high = 0, len(answers) - 1  # the whole does not fit
        while low < high:
            middle = (low + high) // 2
            layout = lay_out(messages[: answers[middle] + 1], template)
            encoded = self.encode(layout, template) if layout else None
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
    unused: frozenset[str]
    """Fields of the row and of its turns that nothing used, and what the template did not write, by name."""
    not_learnt: int
    """Answers that are not trained on."""

    @property
    def has_inputs(self) -> bool:
        """Whether its chat template was given more than words."""
        return any(self.row.template_inputs)


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
