"""Run the checks of pushing on every supported line of huggingface_hub, each in a virtual environment of its own.

    python tests/compat/check_hub_versions.py                     # 0.36, 1.x and 2.x; takes minutes
    python tests/compat/check_hub_versions.py 2 --keep ~/.venvs   # one line; environments are kept and reused

The package is built into a wheel from the checkout and installed beside the newest release of the line, with the
newest `datasets` and `transformers` that go with it. Leaves with 1 if any check fails.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from check_datasets_versions import build_wheel, pip, say

VERSIONS = {"0.36": ["transformers<5"], "1": ["datasets<5.1"], "2": []}
"""What else to ask for, so that a release of the line can be installed at all."""

CHECKS = Path(__file__).with_name("hub_checks.py")


def main() -> int:
    """Check the lines named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("versions", nargs="*", metavar="VERSION", help=f"of {', '.join(VERSIONS)}; default: all")
    parser.add_argument("--keep", type=Path, help="folder for environments to keep and to use again")
    options = parser.parse_args()
    if unknown := set(options.versions) - VERSIONS.keys():
        parser.error(f"no line {', '.join(sorted(unknown))}; there are {', '.join(VERSIONS)}")
    with tempfile.TemporaryDirectory(prefix="nextlong-hub-versions-") as scratch:
        wheel = build_wheel(Path(scratch))
        passed = {
            version: run_checks(prepare((options.keep or Path(scratch)) / f"hub-{version}", version, wheel))
            for version in options.versions or VERSIONS
        }
    for version, is_good in passed.items():
        say(f"huggingface_hub {version:4} {'passed' if is_good else 'FAILED'}")
    return 0 if all(passed.values()) else 1


def prepare(folder: Path, version: str, wheel: Path) -> Path:
    """An environment with that line and the wheel; its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip(python, "install", f"huggingface_hub=={version}.*", "hf_xet", "pytest", *VERSIONS[version], str(wheel))
    pip(python, "install", "--force-reinstall", "--no-deps", str(wheel))
    return python


def run_checks(python: Path) -> bool:
    """Run the checks outside the checkout, so that only the installed package is found."""
    say(f"--- {python.parent.parent.name}")
    options = ["-q", "--noconftest", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [python, "-m", "pytest", *options, "--rootdir", elsewhere, CHECKS]
        return subprocess.run(command, cwd=elsewhere, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
