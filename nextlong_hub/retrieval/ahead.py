"""Does what the first use of a retriever costs once a machine, in a process beside a build that still reads its corpus.

python -m nextlong_hub.retrieval.ahead bm25
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from nextlong_hub.execution.local import default_workers
from nextlong_hub.retrieval.base import RETRIEVERS, retriever_of
from nextlong_hub.retrieval.settings import RetrievalSettings


@contextmanager
def warmed_ahead(chosen: Iterable[RetrievalSettings]) -> Iterator[None]:
    """Warm the retrievers that these settings name, where that is still to be done and a second processor is there.

    Nothing depends on the process: what it has not done the build does itself. It ends with the block.

    Raises:
        RecipeError: there is no such retriever.
    """
    retrievers = {settings.retriever: retriever_of(settings) for settings in chosen}
    cold = sorted(
        name for name, retriever in retrievers.items() if retriever.is_cold is not None and retriever.is_cold()
    )
    if not cold or not sys.executable or default_workers() < 2:
        yield
        return
    command = [sys.executable, "-P", "-m", "nextlong_hub.retrieval.ahead", *cold]
    silent = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)
    except OSError:  # a machine at its limits compiles later
        yield
        return
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        warm = RETRIEVERS[name].warm
        if warm is not None:
            warm()
