"""Conversations: which rows give one, why others do not, and where each message lies in a rendered text."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from chat_worlds import CHATML, GEMMA, LLAMA_3, MISTRAL, QWEN_3, talk
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.conversations.layout import lay_out
from nextlong_hub.conversations.parse import Conversation, parse, record_columns
from nextlong_hub.recipe import ConversationSettings
from nextlong_hub.records import Message, Reason
from nextlong_hub.tokenization import ChatTemplate

AUTO = ConversationSettings()
ASK, TELL = {"role": "user", "content": "Ask"}, {"role": "assistant", "content": "Tell"}
HUMAN, GPT = {"from": "human", "value": "Ask"}, {"from": "gpt", "value": "Tell"}


def read(row: Any, settings: ConversationSettings = AUTO) -> list[tuple[str, str]] | Reason:
    """The messages of a row as pairs, or why it gives none."""
    found = parse(json.dumps(row), settings)
    return [(m.role, m.content) for m in found.messages] if isinstance(found, Conversation) else found


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASK, TELL]},
        {"messages": [{**ASK, "tool_calls": None, "weight": 1}, {**TELL, "function_call": None, "name": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "As"}, "k"]}, TELL]},
        {"messages": json.dumps([ASK, TELL])},
        {"conversations": [HUMAN, GPT]},
        {"conversations": [ASK, TELL]},
        {"conversation": [HUMAN, GPT], "messages": None},
        {"instruction": "Ask", "response": "Tell"},
        {"instruction": "other", "response": "words", "conversations": [HUMAN, GPT]},
        {"instruction": "Ask", "response": "Tell", "conversations": []},
        {"conversations": [{"from": "system", "value": " "}, HUMAN, GPT]},
        {"conversations": [HUMAN, GPT], "system": None},
    ],
)  # fmt: skip
def test_forms(row: dict[str, Any]) -> None:
    """Each form is known by its columns and keys; blank system prompts are none."""
    assert read(row) == [("user", "Ask"), ("assistant", "Tell")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [ASK]}, Reason.NO_ASSISTANT),
        ({"messages": [ASK, {**TELL, "content": " \n"}]}, Reason.EMPTY_TURN),
        ({"messages": [{**ASK, "content": None}, TELL]}, Reason.EMPTY_TURN),
        ({"messages": [TELL, ASK, TELL]}, Reason.WRONG_ROLE_ORDER),
        ({"messages": [ASK, ASK, TELL]}, Reason.WRONG_ROLE_ORDER),
        ({"messages": [ASK, TELL, {"role": "system", "content": "x"}, ASK, TELL]}, Reason.WRONG_ROLE_ORDER),
        ({"messages": [{"role": "tool", "content": "x"}, TELL]}, Reason.WRONG_ROLE_ORDER),
        ({"messages": [ASK, {**TELL, "tool_calls": [{"function": {"name": "f"}}]}]}, Reason.UNSUPPORTED),
        ({"messages": [ASK, {**TELL, "weight": 0}]}, Reason.NOTHING_LEARNT),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, TELL]}, Reason.MEDIA),
        ({"messages": [{"role": "user", "content": [{"type": "refusal"}]}, TELL]}, Reason.UNSUPPORTED),
        ({"messages": [ASK, {**TELL, "audio": {"id": "a"}}]}, Reason.MEDIA),
        ({"messages": [ASK, TELL], "image": True}, Reason.MEDIA),
        ({"messages": [ASK, TELL], "videos": ["a.mp4"]}, Reason.MEDIA),
        ({"conversations": [HUMAN, {"from": "function_call", "value": "{}"}]}, Reason.UNSUPPORTED),
        ({"messages": [ASK, {"role": "alien", "content": "x"}]}, Reason.UNPARSEABLE),
        ({"messages": [ASK, {"role": "assistant", "content": 4}]}, Reason.UNPARSEABLE),
        ({"messages": "not json"}, Reason.UNPARSEABLE),
        ({"messages": {"role": "user"}}, Reason.UNPARSEABLE),
        ({"messages": ["Ask", "Tell"]}, Reason.UNPARSEABLE),
        ({"instruction": "Ask", "response": None}, Reason.UNPARSEABLE),
        ({"text": "no conversation"}, Reason.UNPARSEABLE),
        ([ASK, TELL], Reason.UNPARSEABLE),
        ({"messages": [ASK, {**TELL, "content": "a\ufdd0b"}]}, Reason.RESERVED_CHARACTER),
        ({"messages": [ASK, {**TELL, "content": "a\0b"}]}, Reason.RESERVED_CHARACTER),
        ({"messages": json.dumps([ASK, {**TELL, "content": "\ud800"}])}, Reason.RESERVED_CHARACTER),
    ],
)  # fmt: skip
def test_what_gives_no_conversation(row: Any, reason: Reason) -> None:
    """Each has its reason, so that nothing is lost uncounted."""
    assert read(row) == reason


def test_tools_answer_between_a_question_and_an_answer() -> None:
    """A tool may speak after an answer, and must be followed by another."""
    tool = {"role": "tool", "content": "42"}
    assert read({"messages": [ASK, TELL, tool, TELL]}) == [
        ("user", "Ask"), ("assistant", "Tell"), ("tool", "42"), ("assistant", "Tell"),
    ]  # fmt: skip
    assert read({"messages": [ASK, tool, TELL]}) == Reason.WRONG_ROLE_ORDER


def test_what_nobody_answered_is_left_out_and_counted() -> None:
    """A question at the end has nothing to learn."""
    found = parse(json.dumps({"messages": [ASK, TELL, ASK, {"role": "user", "content": ""}]}), AUTO)
    assert isinstance(found, Conversation)
    assert (len(found.messages), found.unanswered) == (2, 2)


def test_system_prompts() -> None:
    """The conversation's own wins over a column of that name, and that over the recipe's."""
    given = ConversationSettings(system_prompt="Recipe's")
    own = {"role": "system", "content": "Own"}
    told = {"role": "developer", "content": "Own"}
    assert read({"messages": [own, ASK, TELL], "system": "Column's"}, given)[0] == ("system", "Own")  # type: ignore[index]
    assert read({"messages": [told, ASK, TELL]}, given)[0] == ("system", "Own")  # type: ignore[index]
    assert read({"messages": [ASK, TELL], "system": "Column's"}, given)[0] == ("system", "Column's")  # type: ignore[index]
    assert read({"messages": [ASK, TELL], "system": " "}, given)[0] == ("system", "Recipe's")  # type: ignore[index]


@pytest.mark.parametrize(
    ("settings", "columns"),
    [
        ({}, ("messages", "conversations", "conversation", "data", "prompt", "completion", "response", "label",
              "question", "instruction", "chosen", "context", "input", "output", "answer")),
        ({"form": "openai"}, ("messages",)),
        ({"form": "sharegpt"}, ("conversations", "conversation")),
        ({"form": "magpie"}, ("instruction", "response")),
        ({"columns": ("dialogue",)}, ("dialogue",)),
        ({"form": "magpie", "columns": ("q", "a")}, ("q", "a")),
    ],
)  # fmt: skip
def test_columns(settings: dict[str, Any], columns: Sequence[str]) -> None:
    """What is read from a row is what its form may need, and what any conversation may have beside it."""
    beside = ("system", "system_prompt", "history", "tools", "chat_template_kwargs")
    assert record_columns(ConversationSettings(**settings)) == (*columns, *beside)


def test_a_form_that_is_set_is_the_only_one() -> None:
    """Another form in the same row is not looked at."""
    row = {
        "instruction": "Ask",
        "response": "Tell",
        "conversations": [HUMAN, GPT, HUMAN, GPT],
        "messages": [HUMAN, GPT],
    }
    assert len(read(row, ConversationSettings(form="sharegpt"))) == 4
    assert len(read(row, ConversationSettings(form="magpie"))) == 2
    assert read({"data": ["Ask", "Tell"]}, ConversationSettings(form="openai")) == Reason.UNPARSEABLE
    assert len(read({"q": "Ask", "a": "Tell"}, ConversationSettings(columns=("q", "a")))) == 2
    assert len(read({"d": [HUMAN, GPT]}, ConversationSettings(columns=("d",)))) == 2


def said(template: str, messages: tuple[Message, ...], **variables: str) -> dict[int, str] | None:
    """What stands in the text for each message, by its number."""
    made = ChatTemplate(text=template, variables=variables)
    layout = lay_out(messages, made)
    if layout is None:
        return None
    assert layout.text == made.render(messages) == made.render(layout.messages)
    return {turn.number: layout.text[turn.start : turn.end] for turn in layout.turns}


def test_messages_are_found_word_for_word() -> None:
    """Also where one says what another says, or what the template says."""
    messages = talk("user", "user", "<|im_start|>assistant\n", "user", system="user")
    assert said(CHATML, messages) == dict(enumerate(message.content for message in messages))


def test_white_space_is_the_messages_unless_it_is_trimmed() -> None:
    """What the template drops is dropped; what it keeps is part of what was said, though its own stands beside it."""
    messages = talk(" ask\n", "\n tell \n", "\n\nask", "\ntell")
    assert said(CHATML, messages) == {0: " ask\n", 1: "\n tell \n", 2: "\n\nask", 3: "\ntell"}
    assert said(LLAMA_3, messages, bos_token="") == {0: "ask", 1: "tell", 2: "ask", 3: "tell"}
    left = (
        "{% for m in messages %}{{ '\n' + (m.content.lstrip() if loop.index0 % 2 else m.content) + '|' }}{% endfor %}"
    )
    assert said(left, messages) == {0: " ask\n", 1: "tell \n", 2: "\n\nask", 3: "tell"}


def test_messages_that_are_moved_or_left_out() -> None:
    """A system prompt may go before the last question, into the first, or nowhere."""
    messages = talk("one", "two", "three", "four", system="prompt")
    everything = {0: "prompt", 1: "one", 2: "two", 3: "three", 4: "four"}
    assert said(MISTRAL, messages, bos_token="", eos_token="</s>") == everything
    assert said(GEMMA, messages, bos_token="") == everything
    without = "{% for m in messages if m.role != 'system' %}{{ '[' + m.content + ']' }}{% endfor %}"
    assert said(without, messages) == {number: text for number, text in everything.items() if number}


def test_a_template_that_changes_what_was_said() -> None:
    """Followed where the change would be made of the changed words as well, given up where it would go on and on."""
    template = "{{% for m in messages %}}{{{{ '[' + m.content | {} + ']' }}}}{{% endfor %}}"
    assert said(template.format("upper"), talk("one", "two")) == {0: "ONE", 1: "TWO"}
    assert said(template.format("replace('o', 'oo')"), talk("one", "two")) is None
    assert said("{% for m in messages %}{{ m.content ~ m.content }}{% endfor %}", talk("one", "two")) is None
    assert said("{% for m in messages %}{{ m.content | length }}{% endfor %}", talk("one", "two")) is None
    assert said("[{{ messages[0].content[1:] }}|{{ messages[1].content }}]", talk("one", "two")) is None


def test_earlier_thoughts_are_left_out() -> None:
    """What remains of an answer is what the template keeps of it, be it that the first word of both is the same."""
    messages = talk("one", "<think>\ntwo\n</think>\n\ntwo", "three", "<think>\nfour\n</think>\n\nfour")
    assert said(QWEN_3, messages) == {0: "one", 1: "two", 2: "three", 3: "<think>\nfour\n</think>\n\nfour"}


@given(st.lists(st.text(st.sampled_from(list("ab \n<>|_")), min_size=1, max_size=6), min_size=2, max_size=6))
def test_a_text_that_is_laid_out_can_be_laid_out_again(contents: list[str]) -> None:
    """What is stored is a fixed point: its own messages give it again, and lie where they lay."""
    found = 0
    for template, variables in ((LLAMA_3, {"bos_token": "<s>"}), (CHATML, {}), (GEMMA, {"bos_token": "<s>"})):
        made = ChatTemplate(text=template, variables=variables)
        layout = lay_out(talk(*contents), made)
        if layout is not None:
            found += 1
            assert lay_out(layout.messages, made) == layout
    assert found or any(not content.strip() for content in contents)
