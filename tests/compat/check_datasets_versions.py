"""Run the checks on every supported release of `datasets`, each in a virtual environment of its own.

    python tests/compat/check_datasets_versions.py                      # 4.0, 4.8 and 5.2; takes minutes
    python tests/compat/check_datasets_versions.py 5.2 --keep ~/.venvs  # one release; environments are kept and reused

The package is built into a wheel from the checkout, installed beside the release, and `checks.py` runs three times:
with nextlong_hub imported before datasets, after it, and not at all but with autoload enabled. Leaves with 1 if any run
fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

VERSIONS = ("4.0", "4.8", "5.2")
ORDERS = ("before", "after", "autoload")
CHECKOUT = Path(__file__).resolve().parents[2]
CHECKS = Path(__file__).with_name("checks.py")


def main() -> int:
    """Check the releases named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("versions", nargs="*", default=VERSIONS, help="releases of datasets, as 5.2; default: all")
    parser.add_argument("--keep", type=Path, help="folder for environments to keep and to use again")
    parser.add_argument("--orders", nargs="+", default=ORDERS, choices=ORDERS, help="which imports to try")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nextlong-versions-") as scratch:
        wheel = build_wheel(Path(scratch))
        runs = {
            (version, order): run_checks(python, order)
            for version in options.versions
            for python in [prepare((options.keep or Path(scratch)) / f"datasets-{version}", version, wheel)]
            for order in options.orders
        }
    for (version, order), passed in runs.items():
        say(f"datasets {version:4} {order:9} {'passed' if passed else 'FAILED'}")
    return 0 if all(runs.values()) else 1


def build_wheel(scratch: Path) -> Path:
    """Build the package from a copy of the checkout, so that nothing is left behind in it."""
    copy_tracked(scratch / "checkout")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(scratch), str(scratch / "checkout"))
    return next(scratch.glob("*.whl"))


def copy_tracked(target: Path) -> list[str]:
    """Copy the files that git tracks, as they are in the checkout; their names."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    names = [name for name in tracked.split("\0") if name and (CHECKOUT / name).is_file()]
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, target / name)
    return names


def prepare(folder: Path, version: str, wheel: Path) -> Path:
    """An environment with that release and the wheel; its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip(python, "install", f"datasets=={version}.*", "pytest", str(wheel))
    pip(python, "install", "--force-reinstall", "--no-deps", str(wheel))
    return python


def run_checks(python: Path, order: str) -> bool:
    """Run the checks in one import order, outside the checkout, so that only the installed package is found."""
    say(f"--- {python.parent.parent.name}, nextlong_hub imported: {order}")
    switch = "from nextlong_hub.load_dataset import autoload; autoload.{}()"
    if order == "autoload":
        subprocess.run([python, "-c", switch.format("enable")], check=True)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as elsewhere:
        options = [
            "-q",
            "--noconftest",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
            "--rootdir",
            elsewhere,
            "-c",
            os.devnull,
        ]
        done = subprocess.run(
            [python, "-m", "pytest", *options, CHECKS],
            cwd=elsewhere,
            env=environment | {"NEXTLONG_IMPORT_ORDER": order},
            check=False,
        )
    if order == "autoload":
        subprocess.run([python, "-c", switch.format("disable")], check=True)
    return done.returncode == 0


def pip(python: Path | str, *arguments: str) -> None:
    """Call an environment's pip, quietly."""
    subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def say(line: str) -> None:
    """Write one line at once, in step with what the checks write."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
