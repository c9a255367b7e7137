"""The special tokens around a row's ids, `bos_token` and `eos_token`, where a recipe adds them.

Their names are looked up in a tokenizer's folder, in this order: `tokenizer_config.json`, `special_tokens_map.json`,
and the template of `tokenizer.json` that puts them around a text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import read_json
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.tokenization.loading import folder_of
from nextlong_hub.tokenization.tokenizer import Tokenizer

_NAMES = ("tokenizer_config.json", "special_tokens_map.json", "tokenizer.json")
_KINDS = ("bos_token", "eos_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialTokens:
    """The ids that are put before and behind those of a text."""

    bos: int | None = None
    eos: int | None = None

    @property
    def tokens(self) -> int:
        """How many there are."""
        return (self.bos is not None) + (self.eos is not None)

    def around(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        """The ids of a row: those of its text between the special tokens. Shape: (tokens + `self.tokens`,)."""
        parts = [[] if self.bos is None else [self.bos], ids, [] if self.eos is None else [self.eos]]
        return np.concatenate([np.asarray(part, np.int32) for part in parts]) if self.tokens else ids


def find_special_tokens(tokenizer: Tokenizer, *, bos: bool, eos: bool) -> SpecialTokens:
    """The special tokens that a recipe adds.

    Raises:
        RecipeError: the tokenizer has no such token.
    """
    if not (bos or eos):
        return SpecialTokens()
    known = control_tokens(tokenizer)
    numbers = {token.content: number for number, token in tokenizer.added_tokens.items()}
    ids: list[int | None] = []
    for kind, is_wanted in zip(_KINDS, (bos, eos), strict=True):
        if is_wanted and known.get(kind) not in numbers:
            has = ", ".join(f"{name} {token!r}" for name, token in known.items()) or "neither bos_token nor eos_token"
            raise RecipeError(
                f"the recipe sets add_{kind}, but the tokenizer {tokenizer.name} has no {kind} (it has: {has}); set "
                f"add_{kind} = false, or add the {kind} to the tokenizer_config.json beside its tokenizer.json"
            )
        ids.append(numbers[known[kind]] if is_wanted else None)
    return SpecialTokens(bos=ids[0], eos=ids[1])


def find_padding(tokenizer: Tokenizer) -> int:
    """The id of a tokenizer's `pad_token` or, where its files name none, of its `eos_token`.

    Raises:
        RecipeError: it has neither.
    """
    known = control_tokens(tokenizer, ("pad_token", "eos_token"))
    numbers = {token.content: number for number, token in tokenizer.added_tokens.items()}
    for kind in ("pad_token", "eos_token"):
        if known.get(kind) in numbers:
            return numbers[known[kind]]
    raise RecipeError(
        f"{argument('align')} pads documents, and the tokenizer {tokenizer.name} has neither pad_token nor eos_token; "
        "add one to the tokenizer_config.json beside its tokenizer.json"
    )


def control_tokens(tokenizer: Tokenizer, kinds: Sequence[str] = _KINDS) -> dict[str, str]:
    """The texts of a tokenizer's special tokens of some kinds, as far as its files name them.

    Args:
        tokenizer: its files are read.
        kinds: the names by which they name them.
    """
    folder = folder_of(tokenizer, _NAMES)
    *named, library = (read_json(folder / name) for name in _NAMES)
    found: dict[str, str] = {}
    for values in (*named, dict(_from_template(library))):
        for kind in kinds:
            token = values.get(kind) if isinstance(values, Mapping) else None
            text = token.get("content") if isinstance(token, Mapping) else token
            if isinstance(text, str) and text:
                found.setdefault(kind, text)
    return found


def _from_template(values: Any) -> Iterator[tuple[str, str]]:
    """The special tokens that the post-processor of a `tokenizer.json` puts first and last around a single text."""
    processor = values.get("post_processor") if isinstance(values, Mapping) else None
    steps = processor.get("processors", [processor]) if isinstance(processor, Mapping) else []
    for step in steps:
        single = step.get("single") if step.get("type") == "TemplateProcessing" else None
        if single:
            for kind, piece in zip(_KINDS, (single[0], single[-1]), strict=True):
                if "SpecialToken" in piece:
                    yield kind, piece["SpecialToken"]["id"]
