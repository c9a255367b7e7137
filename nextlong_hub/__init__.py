"""nextlong-hub: a pile of short documents becomes a published, self-proving long-context dataset.

    corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest

Importing this package makes `datasets.load_dataset("nextlong", "128k")` work; it costs a few milliseconds, since
everything heavier is imported when it is first used.
"""

from nextlong_hub.registration import register

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without the milliseconds that importing typing takes
if TYPE_CHECKING:
    from typing import Any

    from nextlong_hub.errors import NextLongError
    from nextlong_hub.exploring import Sample, Split, open
    from nextlong_hub.fitting import FitReport, fit
    from nextlong_hub.loading import load
    from nextlong_hub.pipeline import BuildReport, BuildRequest, build
    from nextlong_hub.recipe import Recipe, SourceSettings, load_recipe, load_recipes, recipe_names
    from nextlong_hub.verification import VerifyReport, verify

__version__ = "0.1.0"

_HOMES = {
    "BuildReport": "pipeline",
    "BuildRequest": "pipeline",
    "FitReport": "fitting",
    "NextLongError": "errors",
    "Recipe": "recipe",
    "Sample": "exploring",
    "SourceSettings": "recipe",
    "Split": "exploring",
    "VerifyReport": "verification",
    "build": "pipeline",
    "fit": "fitting",
    "load": "loading",
    "load_recipe": "recipe",
    "load_recipes": "recipe",
    "open": "exploring",
    "recipe_names": "recipe",
    "verify": "verification",
}

__all__ = [
    "BuildReport",
    "BuildRequest",
    "FitReport",
    "NextLongError",
    "Recipe",
    "Sample",
    "SourceSettings",
    "Split",
    "VerifyReport",
    "build",
    "fit",
    "load",
    "load_recipe",
    "load_recipes",
    "open",
    "recipe_names",
    "verify",
]


def __getattr__(name: str) -> "Any":
    """Import a public name from its home when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


register()
