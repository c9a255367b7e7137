"""Parse the arguments of `build` into a `BuildRequest`; independent of click.

    --corpus, --text-column     ▶  sources        names unique, in the order of their names
    CONFIG, --recipe, --set     ▶  recipes        the published four when none is named
    --samples, --tokens         ▶  rows           of each configuration

Every error is a `RecipeError`: exit code 2, and a message that says what to write instead.
"""

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from nextlong_hub.core.amounts import parse_amount
from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.corpus import DEMO
from nextlong_hub.corpus.naming import default_name, split_path
from nextlong_hub.corpus.settings import SourceSettings, parse_limit
from nextlong_hub.documents.fit import Mode
from nextlong_hub.errors import RecipeError
from nextlong_hub.pipeline import BuildRequest
from nextlong_hub.producer import producer_of, rows_of_ingredients
from nextlong_hub.recipe import DEFAULT_SEED, Recipe, load_recipes, parse_setting

PUBLISHED = ("64k", "128k", "512k", "subset")
"""Configurations that are built when none is named: those of the paper."""
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
    seed: int = DEFAULT_SEED
    license: str | None = None
    """Of every source."""
    text_column: str | None = None
    id_column: str | None = None
    on_bad_document: str | None = None
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
    if arguments.on_bad_document:
        overrides["on_bad_document"] = arguments.on_bad_document
    if arguments.benchmarks:
        overrides["filters.decontaminate.against"] = list(arguments.benchmarks)
    if arguments.contaminated:
        overrides["filters.decontaminate.action"] = arguments.contaminated
    named = (*arguments.configs, *arguments.recipe_files)
    recipes, ingredients = load_recipes(named or PUBLISHED, overrides)
    sources = parse_sources(arguments.corpora) or _sources_of(recipes)
    named_tokenizers = [arguments.tokenizer] if isinstance(arguments.tokenizer, str) else arguments.tokenizer or ()
    tokenizer, *more_tokenizers = named_tokenizers or [_embedded_tokenizer(sources)]
    return BuildRequest(
        recipes=recipes,
        ingredients=ingredients,
        sources=with_limits(
            with_part(
                _with(
                    sources,
                    text_column=arguments.text_column,
                    id_column=arguments.id_column,
                    license=arguments.license,
                ),
                config=arguments.config,
                split=arguments.split,
                revision=arguments.revision,
            ),
            arguments.limits,
        ),
        tokenizer=tokenizer,
        more_tokenizers=tuple(more_tokenizers),
        seed=arguments.seed,
        rows=parse_rows(recipes, ingredients, arguments.samples, arguments.tokens),
    )


def parse_sources(
    corpora: Iterable[str],
    text_column: str | None = None,
    id_column: str | None = None,
    license: str | None = None,
) -> tuple[SourceSettings, ...]:
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
    sources = [SourceSettings(name=name, path=path) for name, path in sorted(named.items())]
    return _with(sources, text_column=text_column, id_column=id_column, license=license)


def with_part(sources: Iterable[SourceSettings], **parts: str | None) -> tuple[SourceSettings, ...]:
    """The sources with a configuration, split or revision where they do not name one themselves."""
    given = {key: value for key, value in parts.items() if value}
    changed = []
    for source in sources:
        own = split_path(source.path)[1]
        update = {key: value for key, value in given.items() if key not in own and getattr(source, key) is None}
        changed.append(source.model_copy(update=update))
    return tuple(changed)


def with_limits(sources: Sequence[SourceSettings], limits: Iterable[str]) -> tuple[SourceSettings, ...]:
    """Read `[NAME=]2B` and `[NAME=]5000docs` as the most that is read of each source.

    Raises:
        RecipeError: an amount cannot be read, a source is unknown, or one gets two limits.
    """
    found: dict[str, str] = {}
    names = [source.name for source in sources]
    for text in limits:
        name, equals, amount = text.rpartition("=")
        if equals and name not in names:
            raise RecipeError(
                f"--limit {text}: there is no source {name!r}; sources of this run: {', '.join(names)}"
                f"{did_you_mean(name, names)}"
            )
        if name in found:
            what = f"for {name}" if name else "for all sources"
            raise RecipeError(f"--limit is given twice {what}; give it once, or as --limit NAME={amount}")
        parse_limit(amount)
        found[name] = amount
    given = {name: found.get(name, found.get("")) for name in names}
    return tuple(
        source.model_copy(update={"limit": given[source.name]}) if given[source.name] else source for source in sources
    )


def parse_rows(
    recipes: Sequence[Recipe], ingredients: Sequence[Recipe], samples: Iterable[str], tokens: Iterable[str]
) -> dict[str, int]:
    """Read `[CONFIG=]N` and `[CONFIG=]4B` as rows of each configuration; the one with a name wins over the one without.

    An ingredient that is not published itself gets the rows that the others take of it, and no more.

    Raises:
        RecipeError: an amount cannot be read, or both options give the size of one configuration.
    """
    by_name = {recipe.name: recipe for recipe in recipes}
    targets = {recipe.name: recipe.target_length for recipe in (*ingredients, *recipes)}
    wanted_rows = _by_config("--samples", samples, by_name)
    wanted_tokens = _by_config("--tokens", tokens, by_name)
    both = sorted(wanted_rows.keys() & wanted_tokens.keys())
    if both:
        what = f"of {both[0]}" if both[0] else "of all configurations"
        raise RecipeError(f"--samples and --tokens both give the size {what}; give one of them")
    rows = {}
    for name, recipe in by_name.items():
        for key in (name, ""):
            if key in wanted_rows:
                rows[name] = wanted_rows[key]
                break
            if key in wanted_tokens:
                rows[name] = math.ceil(wanted_tokens[key] * producer_of(recipe).rows_per_token(recipe, targets))
                break
    return rows | rows_of_ingredients(recipes, ingredients, rows)


def parse_modes(text: str) -> frozenset[Mode]:
    """Read `truncate`, `discard`, `pack` or several with commas between them.

    Raises:
        RecipeError: there is another word among them.
    """
    modes = {mode.strip() for mode in text.split(",")}
    unknown = sorted(modes - set(get_args(Mode)))
    if unknown:
        hint = did_you_mean(unknown[0], get_args(Mode))
        raise RecipeError(f"--mode {text!r}: {unknown[0]!r} is neither truncate nor discard nor pack{hint}")
    return frozenset(mode for mode in get_args(Mode) if mode in modes)


def filters_against(benchmarks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The filters of a command without a recipe: `--decontaminate`, or none."""
    return {"decontaminate": {"against": list(benchmarks)}} if benchmarks else {}


def _by_config(option: str, amounts: Iterable[str], recipes: Mapping[str, Recipe]) -> dict[str, int]:
    """Amounts by configuration; the empty name holds the default for the others."""
    found: dict[str, int] = {}
    for text in amounts:
        config, equals, amount = text.rpartition("=")
        if equals and config not in recipes:
            raise RecipeError(
                f"{option} {text}: {config!r} is not being built; configurations of this run: "
                f"{', '.join(recipes)}{did_you_mean(config, recipes)}"
            )
        if config in found:
            what = f"for {config}" if config else "for all configurations"
            raise RecipeError(f"{option} is given twice {what}; give it once, or as {option} CONFIG={amount}")
        found[config] = parse_amount(amount, option)
    return found


def _sources_of(recipes: Sequence[Recipe]) -> tuple[SourceSettings, ...]:
    """The corpus that the recipes name, else the embedded one."""
    naming = [recipe for recipe in recipes if recipe.corpus]
    if len({recipe.corpus for recipe in naming}) > 1:
        names = ", ".join(recipe.name for recipe in naming)
        raise RecipeError(
            f"the recipes {names} name different corpora, and one run has one; give --corpus, or build them apart"
        )
    sources = naming[0].corpus if naming else (SourceSettings(name=DEMO, path=DEMO, license="public domain"),)
    return tuple(sorted(sources, key=lambda source: source.name))


def _embedded_tokenizer(sources: Sequence[SourceSettings]) -> str:
    """The embedded tokenizer is the default for the embedded corpus only: for any other it must be chosen."""
    if all(source.path == DEMO for source in sources):
        return DEMO
    raise RecipeError(
        "Missing option --tokenizer: rows are counted in the tokens of the model you train; write --tokenizer "
        "meta-llama/Llama-3.1-8B, --tokenizer ./folder-with-tokenizer.json, or --tokenizer demo for the embedded GPT-2"
    )


def _with(sources: Iterable[SourceSettings], **values: str | None) -> tuple[SourceSettings, ...]:
    """The sources with values that apply to all of them."""
    given = {key: value for key, value in values.items() if value}
    return tuple(source.model_copy(update=given) for source in sources)
