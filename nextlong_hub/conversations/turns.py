"""From a turn as a form finds it to a message: its role, its words, what the template is given of it, and its flags.

    role, from                               who speaks
    content, value                           what is said: a string, or a list of text parts
    tool_calls, function_call                ▶ the chat template, else the conversation is refused
    reasoning_content, reasoning, thinking   ▶ the chat template, else counted
    weight, train, trainable, training       whether an answer is trained on
    images, audio, …                         the conversation is refused

Whatever else a turn holds is counted under its name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nextlong_hub.core.foreign import parse_json
from nextlong_hub.corpus.emptiness import has_value
from nextlong_hub.records import Message, Reason, Role

MEDIA = frozenset({"image", "images", "image_url", "audio", "audios", "input_audio", "video", "videos"})
"""Fields of a row or turn, and types of the parts of a content, that hold no text."""

_KEYS = (("role", "content"), ("from", "value"))
_ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "bot", "bing", "bard", "claude"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_response", "function_response", "ipython"), "tool"),
}
_CALLING_ROLES = frozenset({"function_call", "tool_call", "tool_calls"})
_CALLS = ("tool_calls", "function_call")
_REASONING = ("reasoning_content", "reasoning", "thinking")
_FLAGS = ("train", "trainable", "training", "train_on_turn", "loss", "learn")
_OPPOSITE_FLAGS = ("mask", "masked", "ignore")
_TRUTH = {
    **dict.fromkeys(("true", "yes", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "0", "0.0"), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTurn:
    """What one turn says."""

    message: Message
    unused: frozenset[str]
    """Its fields that have a value and that nothing uses."""


def read_turn(turn: Any, template: str) -> ReadTurn | Reason:
    """Read one turn.

    Args:
        turn: as a form found it.
        template: the text of the chat template, which is given what it names.

    Returns:
        The turn, or why its conversation gives no row.
    """
    if not isinstance(turn, Mapping):
        return Reason.UNPARSEABLE
    role_key, usual_key = next((keys for keys in _KEYS if turn.get(keys[0]) is not None), _KEYS[0])
    others = (key for _, key in _KEYS if usual_key not in turn and key in turn)
    content_key = next(others, usual_key)
    fields = {name: value for name, value in turn.items() if name not in (role_key, content_key) and has_value(value)}
    if MEDIA & fields.keys():
        return Reason.MEDIA
    role, content = _role(turn.get(role_key)), _text(turn.get(content_key))
    if role in _CALLING_ROLES and isinstance(content, str):
        fields, content, role = {**fields, "tool_calls": content}, "", "assistant"
    if isinstance(content, Reason):
        return content
    if role not in _ROLES or content is None:
        return Reason.UNPARSEABLE
    more: dict[str, Any] = {}
    if any(name in fields for name in _CALLS):
        calls = _calls(next(fields.pop(name) for name in _CALLS if name in fields))
        if not calls or _ROLES[role] != "assistant" or not names(template, "tool_calls"):
            return Reason.UNSUPPORTED
        more["tool_calls"] = calls
    more |= _told_to_template(fields, _ROLES[role], template)
    flags = _flags(turn, _ROLES[role])
    is_learnt = _ROLES[role] != "assistant" or all(flags.values())
    message = Message(_ROLES[role], content, more=more, is_learnt=is_learnt)
    return ReadTurn(message=message, unused=frozenset(fields) - flags.keys())


def speaker(turn: Any) -> str | None:
    """The role that a turn names, as it stands there; None where it names none."""
    if not isinstance(turn, Mapping):
        return None
    return next((str(turn[key]) for key, _ in _KEYS if turn.get(key) is not None), None)


def without_nulls(value: Any) -> Any:
    """JSON without the nulls that a table writes where one of its objects lacks a key of another."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def names(template: str, variable: str) -> bool:
    """Whether a chat template names a variable or field."""
    return re.search(rf"\b{re.escape(variable)}\b", template) is not None


def as_function(value: Any, arguments: str) -> dict[str, Any] | None:
    """A tool, or a call of one, in the form that templates expect: `{type: function, function: {name, …}}`.

    Args:
        value: that form, or what it holds as `function`.
        arguments: the key of its arguments; given as JSON, they are read.
    """
    if not isinstance(value, Mapping):
        return None
    inner = value.get("function", value)
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str) or not inner["name"]:
        return None
    given = inner.get(arguments)
    if isinstance(given, str):
        read = json_or_none(given)
        inner = {**inner, arguments: read if isinstance(read, Mapping) else given}
    around = value if "function" in value else {}
    return {**around, "type": around.get("type") or "function", "function": dict(inner)}


def json_or_none(text: str) -> Any:
    """A JSON value; None where the text is none."""
    try:
        return parse_json(text)
    except ValueError:
        return None


def _role(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _text(content: Any) -> str | Reason | None:
    """A message's words; those of several text parts joined, since a template would write them one after the other."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = list(_words(content))
    return next((part for part in parts if isinstance(part, Reason)), None) or "".join(map(str, parts))


def _words(content: list[Any]) -> Iterator[str | Reason]:
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        words = part.get("text") if kind == "text" else part
        if isinstance(words, str):
            yield words
        else:
            yield Reason.MEDIA if kind in MEDIA else Reason.UNSUPPORTED


def _calls(value: Any) -> list[dict[str, Any]]:
    """The calls of tools that a turn makes; none where one of them cannot be read."""
    given = json_or_none(value) if isinstance(value, str) else value
    calls = [as_function(without_nulls(one), "arguments") for one in (given if isinstance(given, list) else [given])]
    return [call for call in calls if call] if all(calls) else []


def _told_to_template(fields: dict[str, Any], role: str, template: str) -> dict[str, Any]:
    """Take from the fields of a turn what the template is given: thoughts, and which call a tool answers."""
    told = {}
    if role == "assistant":
        wanted = next((name for name in _REASONING if names(template, name)), None)
        own = next((name for name in _REASONING if isinstance(fields.get(name), str)), None)
        if wanted and own:
            told[wanted] = fields.pop(own)
    elif role == "tool":
        told = {name: fields.pop(name) for name in ("name", "tool_call_id") if isinstance(fields.get(name), str)}
    return told


def _flags(turn: Mapping[str, Any], role: str) -> dict[str, bool]:
    """The training flags of a turn that can be followed: of an answer any, of others those that ask for nothing."""
    values = {name: _truth(turn.get(name)) for name in ("weight", *_FLAGS)}
    opposite = {name: _truth(turn.get(name)) for name in _OPPOSITE_FLAGS}
    values |= {name: not value for name, value in opposite.items() if value is not None}
    return {name: value for name, value in values.items() if value is not None and not (value and role != "assistant")}


def _truth(value: Any) -> bool | None:
    """What a flag says; None where it says nothing, or neither yes nor no: a weight of 0.5."""
    if isinstance(value, str):
        return _TRUTH.get(value.strip().lower())
    return bool(value) if isinstance(value, (bool, int, float)) and value in (0, 1) else None
