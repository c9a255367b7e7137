"""The numbered examples of looking at a split run as they stand, beside any dataset."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from building import read_rows

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def beside(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `./nextlong`."""
    folder = tmp_path_factory.mktemp("beside")
    shutil.copytree(built, folder / "nextlong")
    return folder


def run(example: str, folder: Path) -> str:
    """What an example prints that is run in `folder` without network, every warning an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / example)],
        cwd=folder,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_looking_at_a_sample(beside: Path) -> None:
    """The dataset as a tree, a strip, an exact explanation, and a table."""
    out = run("04_look_at_a_sample.py", beside)
    assert "└── tiny: 8 rows of 512 tokens" in out
    assert "▼0" in out and "the exact sum of" in out


def test_drawing_a_split(beside: Path) -> None:
    """Four pictures, each a PNG."""
    out = run("05_draw_a_split.py", beside)
    names = [line.partition(":")[0] for line in out.splitlines()]
    assert names == ["tiny-lengths.png", "tiny-scores.png", "tiny-distances.png", "tiny-sources.png"]
    assert all((beside / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_asking_in_sql(beside: Path) -> None:
    """The most used negative is the one that a count in Python finds."""
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    uses: dict[str, int] = {}
    for row in read_rows(beside / "nextlong"):
        for segment in row["segments"]:
            if segment["role"] == "negative":
                uses[segment["document"]] = uses.get(segment["document"], 0) + 1
    first = min(uses, key=lambda document: (-uses[document], document))
    rows = [line.split("│") for line in run("06_ask_in_sql.py", beside).splitlines() if line.startswith("│ d")]
    found = [[cell.strip() for cell in row[1:4:2]] for row in rows if row[1].strip() in uses]
    assert found[0] == [first, str(uses[first])]
