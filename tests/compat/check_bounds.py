"""Run the checks of the builder and of push on the lowest versions that pyproject.toml allows, and on the newest.

    python tests/compat/check_bounds.py                          # both; takes minutes
    python tests/compat/check_bounds.py lowest --keep ~/.venvs   # one; environments are kept and used again
    python tests/compat/check_bounds.py newest --python python3.14

Lowest means each dependency that pyproject.toml names at its lower bound, together. Leaves with 1 if they cannot be
installed together, or if any check fails.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from check_datasets_versions import CHECKOUT, build_wheel, pip, say
from check_datasets_versions import run_checks as run_builder_checks
from check_hub_versions import run_checks as run_hub_checks

BOUNDS = ("lowest", "newest")


def main() -> int:
    """Check the bounds named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bounds", nargs="*", metavar="BOUND", help=f"of {' and '.join(BOUNDS)}; default: both")
    parser.add_argument("--keep", type=Path, help="folder for environments to keep and to use again")
    parser.add_argument("--python", default=sys.executable, help="the Python of the environments; default: this one")
    options = parser.parse_args()
    if unknown := set(options.bounds) - set(BOUNDS):
        parser.error(f"no bound {', '.join(sorted(unknown))}; there are {', '.join(BOUNDS)}")
    with tempfile.TemporaryDirectory(prefix="nextlong-bounds-") as scratch:
        wheel = build_wheel(Path(scratch))
        passed = {}
        for bound in options.bounds or BOUNDS:
            python = prepare(options.python, (options.keep or Path(scratch)) / bound, bound, wheel)
            passed[bound, "builder"] = run_builder_checks(python, "before")
            passed[bound, "push"] = run_hub_checks(python)
    for (bound, what), is_good in passed.items():
        say(f"{bound} {what:8} {'passed' if is_good else 'FAILED'}")
    return 0 if all(passed.values()) else 1


def prepare(base: str, folder: Path, bound: str, wheel: Path) -> Path:
    """An environment with the wheel and its dependencies at a bound; its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        subprocess.run([base, "-m", "venv", str(folder)], check=True)
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{line}\n" for line in (lowest() if bound == "lowest" else [])))
    pip(python, "install", "--upgrade", "--constraint", str(constraints), "pytest", str(wheel))
    pip(python, "install", "--force-reinstall", "--no-deps", str(wheel))
    pip(python, "check")
    return python


def lowest() -> list[str]:
    """Each dependency that pyproject.toml names, at its lower bound."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    return [
        f"{name}=={version}"
        for line in project["dependencies"]
        for name, version in re.findall(r"^([\w-]+)>=([\w.]+)", line)
    ]


if __name__ == "__main__":
    sys.exit(main())
