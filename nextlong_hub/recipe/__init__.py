"""Every choice that decides the bytes of a configuration, its check, and its fingerprint.

A recipe is TOML: one of those in `builders/`, or any file of the same form. It composes the settings of the stages,
which stand beside the stages. An unknown key is an error, so that no misspelt choice is ignored.

sections  what belongs to no stage below: fitting, conversations, packing, output, mixtures
model     a recipe, its check and its fingerprint
reading   recipes from files, from the package, and from manifests
"""

from nextlong_hub.recipe.model import Recipe, align_fault
from nextlong_hub.recipe.reading import (
    DEFAULT_SEED,
    default_config,
    load_recipe,
    load_recipes,
    parse_recipe,
    parse_setting,
    recipe_names,
    recorded_recipe,
    recorded_toml,
)
from nextlong_hub.recipe.sections import (
    MOST_ALIGN,
    ConversationSettings,
    FitSettings,
    Ingredient,
    MixSettings,
    OutputSettings,
    PackingSettings,
)

__all__ = [
    "DEFAULT_SEED",
    "MOST_ALIGN",
    "ConversationSettings",
    "FitSettings",
    "Ingredient",
    "MixSettings",
    "OutputSettings",
    "PackingSettings",
    "Recipe",
    "align_fault",
    "default_config",
    "load_recipe",
    "load_recipes",
    "parse_recipe",
    "parse_setting",
    "recipe_names",
    "recorded_recipe",
    "recorded_toml",
]
