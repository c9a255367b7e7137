"""Where each message lies in the text that a chat template makes of a conversation.

A template is a program: it may trim what was said, leave out the reasoning of earlier turns, move the system prompt or
write a default one. So nothing is assumed about it. Each message is marked at both ends with characters that no message
holds, the conversation is rendered again, and the marks tell where the message has gone. Two things are then checked:
without the marks the second text is the first, and every message stands in it word for word.

Where a template changed a message, the message becomes what the template made of it, provided that this gives the same
text: what is stored can always be rendered again. A conversation for which no such messages are found is given up.

An answer that is more than its words (calls of tools, reasoning) is laid out by the template itself. Where it lies is
told by the same conversation with plain words in its place: what stands before and behind them stands around it, too.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

from nextlong_hub.records import Message, Turn

_START, _END, _STOP, _DIGITS = "\ufdd2", "\ufdd3", "\ufdd4", "\ufde0"
_MARK = re.compile(f"([{_START}{_END}])([{_DIGITS}-\ufdef]+){_STOP}")
_ROUNDS = 3
"""How often messages are replaced by what the template made of them before a conversation is given up."""


class Template(Protocol):
    """Makes a text of messages."""

    def render(self, messages: Sequence[Message], *, open_turn: bool = False) -> str:
        """The text; with `open_turn` it ends where the next answer begins.

        Raises:
            DataError: the template refuses these messages.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A rendered conversation."""

    text: str
    turns: tuple[Turn, ...]
    """In the order of the text. What lies between them is the template's."""
    given: Mapping[int, Message] = field(default_factory=dict)
    """By their numbers the messages that are more than their words."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said, as it stands in the text, in the order of the conversation: it renders to the text again."""
        return tuple(self._message(turn) for turn in sorted(self.turns, key=lambda turn: turn.number))

    def _message(self, turn: Turn) -> Message:
        given = self.given.get(turn.number)
        if given is not None and is_laid_out(given):
            return given
        more = {} if given is None else given.more
        return Message(turn.role, self.text[turn.start : turn.end], more, turn.is_learnt)


def is_laid_out(message: Message) -> bool:
    """Whether the template writes more of a message than its words, in a form of its own."""
    return message.role == "assistant" and bool(message.more)


def lay_out(messages: Sequence[Message], template: Template) -> Layout | None:
    """Render a conversation and find its messages in the text; None where that cannot be done beyond doubt.

    Raises:
        DataError: the template refuses the conversation.
    """
    text = template.render(messages)
    current = _without_trimmed_space(dict(enumerate(messages)), text, template)
    for _ in range(_ROUNDS):
        spans = _find(current, text, template)
        if spans is None:
            return None
        observed = {
            number: current[number]
            if is_laid_out(current[number])
            else replace(current[number], content=text[start:end])
            for number, (start, end) in spans.items()
        }
        if observed == current:
            return _layout(text, current, spans)
        if not observed or template.render(list(observed.values())) != text:
            return None
        current = observed
    return None


def _layout(text: str, messages: Mapping[int, Message], spans: Mapping[int, tuple[int, int]]) -> Layout | None:
    turns = [
        Turn(number=number, role=messages[number].role, start=start, end=end, is_learnt=messages[number].is_learnt)
        for number, (start, end) in spans.items()
    ]
    turns.sort(key=lambda turn: turn.start)
    overlap = any(one.end > other.start for one, other in pairwise(turns))
    given = {number: messages[number] for number in spans if messages[number].more}
    return None if overlap else Layout(text=text, turns=tuple(turns), given=given)


def _without_trimmed_space(messages: dict[int, Message], text: str, template: Template) -> dict[int, Message]:
    """Drop the outer white space that the template drops too; with it, marks would stand where none can be trimmed."""
    padded = [
        number
        for number, message in messages.items()
        if message.content != message.content.strip() and not is_laid_out(message)
    ]
    if not padded:
        return messages
    stripped = messages | {
        number: replace(messages[number], content=messages[number].content.strip()) for number in padded
    }
    if template.render(list(stripped.values())) == text:
        return stripped
    for number in padded:
        content = messages[number].content
        for shorter in (content.strip(), content.lstrip(), content.rstrip()):
            candidate = messages | {number: replace(messages[number], content=shorter)}
            if shorter != content and template.render(list(candidate.values())) == text:
                messages = candidate
                break
    return messages


def _find(messages: Mapping[int, Message], text: str, template: Template) -> dict[int, tuple[int, int]] | None:
    """Where each message lies, those that the template leaves out not being among them."""
    marked = [
        message if is_laid_out(message) else replace(message, content=_marked(number, message.content))
        for number, message in messages.items()
    ]
    parts = _MARK.split(template.render(marked))  # [text, kind, number, text, kind, number, …, text]
    if "".join(parts[::3]) != text:
        return None
    places: dict[tuple[str, int], int] = {}
    position = 0
    for before, kind, digits in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        position += len(before)
        if places.setdefault((kind, _number(digits)), position) != position:  # a message that is written twice
            return None
    spans = {}
    for number, message in messages.items():
        if is_laid_out(message):
            span = _around(number, messages, text, template)
            if span is None:
                return None
            spans[number] = span
            continue
        start, end = places.get((_START, number)), places.get((_END, number))
        if start is None and end is None:
            continue
        span = (start, end) if start is not None and end is not None else None
        span = span or _whole(message.content, text, start, end) or _cut(number, messages, text, end, template)
        if span is None or span[0] > span[1]:
            return None
        spans[number] = span
    return spans


def _whole(content: str, text: str, start: int | None, end: int | None) -> tuple[int, int] | None:
    """A message of which one mark was lost, although every character of it is there."""
    if end is not None:
        start = end - len(content)
    if start is None or start < 0 or text[start : start + len(content)] != content:
        return None
    return start, start + len(content)


def _cut(
    number: int, messages: Mapping[int, Message], text: str, end: int | None, template: Template
) -> tuple[int, int] | None:
    """An answer whose beginning was left out or laid out anew: all there is after the place where it must begin."""
    if end is None or messages[number].role != "assistant":
        return None
    before: Iterable[Message] = (message for earlier, message in messages.items() if earlier < number)
    prefix = template.render(list(before), open_turn=True)
    return (len(prefix), end) if text.startswith(prefix) else None


def _around(number: int, messages: Mapping[int, Message], text: str, template: Template) -> tuple[int, int] | None:
    """An answer that the template lays out in a form of its own: what plain words in its place would stand between."""
    plain = Message("assistant", _marked(number, messages[number].content.strip() or "x"))
    parts = _MARK.split(template.render(list({**messages, number: plain}.values())))
    if len(parts) != len(("before", _START, "number", "words", _END, "number", "behind")):
        return None
    before, behind = parts[0], parts[-1]
    if not text.startswith(before):
        before = template.render([message for earlier, message in messages.items() if earlier < number], open_turn=True)
    start, end = len(before), len(text) - len(behind)
    return (start, end) if start < end and text.startswith(before) and text.endswith(behind) else None


def _marked(number: int, content: str) -> str:
    digits = "".join(chr(ord(_DIGITS) + int(digit, 16)) for digit in f"{number:x}")
    return f"{_START}{digits}{_STOP}{content}{_END}{digits}{_STOP}"


def _number(digits: str) -> int:
    return int("".join(f"{ord(digit) - ord(_DIGITS):x}" for digit in digits), 16)
