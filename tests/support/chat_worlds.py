"""Chat templates like those of published models, tokenizers that know their control tokens, and conversations."""

from functools import cache
from typing import Any

from tiny_tokenizers import PATTERNS, byte_level, plain, sentencepiece
from tokenizers import AddedToken, normalizers
from transformers import PreTrainedTokenizerFast

from nextlong_hub.conversations.assemble import ConversationBuilder
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Message
from nextlong_hub.tokenization import Tokenizer

LLAMA_3 = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>' + "
    "'\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
"""Trims what was said."""

CHATML = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Writes a system prompt of its own, as Qwen 2.5 does."""

QWEN_3 = (
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}"
    "{% endif %}{% endfor %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' %}{% set thought = '' %}{% set said = m.content %}"
    "{% if '</think>' in m.content %}{% set said = m.content.split('</think>')[-1].lstrip('\n') %}"
    "{% set thought = m.content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}{% endif %}"
    "{% if loop.index0 > ns.last %}{{ '<think>\n' + thought.strip('\n') + '\n</think>\n\n' + said.lstrip('\n') }}"
    "{% else %}{{ said }}{% endif %}{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Leaves out what was thought in earlier turns, and lays it out anew in the last one."""

MISTRAL = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set prompt = messages[0].content %}"
    "{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant/user/assistant/…') }}{% endif %}"
    "{% if m.role == 'user' %}{% if loop.last or loop.index0 == rest | length - 2 %}"
    "{{ '[INST] ' + (prompt + '\n\n' if prompt is defined else '') + m.content + '[/INST]' }}"
    "{% else %}{{ '[INST] ' + m.content + '[/INST]' }}{% endif %}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)
"""Moves the system prompt before the last question; a space that joins the answer's first word."""

GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set prompt = messages[0].content + '\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set prompt = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' "
    "+ (prompt if loop.first else '') }}{{ m.content | trim }}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
"""Writes the system prompt into the first question."""

MARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}"
    "{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}"
    "{% endfor %}"
)
"""Says itself, by `{% generation %}`, what the assistant says."""


def special(text: str, **more: Any) -> AddedToken:
    """A control token."""
    return AddedToken(text, special=True, normalized=False, **more)


LLAMA_3_TOKENS = tuple(
    map(special, ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"))
)
CHATML_TOKENS = (
    *map(special, ("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
    *map(plain, ("<think>", "</think>", "<tool_call>")),
)
MISTRAL_TOKENS = tuple(map(special, ("<s>", "</s>", "[INST]", "[/INST]")))
GEMMA_TOKENS = (
    *map(special, ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")),
    *map(plain, ("\n\n", "▁▁▁", "<table>")),
)

MAKERS: dict[str, Any] = {
    "llama 3": (
        LLAMA_3,
        {"bos_token": "<|begin_of_text|>"},
        lambda: byte_level(PATTERNS["llama 3"], added=LLAMA_3_TOKENS),
    ),
    "chatml": (
        CHATML,
        {},
        lambda: byte_level(PATTERNS["qwen 2"], normalizer=normalizers.NFC(), added=CHATML_TOKENS),
    ),
    "chatml, im_start not special": (
        CHATML,
        {},
        lambda: sentencepiece(form="metaspace", added=(plain("<|im_start|>"), special("<|im_end|>"))),
    ),
    "chatml, im_end strips": (
        CHATML,
        {},
        lambda: byte_level(added=(special("<|im_start|>"), special("<|im_end|>", rstrip=True))),
    ),
    "qwen 3": (QWEN_3, {}, lambda: byte_level(PATTERNS["qwen 3.5"], added=CHATML_TOKENS)),
    "mistral": (MISTRAL, {"bos_token": "<s>", "eos_token": "</s>"}, lambda: sentencepiece(added=MISTRAL_TOKENS)),
    "mistral, by metaspace": (
        MISTRAL,
        {"bos_token": "<s>", "eos_token": "</s>"},
        lambda: sentencepiece(form="metaspace", added=MISTRAL_TOKENS),
    ),
    "tekken": (
        MISTRAL,
        {"bos_token": "<s>", "eos_token": "</s>"},
        lambda: byte_level(PATTERNS["tekken"], added=MISTRAL_TOKENS),
    ),
    "gemma": (GEMMA, {"bos_token": "<bos>"}, lambda: sentencepiece(form="gemma", added=GEMMA_TOKENS)),
    "marked": (MARKED, {}, lambda: byte_level(PATTERNS["qwen 2"], added=CHATML_TOKENS)),
}
"""For each family of models a template, what it asks for by name, and a tokenizer."""

END_OF_TURN = {
    "llama 3": "<|eot_id|>",
    "mistral": "</s>",
    "mistral, by metaspace": "</s>",
    "tekken": "</s>",
    "gemma": "<end_of_turn>",
}
"""What ends a turn where it is not `<|im_end|>`."""


def chat_recipe(template: str, variables: dict[str, Any] | None = None, **settings: Any) -> Recipe:
    """A recipe of conversations in rows of 128 tokens."""
    conversations = {"chat_template": template, "template_variables": variables or {}, **settings}
    return Recipe.model_validate(
        {
            "name": "chat",
            "target_length": 128,
            "pack": True,
            "conversations": conversations,
            "output": {"unit_documents": 3},
        }
    )


@cache
def tokenizer_of(name: str) -> Tokenizer:
    """The tokenizer of a family, made once for all tests."""
    made: Tokenizer = MAKERS[name][2]()
    return made


@cache
def bench_of(name: str) -> ConversationBuilder:
    """Template and tokenizer of a family, together."""
    template, variables, _ = MAKERS[name]
    return ConversationBuilder(chat_recipe(template, variables), tokenizer_of(name))


@cache
def theirs(name: str) -> PreTrainedTokenizerFast:
    """The same for transformers, which knows nothing of ours."""
    template, variables, make = MAKERS[name]
    backend = make()._backend
    backend.encode_special_tokens = False
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template, **variables)


def as_dicts(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """Messages as transformers takes them."""
    return [{"role": message.role, "content": message.content} for message in messages]


def talk(*contents: str, system: str | None = None) -> tuple[Message, ...]:
    """Questions and answers by turns."""
    spoken = [Message("assistant" if number % 2 else "user", content) for number, content in enumerate(contents)]
    return (*([Message("system", system)] if system is not None else []), *spoken)
