"""What is compiled ahead is what a build needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from nextlong_hub.retrieval import ahead
from nextlong_hub.retrieval.ahead import warmed_ahead
from nextlong_hub.retrieval.settings import RetrievalSettings

_COUNT = """if True:
    import sys
    from importlib import import_module
    from nextlong_hub.retrieval import RETRIEVERS
    from nextlong_hub.testing import make_documents
    import nextlong_hub as nl
    ROOMS = ("retrieval.bm25", "core")
    NAMES = ("lexing_kernels", "building_kernels", "kernels", "scoring_kernels"), ("word_kernels",)

    def compiled():
        modules = [import_module(f"nextlong_hub.{room}.{name}") for room, names in zip(ROOMS, NAMES) for name in names]
        kernels = [one for module in modules for one in vars(module).values() if hasattr(one, "nopython_signatures")]
        return {(one.__name__, str(signature)) for one in kernels for signature in one.nopython_signatures}

    RETRIEVERS["bm25"].warm()
    before = compiled()
    texts = [one.text for one in make_documents(40)]
    nl.build(
        "64k", corpus=texts, tokenizer="demo", output=sys.argv[1], samples=2, num_proc=1, target_length=512,
        settings={"chunking.chunk_characters": 256},
    )
    print(len(before) > 10, sorted(compiled() - before))
"""


@pytest.mark.slow
def test_after_it_a_build_compiles_nothing(tmp_path: Path) -> None:
    """Every kernel, with the types that a build calls it with."""
    command = [sys.executable, "-c", _COUNT, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True []", done.stderr


def test_nothing_is_started_where_nothing_is_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels of this checkout are kept by now, and `rank-bm25` has none."""
    monkeypatch.setattr(ahead.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    with warmed_ahead([RetrievalSettings(retriever="rank-bm25")]):
        pass
