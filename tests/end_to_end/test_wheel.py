"""What is shipped is what is tested: the wheel, installed where there is no checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from email import message_from_string
from pathlib import Path

import pytest
from kernels import lend_kernels

import nextlong_hub

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]

READS_ITS_DATA = """
from importlib.resources import files
import nextlong_hub
from nextlong_hub.recipe import recipe_names
from nextlong_hub.corpus.store import ChunkStore

assert recipe_names() == ["64k", "128k", "512k", "subset", "mix", "instruct"], recipe_names()
assert "Citation" in files("nextlong_hub.cards").joinpath("dataset_card.md").read_text()
assert files("nextlong_hub.builders").joinpath("demo/corpus.parquet").is_file()
assert files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json").is_file()
assert files("nextlong_hub.retrieval.bm25").joinpath("stopwords/en.txt").is_file()
assert files("nextlong_hub").joinpath("py.typed").is_file()
print(nextlong_hub.__file__)
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of an environment with our wheel and, from here, everything it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (CHECKOUT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((CHECKOUT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(copy)], check=True)
    environment = folder / "environment"
    venv.create(environment)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    wheel = next(folder.glob("*.whl"))
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    # A path in a .pth file is searched, but the .pth files lying there are not read: not even our own editable one.
    found_here = "".join(f"{folder}\n" for folder in sys.path if Path(folder).name == "site-packages")
    (site / "dependencies.pth").write_text(found_here)
    for package in (site / "nextlong_hub", copy / "nextlong_hub"):
        lend_kernels(package)
    return environment / "bin"


def run(scripts: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the environment's Python away from the checkout."""
    return subprocess.run(
        [str(scripts / "python"), *arguments],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_what_it_reads(scripts: Path, tmp_path: Path) -> None:
    """Recipes, cards, stop words, the demo corpus and its tokenizer come with the package."""
    done = run(scripts, "-c", READS_ITS_DATA, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(scripts.parent) in done.stdout


def test_the_page_on_pypi_has_no_dead_link(scripts: Path) -> None:
    """Every link and picture is an address, and one into the repository leads to a file of it."""
    site = Path(sysconfig.get_path("purelib", vars={"base": str(scripts.parent), "platbase": str(scripts.parent)}))
    metadata = message_from_string(next(site.glob("nextlong_hub-*.dist-info/METADATA")).read_text("utf-8"))
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert {"Repository", "Issues", "Changelog"} <= urls.keys()
    links = re.findall(r"\]\(([^)]+)\)", str(metadata.get_payload()))
    assert len(links) > 3
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    tag = f"/v{nextlong_hub.__version__}/"
    ours = [link.partition(tag)[2] for link in links if link.startswith(urls["Repository"]) and tag in link]
    assert [name for name in ours if not (CHECKOUT / name.partition("#")[0]).exists()] == []
    assert {f"{urls['Repository']}/raw{tag}{name}" for name in ours if name.endswith(".png")} <= set(links)


@pytest.mark.parametrize("module", ["builders", "cards", "tests"])
def test_no_folder_of_the_checkout_becomes_a_package(module: str, scripts: Path, tmp_path: Path) -> None:
    """`builders` and `cards` exist inside nextlong_hub only: other people have packages of these names."""
    done = run(scripts, "-c", f"import {module}", cwd=tmp_path)
    assert f"No module named '{module}'" in done.stderr


def test_the_command_runs(scripts: Path, tmp_path: Path) -> None:
    """The console entry point of the wheel answers."""
    done = run(scripts, "-c", "from nextlong_hub.cli import main; main()", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "build" in done.stdout


def test_the_wheel_builds_a_dataset(scripts: Path, tmp_path: Path) -> None:
    """`pip install` and `nextlong-hub build` are all it takes, workers included."""
    program = "from nextlong_hub.cli import main\nif __name__ == '__main__':\n    main()\n"
    (tmp_path / "run.py").write_text(program)
    done = run(
        scripts, "run.py", "build", "64k", "--samples", "2", "--num-proc", "2", "--output", "nextlong", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "nextlong" / "manifest.json").is_file()


def test_the_package_runs_as_a_module(scripts: Path, tmp_path: Path) -> None:
    """`python -m nextlong_hub` is the command line."""
    done = run(scripts, "-m", "nextlong_hub", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()[0]) == (0, "nextlong-hub"), done.stderr


def test_a_checkout_in_front_of_the_wheel_is_whole(scripts: Path) -> None:
    """In the root of a clone its source comes before the wheel, and finds the folders that stand beside it."""
    checkout = scripts.parents[1] / "checkout"
    script = """
import nextlong_hub
from nextlong_hub.builders import __path__ as builders
rows = nextlong_hub.load("64k", split="train", streaming=True, samples=1)
print(nextlong_hub.__file__, builders[0], next(iter(rows))["token_count"])
"""
    done = run(scripts, "-c", script, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(checkout / "nextlong_hub" / "__init__.py"), str(checkout / "builders"), "65536"]
