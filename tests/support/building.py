"""What the end-to-end tests share: requests, the bytes of a dataset, and readers that share no code with the build."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import nextlong_hub.builders
import pyarrow.parquet as pq
from forked import run_python
from tokenizers import Tokenizer

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.pipeline import BuildRequest
from nextlong_hub.recipe import Recipe
from nextlong_hub.testing.worlds import tiny_recipe

ROWS = 8
"""Rows of the dataset that most tests start from: four units of two."""

TINY_TOML = tiny_recipe().to_toml()
"""The recipe of that dataset, for the command line."""


def make_request(
    corpus: Path | Sequence[Path], *recipes: Recipe, rows: int | Mapping[str, int] = ROWS, seed: int = 42
) -> BuildRequest:
    """A request for `rows` of each recipe, the tiny one if none is given, under the embedded tokenizer."""
    paths = [corpus] if isinstance(corpus, Path) else corpus
    wanted = recipes or (tiny_recipe(),)
    return BuildRequest(
        recipes=wanted,
        sources=tuple(SourceSettings(name=path.name.partition(".")[0] or "here", path=str(path)) for path in paths),
        tokenizer="demo",
        seed=seed,
        rows=rows if isinstance(rows, Mapping) else {recipe.name: rows for recipe in wanted if not recipe.mixture},
    )


def published(folder: Path) -> dict[str, bytes]:
    """Every file of a dataset folder that is not work in progress, by name."""
    names = {path: path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {name.as_posix(): path.read_bytes() for path, name in sorted(names.items()) if name.parts[0] != ".work"}


def read_rows(folder: Path, config: str = "tiny") -> list[dict[str, Any]]:
    """The rows of a configuration, in order."""
    files = sorted((folder / "data" / config).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def read_texts(path: Path) -> dict[str, str]:
    """The texts of a JSON Lines corpus by their ids."""
    rows = [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]
    return {row["id"]: row["text"] for row in rows}


@cache
def plain_tokenizer() -> Tokenizer:
    """The embedded tokenizer, opened without our code; special tokens in a text are text."""
    tokenizer = Tokenizer.from_file(str(Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2" / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer


def run_command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `nextlong-hub` in a process of its own."""
    code = "from nextlong_hub.cli import main; main()"
    return run_python(code, *map(str, arguments), environment=os.environ | environment)


_ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys
from nextlong_hub.cli import run
answers = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = run(arguments)
    answers.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(answers))
"""


def run_commands(*commands: Sequence[str | Path], **environment: str) -> list[tuple[int, str, str]]:
    """Run `nextlong-hub` with each of those arguments in one other process: exit code, stdout and stderr of each."""
    listed = json.dumps([[*map(str, arguments)] for arguments in commands])
    done = run_python(_ONE_AFTER_THE_OTHER, listed, environment=os.environ | environment)
    assert (done.returncode, done.stderr) == (0, "")
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


def build_command(corpus: Path, output: Path, recipe: Path, *more: str, workers: int = 1) -> list[str]:
    """The arguments that build the dataset most tests start from; to start a worker costs a second."""
    recipe.write_text(TINY_TOML)
    return [
        *("build", "--recipe", str(recipe), "--corpus", f"corpus={corpus}", "--tokenizer", "demo"),
        *("--samples", str(ROWS), "--output", str(output), "--quiet", "--num-proc", str(workers), *more),
    ]
