"""A push may write the card of its folder anew, so each test pushes a folder of its own."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def built(built: Path, tmp_path: Path) -> Path:
    """A copy of the finished dataset of eight rows."""
    return Path(shutil.copytree(built, tmp_path / "built" / "dataset"))
