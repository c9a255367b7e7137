"""Runs the example notebook. `python tests/support/notebook.py` renews the outputs that are committed with it."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "explore.ipynb"

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""No version of anything: the file changes when what it shows does."""


def executed(folder: Path) -> Any:
    """The notebook after a run in `folder`; a cell that fails raises."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, record_timing=False, resources={"metadata": {"path": str(folder)}}, kernel_name="python3"
    )
    client.execute(env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")})
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return notebook


if __name__ == "__main__":
    if len(sys.argv) > 1:
        nbformat.write(executed(Path(sys.argv[1])), Path(sys.argv[1]) / NOTEBOOK.name)
    else:
        with TemporaryDirectory() as scratch:
            nbformat.write(executed(Path(scratch)), NOTEBOOK)
