"""In which runs a dataset can be made again: who has which document depends on who took it first."""

from collections.abc import Mapping, Sequence

from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.producer import making_order, producer_of
from nextlong_hub.recipe import Recipe, recorded_recipe


def runs_of(manifest: Manifest) -> list[list[str]]:
    """The configurations run by run, in an order that gives each the documents it has.

    Empty where no order does: a configuration was extended after others had been made, or others shrank since.
    """
    names = list(manifest.configs)
    one_by_one = sorted(
        names, key=lambda name: (bool(manifest.configs[name].mixture), _known(manifest, name), names.index(name))
    )
    for runs in ([names], [[name] for name in one_by_one]):
        if _give(manifest, runs):
            return runs
    return []


def _known(manifest: Manifest, name: str) -> int:
    """How many recipes were there before it."""
    return len(manifest.configs[name].apart)


def _give(manifest: Manifest, runs: Sequence[Sequence[str]]) -> bool:
    """Whether these runs keep every configuration apart from just what it was kept apart from."""
    present: dict[str, str] = {}
    for run in runs:
        for recipe, apart in _made_in(manifest, run):
            if producer_of(recipe).takes_documents:
                expected = dict(present) if producer_of(recipe).keeps_apart(recipe) else {}
                for own in (recipe.name, *(name for name in recipe.ingredients if name not in manifest.configs)):
                    expected.pop(own, None)
                if expected.keys() != apart.keys() or any(expected[name] not in ("", apart[name]) for name in expected):
                    return False
                present[recipe.name] = _digest(manifest, recipe.name)
    return True


def _made_in(manifest: Manifest, run: Sequence[str]) -> list[tuple[Recipe, Mapping[str, str]]]:
    """The recipes that a run makes, in order, with what each was kept apart from."""
    configs = {name: manifest.configs[name] for name in run if manifest.configs[name].taken}
    made = {name: (recorded_recipe(config.recipe), config.apart) for name, config in configs.items()}
    for config in configs.values():
        for name, part in config.mixture.items():
            made.setdefault(name, (recorded_recipe(part.recipe), part.apart))
    return sorted(made.values(), key=lambda one: making_order(one[0]))


def _digest(manifest: Manifest, name: str) -> str:
    """Of the documents that the rows of a recipe take; empty where they are not published for themselves."""
    config = manifest.configs.get(name)
    return config.taken[name].digest if config and name in config.taken else ""
