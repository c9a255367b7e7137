"""Recipes from files, from the package, and from what a manifest recorded; single choices from the command line."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from nextlong_hub.core.config_names import ONE_FOLDER, same_folder
from nextlong_hub.core.foreign import parse_toml
from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.core.settings import Section, explain, with_main_choices, without_none
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.recipe.model import Recipe
from nextlong_hub.retrieval.base import resolved

_RECIPES = "nextlong_hub.builders"
DEFAULT_SEED = 42


def recipe_names() -> list[str]:
    """The recipes that come with the package, shortest target first, those of several kinds of row behind them."""
    recipes = [load_recipe(name) for name in _known_names()]
    last = {"mixture": 1, "mix": 2, "conversations": 3}
    return [one.name for one in sorted(recipes, key=lambda one: (last.get(one.kind, 0), one.target_length, one.name))]


def default_config(configs: Iterable[str]) -> str:
    """Which of several configurations is meant where none is named: `128k`, else the first."""
    names = list(configs)
    return "128k" if "128k" in names else names[0]


def load_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of that name, or of that TOML file, with `overrides` (dotted keys) applied.

    Raises:
        RecipeError: there is no such recipe, or it holds an unknown key or a wrong value.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"no recipe file {name}; give the path of a TOML file, or one of {_known_names()}")
        return parse_recipe(path.read_bytes(), str(path), overrides)
    known = _known_names()
    if name not in known:
        raise RecipeError(f"no recipe {name!r}; there are: {', '.join(known)}{did_you_mean(name, known)}")
    content = files(_RECIPES).joinpath(f"{name}.toml").read_bytes()
    return parse_recipe(content, f"recipe {name}", overrides)


def load_recipes(
    names: Iterable[str], overrides: Mapping[str, Any] | None = None
) -> tuple[tuple[Recipe, ...], tuple[Recipe, ...]]:
    """The recipes of those names, and the ingredients that they take rows of; `overrides` hold for all.

    An ingredient that is not asked for itself is the recipe file of that name beside the file that names it, if there
    is one, else a recipe that comes with the package. A choice in a section that decides what rows are made of, such as
    `mix.documents`, holds for the recipes that have the section, one of `packing` for those that pack their rows.

    Raises:
        RecipeError: see `load_recipe`; or a name occurs twice, or two differ in capitals only, or no recipe has the
            section of a choice.
    """
    asked = list(names)
    common, apart = _told_apart(asked, overrides or {})

    def load(name: str) -> Recipe:
        recipe = load_recipe(name, common)
        own = {key: value for key, value in apart.items() if _has_section(recipe, _section_of(key))}
        return load_recipe(name, common | own) if own else recipe

    loaded = {name: load(name) for name in asked}
    taken = [loaded[name].name for name in asked]
    for name in taken:
        if taken.count(name) > 1:
            raise RecipeError(f"the configuration {name!r} was asked for {taken.count(name)} times; name it once")
    if two := same_folder(taken):
        raise RecipeError(f"the configurations {two[0]!r} and {two[1]!r} {ONE_FOLDER}")
    recipes: list[Recipe] = []
    ingredients: dict[str, Recipe] = {}
    for origin in asked:
        called: dict[str, str] = {}
        for name in loaded[origin].ingredients:
            if name not in taken:
                ingredient = load(_beside(origin, name))
                called[name] = ingredient.name
                if ingredient.name not in taken and ingredients.setdefault(ingredient.name, ingredient) != ingredient:
                    raise RecipeError(f"two recipes named {ingredient.name!r} are to be ingredients; rename one")
        recipes.append(loaded[origin].with_ingredients(called))
    return tuple(recipes), tuple(ingredients.values())


def _told_apart(names: Iterable[str], overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Overrides for all recipes, and those for recipes that have their section already.

    Raises:
        RecipeError: a choice is inside a section that none of the recipes has.
    """
    common: dict[str, Any] = {}
    apart: dict[str, Any] = {}
    for key, value in overrides.items():
        (apart if _section_of(key) in _own_sections() else common)[key] = value
    found = {
        section
        for name in names
        if apart
        for section in _own_sections()
        if _has_section(load_recipe(name, common), section)
    }
    if "packing" not in found and (packing := [key for key in apart if _section_of(key) == "packing"]):
        raise RecipeError(
            f"{packing[0]} is set, but no recipe of this run packs its rows; leave it out, or name one that does: mix, "
            "instruct, or one with pack = true"
        )
    for key in [key for key in apart if _section_of(key) not in found]:
        if "." in key:
            raise RecipeError(
                f"{key} is set, but no recipe of this run has a section [{_section_of(key)}]; leave it out, or name a "
                "recipe that has one"
            )
        common[key] = apart.pop(key)
    return common, apart


def _section_of(key: str) -> str:
    return key.partition(".")[0]


def _own_sections() -> set[str]:
    """The sections that decide what rows are made of: a recipe has them or not."""
    return {"packing"} | {
        name
        for name, field in Recipe.model_fields.items()
        if field.default is None and any(_is_section(kind) for kind in getattr(field.annotation, "__args__", ()))
    }


def _has_section(recipe: Recipe, section: str) -> bool:
    return recipe.pack if section == "packing" else bool(getattr(recipe, section))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _beside(origin: str, name: str) -> str:
    """The recipe file of that name in the folder of the file `origin`; the name itself where there is none."""
    if Path(origin).suffix != ".toml" or Path(name).suffix == ".toml":
        return name
    neighbour = Path(origin).parent / f"{name}.toml"
    return str(neighbour) if neighbour.is_file() else name


def recorded_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe that a manifest holds; what an older one does not name is what it was then, whatever it is now.

    Raises:
        pydantic.ValidationError: the values are no recipe of this version or an older one.
    """
    sections = {name: field.annotation for name, field in Recipe.model_fields.items()}
    known = {
        name: {**section.before, **value}
        for name, value in values.items()
        if isinstance(section := sections.get(name), type) and issubclass(section, Section)
    }
    return Recipe.model_validate({**Recipe.before, **values, **known})


def recorded_toml(values: Mapping[str, Any]) -> str:
    """The recipe that a manifest holds as a file, with the choices that it names and no others."""
    named = {name: values.get(name, ()) for name in Recipe.model_fields if name in values or name == "corpus"}
    return tomli_w.dumps(without_none(named))


def parse_recipe(content: bytes, origin: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Check one recipe's TOML; `origin` is how messages call it.

    Raises:
        RecipeError: it is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        values = with_main_choices(parse_toml(content.decode()), Recipe)
    except ValueError as error:
        raise RecipeError(f"{origin} is not TOML: {error}; mend that place") from error
    for key, value in (overrides or {}).items():
        _set(values, _steps(key, value), value, origin)
    try:
        recipe = Recipe.model_validate(values)
        return recipe.model_copy(update={"retrieval": resolved(recipe.retrieval)})
    except ValidationError as error:
        raise RecipeError(f"{origin}: {explain(error, Recipe)}") from error
    except RecipeError as error:
        raise RecipeError(f"{origin}: {error.message}") from error


def parse_setting(text: str) -> tuple[str, Any]:
    """Split `key=value` and read the value as TOML, a bare word as a string: `retrieval.k1=1.2`, `name=mine`.

    Raises:
        RecipeError: there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {text!r} has no key or no value; write it as --set retrieval.k1=1.2")
    try:
        return key.strip(), parse_toml(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
    except ValueError as error:
        raise RecipeError(f"the value of {argument('set', key.strip())} cannot be read: {error}") from error


def _steps(key: str, value: Any) -> list[str]:
    """The steps of a dotted key; a section that is given as one word is gone into: `retrieval=hybrid`."""
    told = with_main_choices({key: value}, Recipe)[key]
    return key.split(".") if told is value else [key, *told]


def _set(values: dict[str, Any], path: list[str], value: Any, origin: str) -> None:
    for step in path[:-1]:
        values = values.setdefault(step, {})
        if not isinstance(values, dict):
            raise RecipeError(f"{origin}: {'.'.join(path)!r} goes through {step!r}, which is no table; check the key")
    values[path[-1]] = value


def _known_names() -> list[str]:
    return sorted(e.name.removesuffix(".toml") for e in files(_RECIPES).iterdir() if e.name.endswith(".toml"))
