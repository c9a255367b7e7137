"""Every chunk that samples are likely to need is tokenised once, whatever number of samples it ends up in.

A round takes the chunks that the answers of some units name and that no earlier round of this run has tokenised. It is
called after its chunks, so the same run makes the same rounds and finds their files again. Nothing depends on a round
being there: a chunk that is on no shelf is tokenised by the worker that needs it.
"""

import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, write_bytes
from nextlong_hub.corpus.store import ChunkStore, open_store
from nextlong_hub.execution.base import Executor, Task
from nextlong_hub.execution.progress import Stages
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.tokenization import Tokenizer, reopen
from nextlong_hub.tokenization.cache import part_path, part_ranges, round_path, write_part


class Tokenising:
    """The chunks of one store that this run has tokenised with one tokenizer."""

    def __init__(self, workspace: Workspace, store: ChunkStore, tokenizer: Tokenizer, separator: str) -> None:
        identity = digest_of([store.id, tokenizer.digest, separator])
        self.folder = workspace.tokens(identity)
        """Where they are kept; the name tells what they were made from."""
        self.rounds: list[str] = []
        """Finished rounds, in order."""
        self._receipts_folder = workspace.receipts(identity)
        self._store = store
        self._tokenizer = tokenizer
        self._separator = separator
        self._done = np.zeros(0, np.int64)

    def run(self, wanted: NDArray[np.int64], executor: Executor, stages: Stages) -> None:
        """Tokenise those of `wanted` that have not been yet; numbers may repeat and have no order."""
        missing = np.setdiff1d(wanted, self._done)
        if not len(missing):
            return
        name = hashlib.sha256(missing.tobytes()).hexdigest()[:12]
        chunks = round_path(self.folder, name)
        content = io.BytesIO()
        np.save(content, missing)
        write_bytes(chunks, content.getbuffer())
        tasks = [self._task(chunks, name, number, *places) for number, places in enumerate(part_ranges(len(missing)))]
        stages.run("tokenise", "parts", tasks, executor, self._receipts_folder)
        self.rounds.append(name)
        self._done = np.union1d(self._done, missing)

    def _task(self, chunks: Path, name: str, number: int, start: int, stop: int) -> Task:
        return Task(
            stage="tokenise",
            key=f"{name}-{number:05d}",
            function="nextlong_hub.tokenization.tasks:tokenise",
            inputs={"store": str(self._store.folder), "chunks": str(chunks)},
            output=str(part_path(self.folder, name, number)),
            parameters={
                "tokenizer": self._tokenizer.location,
                "tokenizer_digest": self._tokenizer.digest,
                "separator": self._separator,
                "start": start,
                "stop": stop,
            },
        )


def shared(own: Tokenising, earlier: Sequence[Tokenising]) -> Tokenising:
    """The one of `earlier` that has the same chunks and tokenizer, so that none is tokenised twice; else `own`."""
    return next((one for one in earlier if one.folder == own.folder), own)


def tokenise(task: Task) -> dict[str, Any]:
    """Tokenise some chunks of one round, each by itself, for all samples they will stand in.

    Parameters: `tokenizer`, `tokenizer_digest`, `separator`, `start`, `stop` (places in the list of the round).
    """
    wanted = np.load(task.inputs["chunks"], mmap_mode="r")[task.parameters["start"] : task.parameters["stop"]]
    texts = open_store(task).texts(np.array(wanted))
    chunks = open_tokenizer(task).tokenise_chunks(list(texts.values()), task.parameters["separator"])
    write_part(Path(task.output), chunks)
    return {"chunks": len(chunks), "tokens": sum(chunk.tokens for chunk in chunks)}


def open_tokenizer(task: Task) -> Tokenizer:
    """The tokenizer of a task, which must be the one that its driver opened."""
    return tokenizer_of(task.parameters["tokenizer"], task.parameters["tokenizer_digest"])


tokenizer_of = lru_cache(maxsize=4)(reopen)


_MEASURED_CHUNKS = 512


def measure_characters_per_token(store: ChunkStore, tokenizer: Tokenizer) -> float:
    """E of the corpus under a tokenizer, from chunks spread evenly over the corpus: the same ones every time."""
    numbers = np.unique(np.linspace(0, store.chunks - 1, _MEASURED_CHUNKS).astype(np.int64))
    texts = list(store.texts(numbers).values())
    return sum(map(len, texts)) / max(1, sum(tokenizer.count(texts)))
