"""The engines, each in a process of its own that answers questions over a pipe and measures itself.

All of them get the same words: ours reads the raw text; the others read, for each chunk, the words our lexer found,
separated by spaces, so that every engine ranks the same bags of words. None of the others can leave out the query's own
document: they are asked for `spare` hits more, and those of the own document are dropped.
"""

import os
import resource
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.retrieval import build_index, open_retriever
from nextlong_hub.retrieval.settings import RetrievalSettings

Answers = list[NDArray[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What an engine is given."""

    store: Path
    words: Path
    """One line for each chunk."""
    settings: RetrievalSettings
    folder: Path
    """Where an engine may write."""
    spare: int
    """Hits to ask for beyond k, so that dropping those of the own document leaves k."""


class Engine(Protocol):
    """One way to answer queries."""

    def search(self, queries: NDArray[np.int64], k: int) -> Answers:
        """The chunks found for each query, best first, own documents included or not."""
        ...


class Ours:
    """nextlong_hub.retrieval."""

    def __init__(self, world: World) -> None:
        self._store = ChunkStore(world.store)
        shutil.rmtree(world.folder, ignore_errors=True)
        build_index(self._store, world.settings, world.folder, InlineExecutor())
        self.retriever: Any = open_retriever(world.folder, self._store, world.settings)

    def search(self, queries: NDArray[np.int64], k: int) -> Answers:
        """See `Engine.search`."""
        return list(self.retriever.search(queries, k).chunks)

    def scores(self, queries: NDArray[np.int64], answers: Answers) -> list[NDArray[np.float32]]:
        """The exact score of every chunk of some answers."""
        pairs = zip(queries, answers, strict=True)
        return [self.retriever.score(query[None], chunks[None])[0] for query, chunks in pairs]

    def bytes_per_chunk(self, queries: NDArray[np.int64]) -> float:
        """Index bytes that a query's sums are made of, for each chunk of the corpus: 1 a column, 3 a posting."""
        index = self.retriever.index
        batch = self.retriever.query_batch(queries)
        is_dense = batch.terms < index.statistics["dense_terms"]
        postings = index.frequencies[batch.terms[~is_dense]].sum()
        return float((is_dense.sum() + 3 * postings / index.statistics["chunks"]) / len(queries))


class Bm25s:
    """bm25s with its numba backend, one thread."""

    def __init__(self, world: World) -> None:
        import bm25s

        self._warm_up()
        self.started = time.process_time()
        self._spare = world.spare
        self._lines = world.words.read_text("utf-8").split("\n")[:-1]
        self._model = bm25s.BM25(k1=world.settings.k1, b=world.settings.b, method="lucene", backend="numba")
        tokens = bm25s.tokenize(self._lines, token_pattern=r"\S+", lower=False, stopwords=None, show_progress=False)
        self._model.index(tokens, show_progress=False)

    def _warm_up(self) -> None:
        """Compile what is compiled on first use: our kernels come from numba's cache, bm25s has none."""
        import bm25s

        model = bm25s.BM25(backend="numba")
        model.index([["a", "b"], ["b"], ["c"]], show_progress=False)
        model.retrieve([["a"]], k=1, n_threads=1, show_progress=False)

    def search(self, queries: NDArray[np.int64], k: int) -> Answers:
        """See `Engine.search`."""
        words = [self._lines[query].split() for query in queries.tolist()]
        found, _ = self._model.retrieve(
            words, k=min(k + self._spare, len(self._lines)), n_threads=1, show_progress=False
        )
        return list(np.asarray(found, np.int64))


class Tantivy:
    """tantivy: k1 = 1.2 and one-byte lengths cannot be changed, so its ranking differs a little by design."""

    def __init__(self, world: World) -> None:
        import tantivy

        self._tantivy = tantivy
        self._spare = world.spare
        self._lines = world.words.read_text("utf-8").split("\n")[:-1]
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="whitespace", index_option="freq")
        builder.add_integer_field("chunk", stored=True, indexed=False, fast=True)
        self._schema = builder.build()
        index = tantivy.Index(self._schema)
        writer = index.writer(500_000_000, 1)
        for chunk, line in enumerate(self._lines):
            writer.add_document(tantivy.Document(text=line, chunk=chunk))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def search(self, queries: NDArray[np.int64], k: int) -> Answers:
        """See `Engine.search`."""
        answers = []
        query_type, should = self._tantivy.Query, self._tantivy.Occur.Should
        for number in queries.tolist():
            parts = []
            for word, times in Counter(self._lines[number].split()).items():
                part = query_type.term_query(self._schema, "text", word, "freq")
                parts.append((should, part if times == 1 else query_type.boost_query(part, float(times))))
            hits = self._searcher.search(query_type.boolean_query(parts), k + self._spare, count=False).hits
            addresses = [address for _, address in hits]
            answers.append(np.array([self._searcher.doc(a)["chunk"][0] for a in addresses], np.int64))
        return answers


class RankBm25:
    """rank-bm25's BM25Okapi: the okapi formula, whatever the settings say."""

    def __init__(self, world: World) -> None:
        from rank_bm25 import BM25Okapi

        self._spare = world.spare
        self._chunks = [line.split() for line in world.words.read_text("utf-8").split("\n")[:-1]]
        self._model = BM25Okapi(self._chunks, k1=world.settings.k1, b=world.settings.b)

    def search(self, queries: NDArray[np.int64], k: int) -> Answers:
        """See `Engine.search`."""
        answers = []
        for query in queries.tolist():
            scores = self._model.get_scores(self._chunks[query])
            wanted = min(k + self._spare, len(scores))
            best = np.argpartition(-scores, wanted - 1)[:wanted]
            answers.append(best[np.argsort(-scores[best], kind="stable")])
        return answers


class MemorySum:
    """No search: the sum of 256 MB, to show what reading memory alone costs while the others run."""

    def __init__(self, world: World) -> None:
        self._values = np.ones(1 << 25, np.int64)

    def search(self, queries: NDArray[np.int64], k: int) -> Answers:
        """Sum once; the answer is the number of bytes."""
        return [np.array([self._values.nbytes, int(self._values.sum())])]


ENGINES: dict[str, Callable[[World], Engine]] = {
    "ours": Ours,
    "bm25s": Bm25s,
    "tantivy": Tantivy,
    "rank-bm25": RankBm25,
    "memory sum": MemorySum,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a process says about one question."""

    answers: Answers
    cpu_seconds: float
    """Of all threads of the process."""
    wall_seconds: float


class Remote:
    """An engine in a process of its own."""

    def __init__(self, name: str, world: World) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, world, other), daemon=True)
        self._process.start()
        other.close()
        self.name = name
        self.index_cpu_seconds: float = self._pipe.recv()
        """CPU seconds to read, lex and index."""

    def search(self, queries: NDArray[np.int64], k: int) -> Measured:
        """Search in the other process and measure there."""
        self._pipe.send((queries, k))
        answer: Measured = self._pipe.recv()
        return answer

    def call(self, method: str, *arguments: Any) -> Any:
        """Call another method of the engine."""
        self._pipe.send((method, arguments))
        return self._pipe.recv()

    def close(self) -> int:
        """End the process; the peak of its resident memory in bytes."""
        self._pipe.send(None)
        peak: int = self._pipe.recv()
        self._process.join()
        return peak


def _serve(name: str, world: World, pipe: Connection) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    started = time.process_time()
    engine = ENGINES[name](world)
    pipe.send(time.process_time() - getattr(engine, "started", started))
    while (question := pipe.recv()) is not None:
        first, second = question
        if isinstance(first, str):
            pipe.send(getattr(engine, first)(*second))
            continue
        cpu, wall = time.process_time(), time.perf_counter()
        answers = engine.search(first, second)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        pipe.send(Measured(answers=answers, cpu_seconds=cpu, wall_seconds=wall))
    pipe.send(_peak_bytes())


def _peak_bytes() -> int:
    """Peak resident memory; `getrusage` would count what the parent held before this process became its own."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
