"""nextlong-hub: a pile of short documents becomes a published, self-proving long-context dataset.

    corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest

Importing this package makes `datasets.load_dataset("nextlong", "128k")` work; it costs a few milliseconds, since
everything heavier is imported when it is first used.
"""

import os

from nextlong_hub._version import __version__ as __version__
from nextlong_hub.load_dataset.register import register

_here = os.path.dirname(__file__)  # noqa: PTH120 (importing pathlib would cost a start-up several milliseconds)
if not os.path.isdir(f"{_here}/builders"):  # noqa: PTH112
    __path__.append(os.path.dirname(_here))  # noqa: PTH120 (a checkout that is not installed: they stand beside us)

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without the milliseconds that importing typing takes
if TYPE_CHECKING:
    from typing import Any

    from nextlong_hub.corpus.settings import SourceSettings
    from nextlong_hub.datacard import write_card
    from nextlong_hub.documents.fit import FitRequest
    from nextlong_hub.documents.import_rows import ImportRequest
    from nextlong_hub.errors import NextLongError
    from nextlong_hub.execution.open import open_executor
    from nextlong_hub.explore import SampleView, Split, open
    from nextlong_hub.explore.page.page import write_page
    from nextlong_hub.exports.options import ExportRequest
    from nextlong_hub.exports.run import ExportReport, export
    from nextlong_hub.load_dataset.load import load
    from nextlong_hub.pipeline import BuildReport, BuildRequest, FitReport, ImportReport, build, fit, import_rows
    from nextlong_hub.publish.push import PushReport, push
    from nextlong_hub.publish.remote_check import verify_remote
    from nextlong_hub.recipe import Recipe, load_recipe, load_recipes, recipe_names
    from nextlong_hub.retrieval.vectors.embeddings import export_chunks, save_embeddings
    from nextlong_hub.verification import VerifyReport, verify

_HOMES = {
    "BuildReport": "pipeline",
    "BuildRequest": "pipeline",
    "ExportReport": "exports.run",
    "ExportRequest": "exports.options",
    "FitReport": "pipeline",
    "FitRequest": "documents.fit",
    "ImportReport": "pipeline",
    "ImportRequest": "documents.import_rows",
    "NextLongError": "errors",
    "PushReport": "publish.push",
    "Recipe": "recipe",
    "SampleView": "explore",
    "SourceSettings": "corpus.settings",
    "Split": "explore",
    "VerifyReport": "verification",
    "build": "pipeline",
    "export": "exports.run",
    "export_chunks": "retrieval.vectors.embeddings",
    "fit": "pipeline",
    "import_rows": "pipeline",
    "load": "load_dataset.load",
    "load_recipe": "recipe",
    "load_recipes": "recipe",
    "open": "explore",
    "open_executor": "execution.open",
    "push": "publish.push",
    "recipe_names": "recipe",
    "save_embeddings": "retrieval.vectors.embeddings",
    "verify": "verification",
    "verify_remote": "publish.remote_check",
    "write_card": "datacard",
    "write_page": "explore.page.page",
}

__all__ = [
    "BuildReport",
    "BuildRequest",
    "ExportReport",
    "ExportRequest",
    "FitReport",
    "FitRequest",
    "ImportReport",
    "ImportRequest",
    "NextLongError",
    "PushReport",
    "Recipe",
    "SampleView",
    "SourceSettings",
    "Split",
    "VerifyReport",
    "build",
    "export",
    "export_chunks",
    "fit",
    "import_rows",
    "load",
    "load_recipe",
    "load_recipes",
    "open",
    "open_executor",
    "push",
    "recipe_names",
    "save_embeddings",
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
