"""The pictures show a real row and a real run, and are no older than the code."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.pictures import draw

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_pictures_are_fresh(tmp_path: Path) -> None:
    """Drawn again they are the same; `make pictures` renews them."""
    stale = {
        name for name, content in draw.pictures(tmp_path).items() if (draw.FOLDER / name).read_text("utf-8") != content
    }
    assert stale == set()


@pytest.mark.parametrize("path", sorted(draw.FOLDER.glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_loads_nothing(path: Path) -> None:
    """It is one well-formed file: no script, no font or image from elsewhere."""
    ElementTree.parse(path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert re.findall(r"(?:href=|url\()[\"']?(?!#)", text) == []


def test_the_badges_are_true() -> None:
    """What they say is what the project says."""
    assert f"python-%E2%89%A5%20{PROJECT['project']['requires-python'].removeprefix('>=')}-" in README
    assert f"licence-{PROJECT['project']['license']}-" in README
    assert PROJECT["tool"]["mypy"]["strict"] is True
