"""The notebook in `examples/` runs, says nothing it should not, and shows what is committed with it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from notebook import NOTEBOOK

pytestmark = pytest.mark.slow

_IMAGE = re.compile(r'src="data:[^"]*"')


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook, run in an empty folder, without network, in a process of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    script = Path(__file__).parents[1] / "support" / "notebook.py"
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return nbformat.read(folder / NOTEBOOK.name, as_version=4)


def outputs(notebook: Any) -> list[list[tuple[str, str]]]:
    """What each code cell shows: kind and content, of pictures only the kind, for fonts differ between machines."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            kept = []
            for output in cell.outputs:
                shown = output.get("data", {output.get("name", output.output_type): output.get("text", "")})
                kept += [(kind, "" if "png" in kind else _IMAGE.sub("", content)) for kind, content in shown.items()]
            found.append(kept)
    return found


def test_the_notebook_runs_without_a_warning(fresh: Any) -> None:
    """Every cell that computes shows something, and none of it came from stderr."""
    kinds = [kind for cell in outputs(fresh) for kind, _ in cell]
    assert len(kinds) > 15
    assert "stderr" not in kinds and "error" not in kinds
    assert kinds.count("image/png") == 4


def test_the_committed_outputs_are_those_of_the_code(fresh: Any) -> None:
    """What a reader sees on GitHub is what a run gives; `python tests/support/notebook.py` renews it."""
    assert outputs(nbformat.read(NOTEBOOK, as_version=4)) == outputs(fresh)


def test_the_committed_notebook_is_light_and_names_no_machine() -> None:
    """Small enough to be shown, and free of paths, versions and times of whoever ran it last."""
    content = NOTEBOOK.read_text(encoding="utf-8")
    assert len(content) < 400_000
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert notebook.metadata.language_info == {"name": "python"}
    assert all(not cell.metadata for cell in notebook.cells)
    assert not re.search(r"/(home|root|tmp|Users)/", content)
