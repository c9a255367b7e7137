"""Conversations in, token ids and a loss mask out; only a chat template can write a control token.

`<|eot_id|>` typed by a user is ten characters of text; in the template around it, it is one token that ends a turn. A
tokenizer cannot distinguish the two. So in a copy of the tokenizer each control token gets a stand-in, a string that no
message holds, and every control token that the template wrote is replaced by its stand-in before the text is encoded.
The stand-ins have the flags of the tokens they replace and the rest of the text stays in one piece, so the ids are
those of `apply_chat_template(tokenize=True)` wherever no message spells a control token.

Control tokens are the tokenizer's special tokens, and added tokens by which the template delimits turns. Other added
tokens (`<think>`, `<tool_call>`) are part of what an assistant may say.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken

from nextlong_hub.errors import RecipeError
from nextlong_hub.records import Turn
from nextlong_hub.tokenization.tokenizer import Tokenizer

_STAND_IN = "\ufdd0{}\ufdd1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control token that a template wrote."""

    id: int
    start: int
    """First character in the text."""
    end: int
    """One past the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedChat:
    """A rendered conversation as a model sees it."""

    input_ids: NDArray[np.int32]
    """Shape: (tokens,)."""
    loss_mask: NDArray[np.int8]
    """1 where the loss is taken. Shape: (tokens,)."""
    turn_tokens: tuple[int, ...]
    """Tokens that begin inside each turn."""


class ChatTokenizer:
    """A tokenizer for the texts that one chat template makes."""

    def __init__(self, tokenizer: Tokenizer, *, delimiters: Iterable[str] = (), bos: str | None = None) -> None:
        """Copy the tokenizer and give its control tokens their stand-ins.

        Args:
            tokenizer: gives the ids.
            delimiters: added tokens, special or not, by which the template delimits turns; see `turn_delimiters`.
            bos: the token that begins a conversation; it ends no turn.
        """
        delimiters = set(delimiters)
        added = tokenizer.added_tokens
        self._controls = {
            token.content: number for number, token in added.items() if token.special or token.content in delimiters
        }
        self._bos = bos
        self._any_added = _one_of(token.content for token in added.values())
        backend = tokenizer.copy_backend()
        # To the copy special tokens are plain text, and now these are special; what is not is found in any text.
        backend.add_special_tokens([_like(added[n], text, special=True) for text, n in self._controls.items()])
        numbers = sorted(self._controls.values())
        stand_ins = [_like(added[number], _STAND_IN.format(number), special=False) for number in numbers]
        self._first_stand_in = max(backend.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        backend.add_tokens(stand_ins)
        self._tokenizer = tokenizer.like(backend)
        self._stood_for = np.array(numbers, np.int32)

    def controls(self, text: str, turns: Sequence[Turn]) -> list[Control]:
        """The control tokens that the template wrote: those that lie wholly between turns, in order."""
        return [
            Control(id=self._controls[match.group()], start=start + match.start(), end=start + match.end())
            for start, end in _gaps(text, turns)
            for match in self._any_added.finditer(text[start:end])
            if match.group() in self._controls
        ]

    def spelt_controls(self, text: str) -> int:
        """How many control tokens a text spells, whoever wrote them."""
        return sum(match.group() in self._controls for match in self._any_added.finditer(text))

    def ends_of_turns(self, text: str, turns: Sequence[Turn]) -> list[Control | None]:
        """The control token that ends each of the assistant's turns: the next one, with only white space between."""
        controls = self.controls(text, turns)
        ends: list[Control | None] = []
        for turn in turns:
            if turn.role == "assistant":
                control = next((control for control in controls if control.start >= turn.end), None)
                is_near = control is not None and not text[turn.end : control.start].strip()
                ends.append(
                    control if is_near and control is not None and self._text_of(control) != self._bos else None
                )
        return ends

    def encode(
        self, text: str, turns: Sequence[Turn], generated: Sequence[tuple[int, int]] | None = None
    ) -> EncodedChat:
        """The ids of a rendered conversation, and the mask of those on which the loss is taken.

        The loss is taken on a token if any of its characters is learned: where a tokenizer joins the space that the
        template writes with the first word of the answer, that token is the answer's.

        Args:
            text: the rendered conversation.
            turns: where its messages lie, in the order of the text.
            generated: the learned characters, as spans; None for the assistant's turns and the tokens that end them.

        Raises:
            RecipeError: the tokenizer does not take a control token of the template for one.
        """
        controls = self.controls(text, turns)
        learned = self._learned(text, turns)
        if generated is not None:
            held = [(turn.start, turn.end) for turn in turns if turn.role == "assistant" and not turn.is_learnt]
            learned = [span for span in generated if not any(span[0] < end and start < span[1] for start, end in held)]
        pieces, last = [], 0
        for control in controls:
            pieces += [text[last : control.start], _STAND_IN.format(control.id)]
            last = control.end
        ids, spans = self._tokenizer.encode_with_spans("".join((*pieces, text[last:])))
        is_control = ids >= self._first_stand_in
        if int(is_control.sum()) != len(controls):
            raise RecipeError(
                f"the chat template writes {len(controls)} control tokens in {text[:80]!r}… and the tokenizer finds "
                f"{int(is_control.sum())}: it does not take them for tokens where they stand; use another chat template"
            )
        ids[is_control] = self._stood_for[ids[is_control] - self._first_stand_in]
        starts, ends = spans.starts, spans.ends
        shift = _Shift(controls)
        mask = np.zeros(len(ids), np.int8)
        for start, end in learned:
            first, stop = shift(start), shift(end)
            mask[~is_control & (starts < stop) & (np.maximum(ends, starts + 1) > first)] = 1
        inside = [any(start <= c.start and c.end <= end for start, end in learned) for c in controls]
        mask[is_control] = np.array(inside, np.int8)
        begun = starts[~is_control]
        turn_tokens = [int(((begun >= shift(t.start)) & (begun < shift(t.end))).sum()) for t in turns]
        return EncodedChat(input_ids=ids, loss_mask=mask, turn_tokens=tuple(turn_tokens))

    def _learned(self, text: str, turns: Sequence[Turn]) -> list[tuple[int, int]]:
        """The assistant's turns that are trained on, each with the token that ends it, in characters."""
        answers = [turn for turn in turns if turn.role == "assistant"]
        ends = self.ends_of_turns(text, turns)
        return [
            (answer.start, end.end if end else answer.end)
            for answer, end in zip(answers, ends, strict=True)
            if answer.is_learnt
        ]

    def _text_of(self, control: Control) -> str:
        return next(text for text, number in self._controls.items() if number == control.id)


def turn_delimiters(tokenizer: Tokenizer, text: str, turns: Sequence[Turn]) -> set[str]:
    """Added tokens, special or not, by which a template delimits the turns of a conversation that ends with an answer.

    What it writes before the last answer only is the beginning of that answer (Qwen3's empty `<think>`), and white
    space that is a token (Gemma's) is no delimiter.
    """
    any_added = _one_of(token.content for token in tokenizer.added_tokens.values())
    *gaps, _, after_last = _gaps(text, turns)
    found = {match.group() for start, end in (*gaps, after_last) for match in any_added.finditer(text[start:end])}
    return {token for token in found if token.strip()}


class _Shift:
    """From places in a text to places in the same text with stand-ins for its control tokens."""

    def __init__(self, controls: Sequence[Control]) -> None:
        grown = [len(_STAND_IN.format(control.id)) - (control.end - control.start) for control in controls]
        self._ends = np.array([control.end for control in controls], np.int64)
        self._grown = np.cumsum([0, *grown])

    def __call__(self, place: int) -> int:
        return place + int(self._grown[np.searchsorted(self._ends, place, side="right")])


def _gaps(text: str, turns: Sequence[Turn]) -> list[tuple[int, int]]:
    """The spans before, between and behind turns, in characters."""
    borders = [0, *chain.from_iterable((turn.start, turn.end) for turn in turns), len(text)]
    return [(start, end) for start, end in zip(borders[::2], borders[1::2], strict=True)]


def _one_of(words: Iterable[str]) -> re.Pattern[str]:
    """Matches the longest of the words that begin at a place, as tokenizers do."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")


def _like(token: AddedToken, content: str, *, special: bool) -> AddedToken:
    """A token that is found like another one."""
    return AddedToken(
        content,
        special=special,
        lstrip=token.lstrip,
        rstrip=token.rstrip,
        single_word=token.single_word,
        normalized=token.normalized,
    )
