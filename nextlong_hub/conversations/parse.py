"""From a row to a conversation: a form finds its turns, and every turn is read the same way.

    row ▶ form ▶ turns ▶ messages, what else the chat template is given, and the names of what nothing uses

What has a standard meaning is part of the conversation: `system` and `system_prompt`, a `context`, a `history`. `tools`
and `chat_template_kwargs` go to the chat template, as far as it names them. Whatever else has a value is counted under
its own name, never left out silently.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nextlong_hub.conversations.forms.base import FORMS, ConversationForm, Fields, FoundTurns
from nextlong_hub.conversations.turns import (
    MEDIA,
    as_function,
    json_or_none,
    names,
    read_turn,
    speaker,
    without_nulls,
)
from nextlong_hub.core.foreign import parse_json
from nextlong_hub.corpus.emptiness import has_value
from nextlong_hub.errors import RecipeError
from nextlong_hub.recipe import ConversationSettings, Recipe
from nextlong_hub.records import Message, Reason

_RESERVED = re.compile("[\0\ud800-\udfff\ufdd0-\ufdef]")
"""What is no character of a text: NUL, halves of surrogate pairs, and the noncharacters that Unicode keeps for use
inside a program. Messages and control tokens are marked with the last."""

_AUTO = "auto"
_SYSTEM_COLUMNS = ("system", "system_prompt")
_TOOLS = "tools"
_VARIABLES = "chat_template_kwargs"
_COMMON_COLUMNS = (*_SYSTEM_COLUMNS, "history", _TOOLS, _VARIABLES)
_ORDER = re.compile(r"s?(?:ua(?:t+a)*)+")
"""First letters of the roles: a system prompt, then questions each with its answer, tools in between."""
_NAMED_COLUMNS = {1: ("ultrachat", "openai"), 2: ("dolly", "prompt-completion"), 3: ("dolly",)}
"""The forms that `auto` tries on columns that a recipe names, by their number."""
_OURS = frozenset(
    {"messages", "tools", "documents", "add_generation_prompt", "continue_final_message", "raise_exception"}
)
"""Names of a chat template that no row may give a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Messages in an order that can be trained on; the last one is an answer that is trained on."""

    messages: tuple[Message, ...]
    unanswered: int
    """Messages after the last answer, left out."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """What the chat template is told of tools."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """What the chat template is given by name."""
    unused: frozenset[str] = frozenset()
    """The row's fields, and those of its turns as `messages.name`, that have a value and that nothing uses."""


def settings_of(recipe: Recipe) -> ConversationSettings:
    """The section `[conversations]` of a recipe.

    Raises:
        RecipeError: it has none; there is no such form; or it has not so many columns.
    """
    settings = recipe.conversations
    if settings is None:
        raise RecipeError(f"recipe {recipe.name} has no section [conversations]; add one")
    counts = tuple(_NAMED_COLUMNS) if settings.form == _AUTO else FORMS[settings.form].named
    if settings.columns and len(settings.columns) not in counts:
        raise RecipeError(
            f"recipe {recipe.name}: the form {settings.form!r} takes {' or '.join(map(str, counts))} columns, not "
            f"{len(settings.columns)}; name in conversations.columns the one with the list of turns, or those of the "
            "question, of its context if there is one, and of the answer"
        )
    return settings


def record_columns(settings: ConversationSettings) -> tuple[str, ...]:
    """The columns whose values are read, in the order in which they are looked for."""
    named = settings.columns or [column for form in _forms(settings) for column in form.columns]
    return tuple(dict.fromkeys((*named, *_COMMON_COLUMNS)))


def parse(record: str, settings: ConversationSettings) -> Conversation | Reason:
    """Read one conversation.

    A blank system prompt is none; messages after the last answer that is trained on are left out and counted.
    Characters are kept as they are, white space included.

    Args:
        record: the JSON object of the row's columns.
        settings: form, columns, system prompt, and the text of the chat template.

    Returns:
        The conversation, or why the row gives none.
    """
    try:
        row = parse_json(record)
        found = _found(row, settings) if isinstance(row, Mapping) else None
    except (ValueError, RecursionError):
        return Reason.UNPARSEABLE
    if found is None:
        return Reason.UNPARSEABLE
    if any(has_value(row.get(name)) for name in MEDIA - found.used):
        return Reason.MEDIA
    turns = [read_turn(turn, settings.chat_template) for turn in found.turns]
    refused = next((turn for turn in turns if isinstance(turn, Reason)), None)
    if refused is not None:
        return refused
    read = [turn for turn in turns if not isinstance(turn, Reason)]
    messages = [
        replace(one.message, is_learnt=one.message.is_learnt and number >= found.prompt_turns)
        if one.message.role == "assistant"
        else one.message
        for number, one in enumerate(read)
    ]
    return _conversation(row, settings, found, _with_system(messages, row, settings), [one.unused for one in read])


def _conversation(
    row: Fields,
    settings: ConversationSettings,
    found: FoundTurns,
    messages: list[Message],
    unused: list[frozenset[str]],
) -> Conversation | Reason:
    """The messages up to the last answer, with what goes to the template beside them."""
    answers = [number for number, message in enumerate(messages) if message.role == "assistant"]
    if not answers:
        return Reason.NO_ASSISTANT
    last = max((number for number in answers if messages[number].is_learnt), default=-1)
    if last < 0:
        return Reason.NOTHING_LEARNT
    answered = messages[: last + 1]
    if not all(message.content.strip() or "tool_calls" in message.more for message in answered):
        return Reason.EMPTY_TURN
    if not _ORDER.fullmatch("".join(message.role[0] for message in answered)):
        return Reason.WRONG_ROLE_ORDER
    tools, variables = _tools(row, settings), _variables(row, settings)
    given = [tools, variables, [[message.content, message.more] for message in answered]]
    if any(map(_RESERVED.search, texts_of(given))):
        return Reason.RESERVED_CHARACTER
    fields = {f"{found.column}.{name}" for name in frozenset().union(*unused)}
    return Conversation(
        messages=tuple(answered),
        unanswered=len(messages) - len(answered),
        tools=tuple(tools),
        variables=variables,
        unused=frozenset(fields | set(_unused(row, found, answered, bool(tools), variables))),
    )


def _forms(settings: ConversationSettings) -> list[ConversationForm]:
    """The forms that are tried on a row, in order."""
    if settings.form != _AUTO:
        return [FORMS[settings.form]]
    if settings.columns:
        return [FORMS[name] for name in _NAMED_COLUMNS[len(settings.columns)]]
    return sorted(FORMS.values(), key=lambda form: (form.order, form.name))


def _found(row: Fields, settings: ConversationSettings) -> FoundTurns | None:
    """What the first form finds that the row has."""
    found = (form.read(row, settings.columns) for form in _forms(settings))
    return next((turns for turns in found if turns is not None), None)


def _with_system(messages: list[Message], row: Fields, settings: ConversationSettings) -> list[Message]:
    """The messages behind a system prompt: their own, else that of a column, else the recipe's."""
    said = [message for message in messages if message.role != "system" or message.content.strip()]
    prompts = (*(row.get(name) for name in _SYSTEM_COLUMNS), settings.system_prompt)
    prompt = next((text for text in prompts if isinstance(text, str) and text.strip()), None)
    if prompt is not None and not any(message.role == "system" for message in said):
        said.insert(0, Message("system", prompt))
    return said


def _tools(row: Fields, settings: ConversationSettings) -> list[dict[str, Any]]:
    """What a row says of tools, where the template names them: a list, or JSON of one, of objects or of their JSON."""
    value = row.get(_TOOLS)
    given = json_or_none(value) if isinstance(value, str) else value
    if not given or not names(settings.chat_template, _TOOLS):
        return []
    entries = given if isinstance(given, list) else [given]
    read = [json_or_none(entry) if isinstance(entry, str) else entry for entry in entries]
    tools = [as_function(without_nulls(tool), "parameters") for tool in read]
    return [tool for tool in tools if tool] if all(tools) else []


def _given(row: Fields) -> dict[str, Any]:
    """What a row has for the chat template, by name: false is an answer, too, but an empty text or list is none."""
    value = row.get(_VARIABLES)
    given = json_or_none(value) if isinstance(value, str) else value
    variables = without_nulls(given) if isinstance(given, Mapping) else {}
    return {name: value for name, value in variables.items() if value not in ("", [], {})}


def _variables(row: Fields, settings: ConversationSettings) -> dict[str, Any]:
    """Of these, what the template names; a recipe's own variables go before them."""
    taken = _OURS | settings.template_variables.keys()
    return {
        name: value for name, value in _given(row).items() if name not in taken and names(settings.chat_template, name)
    }


def _unused(
    row: Fields, found: FoundTurns, messages: list[Message], has_tools: bool, variables: Mapping[str, Any]
) -> Iterator[str]:
    """The fields of a row that have a value and that say nothing which is not in the conversation."""
    said = {message.content.strip() for message in messages}
    for name, value in row.items():
        is_told = (name == _TOOLS and has_tools) or (name == _VARIABLES and _given(row))
        if name in found.used or is_told or not has_value(value):
            continue
        if name in (_TOOLS, _VARIABLES) and isinstance(value, str) and value.strip() in ("[]", "{}", "null"):
            continue
        is_there = value.strip() in said if isinstance(value, str) else _is_part(value, found)
        if not is_there:
            yield name
    yield from (f"{_VARIABLES}.{name}" for name in _given(row) if name not in variables)


def _is_part(value: Any, found: FoundTurns) -> bool:
    """Whether a list holds nothing but turns of the conversation."""
    return isinstance(value, list) and all(turn in found.turns for turn in value)


def texts_of(*values: Any) -> Iterator[str]:
    """Every text in JSON values, keys included."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from texts_of(*value.keys(), *value.values())
        elif isinstance(value, list):
            yield from texts_of(*value)


def what_is_in(record: str, settings: ConversationSettings) -> str:
    """The columns of a row and the roles of its turns, for an error about a corpus without conversations."""
    row = json_or_none(record)
    fields = list(row) if isinstance(row, Mapping) else []
    try:
        found = _found(row, settings) if isinstance(row, Mapping) else None
    except ValueError:
        found = None
    roles = dict.fromkeys(filter(None, map(speaker, found.turns))) if found else {}
    said = f" and the roles {', '.join(map(repr, roles))}" if roles else ""
    return f"its first row has the columns {', '.join(map(repr, fields)) or 'none'}{said}"
