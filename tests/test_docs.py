"""The documents cannot lie: what README says is run or compared with the code."""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import nextlong_hub
from nextlong_hub import cli
from nextlong_hub.corpus.formats import FORMATS as CORPUS_FORMATS
from nextlong_hub.corpus.pieces import DATASETS
from nextlong_hub.dataset.schema import Contents, RowKind, column_table
from nextlong_hub.exports import FORMATS as EXPORT_FORMATS
from nextlong_hub.recipe import parse_recipe

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


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


def test_the_documented_columns_are_those_of_a_row() -> None:
    """README's table of columns is the one that a card of all kinds of row would print."""
    contents = Contents(kinds=frozenset(RowKind), synthesised=True, score="BM25 `score`")
    table = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in column_table(contents))
    assert README.split("| column | what it holds |\n| --- | --- |\n")[1].split("\n\n")[0] + "\n" == table


@pytest.mark.parametrize("command", sorted(cli.commands.commands))
def test_every_command_stands_in_readme(command: str) -> None:
    """A command nobody can find does not exist."""
    assert f"nextlong-hub {command}" in README


@pytest.mark.slow
def test_the_python_of_readme_runs(tmp_path: Path) -> None:
    """The block a reader copies first works as it stands, in an empty folder with an empty cache."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        script = tmp_path / f"block{number}.py"
        script.write_text(block)
        assert run_python(str(script), tmp_path).split()[-1] == "65536"


def test_the_recipe_of_readme_is_one() -> None:
    """The TOML a reader copies is accepted, every key of it."""
    [block] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    recipe = parse_recipe(block.encode(), "README")
    assert [source.license for source in recipe.corpus] == ["CC-BY-SA-4.0", "CC0-1.0"]


@pytest.mark.slow
def test_the_example_of_building_from_python_runs(tmp_path: Path) -> None:
    """It builds what it says, and what it built is without fault."""
    done = run_python(str(CHECKOUT / "examples" / "02_build_from_python.py"), tmp_path)
    assert "12 rows, 24,576 tokens" in done
    assert "12 rows rebuilt from the corpus, 0 faults" in done


@pytest.mark.slow
def test_the_example_of_reading_a_row_runs(dataset: Path, tmp_path: Path) -> None:
    """It reads `./nextlong`, with nothing of ours imported."""
    shutil.copytree(dataset, tmp_path / "nextlong")
    card = tmp_path / "nextlong" / "README.md"
    card.write_text(card.read_text().replace("config_name: tiny", "config_name: 128k"))
    assert "rank   score  tokens" in run_python(str(CHECKOUT / "examples" / "01_read_a_row.py"), tmp_path)


def test_the_map_of_readme_is_true() -> None:
    """Every module and folder that README names is there."""
    named = set(re.findall(r"`(nextlong_hub/[\w/]+(?:\.py)?|[a-z_]+\.py|retrieval/[\w.]+/?|builders/|cards/)`", README))
    assert len(named) > 12
    for name in named:
        assert (CHECKOUT / name).exists() or (CHECKOUT / "nextlong_hub" / name).exists(), name


def test_readme_lists_what_is_registered() -> None:
    """README names every export format and every format of corpus files."""
    corpora = README.split("* **Corpora**")[1].split("\n* ")[0]
    assert [name for name in CORPUS_FORMATS if name not in DATASETS and f"`{name}`" not in corpora] == []
    exports = README.split("## To a trainer")[1].split("\n## ")[0]
    assert [name for name in EXPORT_FORMATS if f"`{name}`" not in exports] == []


def test_the_flow_is_the_same_everywhere() -> None:
    """README and the package draw one line of arrows."""
    flow = "corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest"
    assert flow in README
    assert flow in (nextlong_hub.__doc__ or "")


def test_the_public_names_are_there() -> None:
    """`__all__` is what the package gives, and each name comes from where the lazy table says."""
    assert sorted(nextlong_hub.__all__) == nextlong_hub.__all__
    assert set(nextlong_hub.__all__) == set(nextlong_hub._HOMES)
    for name in nextlong_hub.__all__:
        home = import_module(f"nextlong_hub.{nextlong_hub._HOMES[name]}")
        assert getattr(nextlong_hub, name) is getattr(home, name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A typing mistake is told at once."""
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        nextlong_hub.biuld  # noqa: B018
