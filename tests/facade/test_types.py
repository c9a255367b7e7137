"""What users write is typed: the examples and the words of the package, by mypy without any plugin."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nextlong_hub

CHECKOUT = Path(__file__).parents[2]

SCRIPT = """
from collections.abc import Iterator
from pathlib import Path

import nextlong_hub as nl
from nextlong_hub.recipe import MixSettings
from nextlong_hub.retrieval.settings import RetrievalSettings


def rows() -> Iterator[dict[str, str]]:
    yield {"text": "…"}


source = nl.SourceSettings(name="notes", path="notes.jsonl")
settings: tuple[object, ...] = (RetrievalSettings(), MixSettings())
ds = nl.build("128k", corpus=rows(), tokenizer=Path("tokenizer"), output=Path("out"), samples=64, target_length=4096)
ds = nl.build(["64k", "128k"], corpus=[source], tokenizer=["one", "other"], samples={"64k": 2}, tokens={"128k": "4B"})
number: int = len(ds["64k"])
stats: int = ds.stats("64k")["64k"].rows
card: str = ds.card(language=["en"]).text
page: Path = ds.view("page.html", "64k", rows=3).path
ok: bool = ds.verify(corpus=rows(), tokenizer="demo").ok
files: Path = ds.export("mds", "64k", pack="512K").folder
commit: str = ds.push("me/nextlong", private=True).commit
there: nl.LongDataset = nl.open("me/nextlong", "128k", revision="main")
names: list[str] = there.to_arrow(columns=["id"]).column_names
sample: nl.SampleView = there.sample(3)
fitted: nl.LongDataset = nl.fit(rows(), tokenizer="demo", target=131_072, output="fit", mode=["pack"])
documents: int = nl.survey(rows(), tokenizer=["demo"], limit="5000docs", page=Path("survey.html")).documents
items: int = nl.riffle(rows(), tokenizer="demo", output=Path("riffle"), distances=(1024,), apart_from="out").items
imported: nl.LongDataset = nl.import_rows("mds", tokenizer="demo", output="in")
try:
    nl.load("64k")
except nl.NextLongError as error:
    code: int = error.exit_code
"""

WRONG = """
import nextlong_hub as nl

nl.build("64k", output=3)
nl.SourceSettings(name="notes")
nl.opne("there")
"""


def check(*scripts: Path, cwd: Path) -> list[str]:
    """The errors that `mypy --strict` finds in scripts of a user, who has none of our settings."""
    arguments = ["--strict", "--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, "--cache-dir", str(cwd / "cache"), *map(str, scripts)],
        cwd=cwd,
        env={"MYPYPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


@pytest.mark.slow
def test_what_users_write_is_typed(tmp_path: Path) -> None:
    """The examples, the Python of README, and every word of the package; and a mistake is found."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    examples = sorted((CHECKOUT / "examples").glob("0*.py"))
    blocks = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    scripts = []
    for number, script in enumerate([SCRIPT, *blocks]):
        scripts.append(tmp_path / f"script{number}.py")
        scripts[-1].write_text(script, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG)
    errors = check(*examples, *scripts, tmp_path / "wrong.py", cwd=tmp_path)
    assert [error for error in errors if not error.startswith("wrong.py")] == []
    assert [int(error.split(":")[1]) for error in errors] == [4, 5, 6]


def test_the_script_says_every_name() -> None:
    """A name that is new must be in the script above, or be one that README or the examples use."""
    words = set(re.findall(r"\bnl\.(\w+)", SCRIPT))
    others = {"Recipe", "Split", "export_chunks", "load_recipe", "recipe_names", "save_embeddings"}
    assert words | others == set(nextlong_hub.__all__)
