"""Parse the arguments of `build` into a `BuildRequest`; independent of click.

    --corpus, --text-column     ▶  sources        names unique, in the order of their names
    CONFIG, --recipe, --set     ▶  recipes        the published four when none is named
    --samples, --tokens         ▶  rows           of each configuration

Every error is a `RecipeError`: exit code 2, and a message that says what to write instead.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nextlong_hub.core.amounts import parse_amount
from nextlong_hub.corpus.naming import default_name
from nextlong_hub.corpus.settings import SourceSettings, parse_limit
from nextlong_hub.errors import RecipeError
from nextlong_hub.facade.requests import Choices, Reading, request_of
from nextlong_hub.pipeline import BuildRequest
from nextlong_hub.recipe import DEFAULT_SEED, parse_setting

_NAMED_PATH = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)=(?P<path>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildArguments:
    """The options of `build` as they were typed."""

    configs: Sequence[str] = ()
    recipe_files: Sequence[str] = ()
    corpora: Sequence[str] = ()
    tokenizer: str | Sequence[str] | None = None
    """One or several; ids and token counts are those of the first."""
    samples: Sequence[str] = ()
    tokens: Sequence[str] = ()
    settings: Sequence[str] = ()
    align: int | None = None
    """Of the recipes that pack their rows."""
    seed: int = DEFAULT_SEED
    license: str | None = None
    """Of every source."""
    text_column: str | None = None
    id_column: str | None = None
    on_bad_document: str | None = None
    on_secret: str | None = None
    config: str | None = None
    """Of every source that does not name one, like the two below."""
    split: str | None = None
    revision: str | None = None
    limits: Sequence[str] = ()
    benchmarks: Sequence[str] = ()
    """Files and datasets of which no document may hold a run of words."""
    contaminated: str | None = None
    """What becomes of a document that does: see `Decontaminate.action`."""


def build_request(arguments: BuildArguments) -> BuildRequest:
    """Check the options of `build` and resolve them.

    Raises:
        RecipeError: one of them is wrong, or two do not fit together.
    """
    overrides: dict[str, Any] = dict(map(parse_setting, arguments.settings))
    if arguments.align is not None:
        overrides["packing.align"] = arguments.align
    if arguments.on_bad_document:
        overrides["on_bad_document"] = arguments.on_bad_document
    if arguments.on_secret:
        overrides["on_secret"] = arguments.on_secret
    if arguments.benchmarks:
        overrides["filters.decontaminate.against"] = list(arguments.benchmarks)
    if arguments.contaminated:
        overrides["filters.decontaminate.action"] = arguments.contaminated
    tokenizers = [arguments.tokenizer] if isinstance(arguments.tokenizer, str) else arguments.tokenizer or ()
    return request_of(
        Choices(
            configs=(*arguments.configs, *arguments.recipe_files),
            settings=overrides,
            sources=parse_sources(arguments.corpora),
            reading=Reading(
                text_column=arguments.text_column,
                id_column=arguments.id_column,
                license=arguments.license,
                config=arguments.config,
                split=arguments.split,
                revision=arguments.revision,
                limits=parse_limits(arguments.limits),
            ),
            tokenizers=tokenizers,
            samples=parse_by_config("--samples", arguments.samples),
            tokens=parse_by_config("--tokens", arguments.tokens),
            seed=arguments.seed,
        )
    )


def parse_sources(corpora: Iterable[str]) -> tuple[SourceSettings, ...]:
    """Read `[NAME=]PATH` arguments; sources are sorted by name, so the order of arguments does not matter.

    A source without a name is called after its file, folder or Hub dataset; of several that would share a name the
    later ones, by path, get `-2`, `-3`.

    Raises:
        RecipeError: a name is given twice, or a path is empty.
    """
    named: dict[str, str] = {}
    nameless: list[str] = []
    for text in corpora:
        match = None if os.path.lexists(text) else _NAMED_PATH.fullmatch(text)
        path = match["path"] if match else text
        if not path:
            raise RecipeError("--corpus has no path; write it as --corpus PATH or --corpus NAME=PATH")
        if match is None:
            nameless.append(path)
        elif match["name"] in named:
            raise RecipeError(f"--corpus names {match['name']!r} twice; give each source a name of its own")
        else:
            named[match["name"]] = path
    for path in sorted(nameless):
        stem = default_name(path)
        numbered = (f"{stem}-{number}" if number > 1 else stem for number in range(1, len(nameless) + len(named) + 2))
        named[next(name for name in numbered if name not in named)] = path
    return tuple(SourceSettings(name=name, path=path) for name, path in sorted(named.items()))


def parse_limits(limits: Iterable[str]) -> dict[str, str]:
    """Read `[NAME=]2B` and `[NAME=]5000docs` as the most that is read of each source; the empty name means all.

    Raises:
        RecipeError: an amount cannot be read, or a source gets two limits.
    """
    found: dict[str, str] = {}
    for text in limits:
        name, _, amount = text.rpartition("=")
        if name in found:
            what = f"for {name}" if name else "for all sources"
            raise RecipeError(f"--limit is given twice {what}; give it once, or as --limit NAME={amount}")
        parse_limit(amount)
        found[name] = amount
    return found


def parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """Read `0,4,16`, each as an amount; nothing gives none.

    Raises:
        RecipeError: one cannot be read.
    """
    return tuple(0 if one.strip() == "0" else parse_amount(one.strip(), option) for one in text.split(",") if text)


def parse_by_config(option: str, amounts: Iterable[str]) -> dict[str, int]:
    """Amounts by configuration; the empty name holds the default for the others."""
    found: dict[str, int] = {}
    for text in amounts:
        config, _, amount = text.rpartition("=")
        if config in found:
            what = f"for {config}" if config else "for all configurations"
            raise RecipeError(f"{option} is given twice {what}; give it once, or as {option} CONFIG={amount}")
        found[config] = parse_amount(amount, option)
    return found
