"""Tokenizers that a Python caller holds become a folder, or the name by which everybody can get them."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tokenizers

from nextlong_hub.core.files import digest_of, storage_errors, write_bytes
from nextlong_hub.errors import NextLongError, RecipeError, argument
from nextlong_hub.tokenization.loading import load_tokenizer

_NAME = "in-memory"


def as_names(given: Any, folder: Path) -> tuple[str, ...]:
    """Folders and Hub names of the tokenizers that a caller gives, one or several.

    A `tokenizers.Tokenizer` or a fast tokenizer of transformers is written into `folder`, with its chat template.
    Where the name that it was loaded by gives exactly the same tokenizer, that name stands for it.

    Raises:
        RecipeError: one of them is no tokenizer, or a slow one.
        StorageError: no space, or no permission.
    """
    several = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    return tuple(_as_name(one, folder) for one in (given if several else [given]))


def is_held(given: Any) -> bool:
    """Whether one of the tokenizers that a caller gives is in memory, and needs a folder."""
    several = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    return any(not isinstance(one, str | os.PathLike) for one in (given if several else [given]))


def _as_name(one: Any, folder: Path) -> str:
    if isinstance(one, str | os.PathLike):
        return os.fsdecode(one)
    backend = one if isinstance(one, tokenizers.Tokenizer) else getattr(one, "backend_tokenizer", None)
    if not isinstance(backend, tokenizers.Tokenizer):
        kind = "a slow tokenizer" if hasattr(one, "convert_tokens_to_ids") else f"a {type(one).__name__}"
        raise RecipeError(
            f"{argument('tokenizer')} is {kind}; give a folder, a Hub name, a tokenizers.Tokenizer or a "
            "PreTrainedTokenizerFast, which alone can tell where their tokens lie in the text"
        )
    known = getattr(one, "name_or_path", "")
    content = _without_state(backend)
    if isinstance(known, str) and known and _is_same(known, content):
        return known
    home = folder / f"{_NAME}-{digest_of(content)}"
    with storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        if hasattr(one, "save_pretrained"):
            one.save_pretrained(str(home))
    write_bytes(home / "tokenizer.json", content.encode())
    return str(home)


def _without_state(backend: tokenizers.Tokenizer) -> str:
    """The tokenizer as JSON, without what an earlier call has left in it: how its texts were cut and padded."""
    copy = tokenizers.Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    return str(copy.to_str())


def _is_same(name: str, content: str) -> bool:
    """Whether that name gives a tokenizer that makes the same ids as the one with this content."""
    try:
        known = load_tokenizer(name)
        with TemporaryDirectory(prefix="nextlong-tokenizer-") as scratch:
            write_bytes(Path(scratch) / "tokenizer.json", content.encode())
            return known.copy_backend().to_str() == load_tokenizer(scratch).copy_backend().to_str()
    except NextLongError:
        return False
