"""Chat templates: where they come from, and the text they make of a conversation.

A template is untrusted code, so it runs in the sandbox of transformers, and in a process with limits: see `rendering`.
It gets no clock: the same conversation must give the same text on any day.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from nextlong_hub.core.confined import OutOfBudgetError, RefusedError, call_confined
from nextlong_hub.errors import DataError, RecipeError, argument
from nextlong_hub.records import Message
from nextlong_hub.tokenization.loading import LIMITS, folder_of, quiet_transformers
from nextlong_hub.tokenization.rendering import render
from nextlong_hub.tokenization.tokenizer import Tokenizer

_SHIPPED = ("nextlong_hub.builders", "chat_templates")
_CONTROL_TOKENS = {
    "llama3": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "chatml": ("<|im_start|>", "<|im_end|>"),
}
"""The templates that come with the package, and the tokens that a tokenizer needs for them."""
_CHAT_FILES = ("tokenizer_config.json", "special_tokens_map.json", "chat_template*", "additional_chat_templates/*")
_SHOWN_CHARACTERS = 60
_CLOCK = "strftime_now"
_GENERATION = "endgeneration"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTemplate:
    """A Jinja template and its variables."""

    text: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    """Where it came from, for error messages."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """What it is told of tools."""

    def given(self, tools: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> "ChatTemplate":
        """The template with what one conversation has for it; its own variables go before those."""
        if not tools and not variables:
            return self
        return replace(self, tools=tuple(tools), variables={**variables, **self.variables})

    @property
    def marks_generation(self) -> bool:
        """Whether the template says itself, by `{% generation %}`, what the assistant says."""
        return _GENERATION in self.text

    def render(self, messages: Sequence[Message], *, open_turn: bool = False) -> str:
        """The text of a conversation; with `open_turn` it ends where the assistant's next answer begins.

        Raises:
            DataError: the template refuses these messages, or fails on them.
            RecipeError: it uses the time of day, or takes too long or too much memory.
            WorkerError: no process can be started here.
        """
        return self._run(messages, add_generation_prompt=open_turn)[0]

    def generated(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """Characters of the text that the template marks as the assistant's, each from its first to past its last.

        Raises:
            DataError, RecipeError, WorkerError: see `render`.
        """
        return self._run(messages, return_assistant_tokens_mask=True)[1]

    def _run(self, messages: Sequence[Message], **how: bool) -> tuple[str, list[tuple[int, int]]]:
        conversation = [{"role": message.role, "content": message.content, **message.more} for message in messages]
        arguments = {
            "conversations": [conversation],
            "tools": [*self.tools] or None,
            "chat_template": self.text,
            **how,
        }
        try:
            # a text instead of a clock: every call of it fails
            text, spans = render(arguments, {**self.variables, _CLOCK: ""})
        except OutOfBudgetError as error:
            beginning = str(conversation[0]["content"])[:_SHOWN_CHARACTERS] if conversation else ""
            raise RecipeError(
                f"the chat template {self.name} was stopped over the conversation that begins {beginning!r}: {error}, "
                "and a template takes milliseconds; use another template "
                f"({argument('set', 'conversations.chat_template=chatml')}), or mend its loops"
            ) from error
        except RefusedError as error:
            if error.kind == "TypeError" and _CLOCK in self.text and "'str' object is not callable" in str(error):
                raise RecipeError(
                    f"the chat template {self.name} asks for today's date, and rows must not depend on the day they "
                    "are made; give it the date in conversations.template_variables, for example date_string = "
                    '"26 Jul 2024", or use another template'
                ) from error
            raise DataError(
                f"the chat template {self.name} refuses a conversation ({error.kind}: {error}); mend the template or "
                "the conversation"
            ) from error
        return text, [(start, end) for start, end in spans]


def find_template(wanted: str, variables: Mapping[str, Any], tokenizer: Tokenizer) -> ChatTemplate:
    """The chat template that a recipe names, with the tokenizer's special tokens among its variables.

    Args:
        wanted: `auto`, the name of one that comes with the package, the path of a `.jinja` file, or a template.
        variables: the template's variables; they take precedence over the tokenizer's.
        tokenizer: whose template or special tokens are meant.

    Raises:
        RecipeError: there is no such template, or none at all.
        AuthError, NetworkError, StorageError: the tokenizer's files cannot be fetched or read.
    """
    own, special = _chat_files(tokenizer)
    text, name = _text_of(wanted, own, tokenizer)
    return ChatTemplate(text=text, variables={**special, **variables}, name=name)


def template_name(text: str, tokenizer: Tokenizer) -> str:
    """What a template is called that `find_template` found: the package's name for it, or whose it is.

    Raises:
        RecipeError, AuthError, NetworkError, StorageError: see `find_template`.
    """
    own, _ = _chat_files(tokenizer)
    if text == own:
        return f"of the tokenizer {tokenizer.name}"
    return next((name for name in _CONTROL_TOKENS if text == _shipped(name)), "of the recipe")


def _text_of(wanted: str, own: str | None, tokenizer: Tokenizer) -> tuple[str, str]:
    """A template's text and its name in error messages."""
    if "{{" in wanted or "{%" in wanted:
        return wanted, "of the recipe"
    if wanted in _CONTROL_TOKENS:
        return _shipped(wanted), wanted
    if wanted == "auto":
        known = {token.content for token in tokenizer.added_tokens.values()}
        fitting = [name for name, tokens in _CONTROL_TOKENS.items() if known >= set(tokens)]
        if own is not None:
            return own, f"of the tokenizer {tokenizer.name}"
        if fitting:
            return _shipped(fitting[0]), fitting[0]
        raise RecipeError(
            f"the tokenizer {tokenizer.name} has no chat template, and knows the control tokens of none that comes "
            f"with nextlong-hub ({', '.join(_CONTROL_TOKENS)}); give the tokenizer of a chat model, or write "
            f"{argument('set', 'conversations.chat_template=my-template.jinja')}"
        )
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise RecipeError(
            f"there is no chat template {wanted}; conversations.chat_template is auto, {', '.join(_CONTROL_TOKENS)}, "
            "or the path of a Jinja file"
        )
    try:
        return path.read_text(encoding="utf-8"), path.name
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the chat template {wanted} cannot be read ({error}); give a UTF-8 text file") from error


def _shipped(name: str) -> str:
    package, folder = _SHIPPED
    return files(package).joinpath(folder, f"{name}.jinja").read_text(encoding="utf-8").removesuffix("\n")


def _chat_files(tokenizer: Tokenizer) -> tuple[str | None, dict[str, str]]:
    """A tokenizer's own chat template, the default one of several, and its special tokens by their names."""
    folder = folder_of(tokenizer, _CHAT_FILES)
    found = sorted((entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file())
    states = tuple((name, state.st_size, state.st_mtime_ns) for name, state in found)
    try:
        template, special = _read_chat_files(str(folder), states)
    except (RefusedError, OutOfBudgetError) as error:
        raise RecipeError(
            f"transformers cannot read the chat template of the tokenizer {tokenizer.name} ({error}); write "
            f"{argument('set', 'conversations.chat_template=my-template.jinja')}, or mend its tokenizer_config.json"
        ) from error
    return template, dict(special)


@lru_cache(maxsize=8)
def _read_chat_files(folder: str, states: tuple[tuple[str, int, int], ...]) -> tuple[str | None, dict[str, str]]:
    """What another process, which costs two seconds, reads of a folder, once for files of these names, sizes and times.

    Raises:
        RefusedError, OutOfBudgetError: see `call_confined`.
    """
    template, special = call_confined(chat_files_here, folder, LIMITS)
    return template, special


def chat_files_here(folder: str) -> tuple[str | None, dict[str, str]]:
    """What `_chat_files` gives, from the files of a folder.

    Raises:
        Exception: whatever a tokenizer class raises on files that it cannot read.
    """
    with quiet_transformers():
        from transformers import AutoTokenizer, PreTrainedTokenizerFast

        has_library_file = (Path(folder) / "tokenizer.json").is_file()
        loader: Any = PreTrainedTokenizerFast if has_library_file else AutoTokenizer
        found = loader.from_pretrained(folder, local_files_only=True)
        template = found.get_chat_template() if found.chat_template else None
    return template, {name: token for name, token in found.special_tokens_map.items() if isinstance(token, str)}
