"""Check the source distribution: all that git tracks is in it, it can be installed, and its tests run from it.

    python tests/compat/check_sdist.py                  # some fast tests, from the unpacked distribution
    python tests/compat/check_sdist.py tests/publish    # these, with pytest's own options

It is built from a copy of the checkout, unpacked, and installed as editable in an environment that finds everything
else in this one. Leaves with 1 if a file is missing or a test fails.
"""

import argparse
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from check_datasets_versions import copy_tracked, pip, say

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from kernels import lend_kernels

LEFT_OUT = (".ci/", ".git", ".pre-commit-config.yaml")
"""What belongs to the place where it is developed begins with one of these."""
TESTS = ("tests/test_architecture.py", "tests/test_recipe.py", "tests/dataset/test_reader.py")
"""Tests of the sources, of the files beside them, and of a build: the others say nothing new of a distribution."""


def main() -> int:
    """Build it, compare it, and run tests from it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tests", nargs="*", default=TESTS, help="what pytest is given; default: some fast tests")
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="nextlong-sdist-") as scratch:
        tracked = copy_tracked(Path(scratch) / "checkout")
        unpacked = build_and_unpack(Path(scratch))
        missing = [name for name in tracked if not name.startswith(LEFT_OUT) and not (unpacked / name).is_file()]
        for name in missing:
            say(f"{name} is not in the source distribution: name it in MANIFEST.in")
        passed = run_tests(Path(scratch) / "environment", unpacked, [*options.tests, *more])
    say(f"{len(tracked)} files are tracked, {len(missing)} of them missing; tests {'passed' if passed else 'FAILED'}")
    return 0 if passed and not missing else 1


def build_and_unpack(scratch: Path) -> Path:
    """The folder of the unpacked distribution."""
    build = [sys.executable, "-m", "build", "--sdist", "--outdir", str(scratch), str(scratch / "checkout")]
    subprocess.run(build, stdout=subprocess.DEVNULL, check=True)
    archive = next(scratch.glob("*.tar.gz"))
    with tarfile.open(archive) as content:
        content.extractall(scratch, filter="data")
    return scratch / archive.name.removesuffix(".tar.gz")


def run_tests(environment: Path, unpacked: Path, tests: Sequence[str]) -> bool:
    """Install it beside what is installed here, but not beside this checkout, and run its tests where it lies."""
    venv.create(environment)
    bases = {"base": str(environment), "platbase": str(environment)}
    # A path in a .pth file is searched, but the .pth files lying there are not read: not even our own editable one.
    found_here = "".join(f"{folder}\n" for folder in sys.path if Path(folder).name == "site-packages")
    (Path(sysconfig.get_path("purelib", vars=bases)) / "dependencies.pth").write_text(found_here)
    python = Path(sysconfig.get_path("scripts", vars=bases)) / "python"
    install = ("install", "--no-deps", "--ignore-installed", "--editable", str(unpacked))
    pip(sys.executable, "--python", str(python), *install)
    lend_kernels(unpacked / "nextlong_hub")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    return subprocess.run(command, cwd=unpacked, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
