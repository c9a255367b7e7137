"""The documents cannot lie: what README says is run or compared with the code."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import nextlong_hub
from nextlong_hub import cli, shards

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
CARD = (CHECKOUT / "cards" / "dataset_card.md").read_text(encoding="utf-8")


def column_table(text: str) -> list[str]:
    """The first cell of each row of the table headed `column`."""
    table = text.split("| column | what it holds |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


@pytest.mark.parametrize("text", [README, CARD], ids=["README", "card"])
def test_the_documented_columns_are_those_of_a_row(text: str) -> None:
    """Names and order of the table are names and order of the Parquet schema."""
    assert column_table(text) == shards.schema(tokens=True).names


@pytest.mark.parametrize("text", [README, CARD], ids=["README", "card"])
def test_the_documented_segment_fields_are_those_of_a_segment(text: str) -> None:
    """Every field of a segment is explained where `segments` is."""
    line = next(line for line in text.splitlines() if line.startswith("| `segments` |"))
    assert set(re.findall(r"`(\w+)`", line)) >= {field.name for field in shards.SEGMENT_TYPE}


@pytest.mark.parametrize("command", sorted(cli.commands.commands))
def test_every_command_stands_in_readme(command: str) -> None:
    """A command nobody can find does not exist."""
    assert f"nextlong-hub {command}" in README


def test_the_python_of_readme_runs(tmp_path: Path) -> None:
    """The block a reader copies first works as it stands, in an empty folder with an empty cache."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=tmp_path,
            env=os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[-1] == "65536"


def test_the_map_of_readme_is_true() -> None:
    """Every module and folder that README names is there."""
    named = set(re.findall(r"`(nextlong_hub/[\w/]+(?:\.py)?|[a-z_]+\.py|retrieval/[\w.]+/?|builders/|cards/)`", README))
    assert len(named) > 12
    for name in named:
        assert (CHECKOUT / name).exists() or (CHECKOUT / "nextlong_hub" / name).exists(), name


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
