"""The documents cannot lie: what they say is compared with the code. Their code blocks are run by `tests/docs`."""

import ast
import os
import pydoc
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import nextlong_hub
from docs.hooks.reference import SCHEMA_PAGE
from nextlong_hub import cli
from nextlong_hub.corpus.formats import FORMATS as CORPUS_FORMATS
from nextlong_hub.exports import FORMATS as EXPORT_FORMATS

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "nextlong_hub"
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), *(CHECKOUT / "examples").rglob("*.md")])
WRITTEN = sorted(
    path
    for folder in ("benchmarks", "examples", "docs", "tests/compat")
    for path in [*(CHECKOUT / folder).rglob("*.py"), *(CHECKOUT / folder).rglob("*.ipynb")]
)
WRITTEN += DOCUMENTS
PAGES = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
HOUSE = (CHECKOUT / "docs" / "contributing" / "house.md").read_text(encoding="utf-8")
GENERATED = {CHECKOUT / "docs" / SCHEMA_PAGE}
"""Files of the site that pages link to and that are written when it is built."""


def run_python(script: str, folder: Path) -> str:
    """What a script prints that is run in `folder` with an empty cache and no network."""
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env=os.environ | {"HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", sorted(cli.commands.commands))
def test_every_command_stands_on_a_page(command: str) -> None:
    """A command nobody can find does not exist: README or a page that is written by hand names it."""
    assert any(f"nextlong-hub {command}" in path.read_text(encoding="utf-8") for path in PAGES)


@pytest.mark.slow
def test_the_example_of_building_from_python_runs(tmp_path: Path) -> None:
    """It builds what it says, and what it built is without fault."""
    done = run_python(str(CHECKOUT / "examples" / "02_build_from_python.py"), tmp_path)
    assert "2k: 12 rows of 2,048 tokens, 24.6K tokens" in done
    assert "12 rows rebuilt from the corpus, 0 faults" in done


@pytest.mark.slow
def test_the_example_of_reading_a_row_runs(dataset: Path, tmp_path: Path) -> None:
    """It reads `./nextlong`, with nothing of ours imported."""
    shutil.copytree(dataset, tmp_path / "nextlong")
    card = tmp_path / "nextlong" / "README.md"
    card.write_text(card.read_text().replace("config_name: tiny", "config_name: 128k"))
    assert "rank   score  tokens" in run_python(str(CHECKOUT / "examples" / "01_read_a_row.py"), tmp_path)


def cells_of(table: str) -> list[list[str]]:
    """What stands in backticks in each cell of the rows of the table whose head is `table`."""
    rows = HOUSE.split(f"{table}\n")[1].split("\n\n")[0].splitlines()[1:]
    return [[*map(re.compile("`([^`]+)`").findall, row.strip("| ").split(" | "))] for row in rows]


def rooms_imported(path: Path) -> set[str]:
    """The rooms of the package that a module imports, wherever in it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            rooms |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in rooms if name.startswith("nextlong_hub.")}


def test_the_map_names_every_room_once() -> None:
    """A room that is new or gone changes the map."""
    rooms = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    there = {f"{path.name}/" if path.is_dir() else path.name for path in rooms} - {"__init__.py"}
    drawn = [room for [room], *_ in cells_of("| room | what is there |")]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == there


def test_the_map_is_in_the_order_of_the_flow() -> None:
    """A room imports only rooms that stand above it, as the map says."""
    above: set[str] = set()
    for [name], *_ in cells_of("| room | what is there |"):
        room = name.removesuffix("/").removesuffix(".py")
        modules = [PACKAGE / name] if name.endswith(".py") else (PACKAGE / name).rglob("*.py")
        above.add(room)
        for module in modules:
            assert rooms_imported(module) - {"builders", "cards"} <= above, module


def test_what_the_map_says_to_edit_is_there() -> None:
    """Every path of both tables and of the lines between them."""
    named = re.findall(r"`([\w/.]+(?:/|\.py))`", HOUSE)
    assert len(named) > 40
    missing = [name for name in named if not ((CHECKOUT / name).exists() or any(PACKAGE.rglob(name.rstrip("/"))))]
    assert missing == []


def test_pages_list_the_formats_that_are_registered() -> None:
    """Those that a corpus may have, and those that trainers are given."""
    corpora = (
        (CHECKOUT / "docs/how-to/corpus.md").read_text(encoding="utf-8").split("Formats are ")[1].split(". Text")[0]
    )
    assert set(re.findall(r"`(\w+)`", corpora)) == set(CORPUS_FORMATS.names())
    table = (CHECKOUT / "docs/how-to/train.md").read_text(encoding="utf-8").split("| trainer |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\|[^|]+\| `([\w-]+)` \|", table, re.MULTILINE)) == set(EXPORT_FORMATS.names())


def test_the_flow_is_the_same_everywhere() -> None:
    """The map and the package draw one line of arrows."""
    flow = "corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest"
    assert flow in HOUSE
    assert flow in (nextlong_hub.__doc__ or "")


def is_there(path: Path) -> bool:
    """Whether a link leads to a file of the repository, or to one that the site will have."""
    return path.exists() or path in GENERATED


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """A file that a document of the repository links is there."""
    links = re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not is_there(document.parent / link)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_target_of_make_is_there(document: Path) -> None:
    """A command that a document names can be typed."""
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_what_is_imported_of_ours_is_there(path: Path) -> None:
    """Also in documents, and in scripts that `make test` does not run or that stand in a string of another one."""
    imports = re.findall(r"from (nextlong_hub[\w.]*) import (\(.*?\)|[\w, ]+)", path.read_text("utf-8"), re.DOTALL)
    for module, names in imports:
        for name in re.findall(r"\w+(?: as \w+)?", names):
            first = name.partition(" as ")[0]
            assert hasattr(import_module(module), first) or find_spec(f"{module}.{first}"), f"{module}: {first}"


def test_the_public_names_are_there() -> None:
    """`__all__`, `dir()`, what a type checker is shown, and where the lazy table says each comes from are one list."""
    assert sorted(nextlong_hub.__all__) == nextlong_hub.__all__ == list(nextlong_hub._HOMES)
    assert [name for name in dir(nextlong_hub) if not name.startswith("__")] == nextlong_hub.__all__
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    [shown] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in shown.body if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    typed = {alias.name: node.module for node in imports for alias in node.names}
    assert typed == {name: f"nextlong_hub.{home}" for name, home in nextlong_hub._HOMES.items()}
    for name in nextlong_hub.__all__:
        home = import_module(f"nextlong_hub.{nextlong_hub._HOMES[name]}")
        assert getattr(nextlong_hub, name) is getattr(home, name)


def test_help_lists_the_public_names_only() -> None:
    """What `help(nextlong_hub)` explains is `__all__`, and each of it says what it is for."""
    text = pydoc.plain(pydoc.TextDoc().docmodule(nextlong_hub))
    classes, functions = text.split("\nCLASSES\n")[1].split("\nFUNCTIONS\n")
    named = re.findall(r"^    class (\w+)", classes, re.MULTILINE)
    named += re.findall(r"^    (\w+)\(", functions.split("\nDATA\n")[0], re.MULTILINE)
    assert sorted(named) == nextlong_hub.__all__
    for name in nextlong_hub.__all__:
        assert getattr(nextlong_hub, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A typing mistake is told at once."""
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        nextlong_hub.biuld  # noqa: B018
