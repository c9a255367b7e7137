"""Whether the fast encoder gives the ids of the reference under one tokenizer: tried, not believed.

It is asked for the ids of hostile texts and of texts of the corpus at hand, in a process of its own: one that crashes
or never ends harms nobody. The verdict is kept in the user's cache, under the exact content of the tokenizer, the
versions of both programs, of the texts, and the machine.
"""

import hashlib
import logging
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from nextlong_hub.core.confined import Limits, OutOfBudgetError, RefusedError, call_confined
from nextlong_hub.core.files import read_checked_json, write_checked_json
from nextlong_hub.errors import NextLongError, RecipeError, WorkerError
from nextlong_hub.tokenization import hostile_texts
from nextlong_hub.tokenization.fast import NAME, digest_of_ids, fast_version, probe_here

_log = logging.getLogger(__name__)

_LIMITS = Limits(cpu_seconds=120, wall_seconds=600, memory_bytes=4 << 30)
_CORPUS_CHARACTERS = 400_000
"""Of the corpus at hand: a second's work for the reference at most."""
_TEXT_CHARACTERS = 40_000

Encode = Callable[[str], NDArray[np.int32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the fast encoder may encode in the place of the reference."""

    is_equal: bool
    reason: str
    """Why it may not, as the end of a sentence; empty where it may."""


def cache_folder() -> Path:
    """Where verdicts are kept: below `XDG_CACHE_HOME`, else in the cache of the user's home."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "nextlong-hub" / "encoders"


def verdict_on(content: str, reference: Encode, added_tokens: Sequence[str], texts: Sequence[str]) -> Verdict:
    """The verdict on the fast encoder under one tokenizer: the one that was kept, else a new one, which is kept.

    Args:
        content: the `tokenizer.json` that it would be given.
        reference: the ids of a text that are the right ones.
        added_tokens: of the tokenizer, as they are spelled.
        texts: of the corpus at hand.
    """
    installed = fast_version()
    if installed is None:
        return Verdict(is_equal=False, reason=f"{NAME} is not installed")
    place = _place(content, installed)
    kept = _kept(place)
    if kept is not None:
        return kept
    try:
        found = _probe(content, reference, [*hostile_texts.hostile_texts(added_tokens), *_of_corpus(texts)])
    except WorkerError as error:
        return Verdict(is_equal=False, reason=f"{NAME} cannot be tried: {error}")
    _keep(place, found)
    return found


def _place(content: str, installed: str) -> Path:
    asked = "\0".join(
        (content, installed, tokenizers.__version__, str(hostile_texts.VERSION), platform.system(), platform.machine())
    )
    return cache_folder() / f"{hashlib.sha256(asked.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}.json"


def _kept(place: Path) -> Verdict | None:
    try:
        value: Any = read_checked_json(place)
    except OSError:
        return None
    return Verdict(**value) if isinstance(value, dict) and value.keys() == {"is_equal", "reason"} else None


def _keep(place: Path, verdict: Verdict) -> None:
    try:
        write_checked_json(place, {"is_equal": verdict.is_equal, "reason": verdict.reason})
    except NextLongError as error:
        _log.debug("the verdict on %s is not kept: %s", NAME, error)


def _of_corpus(texts: Sequence[str]) -> list[str]:
    """The beginnings of evenly spaced texts."""
    step = max(1, len(texts) * _TEXT_CHARACTERS // _CORPUS_CHARACTERS) if texts else 1
    chosen: list[str] = []
    left = _CORPUS_CHARACTERS
    for text in texts[::step]:
        if left <= 0:
            break
        chosen.append(text[: min(left, _TEXT_CHARACTERS)])
        left -= len(chosen[-1])
    return chosen


def _probe(content: str, reference: Encode, texts: Sequence[str]) -> Verdict:
    try:
        found = call_confined(probe_here, {"tokenizer": content, "texts": texts}, _LIMITS)
    except RefusedError as error:
        return Verdict(is_equal=False, reason=f"{NAME} cannot read this tokenizer ({error})")
    except OutOfBudgetError as error:
        return Verdict(is_equal=False, reason=f"{NAME} was stopped when it was tried on this tokenizer: {error}")
    try:
        other = next(
            (text for text, ids in zip(texts, found, strict=True) if ids != _ids_or_none(reference, text)), None
        )
    except RecipeError as error:
        return Verdict(is_equal=False, reason=f"a text of the trial is too much for this tokenizer: {error}")
    reason = "" if other is None else f"{NAME} gives other ids, as for {other[:40]!r}"
    return Verdict(is_equal=other is None, reason=reason)


def _ids_or_none(reference: Encode, text: str) -> str | None:
    try:
        return digest_of_ids(reference(text))
    except TypeError:  # a text that is no Unicode
        return None
