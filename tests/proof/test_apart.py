"""The proof shares no code with what it proves."""

import ast
import sys
from pathlib import Path

import nextlong_hub.proof

ALLOWED = {"nextlong_hub", "nextlong_hub.errors"}
"""The package itself, for where its data lie, imports nothing."""


def test_the_proof_imports_the_standard_library_and_the_errors_alone() -> None:
    """Not even numpy: what it says is said in plain Python, by functions of its own."""
    [folder] = map(Path, nextlong_hub.proof.__path__)
    found = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                found.add(str(node.module))
    others = {name for name in found if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in others if not name.startswith("nextlong_hub.proof")} <= ALLOWED
    assert "import_module" not in "".join(path.read_text() for path in folder.glob("*.py"))
