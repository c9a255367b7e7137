"""The `datasets` builder, on the installed release; `make compat` runs the same checks on 4.0, 4.8 and 5.2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKS = Path(__file__).parents[1] / "compat" / "checks.py"
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.parametrize("order", ["before"])
def test_the_builder_does_all_that_load_dataset_promises(order: str, tmp_path: Path) -> None:
    """Names, arguments, streaming, workers, exact resume and cache hold, whichever package is imported first."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "thrift", str(CHECKS)],
        cwd=CHECKS.parents[2],
        env=os.environ | {"NEXTLONG_IMPORT_ORDER": order, "PYTHONPATH": str(SUPPORT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
