"""nextlong-hub: a pile of short documents becomes a published, self-proving long-context dataset.

    corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest

Importing this package makes `datasets.load_dataset("nextlong", "128k")` work; it costs a few milliseconds, since
everything heavier is imported when it is first used.
"""

from nextlong_hub.registration import register

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without the milliseconds that importing typing takes
if TYPE_CHECKING:
    from typing import Any

    from nextlong_hub.datacard import write_card
    from nextlong_hub.errors import NextLongError
    from nextlong_hub.exploring import Sample, Split, open
    from nextlong_hub.exports import ExportReport, ExportRequest, export
    from nextlong_hub.fitting import FitReport, fit
    from nextlong_hub.hub import PushReport, push, verify_remote
    from nextlong_hub.importing import ImportReport, import_rows
    from nextlong_hub.loading import load
    from nextlong_hub.pipeline import BuildReport, BuildRequest, build
    from nextlong_hub.recipe import Recipe, SourceSettings, load_recipe, load_recipes, recipe_names
    from nextlong_hub.verification import VerifyReport, verify
    from nextlong_hub.viewer.page import write_page

__version__ = "0.1.0"

_HOMES = {
    "BuildReport": "pipeline",
    "BuildRequest": "pipeline",
    "ExportReport": "exports",
    "ExportRequest": "exports",
    "FitReport": "fitting",
    "ImportReport": "importing",
    "NextLongError": "errors",
    "PushReport": "hub",
    "Recipe": "recipe",
    "Sample": "exploring",
    "SourceSettings": "recipe",
    "Split": "exploring",
    "VerifyReport": "verification",
    "build": "pipeline",
    "export": "exports",
    "fit": "fitting",
    "import_rows": "importing",
    "load": "loading",
    "load_recipe": "recipe",
    "load_recipes": "recipe",
    "open": "exploring",
    "push": "hub",
    "recipe_names": "recipe",
    "verify": "verification",
    "verify_remote": "hub",
    "write_card": "datacard",
    "write_page": "viewer.page",
}

__all__ = [
    "BuildReport",
    "BuildRequest",
    "ExportReport",
    "ExportRequest",
    "FitReport",
    "ImportReport",
    "NextLongError",
    "PushReport",
    "Recipe",
    "Sample",
    "SourceSettings",
    "Split",
    "VerifyReport",
    "build",
    "export",
    "fit",
    "import_rows",
    "load",
    "load_recipe",
    "load_recipes",
    "open",
    "push",
    "recipe_names",
    "verify",
    "verify_remote",
    "write_card",
    "write_page",
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
