"""Benchmarks on the Hub come through the door of the corpora: by name or address, at one commit, over real HTTP."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import run_commands

from nextlong_hub.dataset.manifest import require_manifest
from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.worlds import make_documents, write_corpus

pytestmark = pytest.mark.slow

RUN = "One day the old cafe closed its doors and nobody in {} ever knew why"
TOWNS = {"easy/test": "Ulm", "hard/test": "Bonn", "hard/validation": "Kiel"}
CARD = """---
configs:
- config_name: easy
  data_files: [{split: test, path: easy/test.jsonl}]
- config_name: hard
  data_files: [{split: test, path: hard/test.jsonl}, {split: validation, path: hard/validation.jsonl}]
---
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """A Hub with a benchmark of two configurations and three splits, none of them for training."""
    with LocalHub() as running:
        rows = {f"{part}.jsonl": json.dumps({"q": RUN.format(town)}) + "\n" for part, town in TOWNS.items()}
        running.put("datasets", "tester/bench", {"README.md": CARD, **rows})
        yield running


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three documents, each with the words of one split."""
    folder = tmp_path_factory.mktemp("corpus")
    documents = make_documents(4)
    lines = [f"{documents[n].text} {RUN.format(town)}." for n, town in enumerate(TOWNS.values())]
    path = folder / "corpus.jsonl"
    write_corpus(path, documents[3:])
    with path.open("a", encoding="utf-8") as file:
        for number, text in enumerate(lines):
            file.write(json.dumps({"id": list(TOWNS)[number], "text": text}) + "\n")
    return path


def fit(corpus: Path, output: Path, *benchmarks: str) -> list[str]:
    """The arguments of a fit that is decontaminated."""
    options = [word for one in benchmarks for word in ("--decontaminate", one)]
    more = ["--target", "32", "--mode", "truncate", "--quiet", "--num-proc", "1", "--license", "cc0-1.0"]
    return ["fit", str(corpus), "--tokenizer", "demo", "--output", str(output), *options, *more]


def test_a_benchmark_is_named_as_a_corpus_is(
    hub: LocalHub, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole or a part of it, by name or address; manifest and card name the commit, and the card's command reads it."""
    monkeypatch.chdir(tmp_path)  # where no folder has the name of a dataset
    hits = {
        "tester/bench": {"easy/test", "hard/test", "hard/validation"},
        "tester/bench:hard": {"hard/test", "hard/validation"},
        "tester/bench:hard@test": {"hard/test"},
        "hf://datasets/tester/bench": {"easy/test", "hard/test", "hard/validation"},
        "hf://datasets/tester/bench@main:hard@validation": {"hard/validation"},
        "hf://datasets/tester/bench/easy/*.jsonl": {"easy/test"},
    }
    outputs = [tmp_path / f"out-{number}" for number in range(len(hits))]
    commands = [fit(corpus, output, name) for name, output in zip(hits, outputs, strict=True)]
    answers = run_commands(*commands, **hub.environment())
    commit = hub.commits("datasets", "tester/bench")[0].oid
    for name, output, (code, _, error) in zip(hits, outputs, answers, strict=True):
        assert code == 0, error
        manifest = require_manifest(output)
        [found] = [source.reading.evidence for source in manifest.corpus.sources]
        assert {one.document for one in found.examples} == hits[name]
        [against] = manifest.configs["32"].recipe["filters"]["decontaminate"]["against"]
        assert (against["revision"], len(against["digest"])) == (commit, 64)
        assert f"commit `{commit}`" in (output / "README.md").read_text("utf-8")
    hub.put("datasets", "tester/bench", {"easy/test.jsonl": '{"q": "another one"}\n'})
    again = [command_of(output, corpus) for output in outputs[:1]]
    [(code, _, error)] = run_commands(*again, **hub.environment())
    assert code == 0, error
    assert (outputs[0] / "again" / "manifest.json").read_bytes() == (outputs[0] / "manifest.json").read_bytes()


def command_of(folder: Path, corpus: Path) -> list[str]:
    """The arguments of the command that the card of a dataset says makes it again."""
    card = (folder / "README.md").read_text("utf-8")
    command = card[card.index("```sh\nnextlong-hub fit") + len("```sh\n") :].partition("```")[0]
    words = shlex.split(command.replace("\\\n", " "))[1:]
    placed = {"corpus.jsonl": str(corpus), "again": str(folder / "again")}
    return [placed.get(word, word) for word in words] + ["--quiet"]


def test_a_part_that_is_not_there_is_an_error(
    hub: LocalHub, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A benchmark is compared with, or the command fails: by name and by address."""
    monkeypatch.chdir(tmp_path)
    names = ["tester/bench@train", "tester/none", "hf://datasets/tester/bench:medium"]
    commands = [fit(corpus, tmp_path / f"none-{number}", name) for number, name in enumerate(names)]
    for code, _, error in run_commands(*commands, **hub.environment()):
        assert code == 1
        assert "a benchmark to decontaminate against (--decontaminate)" in error
