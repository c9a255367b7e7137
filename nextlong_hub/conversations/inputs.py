"""What a chat template was given beside the words of a conversation, as the row keeps it: it must render again.

    {"tools": […], "variables": {…}, "messages": {"3": {"content": "", "more": {…}}}, "not_learnt": [3]}

Only what there is. A conversation of words alone, all answers of which are trained on, has an empty text instead.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from nextlong_hub.conversations.layout import is_laid_out
from nextlong_hub.conversations.parse import Conversation
from nextlong_hub.core.foreign import parse_json
from nextlong_hub.records import Message, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateInputs:
    """What one conversation has for the chat template beside its words."""

    tools: tuple[Mapping[str, Any], ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    messages: Mapping[int, Message] = field(default_factory=dict)
    """By their numbers those that are more than their words; the words of those that only have a name are empty."""
    not_learnt: frozenset[int] = frozenset()
    """Numbers of the answers that are not trained on."""

    @classmethod
    def of(cls, conversation: Conversation, numbers: Collection[int]) -> "TemplateInputs":
        """Those of a conversation of which these messages stand in the text."""
        written = {number: conversation.messages[number] for number in numbers if number < len(conversation.messages)}
        return cls(
            tools=conversation.tools,
            variables=conversation.variables,
            messages={
                number: message if is_laid_out(message) else Message(message.role, "", message.more)
                for number, message in written.items()
                if message.more
            },
            not_learnt=frozenset(number for number, message in written.items() if not message.is_learnt),
        )

    def to_json(self) -> str:
        """As the row keeps them; empty where there is nothing."""
        values = {
            "tools": [*self.tools],
            "variables": dict(self.variables),
            "messages": {
                str(number): {"content": message.content, "more": dict(message.more)}
                for number, message in sorted(self.messages.items())
            },
            "not_learnt": sorted(self.not_learnt),
        }
        there = {name: value for name, value in values.items() if value}
        return json.dumps(there, ensure_ascii=False, separators=(",", ":")) if there else ""

    @classmethod
    def from_json(cls, content: str, roles: Mapping[int, Role]) -> "TemplateInputs":
        """Those that a row keeps; `roles` are those of its messages, by their numbers.

        Raises:
            ValueError: they are damaged.
        """
        if not content:
            return cls()
        try:
            values = parse_json(content)
            not_learnt = frozenset(map(int, values.get("not_learnt", ())))
            return cls(
                tools=tuple(values.get("tools", ())),
                variables=values.get("variables", {}),
                messages={
                    int(number): Message(roles[int(number)], one["content"], one["more"], int(number) not in not_learnt)
                    for number, one in values.get("messages", {}).items()
                },
                not_learnt=not_learnt,
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"they lack {error}") from error
