"""A `tokenizer.json` from anywhere is looked at before the library opens it, which believes it."""

import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nextlong_hub.core.foreign import parse_json
from nextlong_hub.tokenization.bounded import growth_of

_MOST_BYTES = 256 << 20
"""The largest that is known has 35 MB."""
_LARGEST_ID = (1 << 22) - 1
"""Every id below the largest takes room. The largest vocabulary that is known has a million entries."""
_LONGEST_SETTING = 1 << 16
_LONGEST_TABLE = 1 << 24
"""Of characters and what replaces them, as SentencePiece writes it."""
_LONGEST_AFFIX = 64
_LONGEST_WORD = 10_000
_MOST_STEPS = 256
_MOST_GROWTH = 10_000
"""Of the steps of a normalizer, each at its worst, which never meet: real ones come to two thousand."""
_LISTS = ("vocab", "merges")
_AFFIXES = ("unk_token", "continuing_subword_prefix", "end_of_word_suffix")


def require_sound(content: bytes) -> None:
    """Refuse a tokenizer that would take memory or time without end.

    Raises:
        ValueError: it is one, or JSON but no tokenizer; the message says which setting is meant.
    """
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it has {len(content):,} bytes, and at most {_MOST_BYTES:,} are read")
    try:
        with _without_collections():
            values = parse_json(content)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return  # the library says better what is wrong with it
    if not isinstance(values, dict):
        raise ValueError("it holds no object")
    try:
        _check(values)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"its settings are not those of a tokenizer ({error!r})") from error


@contextmanager
def _without_collections() -> Iterator[None]:
    """Look for no garbage meanwhile: among hundreds of thousands of new values it takes as long as they do."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check(values: Mapping[str, Any]) -> None:
    model = values["model"]
    added = values.get("added_tokens") or ()
    vocabulary = model.get("vocab") or ()
    ids = [*(vocabulary.values() if isinstance(vocabulary, dict) else ()), *(one["id"] for one in added)]
    if (largest := max(ids, default=0)) > _LARGEST_ID:
        raise ValueError(f"a token has the id {largest:,}, and the largest that can be is {_LARGEST_ID:,}")
    for name in _AFFIXES:
        _require_at_most(len(_text_of(model.get(name))), _LONGEST_AFFIX, f"the length of {name}")
    _require_at_most(model.get("max_input_chars_per_word") or 0, _LONGEST_WORD, "max_input_chars_per_word")
    parts = {name: values.get(name) for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder")}
    for name, part in (*parts.items(), ("model", {key: model[key] for key in model if key not in _LISTS})):
        strings = list(_strings(part))
        for key, text in strings:
            most = _LONGEST_TABLE if key == "precompiled_charsmap" else _LONGEST_SETTING
            if len(text) > most:
                raise ValueError(f"{name}: {key} has {len(text):,} characters, and at most {most:,} are read")
        _require_at_most(sum(key == "type" for key, _ in strings), _MOST_STEPS, f"the number of steps of the {name}")
    for token in added:
        _require_at_most(len(token["content"]), _LONGEST_SETTING, "the length of an added token")
    for name in ("normalizer", "decoder"):
        if growth_of(parts[name]) > _MOST_GROWTH:
            raise ValueError(f"its {name} may make more than {_MOST_GROWTH:,} characters of one")


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _require_at_most(value: int, most: int, name: str) -> None:
    if value > most:
        raise ValueError(f"{name} is {value:,}, and at most {most:,} is taken")


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All strings below a value, each with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _strings(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one, key)
