"""Choices of a caller become a `BuildRequest`: the one door of keywords and of options.

sources, reading        ▶  sources        in the order of their names
configs, settings       ▶  recipes        the published four when none is named
samples, tokens         ▶  rows           of each configuration
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.core.settings import Section
from nextlong_hub.corpus import DEMO
from nextlong_hub.corpus.in_memory import MemorySource, Source, with_settings
from nextlong_hub.corpus.naming import split_path
from nextlong_hub.corpus.settings import SourceSettings, parse_limit
from nextlong_hub.documents.fit import Mode
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.evaluation.settings import RiffleRequest, RiffleSettings
from nextlong_hub.pipeline import BuildRequest
from nextlong_hub.producer import producer_of, rows_of_ingredients
from nextlong_hub.recipe import DEFAULT_SEED, Recipe, load_recipe, load_recipes

PUBLISHED = ("64k", "128k", "512k", "subset")
"""Configurations that are built when none is named: those of the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the sources of a call are read, where they do not say it themselves; None changes nothing."""

    text_column: str | None = None
    id_column: str | None = None
    license: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    limits: Mapping[str, str] = field(default_factory=dict)
    """The most that is read, by the name of the source; the empty name stands for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a caller of `build` chooses."""

    configs: Sequence[str] = ()
    """Names of recipes, and paths of recipe files."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Dotted keys of every recipe, and their values."""
    sources: Sequence[Source] = ()
    """None: those of the recipes, else the embedded corpus."""
    reading: Reading = Reading()
    tokenizers: Sequence[str] = ()
    """Ids and token counts are those of the first; none for the embedded corpus alone."""
    samples: Mapping[str, int] = field(default_factory=dict)
    """Rows by configuration; the empty name stands for all others."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """The same by their tokens."""
    seed: int = DEFAULT_SEED


def request_of(choices: Choices) -> BuildRequest:
    """The request of these choices.

    Raises:
        RecipeError: one of them is wrong, or two do not fit together.
    """
    recipes, ingredients = load_recipes(choices.configs or PUBLISHED, choices.settings)
    sources = sorted(choices.sources or _sources_of(recipes), key=lambda source: source.name)
    tokenizer, *more_tokenizers = choices.tokenizers or [_embedded_tokenizer(sources)]
    return BuildRequest(
        recipes=recipes,
        ingredients=ingredients,
        sources=read_as(sources, choices.reading),
        tokenizer=tokenizer,
        more_tokenizers=tuple(more_tokenizers),
        seed=choices.seed,
        rows=rows_of(recipes, ingredients, choices.samples, choices.tokens),
    )


def riffle_request(
    recipe: str,
    settings: Mapping[str, Any],
    sources: Sequence[Source],
    tokenizer: str,
    *,
    apart_from: Sequence[str],
    target_length: int | None,
    **choices: Any,
) -> RiffleRequest:
    """The request of a riffle.

    Args:
        recipe: its name or path.
        settings: dotted keys of the recipe, and their values.
        sources: the held-out documents.
        tokenizer: a folder or a name.
        apart_from: datasets that were trained on.
        target_length: None: that of the recipe.
        choices: other fields of `RiffleSettings`.

    Raises:
        RecipeError: one of them is wrong, or two do not fit together.
    """
    chosen = load_recipe(recipe, settings)
    if not producer_of(chosen).retrieves or chosen.ingredients:
        raise RecipeError(
            f"{argument('recipe')} {chosen.name!r} retrieves nothing itself, and look-alikes are retrieved; name one "
            "such as 64k"
        )
    return RiffleRequest(
        settings=RiffleSettings(target_length=target_length or chosen.target_length, **choices),
        recipe=chosen,
        sources=sources,
        tokenizer=tokenizer,
        apart_from=tuple(apart_from),
    )


def read_as(sources: Sequence[Source], reading: Reading) -> tuple[Source, ...]:
    """The sources with what a call says of how they are read.

    Raises:
        RecipeError: a limit cannot be read, or names no source.
    """
    for_all = {name: getattr(reading, name) for name in ("text_column", "id_column", "license")}
    given = {name: value for name, value in for_all.items() if value}
    read = [with_settings(source, **given) for source in sources]
    return _with_limits([_with_part(source, reading) for source in read], reading.limits)


def rows_of(
    recipes: Sequence[Recipe], ingredients: Sequence[Recipe], samples: Mapping[str, int], tokens: Mapping[str, int]
) -> dict[str, int]:
    """Rows of each configuration; what is said of one by name goes before what is said of all.

    An ingredient that is not published itself gets the rows that the others take of it, and no more.

    Raises:
        RecipeError: a configuration is not built, or both give the size of one.
    """
    by_name = {recipe.name: recipe for recipe in recipes}
    targets = {recipe.name: recipe.target_length for recipe in (*ingredients, *recipes)}
    for option, amounts in (("samples", samples), ("tokens", tokens)):
        for config in amounts:
            if config and config not in by_name:
                raise RecipeError(
                    f"{argument(option)}: {config!r} is not being built; configurations of this run: "
                    f"{', '.join(by_name)}{did_you_mean(config, by_name)}"
                )
    both = sorted(samples.keys() & tokens.keys())
    if both:
        what = f"of {both[0]}" if both[0] else "of all configurations"
        raise RecipeError(f"{argument('samples')} and {argument('tokens')} both give the size {what}; give one of them")
    rows = {}
    for name, recipe in by_name.items():
        for key in (name, ""):
            if key in samples:
                rows[name] = samples[key]
                break
            if key in tokens:
                rows[name] = math.ceil(tokens[key] * producer_of(recipe).rows_per_token(recipe, targets))
                break
    return rows | rows_of_ingredients(recipes, ingredients, rows)


def modes_of(words: Iterable[str]) -> frozenset[Mode]:
    """What `fit` may do to a text, by the words `truncate`, `discard` and `pack`.

    Raises:
        RecipeError: there is another word among them.
    """
    modes = {word.strip() for word in words}
    unknown = sorted(modes - set(get_args(Mode)))
    if unknown:
        hint = did_you_mean(unknown[0], get_args(Mode))
        raise RecipeError(f"{argument('mode')}: {unknown[0]!r} is neither truncate nor discard nor pack{hint}")
    return frozenset(mode for mode in get_args(Mode) if mode in modes)


def filters_against(benchmarks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The filters of a call without a recipe: no document may hold a run of words of these, if any."""
    return {"decontaminate": {"against": list(benchmarks)}} if benchmarks else {}


def settings_by_keyword(keywords: Mapping[str, Any], arguments: Iterable[str] = ()) -> dict[str, Any]:
    """Dotted keys of recipes from keywords: `target_length=4096`, `retriever="hybrid"`, `negatives={"first_rank": 2}`.

    Args:
        keywords: a key of a recipe, a section with its choices as a mapping, or a choice that one section alone has.
        arguments: what else could have been meant, for the hint.

    Raises:
        RecipeError: there is no such choice, or several sections have it.
    """
    places = _places()
    found: dict[str, Any] = {}
    for name, value in keywords.items():
        own = places.get(name, [])
        if len(own) > 1:
            raise RecipeError(
                f"{name}= is a choice of several sections; write settings={{'{own[0]}': …}}, or one of {', '.join(own)}"
            )
        if not own:
            known = [*places, *arguments]
            raise RecipeError(
                f"there is no argument and no choice of a recipe {name}={did_you_mean(name, known)}; choices are the "
                f"keys of a recipe, such as {', '.join(list(Recipe.model_fields)[2:6])}, and those of its sections, "
                "such as retriever or first_rank"
            )
        if isinstance(value, Mapping) and _section(name) is not None:
            found |= {f"{name}.{key}": choice for key, choice in value.items()}
        else:
            found[own[0]] = value
    return found


def _places() -> dict[str, list[str]]:
    """Where each choice stands in a recipe: its own keys, then those of its sections, as dotted keys."""
    places = {name: [name] for name in Recipe.model_fields}
    for name in Recipe.model_fields:
        section = _section(name)
        for key in section.model_fields if section else ():
            if key not in Recipe.model_fields:
                places.setdefault(key, []).append(f"{name}.{key}")
    return places


def _section(name: str) -> type[Section] | None:
    """The section of a recipe that has this name, one that may be missing included."""
    annotation = Recipe.model_fields[name].annotation if name in Recipe.model_fields else None
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    is_several = getattr(annotation, "__origin__", None) is tuple
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Section) and not is_several), None)


def _with_part(source: Source, reading: Reading) -> Source:
    """The source with a configuration, split or revision where it does not name one itself."""
    given = {name: value for name in ("config", "split", "revision") if (value := getattr(reading, name))}
    settings = source.settings if isinstance(source, MemorySource) else source
    own = {} if isinstance(source, MemorySource) else split_path(settings.path)[1]
    return with_settings(source, **{k: v for k, v in given.items() if k not in own and getattr(settings, k) is None})


def _with_limits(sources: Sequence[Source], limits: Mapping[str, str]) -> tuple[Source, ...]:
    names = [source.name for source in sources]
    for name, amount in limits.items():
        if name and name not in names:
            raise RecipeError(
                f"{argument('limit')} {name}={amount}: there is no source {name!r}; sources of this run: "
                f"{', '.join(names)}{did_you_mean(name, names)}"
            )
        parse_limit(amount)
    given = {name: limits.get(name, limits.get("")) for name in names}
    return tuple(
        with_settings(source, limit=given[source.name]) if given[source.name] else source for source in sources
    )


def _sources_of(recipes: Sequence[Recipe]) -> tuple[SourceSettings, ...]:
    """The corpus that the recipes name, else the embedded one."""
    naming = [recipe for recipe in recipes if recipe.corpus]
    if len({recipe.corpus for recipe in naming}) > 1:
        names = ", ".join(recipe.name for recipe in naming)
        raise RecipeError(
            f"the recipes {names} name different corpora, and one run has one; give {argument('corpus')}, or build "
            "them apart"
        )
    return naming[0].corpus if naming else (SourceSettings(name=DEMO, path=DEMO, license="public domain"),)


def _embedded_tokenizer(sources: Sequence[Source]) -> str:
    """The embedded tokenizer is the default for the embedded corpus only: for any other it must be chosen."""
    if all(isinstance(source, SourceSettings) and source.path == DEMO for source in sources):
        return DEMO
    raise RecipeError(
        f"{argument('tokenizer')} is missing: rows are counted in the tokens of the model you train; write "
        f"{argument('tokenizer', 'meta-llama/Llama-3.1-8B')}, {argument('tokenizer', './folder-with-tokenizer.json')}, "
        f"or {argument('tokenizer', 'demo')} for the embedded GPT-2"
    )
