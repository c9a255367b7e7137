"""What tests of publishing need: a push may write the card anew, so each of them pushes a folder of its own."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def built(built: Path, tmp_path: Path) -> Path:
    """A copy of the finished dataset of eight rows."""
    return Path(shutil.copytree(built, tmp_path / "built" / "dataset"))
