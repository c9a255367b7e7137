"""From a row's columns to a conversation: Magpie, ShareGPT and OpenAI messages.

    openai      messages = [{role, content}, …]              content a string, or a list of text parts
    sharegpt    conversations = [{from, value}, …]           or `conversation`
    magpie      instruction, response                        one question and its answer

What a form cannot say in words (tool calls, images, reasoning in a field of its own) is never left out silently: such a
conversation gives no row, and is counted.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nextlong_hub.errors import RecipeError
from nextlong_hub.recipe import ConversationSettings, Recipe
from nextlong_hub.records import Message, Reason

_RESERVED = re.compile("[\0\ud800-\udfff\ufdd0-\ufdef]")
"""What is no character of a text: NUL, halves of surrogate pairs, and the noncharacters that Unicode keeps for use
inside a program. Messages and control tokens are marked with the last."""

_COLUMNS = {
    "openai": ("messages",),
    "sharegpt": ("conversations", "conversation"),
    "magpie": ("instruction", "response"),
}
_SYSTEM_COLUMN = "system"
_KEYS = {"openai": (("role", "content"),), "sharegpt": (("from", "value"),)}
_ANY_KEYS = (*_KEYS["openai"], *_KEYS["sharegpt"])
_ROLES: dict[str, Literal["system", "user", "assistant", "tool"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
_MORE_THAN_TEXT = ("tool_calls", "function_call", "reasoning_content", "reasoning", "thinking", "audio", "images")
_ORDER = re.compile(r"s?(?:ua(?:t+a)*)+")
"""First letters of the roles: a system prompt, then questions each with its answer, tools in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Messages in an order that can be trained on; the last one is an answer."""

    messages: tuple[Message, ...]
    unanswered: int
    """Messages after the last answer, left out."""


def settings_of(recipe: Recipe) -> ConversationSettings:
    """The section `[conversations]` of a recipe.

    Raises:
        RecipeError: it has none.
    """
    if recipe.conversations is None:
        raise RecipeError(f"recipe {recipe.name} has no section [conversations]; add one")
    return recipe.conversations


def record_columns(settings: ConversationSettings) -> tuple[str, ...]:
    """The columns that may hold a conversation, in the order in which they are looked for."""
    named = settings.columns or [
        column for form, columns in _COLUMNS.items() if settings.form in ("auto", form) for column in columns
    ]
    return tuple(dict.fromkeys((*named, _SYSTEM_COLUMN)))


def parse(record: str, settings: ConversationSettings) -> Conversation | Reason:
    """Read one conversation.

    A blank system prompt is none; messages after the last answer are left out and counted. Characters are kept as they
    are, white space included.

    Args:
        record: the JSON object of the row's columns.
        settings: form, columns and system prompt.

    Returns:
        The conversation, or why the row gives none.
    """
    try:
        messages = _messages(json.loads(record), settings)
    except (ValueError, RecursionError):
        return Reason.UNPARSEABLE
    if isinstance(messages, Reason):
        return messages
    last = max((number for number, message in enumerate(messages) if message.role == "assistant"), default=-1)
    if last < 0:
        return Reason.NO_ASSISTANT
    answered = messages[: last + 1]
    if any(not message.content.strip() for message in answered):
        return Reason.EMPTY_TURN
    if not _ORDER.fullmatch("".join(message.role[0] for message in answered)):
        return Reason.WRONG_ROLE_ORDER
    if any(_RESERVED.search(message.content) for message in answered):
        return Reason.RESERVED_CHARACTER
    return Conversation(messages=tuple(answered), unanswered=len(messages) - len(answered))


def _messages(row: Any, settings: ConversationSettings) -> list[Message] | Reason:
    """All messages of a row, the system prompt first."""
    found = _turns(row, settings)
    if isinstance(found, Reason):
        return found
    messages = [message for message in found if message.role != "system" or message.content.strip()]
    prompts = (row.get(_SYSTEM_COLUMN), settings.system_prompt)
    prompt = next((text for text in prompts if isinstance(text, str) and text.strip()), None)
    if prompt is not None and not any(message.role == "system" for message in messages):
        messages.insert(0, Message("system", prompt))
    return messages


def _turns(row: Any, settings: ConversationSettings) -> list[Message] | Reason:
    """The turns of a row, from the first of the columns that holds any."""
    if not isinstance(row, Mapping):
        return Reason.UNPARSEABLE
    is_pair = settings.form == "magpie" or (settings.form == "auto" and len(settings.columns) == 2)
    if not is_pair:
        names = settings.columns or [
            name for form in _KEYS for name in _COLUMNS[form] if settings.form in ("auto", form)
        ]
        for name in names:
            if row.get(name):
                return _listed(row[name], _KEYS.get(settings.form, _ANY_KEYS))
    if is_pair or (settings.form == "auto" and not settings.columns):
        question, answer = (row.get(name) for name in settings.columns or _COLUMNS["magpie"])
        if isinstance(question, str) and isinstance(answer, str):
            return [Message("user", question), Message("assistant", answer)]
    return Reason.UNPARSEABLE


def _listed(value: Any, keys: Sequence[tuple[str, str]]) -> list[Message] | Reason:
    """The messages of a list of objects, or of a string that holds one as JSON."""
    turns = json.loads(value) if isinstance(value, str) else value
    if not isinstance(turns, list):
        return Reason.UNPARSEABLE
    messages = [_message(turn, keys) for turn in turns]
    reasons = [message for message in messages if isinstance(message, Reason)]
    return reasons[0] if reasons else [message for message in messages if isinstance(message, Message)]


def _message(turn: Any, keys: Sequence[tuple[str, str]]) -> Message | Reason:
    if not isinstance(turn, Mapping):
        return Reason.UNPARSEABLE
    speaker, said = next(((turn.get(r), turn.get(c)) for r, c in keys if turn.get(r) is not None), (None, None))
    if speaker == "function_call" or turn.get("weight") == 0 or any(turn.get(field) for field in _MORE_THAN_TEXT):
        return Reason.UNSUPPORTED
    role = _ROLES.get(speaker) if isinstance(speaker, str) else None
    content = _text(said)
    if role is None or content is None:
        return Reason.UNPARSEABLE
    return content if isinstance(content, Reason) else Message(role, content)


def _text(content: Any) -> str | Reason | None:
    """A message's words; those of several text parts joined, since a template would write them one after the other."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else part for part in content]
    words = [part for part in parts if isinstance(part, str)]
    return "".join(words) if len(words) == len(parts) else Reason.UNSUPPORTED
