"""Keywords that several functions have, checked, and what they stand for."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nextlong_hub.corpus.given import as_sources
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.dataset.folder import locked
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.execution.base import Executor
from nextlong_hub.facade.checks import a_count, a_text, by_name
from nextlong_hub.facade.requests import Reading, read_as
from nextlong_hub.tokenization.in_memory import as_names, is_held

PathOrName = str | os.PathLike[str]


def reading_of(
    license: str | None,
    text_column: str | None,
    id_column: str | None,
    config: str | None,
    split: str | None,
    revision: str | None,
    limit: str | Mapping[str, str] | None,
) -> Reading:
    """How the corpus is read.

    Raises:
        RecipeError: a value is no string.
    """
    return Reading(
        license=a_text("license", license),
        text_column=a_text("text-column", text_column),
        id_column=a_text("id-column", id_column),
        config=a_text("config", config),
        split=a_text("split", split),
        revision=a_text("revision", revision),
        limits={name: a_text("limit", value) or "" for name, value in by_name("limit", limit).items()},
    )


def settings_of(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Choices of a recipe by dotted keys.

    Raises:
        RecipeError: they are no such mapping.
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        raise RecipeError(
            f"settings= is a {type(settings).__name__}; give dotted keys and their values: {{'retrieval.k1': 1.2}}"
        )
    return dict(settings)


def a_seed(seed: Any) -> int:
    """A seed.

    Raises:
        RecipeError: it is no whole number, or below 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise RecipeError(f"{argument('seed')} is a {type(seed).__name__} or below 0; give a whole number, 0 or above")
    return seed


def tokenizers_of(given: Any, folder: Path) -> tuple[str, ...]:
    """Folders and names of tokenizers; those in memory are written into the dataset folder's work."""
    if not is_held(given):
        return as_names(given, folder)
    with locked(folder) as workspace:
        return as_names(given, workspace.tokenizers)


def only_tokenizer(given: Any, folder: Path) -> str:
    """The one that is given.

    Raises:
        RecipeError: there are several, or none.
    """
    names = tokenizers_of(given, folder)
    if len(names) != 1:
        raise RecipeError(f"{argument('tokenizer')} names {len(names)} tokenizers, and one is needed here")
    return names[0]


def only_source(corpus: Any, reading: Reading) -> Source:
    """The one that is given.

    Raises:
        RecipeError: there are several, or none.
    """
    sources = read_as(as_sources(corpus, split=reading.split), reading)
    if len(sources) != 1:
        raise RecipeError(f"{argument('corpus')} names {len(sources)} sources, and one is needed here")
    return sources[0]


def executor_of(num_proc: int | None, executor: Executor | str | None) -> Executor | str:
    """Where tasks run: in this process unless the caller says otherwise.

    Raises:
        RecipeError: it is said twice.
    """
    if num_proc is not None and executor is not None:
        raise RecipeError(f"{argument('num-proc')} and {argument('executor')} both say where tasks run; give one")
    if num_proc is None:
        return "inline" if executor is None else executor
    workers = a_count("num-proc", num_proc)
    return "inline" if workers == 1 else f"local:{workers}"
