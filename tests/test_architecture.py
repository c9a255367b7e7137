"""The map of the house: imports go down only, stages do not know each other, heavy libraries have one door each."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS = [
    "errors records inert",
    "files memory interruption recipe engine store progress token_offsets",
    "corpus chunking retrieval negatives interleave instruct tokens packing shards manifest",
    "workspace plan units preparation synthesis filing conversing splits",
    "stats plots viewer datacard publishing",
    "pipeline portability verification hub fitting prediction explanation "
    "doctor registration autoload loading exports importing",
    "cli arguments reports terminal exploring ondemand",
    "testing builders cards",
]
"""Lowest first. The stages are those of layer 2."""

DOORS = {
    "numpy pyarrow": "every module",
    "numba rank_bm25": "retrieval",
    "tokenizers transformers": "tokens",
    "pydantic": "recipe manifest",
    "tomli_w": "recipe",
    "filelock": "workspace ondemand",
    "packaging": "doctor",
    "click": "cli",
    "rich": "terminal",
    "datasets": "corpus registration loading builders",
    "huggingface_hub": "corpus tokens hub",
    "hf_xet pytest": "testing",
    "matplotlib": "plots exploring",
    "jinja2": "viewer datacard",
    "yaml": "splits datacard testing",
}
"""Which modules may import which library; a library that is not named here may not be imported at all."""

LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms.split()}


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
    """A new module must be put on the map, and one that is gone taken off it."""
    assert {room(module) for module in MODULES} == LAYER.keys()


def test_imports_go_down_only() -> None:
    """No module imports one of a higher layer, and there is no circle, not even inside functions."""
    upwards = [(m, name) for m, names in OURS.items() for name in names if LAYER[room(name)] > LAYER[room(m)]]
    assert upwards == []
    assert len(list(TopologicalSorter(OURS).static_order())) == len(MODULES) > 30


def test_stages_never_import_each_other() -> None:
    """They are joined from above, so that each can be read, tested and replaced by itself."""
    stages = set(LAYERS[2].split())
    crossing = [
        (m, name)
        for m, names in OURS.items()
        for name in names
        if room(m) != room(name) and {room(m), room(name)} <= stages
    ]
    assert crossing == []


def test_builders_and_cards_are_never_imported_by_the_pipeline() -> None:
    """They are data to it, found by name when it runs."""
    for module, names in OURS.items():
        outside = {room(name) for name in names} & set(LAYERS[-1].split())
        assert outside <= {room(module)}, module


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
