"""The map of the house: the flow is the layering, heavy libraries have one door each, extensions are found by name."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from nextlong_hub.conversations.forms.base import FORMS as CONVERSATION_FORMS
from nextlong_hub.core.registry import Registry
from nextlong_hub.corpus.formats.base import FORMATS as CORPUS_FORMATS
from nextlong_hub.execution.open import EXECUTORS
from nextlong_hub.exports.base import FORMATS as EXPORT_FORMATS
from nextlong_hub.producer import PRODUCERS

ROOT = Path(__file__).parents[1]

FLOORS = [
    "errors records secret_scan _version",
    "core proof",
    "hub storage",
    "execution method",
    "corpus terminal",
    "retrieval tokenization",
    "recipe",
    "dataset testing",
    "producer stats",
    "synthesis conversations datacard explore exports",
    "evaluation",
    "documents verification allotment",
    "publish outlook",
    "pipeline",
    "load_dataset dry_run",
    "audit",
    "facade",
    "cli builders",
    "cards __main__",
]
"""Lowest first: the flow. A room is a folder or module directly below `nextlong_hub`, and imports lower floors only."""

DOORS = {
    "numpy pyarrow": "every module",
    "numba": "core",
    "rank_bm25 faiss model2vec sentence_transformers": "retrieval",
    "tokenizers transformers fastokens": "tokenization",
    "pydantic": "secret_scan core execution method corpus retrieval recipe dataset producer",
    "tomli_w": "recipe",
    "filelock": "core storage execution dataset",
    "packaging": "cli",
    "click": "cli terminal",
    "rich": "terminal",
    "polars": "facade",
    "datasets": "hub load_dataset builders",
    "tqdm ray": "execution",
    "huggingface_hub": "hub",
    "hf_xet pytest": "testing",
    "matplotlib": "stats explore facade",
    "jinja2": "explore datacard",
    "yaml": "core datacard testing",
    "fsspec": "hub storage corpus",
    "backports compression": "corpus",
}
"""Which rooms may import which library; a library that is not named here may not be imported at all."""

REGISTRIES = (CONVERSATION_FORMS, CORPUS_FORMATS, EXECUTORS, EXPORT_FORMATS, PRODUCERS)

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}


def modules() -> dict[str, Path]:
    """Every module by its dotted name below `nextlong_hub`, a package by the name of its folder."""
    found = {}
    for folder, prefix in (("nextlong_hub", ()), ("builders", ("builders",)), ("cards", ("cards",))):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = (*prefix, *path.relative_to(ROOT / folder).with_suffix("").parts)
            found[".".join(part for part in parts if part != "__init__")] = path
    del found[""]  # the package itself names everybody's public functions, each imported when it is used
    return found


MODULES = modules()


def imports(module: str) -> Iterator[str]:
    """What a module imports anywhere in it: our modules by their short names, others by their full ones."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("nextlong_hub.") in MODULES else str(node.module) for name in inner]
        yield from (name.removeprefix("nextlong_hub.") for name in names)


def room(module: str) -> str:
    """The module or package directly below `nextlong_hub`."""
    return module.partition(".")[0]


OURS = {module: {name for name in imports(module) if name in MODULES} for module in MODULES}


def test_every_module_has_its_place() -> None:
    """A new room must be put on the map, and one that is gone taken off it."""
    assert {room(module) for module in MODULES} == FLOOR.keys()


def test_imports_go_down_only() -> None:
    """No room imports one of its own floor or of a higher one, and there is no circle, not even inside functions."""
    upwards = [
        (module, name)
        for module, names in OURS.items()
        for name in names
        if room(name) != room(module) and FLOOR[room(name)] >= FLOOR[room(module)]
    ]
    assert upwards == []
    assert len(list(TopologicalSorter(OURS).static_order())) == len(MODULES) > 30


def test_what_runs_is_never_named_in_a_string() -> None:
    """Tasks and extensions are found by their classes and constants: a function's name in a string escapes mypy."""
    named = re.compile(r"""["']nextlong_hub[\w.]*:\w""")
    assert [module for module, path in MODULES.items() if named.search(path.read_text())] == []


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_extensions_are_called_what_their_files_are(registry: Registry[Any]) -> None:
    """What a registry finds by a file's name calls itself the same."""
    assert len(registry.names()) > 1
    assert [extension.name for extension in registry.values()] == list(registry.names())


def test_every_library_has_its_door() -> None:
    """Heavy libraries are loaded only by whoever is responsible for them."""
    doors = {library: rooms.split() for libraries, rooms in DOORS.items() for library in libraries.split()}
    used = set()
    for module in MODULES:
        libraries = {name.partition(".")[0] for name in imports(module) if name not in MODULES}
        for library in libraries - sys.stdlib_module_names - {"nextlong_hub"}:
            assert library in doors, f"{module} imports {library}, which has no door"
            assert doors[library] == ["every", "module"] or room(module) in doors[library], (module, library)
            used.add(library)
    assert used == doors.keys()
