"""A task reads what it declares, and writes its output: the law by which it can be sent to another machine."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nextlong_hub.builders
import pytest
from building import make_request, tiny_recipe

from nextlong_hub.execution.base import Counts, Receipt, Task, perform, task_from_json
from nextlong_hub.pipeline import BuildRequest, build

_OPENED: list[str] | None = None


def _note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _OPENED is not None and isinstance(arguments[0], str):
        _OPENED.append(arguments[0])


class Watching:
    """Runs each task here, from its JSON form, and keeps which files below a folder it opened."""

    workers = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.undeclared: list[tuple[str, str]] = []
        self.stages: set[str] = set()

    def run(self, tasks: Sequence[Task[Counts]]) -> Iterator[Receipt[Counts]]:
        """See `Executor.run`."""
        global _OPENED
        for task in tasks:
            _OPENED = []
            receipt = perform(task_from_json(task.to_json()))
            opened, _OPENED = _OPENED, None
            allowed = [Path(path) for path in (*task.inputs.values(), str(task.output))]
            self.stages.add(task.stage)
            for path in map(Path, opened):
                is_ours = path.is_relative_to(self.folder)
                # What a task writes lies beside its output until it is whole, and its folders are flushed.
                written = path.parent == task.output.parent or task.output.is_relative_to(path)
                declared = written or any(path.is_relative_to(one) for one in allowed)
                if is_ours and not declared:
                    self.undeclared.append((task.stage, str(path.relative_to(self.folder))))
            yield receipt

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture(scope="module", autouse=True)
def _watched() -> None:
    """An audit hook cannot be taken away; it does nothing while no task is watched."""
    sys.addaudithook(_note_opened)


def test_every_file_that_a_build_reads_is_declared(corpus_file: Path, tmp_path: Path) -> None:
    """From the corpus to the shards no task opens a file of the work folder or of the tokenizer that it does not name.

    Files that Arrow maps are opened outside Python and are not seen.
    """
    embedded = Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2"
    tokenizer = shutil.copytree(embedded, tmp_path / "tokenizer")
    request = make_request(corpus_file)
    request = BuildRequest(
        recipes=(tiny_recipe(),), sources=request.sources, tokenizer=str(tokenizer), rows=request.rows
    )
    executor = Watching(tmp_path)
    build(request, tmp_path / "dataset", executor=executor)
    assert executor.stages == {"ingest", "lex", "merge", "fill", "retrieve", "tokenise", "synthesise", "write"}
    assert executor.undeclared == []
