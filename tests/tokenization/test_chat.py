"""Chats: the ids are those of transformers, the mask is on the answers, and nobody but the template ends a turn."""

from pathlib import Path

import numpy as np
import pytest
from chat_worlds import END_OF_TURN, LLAMA_3_TOKENS, MAKERS, as_dicts, bench_of, chat_recipe, talk, theirs, tokenizer_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny_tokenizers import byte_level, demo_texts, of_bytes, ours, plain
from token_texts import FOLDERS
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from nextlong_hub.conversations.assemble import ConversationBuilder
from nextlong_hub.conversations.layout import Layout, lay_out
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.records import Message, Turn
from nextlong_hub.tokenization import ChatTemplate, ChatTokenizer, EncodedChat, load_tokenizer
from nextlong_hub.tokenization.chat_templates import find_template

WORDS = st.sampled_from(
    [
        "word", " word", "Word", "don't", "é", "e\u0301", "日本", "語。", "\n", "\n\n", "\r\n", " ", "  ", "\t", "\xa0",
        "1234", ".", "...\n", "▁", "▁▁▁", "👩\u200d👧", "<", ">", "|", "[", "</b>", "<table>", "<think>", "{{ x }}",
    ]
)  # fmt: skip
CONTENTS = st.lists(WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), min_size=1, max_size=8).map(
    "".join
)
HOSTILE = st.sampled_from(
    [
        "<|eot_id|>", "<|im_end|>\n<|im_start|>assistant\n", "</s>", "[/INST]", "<end_of_turn>\n", "<|im_start|>",
        "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_", "id|>", "<|im_", "end|>", "</", "s>", "[INST",
        "<|begin_of_text|>", "<bos>", "<s>", "\ufffe", "<|endoftext|>",
    ]
)  # fmt: skip
"""Control tokens of every family, and halves of them."""


def encode(name: str, messages: tuple[Message, ...]) -> tuple[Layout, EncodedChat] | None:
    """A conversation under a family's template and tokenizer; None where it is given up."""
    bench = bench_of(name)
    layout = lay_out(messages, bench.template)
    return None if layout is None else (layout, bench.encode(layout, bench.template))


def controls_of(name: str) -> dict[int, str]:
    """Control tokens of a family by their ids: what a model obeys."""
    added = tokenizer_of(name).added_tokens.items()
    return {number: token.content for number, token in added if token.special or token.content == "<|im_start|>"}


def usable(contents: list[str]) -> bool:
    """Whether every message says something, without what we keep for ourselves."""
    return all(content.strip() and not any("\ufdd0" <= c <= "\ufdef" for c in content) for content in contents)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(deadline=None, max_examples=60)
@given(contents=st.lists(CONTENTS, min_size=2, max_size=6), system=st.none() | CONTENTS)
def test_ids_are_those_of_transformers(name: str, contents: list[str], system: str | None) -> None:
    """Bit for bit what `apply_chat_template` gives, text and ids, where nobody spells a control token."""
    contents = contents[: len(contents) // 2 * 2]
    said = [*contents, *([system] if system is not None else [])]
    assume(usable(said) and not any(control in one for one in said for control in controls_of(name).values()))
    messages = talk(*contents, system=system)
    found = encode(name, messages)
    if found is None:  # given up, counted: a template may cut white space in ways nobody can follow
        assert name in ("qwen 3", "chatml, im_end strips") or any(one != one.strip() for one in said)
        return
    layout, encoded = found
    reference = theirs(name)
    assert layout.text == reference.apply_chat_template(as_dicts(messages), tokenize=False)
    assert encoded.input_ids.tolist() == reference.apply_chat_template(as_dicts(messages), return_dict=False)


@pytest.mark.parametrize("name", MAKERS)
def test_the_mask_is_the_answers_and_what_ends_them(name: str) -> None:
    """Decoded, what is learnt is each answer and its end of turn; nothing else is."""
    messages = talk("What is 2 + 2?", "It is 4.", "Why?\n", "Because\n\nit is.", system="Be exact.")
    found = encode(name, messages)
    assert found is not None
    _, encoded = found
    said = theirs(name).decode(encoded.input_ids[encoded.loss_mask == 1])
    end = END_OF_TURN.get(name, "<|im_end|>")
    assert said.replace(" ", "") == f"It is 4.{end}Because\n\nit is.{end}".replace(" ", "")
    rest = theirs(name).decode(encoded.input_ids[encoded.loss_mask == 0])
    assert "It is 4." not in rest and "Because" not in rest and "What is 2 + 2?" in rest and "Be exact." in rest
    assert encoded.loss_mask.dtype == np.int8 and encoded.input_ids.dtype == np.int32


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(deadline=None, max_examples=60)
@given(contents=st.lists(st.lists(HOSTILE | WORDS, min_size=1, max_size=5).map("".join), min_size=2, max_size=4))
def test_nobody_but_the_template_writes_a_control_token(name: str, contents: list[str]) -> None:
    """Whatever is typed, the ids hold as many control tokens as in a harmless conversation of as many turns."""
    contents = contents[: len(contents) // 2 * 2]
    assume(usable(contents))
    controls = controls_of(name)
    harmless = encode(name, talk(*["word"] * len(contents)))
    found = encode(name, talk(*contents))
    assert harmless is not None
    if found is None:
        return
    wanted = [number for number in harmless[1].input_ids.tolist() if number in controls]
    assert [number for number in found[1].input_ids.tolist() if number in controls] == wanted
    ends = found[1].input_ids == next(n for n, text in controls.items() if text == END_OF_TURN.get(name, "<|im_end|>"))
    assert int((ends & (found[1].loss_mask == 1)).sum()) == len(contents) // 2


def test_a_typed_end_of_turn_is_seen_word_for_word() -> None:
    """The tokens of what was typed decode to exactly that, in the question as in the answer."""
    found = encode("llama 3", talk("Say <|eot_id|>!", "Here: <|eot_id|>", "Thanks<|eot_id|>", "<|eot_id|>"))
    assert found is not None
    layout, encoded = found
    reference = theirs("llama 3")
    assert reference.decode(encoded.input_ids) == layout.text
    assert reference.decode(encoded.input_ids[encoded.loss_mask == 1]) == "Here: " + 4 * "<|eot_id|>"
    eot = reference.convert_tokens_to_ids("<|eot_id|>")
    assert encoded.input_ids.tolist().count(eot) == 4
    assert reference.apply_chat_template(as_dicts(layout.messages), return_dict=False).count(eot) == 8


def test_reasoning_is_learnt_where_the_template_keeps_it() -> None:
    """Left out in earlier turns, laid out anew in the last one, and a tag the model writes itself is one token."""
    thought = "<think>\nEasy.\n</think>\n\nFour."
    found = encode("qwen 3", talk("2 + 2?", thought, "3 + 3?", "<think>Hard.</think>Six."))
    assert found is not None
    layout, encoded = found
    assert [message.content for message in layout.messages] == [
        "2 + 2?",
        "Four.",
        "3 + 3?",
        "<think>\nHard.\n</think>\n\nSix.",
    ]
    reference = theirs("qwen 3")
    said = reference.decode(encoded.input_ids[encoded.loss_mask == 1])
    assert said == "Four.<|im_end|><think>\nHard.\n</think>\n\nSix.<|im_end|>"
    assert encoded.input_ids.tolist().count(reference.convert_tokens_to_ids("<think>")) == 1


def test_an_empty_thought_is_the_templates() -> None:
    """What the template writes before an answer is no part of it."""
    found = encode("qwen 3", talk("2 + 2?", "Four."))
    assert found is not None
    layout, encoded = found
    assert layout.text.endswith("assistant\n<think>\n\n</think>\n\nFour.<|im_end|>\n")
    assert theirs("qwen 3").decode(encoded.input_ids[encoded.loss_mask == 1]) == "Four.<|im_end|>"


def test_the_first_word_of_an_answer_is_learnt_with_the_space_before_it() -> None:
    """Where a token begins in the template and ends in the answer, it is the answer's."""
    found = encode("mistral", talk("Hi", "the answer", "Hi", "the end"))
    assert found is not None
    learnt = found[1].input_ids[found[1].loss_mask == 1]
    tokens = theirs("mistral").convert_ids_to_tokens(learnt)
    assert tokens[0].startswith("▁t") and tokens[-1] == "</s>"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ strftime_now('%Y') }}{{ messages[0].content }}", "asks for today's date.*date_string"),
        ("{% for m in messages %}{{ m.content + m.content }}<|eot_id|>{% endfor %}", "does not write messages as they"),
        ("{% for m in messages %}{{ m.content | replace('s', 'ss') }}<|eot_id|>{% endfor %}", "does not write mess"),
        ("{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}", "no answer ends with a control"),
        ("{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}", "no answer ends with a control token"),
        ("{{ raise_exception('no') }}", r"cannot be used: the chat template .* \(TemplateError: no\)"),
        ("{{ messages | nofilter }}", "cannot be used: .*nofilter"),
        ("{% for m in messages %}", "cannot be used: .*TemplateSyntaxError"),
        ("{{ ''.__class__.__mro__ }}", "cannot be used: .*SecurityError"),
    ],
)  # fmt: skip
def test_templates_that_cannot_be_used(template: str, message: str) -> None:
    """Told before a conversation is read, by what they do."""
    with pytest.raises(RecipeError, match=f"(?s){message}"):
        ConversationBuilder(chat_recipe(template), tokenizer_of("llama 3"))


def test_a_date_that_is_given_is_no_clock() -> None:
    """A template that asks for the day only when nobody tells it can be used when somebody does."""
    template = (
        "{% if date_string is not defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        "{{ 'Today: ' + date_string }}{% for m in messages %}{{ m.role + m.content + '<|eot_id|>' }}{% endfor %}"
    )
    bench = ConversationBuilder(chat_recipe(template, {"date_string": "26 Jul 2024"}), tokenizer_of("llama 3"))
    assert bench.template.render(talk("a", "b")).startswith("Today: 26 Jul 2024user")
    with pytest.raises(RecipeError, match="asks for today's date"):
        ConversationBuilder(chat_recipe(template), tokenizer_of("llama 3"))


def test_a_refusal_of_the_template_is_told() -> None:
    """What a template raises is ours to report."""
    with pytest.raises(DataError, match=r"refuses a conversation .*Roles must alternate"):
        bench_of("mistral").template.render(talk("a", "b")[1:])


def test_a_control_token_the_tokenizer_does_not_take_for_one() -> None:
    """A token that must stand alone and does not is told, rather than its stand-in ending up in the ids."""
    backend = byte_level()._backend
    backend.add_special_tokens([LLAMA_3_TOKENS[4]])
    backend.add_tokens([plain("<word>", single_word=True)])
    chat = ChatTokenizer(ours(backend), delimiters={"<word>"})
    text = "a<word>b<|eot_id|>"
    with pytest.raises(RecipeError, match="does not take them for tokens where they stand"):
        chat.encode(text, [])


def test_templates_are_found(tmp_path: Path) -> None:
    """The tokenizer's own, then the one that fits it; a name, a file or a text on request; else what to do is told."""
    folder = tmp_path / "llama"
    backend = byte_level(added=LLAMA_3_TOKENS)._backend
    reference = theirs("llama 3").__class__(tokenizer_object=backend, bos_token="<|begin_of_text|>")
    reference.save_pretrained(folder)
    tokenizer = load_tokenizer(str(folder))
    found = find_template("auto", {}, tokenizer)
    assert found.name == "llama3" and found.variables["bos_token"] == "<|begin_of_text|>"
    assert found.render(talk("a", " b\n")) == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|>"
    )
    assert find_template("chatml", {}, tokenizer).render(talk("a", " b\n")) == (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n b\n<|im_end|>\n"
    )
    (tmp_path / "mine.jinja").write_text("{{ greeting }}")
    assert find_template(str(tmp_path / "mine.jinja"), {"greeting": "Hi"}, tokenizer).render(talk("a", "b")) == "Hi"
    assert find_template("{{ bos_token }}", {"bos_token": "B"}, tokenizer).render(talk("a", "b")) == "B"
    reference.chat_template = {"default": "{{ 'own' }}", "rag": "{{ 'other' }}"}
    reference.save_pretrained(folder)
    assert find_template("auto", {}, load_tokenizer(str(folder))).text == "{{ 'own' }}"
    with pytest.raises(RecipeError, match=r"there is no chat template llama4; .* is auto, llama3, chatml, or the path"):
        find_template("llama4", {}, tokenizer)
    with pytest.raises(RecipeError, match=r"the tokenizer demo has no chat template.*my-template\.jinja"):
        find_template("auto", {}, load_tokenizer("demo"))


@pytest.mark.skipif(not FOLDERS, reason="NEXTLONG_TOKENIZERS names no folder of tokenizer folders")
def test_real_tokenizers_agree_with_transformers() -> None:
    """Under the templates and whole vocabularies of published models: ids as theirs, and the answers learnt."""
    compared = 0
    for folder in sorted(path for path in Path(str(FOLDERS)).iterdir() if path.is_dir()):
        tokenizer = load_tokenizer(str(folder))
        try:
            template = find_template("auto", {}, tokenizer)
        except RecipeError:  # a tokenizer of a base model, for which no template fits
            continue
        bench = ConversationBuilder(chat_recipe(template.text, dict(template.variables)), tokenizer)
        reference = PreTrainedTokenizerFast.from_pretrained(folder)
        reference.chat_template = template.text
        texts = [text[: 40 * number] for number, text in enumerate(demo_texts()[:24], 1)]
        for start in range(0, len(texts), 4):
            messages = talk(*texts[start : start + 4])
            layout = lay_out(messages, bench.template)
            assert layout is not None
            encoded = bench.encode(layout, bench.template)
            wanted = reference.apply_chat_template(as_dicts(messages), return_dict=False)
            assert encoded.input_ids.tolist() == wanted, (folder.name, messages)
            said = reference.decode(encoded.input_ids[encoded.loss_mask == 1])
            answers = [message.content for message in layout.messages if message.role == "assistant"]
            assert all(answer in said for answer in answers), (folder.name, said)
            compared += 1
    assert compared >= 6


def test_a_templates_own_marks_are_believed() -> None:
    """Where `{% generation %}` leaves the end of turn out, it is not learnt."""
    text = (
        "{% for m in messages %}{{ '<|im_start|>' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
        "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>' }}{% endfor %}"
    )
    template = ChatTemplate(text=text)
    assert template.generated(talk("ask", "tell")) == [(37, 41)]
    bench = ConversationBuilder(chat_recipe(text), tokenizer_of("marked"))
    layout = lay_out(talk("ask", "tell"), bench.template)
    assert layout is not None
    encoded = bench.encode(layout, bench.template)
    assert theirs("marked").decode(encoded.input_ids[encoded.loss_mask == 1]) == "tell"


def test_an_answer_that_is_not_to_be_learnt_has_no_loss() -> None:
    """Neither it nor the token that ends it, also where the template marks what it generated."""
    tokenizer = of_bytes(added=(AddedToken("<|end|>", special=True, normalized=False),))
    text = "Hi No.<|end|>So Yes.<|end|>"
    turns = [
        Turn(number=0, role="user", start=0, end=3),
        Turn(number=1, role="assistant", start=3, end=6, is_learnt=False),
        Turn(number=2, role="user", start=13, end=16),
        Turn(number=3, role="assistant", start=16, end=20),
    ]
    chat = ChatTokenizer(tokenizer, delimiters=["<|end|>"])
    for generated in (None, [(3, 13), (16, 27)]):
        mask = chat.encode(text, turns, generated).loss_mask.tolist()
        assert mask == [0] * 3 + [0] * 4 + [0] * 3 + [1] * 5
    assert chat.encode(text, turns).turn_tokens == (3, 3, 3, 4)


def test_of_two_control_tokens_that_begin_alike_the_longer_is_found() -> None:
    """Where one control token begins another, ids and mask are those of the tokenizer library, whatever their order."""
    names = ("<|end|>", "<|end|>of<|turn|>", "<|turn|>")
    for order in (names, names[::-1]):
        tokenizer = of_bytes(added=tuple(AddedToken(name, special=True, normalized=False) for name in order))
        ids = {token.content: number for number, token in tokenizer.added_tokens.items()}
        text = "Hi<|end|>of<|turn|>Yes.<|end|>of<|turn|>"
        turns = [
            Turn(number=0, role="user", start=0, end=2),
            Turn(number=1, role="assistant", start=19, end=23),
        ]
        chat = ChatTokenizer(tokenizer, delimiters=names)
        assert [control.id for control in chat.controls(text, turns)] == [ids["<|end|>of<|turn|>"]] * 2
        plain_backend = tokenizer.copy_backend()
        plain_backend.encode_special_tokens = False
        encoded = chat.encode(text, turns)
        assert encoded.input_ids.tolist() == plain_backend.encode(text, add_special_tokens=False).ids
        answer = len(tokenizer.encode("Yes."))
        hidden = len(encoded.input_ids) - answer - 1
        assert encoded.loss_mask.tolist() == [0] * hidden + [1] * (answer + 1)
        assert chat.spelt_controls(text) == 2
