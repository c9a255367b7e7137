"""Rows as published datasets have them: what is said in them, word for word, and what of them is told instead."""

import json
from typing import Any

import pytest
from tool_templates import QWEN_3

from nextlong_hub.conversations.forms.base import FORMS
from nextlong_hub.conversations.parse import Conversation, parse, settings_of, what_is_in
from nextlong_hub.errors import RecipeError
from nextlong_hub.recipe import ConversationSettings, Recipe
from nextlong_hub.records import Reason

U, A, S = "user", "assistant", "system"
Said = list[tuple[str, str]]

MAGPIE = {
    "uuid": True, "instruction": "Name a river.", "response": "The Rhine.",
    "conversations": [{"from": "human", "value": "Name a river."}, {"from": "gpt", "value": "The Rhine."}],
    "task_category": True, "input_quality": True,
}  # fmt: skip
SHAREGPT = {
    "conversations": [
        {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."},
        {"from": "human", "value": "Bye"}, {"from": "gpt", "value": "Goodbye."},
    ]
}  # fmt: skip
ULTRACHAT = {"data": ["Why is the sky blue?", "Because of scattering.", "And at dusk?", "Red is left."]}
ULTRACHAT_200K = {
    "prompt": "Write a haiku.",
    "messages": [{"role": "user", "content": "Write a haiku."}, {"role": "assistant", "content": "Autumn leaves."}],
}
OPENHERMES = {
    "custom_instruction": None, "system_prompt": None, "model": None, "category": True, "skip_prompt_formatting": None,
    "conversations": [
        {"from": "human", "value": "What is 1 + 1?", "weight": None}, {"from": "gpt", "value": "2", "weight": None},
    ],
}  # fmt: skip
OPENORCA = {"system_prompt": "You are brief.", "question": "What is a fjord?", "response": "An inlet."}
SLIMORCA = {
    "conversations": [
        {"from": "system", "value": "You are brief.", "weight": None},
        {"from": "human", "value": "What is a fjord?", "weight": 0.0},
        {"from": "gpt", "value": "An inlet.", "weight": 1.0},
    ]
}
DOLLY = {
    "instruction": "When did it open?", "context": "The bridge opened in 1932.", "response": "In 1932.",
    "category": True,
}  # fmt: skip
DOLLY_OPEN = {"instruction": "Name a colour.", "context": "", "response": "Blue.", "category": True}
ALPACA = {
    "instruction": "Add.", "input": "2, 3", "output": "5", "text": True, "system": "Be exact.",
    "history": [["Hello?", "Yes?"]],
}  # fmt: skip
PREFERENCE_STRINGS = {"system": "Be kind.", "question": "One?", "chosen": "1", "rejected": "2"}
PREFERENCE_WHOLE = {
    "prompt": "One?",
    "chosen": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}],
    "rejected": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "2"}],
    "score_chosen": 8.0,
}
PREFERENCE_ANSWERS = {
    "prompt": [*PREFERENCE_WHOLE["chosen"], {"role": "user", "content": "Two?"}],  # type: ignore[misc]
    "chosen": [{"role": "assistant", "content": "2"}],
    "rejected": [{"role": "assistant", "content": "3"}],
}
TRL_STRINGS = {"prompt": "The sky is", "completion": " blue."}
TRL_MESSAGES = {
    "prompt": [
        {"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}, {"role": "user", "content": "Two?"},
    ],
    "completion": [{"role": "assistant", "content": "2"}],
}  # fmt: skip
SMOLTALK_2 = {
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
    "chat_template_kwargs": {
        "custom_instructions": "", "enable_thinking": False, "python_tools": [], "xml_tools": ["{}"],
    },
}  # fmt: skip


def read(row: Any, **settings: Any) -> Conversation:
    """The conversation of a row, which must give one."""
    found = parse(json.dumps(row), ConversationSettings(**settings))
    assert isinstance(found, Conversation), found
    return found


def said(conversation: Conversation) -> Said:
    """Who says what."""
    return [(message.role, message.content) for message in conversation.messages]


@pytest.mark.parametrize(
    ("form", "row", "messages", "unused"),
    [
        ("sharegpt", MAGPIE, [(U, "Name a river."), (A, "The Rhine.")], {"uuid", "task_category", "input_quality"}),
        ("sharegpt", SHAREGPT, [(U, "Hi"), (A, "Hello."), (U, "Bye"), (A, "Goodbye.")], set()),
        ("ultrachat", ULTRACHAT, [(U, "Why is the sky blue?"), (A, "Because of scattering."), (U, "And at dusk?"),
                                  (A, "Red is left.")], set()),
        ("openai", ULTRACHAT_200K, [(U, "Write a haiku."), (A, "Autumn leaves.")], set()),
        ("sharegpt", OPENHERMES, [(U, "What is 1 + 1?"), (A, "2")], {"category"}),
        ("openorca", OPENORCA, [(S, "You are brief."), (U, "What is a fjord?"), (A, "An inlet.")], set()),
        ("sharegpt", SLIMORCA, [(S, "You are brief."), (U, "What is a fjord?"), (A, "An inlet.")], set()),
        ("dolly", DOLLY, [(U, "When did it open?\n\nThe bridge opened in 1932."), (A, "In 1932.")], {"category"}),
        ("dolly", DOLLY_OPEN, [(U, "Name a colour."), (A, "Blue.")], {"category"}),
        ("alpaca", ALPACA, [(S, "Be exact."), (U, "Hello?"), (A, "Yes?"), (U, "Add.\n\n2, 3"), (A, "5")], {"text"}),
        ("prompt-completion", TRL_STRINGS, [(U, "The sky is"), (A, " blue.")], set()),
        ("prompt-completion", TRL_MESSAGES, [(U, "One?"), (A, "1"), (U, "Two?"), (A, "2")], set()),
        ("openai", SMOLTALK_2, [(U, "Hi"), (A, "Hello.")],
         {"chat_template_kwargs.enable_thinking", "chat_template_kwargs.xml_tools"}),
        ("magpie", {"instruction": "A", "response": "B", "context": "C"}, [(U, "A"), (A, "B")], {"context"}),
        ("openorca", {"question": "A", "answer": "B"}, [(U, "A"), (A, "B")], set()),
        ("preference", PREFERENCE_STRINGS, [(S, "Be kind."), (U, "One?"), (A, "1")], {"rejected"}),
        ("preference", PREFERENCE_ANSWERS, [(U, "One?"), (A, "1"), (U, "Two?"), (A, "2")], {"rejected"}),
        ("preference", PREFERENCE_WHOLE, [(U, "One?"), (A, "1")], {"rejected", "score_chosen"}),
        ("preference", {**PREFERENCE_WHOLE, "chosen": [{"role": A, "content": "1"}]}, [(U, "One?"), (A, "1")],
         {"rejected", "score_chosen"}),
    ],
)  # fmt: skip
def test_each_form_is_read_as_it_is_published(form: str, row: dict[str, Any], messages: Said, unused: set[str]) -> None:
    """Named or not; what has no place in a conversation is told by its name, and what is there twice is not missed."""
    for settings in ({"form": form}, {}):
        if settings or form != "magpie":  # a context makes a pair a question about it
            found = read(row, **settings)
            assert said(found) == messages
    assert read(row, form=form).unused >= unused
    if form != "magpie":
        assert read(row).unused == unused


def test_only_a_completion_is_trained_on() -> None:
    """The answers of a prompt are there to be read."""
    assert [message.is_learnt for message in read(TRL_MESSAGES).messages] == [True, False, True, True]


def test_every_name_of_a_speaker_is_one_of_four_roles() -> None:
    """In capitals or not."""
    names = {"User": U, "HUMAN": U, "prompter": U, "Assistant": A, "gpt": A, "ChatGPT": A, "bing": A, "bard": A}
    for name, role in names.items():
        other = {"role": "assistant" if role == U else "user", "content": "x"}
        turns = [{"from": name, "value": "x"}, other] if role == U else [other, {"from": name, "value": "x"}]
        assert (role, "x") in said(read({"conversations": turns}))


@pytest.mark.parametrize(
    ("more", "unused"),
    [
        ({}, set()),
        ({"tools": "[]", "images": [], "system": None, "score": 0.0}, {"score"}),
        ({"chosen": True, "language": "", "flag": False}, {"chosen"}),
        ({"system_prompt": "S", "system": "T"}, {"system_prompt"}),
        ({"tools": [{"name": "f"}]}, {"tools"}),
        ({"history": "before"}, {"history"}),
        ({"prompt": [{"role": "user", "content": "Ask"}]}, set()),
        ({"prompt": [{"role": "user", "content": "Other"}]}, {"prompt"}),
        ({"instruction": "Ask", "response": "Tell"}, set()),
        ({"instruction": "Ask", "response": "Another"}, {"response"}),
    ],
)  # fmt: skip
def test_a_field_that_nothing_uses_is_told(more: dict[str, Any], unused: set[str]) -> None:
    """By its name, unless it is empty or says what is in the conversation already."""
    row = {"messages": [{"role": "user", "content": "Ask"}, {"role": "assistant", "content": "Tell"}], **more}
    assert read(row).unused == unused


def test_a_field_of_a_turn_that_nothing_uses_is_told() -> None:
    """Under the name of its column; the template of another model might use it."""
    turns = [
        {"role": "user", "content": "Ask", "name": "Ann", "end_turn": None},
        {"role": "assistant", "content": "Tell", "reasoning_content": "Hm.", "weight": 0.5},
    ]
    assert read({"messages": turns}).unused == {"messages.name", "messages.reasoning_content", "messages.weight"}
    known = read({"messages": turns}, chat_template=QWEN_3)
    assert known.unused == {"messages.name", "messages.weight"}
    assert known.messages[1].more == {"reasoning_content": "Hm."}


def test_what_a_template_names_it_is_given() -> None:
    """Tools in any common form become JSON schemas; of its variables those that it names, never one of ours."""
    tool = {"name": "f", "description": None, "parameters": {"type": "object"}}
    schema = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    messages = [{"role": "user", "content": "Ask"}, {"role": "assistant", "content": "Tell"}]
    for tools in ([tool], json.dumps([tool]), [json.dumps(tool)], [{"type": "function", "function": tool}]):
        assert read({"messages": messages, "tools": tools}, chat_template=QWEN_3).tools == (schema,)
    given = {"enable_thinking": False, "messages": [], "add_generation_prompt": True, "other": 1}
    found = read({"messages": messages, "chat_template_kwargs": given}, chat_template=QWEN_3)
    assert found.variables == {"enable_thinking": False}
    assert found.unused == {"chat_template_kwargs.other", "chat_template_kwargs.add_generation_prompt"}


@pytest.mark.parametrize(
    ("answer", "is_learnt"),
    [
        ({}, True),
        ({"weight": 1}, True),
        ({"weight": None, "train": None}, True),
        ({"weight": 0}, False),
        ({"train": False}, False),
        ({"trainable": False}, False),
        ({"training": "false"}, False),
        ({"weight": 1, "train": False}, False),
        ({"weight": "0"}, False),
        ({"weight": "1.0"}, True),
        ({"train_on_turn": False}, False),
        ({"masked": True}, False),
        ({"mask": 0}, True),
    ],
)  # fmt: skip
def test_flags_of_an_answer(answer: dict[str, Any], is_learnt: bool) -> None:
    """An answer is trained on unless one of its flags says no."""
    first = {"role": "assistant", "content": "First", **answer}
    row = {"messages": [{"role": "user", "content": "A"}, first, {"role": "user", "content": "B"},
                        {"role": "assistant", "content": "Second"}]}  # fmt: skip
    found = read(row)
    assert [message.is_learnt for message in found.messages] == [True, is_learnt, True, True]
    assert found.unused == set()


def test_a_bad_completion_is_not_trained_on() -> None:
    """KTO labels it so; a label that is no flag is told."""
    row = {"prompt": "One?", "completion": "3"}
    assert read({**row, "label": True}).unused == set()
    assert read({**row, "label": 4}).unused == {"label"}
    settings = ConversationSettings(chat_template="{{ messages }}")
    assert parse(json.dumps({**row, "label": False}), settings) is Reason.NOTHING_LEARNT


def test_keys_of_a_turn_may_be_mixed() -> None:
    """`role` beside `value`, `from` beside `content`."""
    row = {"conversations": [{"role": "user", "value": "A"}, {"from": "gpt", "content": "B"}]}
    assert said(read(row)) == [(U, "A"), (A, "B")]


def test_flags_of_other_turns_lose_nothing() -> None:
    """A question is not trained on anyway; one that asks to be is told."""
    row = {"messages": [{"role": "user", "content": "A", "weight": 0, "train": False},
                        {"role": "assistant", "content": "B"}]}  # fmt: skip
    assert read(row).unused == set()
    row["messages"][0]["train"] = True
    assert read(row).unused == {"messages.train"}


def test_what_follows_the_last_trained_answer_teaches_nothing() -> None:
    """It is left out and counted; without any such answer there is no conversation."""
    turns = [("user", "A", True), ("assistant", "B", True), ("user", "C", True), ("assistant", "D", False)]
    row = {
        "messages": [{"role": role, "content": words, **({} if ok else {"train": False})} for role, words, ok in turns]
    }
    assert (said(read(row)), read(row).unanswered) == ([(U, "A"), (A, "B")], 2)
    row["messages"][1]["train"] = False
    assert parse(json.dumps(row), ConversationSettings()) == Reason.NOTHING_LEARNT


def test_a_recipe_names_a_form_that_there_is() -> None:
    """And as many columns as that form has."""
    with pytest.raises(RecipeError, match=r"no conversation form 'shargpt'.*did you mean 'sharegpt'"):
        settings_of(recipe_with(form="shargpt"))
    with pytest.raises(RecipeError, match=r"the form 'magpie' takes 2 columns, not 1; name in conversations\.columns"):
        settings_of(recipe_with(form="magpie", columns=("q",)))
    assert settings_of(recipe_with(form="dolly", columns=("q", "about", "a"))).columns == ("q", "about", "a")
    assert said(read({"q": "Q", "about": "C", "a": "A"}, columns=("q", "about", "a"))) == [(U, "Q\n\nC"), (A, "A")]
    assert said(read({"talk": ["Q", "A"]}, columns=("talk",))) == [(U, "Q"), (A, "A")]


def test_an_error_says_what_the_first_row_has() -> None:
    """Its columns, and the roles of its turns where it has any."""
    auto = ConversationSettings()
    assert what_is_in('{"ask": "a", "tell": "b"}', auto) == "its first row has the columns 'ask', 'tell'"
    turns = json.dumps({"messages": [{"role": "alien", "content": "x"}]})
    assert what_is_in(turns, auto) == "its first row has the columns 'messages' and the roles 'alien'"


def test_every_form_reads_columns_and_has_its_own_place() -> None:
    """The order in which forms are tried is total, and their columns are what is read of a row."""
    forms = list(FORMS.values())
    assert len({form.order for form in forms}) == len(forms) == 9
    assert all(form.columns and form.named for form in forms)


def recipe_with(**conversations: Any) -> Recipe:
    """A recipe of conversations."""
    return Recipe.model_validate({"name": "chat", "pack": True, "conversations": conversations})
