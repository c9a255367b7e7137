"""CONTRIBUTING is true: what it shows stands in the examples, and the examples are installed and built with."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from building import build_command, published, read_rows, run_command
from forked import run_python
from plugins import install_package

from nextlong_hub.conversations.forms.base import FORMS as CONVERSATION_FORMS
from nextlong_hub.corpus.filters import FILTERS
from nextlong_hub.corpus.formats import FORMATS as CORPUS_FORMATS
from nextlong_hub.dataset.manifest import Manifest, read_manifest
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.open import EXECUTORS, open_executor
from nextlong_hub.exports.base import FORMATS as EXPORT_FORMATS
from nextlong_hub.producer import PRODUCERS, with_options
from nextlong_hub.recipe import load_recipe
from nextlong_hub.retrieval import RETRIEVERS
from nextlong_hub.testing.worlds import make_documents

CHECKOUT = Path(__file__).parents[2]
EXTENDING = CHECKOUT / "docs" / "extending"
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
GUIDE = CONTRIBUTING.split("## To add something\n")[1]
SECTIONS = dict(section.split("\n", 1) for section in GUIDE.split("### ")[1:])
"""What there is to say for each thing to add, by its title."""

REGISTRIES = (CORPUS_FORMATS, FILTERS, RETRIEVERS, EXECUTORS, EXPORT_FORMATS, CONVERSATION_FORMS, PRODUCERS)
RECIPES = ("everything", "first")
TEXTS = {one.id: one.text for one in make_documents(40)}
SHORT = {identity for identity, text in TEXTS.items() if len(text) < 500}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds the examples."""
    return install_package(tmp_path_factory.mktemp("site"), EXTENDING)


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are installed here."""
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents as a table with `|` between the columns."""
    path = tmp_path_factory.mktemp("psv") / "corpus.psv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="|")
        writer.writerow(["id", "text"])
        writer.writerows(TEXTS.items())
    return path


@pytest.fixture(scope="module")
def extended(site: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset built with the examples from the command line, in two worker processes; nobody may change it."""
    output = tmp_path_factory.mktemp("extended") / "dataset"
    recipes = [argument for name in RECIPES for argument in ("--recipe", str(EXTENDING / f"{name}.toml"))]
    done = run_command(
        *("build", *recipes, "--corpus", f"corpus={corpus}", "--tokenizer", "demo", "--samples", "6"),
        *("--num-proc", "2", "--output", output, "--quiet"),
        PYTHONPATH=str(site),
    )
    assert done.returncode == 0, done.stderr
    return output


def manifest_of(folder: Path) -> Manifest:
    """The manifest of a dataset folder."""
    manifest = read_manifest(folder)
    assert manifest is not None
    return manifest


def code_of(text: str) -> list[str]:
    """The lines of all code blocks."""
    blocks = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("title", SECTIONS)
def test_no_guide_is_longer_than_twelve_lines(title: str) -> None:
    """What cannot be told in so many is too hard to do."""
    assert len([line for line in SECTIONS[title].splitlines() if line.strip()]) <= 12


@pytest.mark.parametrize("title", [title for title, text in SECTIONS.items() if "](docs/extending/" in text])
def test_what_a_guide_shows_stands_in_its_example(title: str) -> None:
    """Line for line and in order; the example that a guide names is there."""
    [name] = re.findall(r"\]\((docs/extending/[\w./]+)\)", SECTIONS[title])
    lines = iter((CHECKOUT / name).read_text(encoding="utf-8").splitlines())
    shown = code_of(SECTIONS[title])
    assert shown
    assert [line for line in shown if line not in lines] == []


def test_there_is_a_guide_for_everything_that_can_be_added() -> None:
    """Each registry has one, and its line in the table is true."""
    rows = [re.findall(r"[^|]+", line) for line in GUIDE.splitlines() if line.startswith("| ")][1:]
    table = {cells[0].strip(): [re.findall(r"`([^`]+)`", cell) for cell in cells[1:]] for cells in rows}
    assert table.keys() - {"---"} == {registry.kind for registry in REGISTRIES}
    for registry in REGISTRIES:
        assert table[registry.kind] == [[registry.files], [registry.constant], [registry.group], [*registry.names()]]
        assert any(title.endswith(registry.kind) for title in SECTIONS)
    assert {"A column", "A statistic"} <= SECTIONS.keys()


@pytest.mark.usefixtures("installed")
def test_the_examples_add_one_of_each() -> None:
    """Under the names that their `pyproject.toml` gives them, behind ours; each can be loaded."""
    groups = tomllib.loads((EXTENDING / "pyproject.toml").read_text())["project"]["entry-points"]
    assert groups.keys() == {registry.group for registry in REGISTRIES}
    for registry in REGISTRIES:
        [name] = groups[registry.group]
        assert registry.names()[-1] == name
        assert registry[name] is not None


@pytest.mark.usefixtures("installed")
def test_the_new_form_finds_its_turns() -> None:
    """Under its own columns and under others; a row without them is none of it."""
    form = CONVERSATION_FORMS["question-answer"]
    found = form.read({"question": "Why?", "answer": "Because.", "id": True}, ())
    assert found is not None
    assert [turn["content"] for turn in found.turns] == ["Why?", "Because."]
    assert form.read({"q": "Why?", "a": "Because."}, ("q", "a")) is not None
    assert form.read({"text": "Why?"}, ()) is None


@pytest.mark.slow
def test_a_corpus_of_the_new_format_is_read(extended: Path) -> None:
    """Every document of the file was seen, whether it was kept or not."""
    corpus = manifest_of(extended).corpus
    assert corpus.documents + sum(corpus.skipped.values()) == len(TEXTS)


@pytest.mark.slow
def test_what_the_filter_leaves_out_is_counted_under_its_reason(extended: Path) -> None:
    """In the manifest; no row comes from it."""
    assert manifest_of(extended).corpus.skipped == {"too_short": len(SHORT)} != {"too_short": 0}
    assert not SHORT & {row["meta_document"] for name in RECIPES for row in read_rows(extended, name)}


@pytest.mark.slow
def test_the_negatives_are_those_of_the_retriever(extended: Path) -> None:
    """With its scores, whatever they mean."""
    for row in read_rows(extended, "everything"):
        negatives = [segment for segment in row["segments"] if segment["role"] == "negative"]
        assert negatives
        assert all(segment["score"] <= 0 for segment in negatives)
    assert "| length score, median |" in (extended / "README.md").read_text()


@pytest.mark.slow
def test_the_rows_are_those_of_the_kind_of_recipe(extended: Path) -> None:
    """First chunks, each as long as it is."""
    rows = read_rows(extended, "first")
    assert len(rows) == 6
    assert len({row["token_count"] for row in rows}) > 1
    assert all(TEXTS[row["meta_document"]].startswith(row["text"]) for row in rows)


@pytest.mark.slow
def test_a_dataset_of_extensions_verifies(extended: Path, site: Path, corpus: Path) -> None:
    """Against corpus and tokenizer, every row rebuilt."""
    done = run_command(
        *("verify", extended, "--corpus", f"corpus={corpus}", "--tokenizer", "demo", "--json"), PYTHONPATH=str(site)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["rebuilt_rows"] == 12


@pytest.mark.slow
def test_the_export_format_writes_what_it_says(extended: Path, site: Path, tmp_path: Path) -> None:
    """A file a row, and the list of sources; `--help` names it."""
    done = run_command(
        *("export", extended, "text-files", "--config", "first", "--output", tmp_path / "texts", "--quiet"),
        PYTHONPATH=str(site),
    )
    assert done.returncode == 0, done.stderr
    rows = read_rows(extended, "first")
    assert [path.read_text() for path in sorted((tmp_path / "texts").glob("*.txt"))] == [row["text"] for row in rows]
    assert json.loads((tmp_path / "texts" / "sources.json").read_bytes())["000000.txt"] == rows[0]["source"]


@pytest.mark.slow
def test_the_executor_gives_the_same_bytes(extended: Path, site: Path, corpus: Path, tmp_path: Path) -> None:
    """Threads of one process write what two worker processes write."""
    script = """
import sys
import nextlong_hub as nl
corpus, output, *recipes = sys.argv[1:]
nl.build(recipes, corpus={"corpus": corpus}, tokenizer="demo", output=output, samples=6, executor="threads:2")
"""
    recipes = [str(EXTENDING / f"{name}.toml") for name in RECIPES]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = run_python(script, str(corpus), str(tmp_path / "dataset"), *recipes, environment=environment)
    assert done.returncode == 0, done.stderr
    assert published(tmp_path / "dataset") == published(extended)


@pytest.mark.usefixtures("installed")
def test_a_wrong_option_of_an_extension_is_refused() -> None:
    """As one of ours would be: with what came and what there is."""
    settings = {"name": "mine", "producer": "first-chunks", "options.fewest": 3}
    with pytest.raises(RecipeError, match=r"options of recipe 'mine': unknown key 'fewest'; known here: fewest_tokens"):
        with_options(load_recipe("64k", settings))
    with pytest.raises(RecipeError, match="options of recipe '64k': unknown key 'fewest'"):
        with_options(load_recipe("64k", {"options.fewest": 3}))
    assert with_options(load_recipe("64k", {"name": "mine", "producer": "first-chunks"})).options == {
        "fewest_tokens": 1
    }
    with pytest.raises(RecipeError, match="threads:many has no number of threads; write threads:4"):
        open_executor("threads:many")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the column and the statistic of the examples in it."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(CHECKOUT / "nextlong_hub", folder / "nextlong_hub")
    for beside in ("builders", "cards"):
        shutil.copytree(CHECKOUT / beside, folder / "nextlong_hub" / beside)
    for example in ("column.diff", "statistic.diff"):
        for path, old, new in hunks((EXTENDING / example).read_text(encoding="utf-8")):
            content = (folder / path).read_text(encoding="utf-8")
            assert content.count(old) == 1, f"{example}: {path} does not hold once:\n{old}"
            (folder / path).write_text(content.replace(old, new), encoding="utf-8")
    return folder


def hunks(diff: str) -> Iterator[tuple[str, str, str]]:
    """Of each change of a diff its file, the lines that must be there, and those that take their place."""
    for change in re.split(r"^--- .*\n\+\+\+ ", diff, flags=re.MULTILINE)[1:]:
        path, *parts = re.split(r"^@@.*\n", change, flags=re.MULTILINE)
        for part in parts:
            lines = part.splitlines(keepends=True)
            yield path.strip(), *("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))


@pytest.mark.slow
def test_a_column_and_a_statistic_are_added_as_described(changed: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The rows have the column, verification and the card know it, and `nextlong-hub stats` prints the number."""
    output = tmp_path / "dataset"
    building = build_command(corpus_file, output, tmp_path / "tiny.toml")
    script = """
import sys
from nextlong_hub.cli import run
*building, output = sys.argv[1:]
sys.exit(run(building) or run(["verify", output]) or run(["stats", output]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *building, output],
        env=os.environ | {"PYTHONPATH": str(changed), "HF_HUB_OFFLINE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [shard] = (output / "data" / "tiny").glob("*.parquet")
    assert set(pq.read_table(shard)["truncated_tokens"].to_pylist()) != {0}
    assert "| `truncated_tokens` | tokens that were cut off |" in (output / "README.md").read_text()
    segments = [len(row["segments"]) for row in read_rows(output)]
    told = next(line for line in done.stdout.splitlines() if "segments in one" in line)
    assert str(sorted(segments)[(len(segments) - 1) // 2]) in told
