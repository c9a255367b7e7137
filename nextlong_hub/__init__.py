"""nextlong-hub: a pile of short documents becomes a published, self-proving long-context dataset.

    corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest

    import nextlong_hub as nl

    ds = nl.build("128k", corpus=texts, tokenizer="Qwen/Qwen3-8B", output="nextlong", samples=64)
    ds.load("128k")                                   # datasets.Dataset
    nl.open("me/nextlong", "128k").to_pandas()        # the same object for what is on the Hub

Importing this package makes `datasets.load_dataset("nextlong", "128k")` work; it costs a few milliseconds, since
everything heavier is imported when it is first used.
"""

import os

from nextlong_hub._version import __version__ as __version__
from nextlong_hub.load_dataset.register import register as _register

_here = os.path.dirname(__file__)  # noqa: PTH120 (importing pathlib would cost a start-up several milliseconds)
if not os.path.isdir(f"{_here}/builders"):  # noqa: PTH112
    __path__.append(os.path.dirname(_here))  # noqa: PTH120 (a checkout that is not installed: they stand beside us)

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without the milliseconds that importing typing takes
if TYPE_CHECKING:
    from nextlong_hub.corpus.settings import SourceSettings
    from nextlong_hub.errors import NextLongError
    from nextlong_hub.explore import SampleView, Split
    from nextlong_hub.facade import LongDataset, build, fit, import_rows, open, riffle, survey
    from nextlong_hub.load_dataset.load import load
    from nextlong_hub.recipe import Recipe, load_recipe, recipe_names
    from nextlong_hub.retrieval.vectors.embeddings import export_chunks, save_embeddings

_HOMES = {
    "LongDataset": "facade",
    "NextLongError": "errors",
    "Recipe": "recipe",
    "SampleView": "explore",
    "SourceSettings": "corpus.settings",
    "Split": "explore",
    "build": "facade",
    "export_chunks": "retrieval.vectors.embeddings",
    "fit": "facade",
    "import_rows": "facade",
    "load": "load_dataset.load",
    "load_recipe": "recipe",
    "open": "facade",
    "recipe_names": "recipe",
    "riffle": "facade",
    "save_embeddings": "retrieval.vectors.embeddings",
    "survey": "facade",
}

__all__ = [
    "LongDataset",
    "NextLongError",
    "Recipe",
    "SampleView",
    "SourceSettings",
    "Split",
    "build",
    "export_chunks",
    "fit",
    "import_rows",
    "load",
    "load_recipe",
    "open",
    "recipe_names",
    "riffle",
    "save_embeddings",
    "survey",
]


if not TYPE_CHECKING:  # a checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Import a public name from its home when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    special = (name for name, value in globals().items() if name.startswith("__") and not callable(value))
    return sorted([*__all__, *special])


_register()
