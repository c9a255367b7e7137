"""Corpora of a few words, indexed and opened: worlds of retrieval small enough to check by hand or brute force."""

import itertools
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore, PartWriter, finish_store
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.records import ChunkSpan, Document
from nextlong_hub.retrieval import build_index, open_retriever
from nextlong_hub.retrieval.settings import RetrievalSettings

Corpus = list[list[str]]
"""Documents as lists of chunks, each chunk words with spaces between."""

ALL_WORDS: dict[str, Any] = {"stop_words": ()}
WORDS = ["ant", "bee", "cow", "dog", "eel", "fox"]


def make_store(folder: Path, corpus: Corpus) -> ChunkStore:
    """A store with exactly these chunks."""
    with PartWriter(folder / "part-00000") as part:
        for number, chunks in enumerate(corpus):
            ends = np.cumsum([0, *map(len, chunks)]).tolist()
            spans = [ChunkSpan(start, end) for start, end in itertools.pairwise(ends)]
            part.add(Document(id=f"d{number}", text="".join(chunks), source="test"), spans)
    return finish_store(folder, [part.counts], f"store of {json.dumps(corpus)}", {})


@contextmanager
def opened(corpus: Corpus, **chosen: Any) -> Iterator[tuple[ChunkStore, Any]]:
    """A store of `corpus` and the retriever over it, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store", corpus)
        retrieval = RetrievalSettings(**{**ALL_WORDS, **chosen})
        build_index(store, retrieval, Path(folder) / "index", InlineExecutor())
        yield store, open_retriever(Path(folder) / "index", store, retrieval)


def every_chunk(store: ChunkStore) -> NDArray[np.int64]:
    """All chunk numbers, as queries."""
    return np.arange(store.chunks)


def varied_corpus(chunks: int, seed: int = 0) -> Corpus:
    """Documents of one to three chunks: words from frequent to rare, as in real text."""
    rng = np.random.default_rng(seed)
    texts = [
        " ".join(f"w{int(rank)}x" for rank in rng.zipf(1.3, int(size)) % 400) for size in rng.integers(0, 40, chunks)
    ]
    corpus: Corpus = []
    while texts:
        size = int(rng.integers(1, 4))
        corpus.append(texts[:size])
        texts = texts[size:]
    return corpus


chunk_texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
corpora = st.lists(st.lists(chunk_texts, min_size=1, max_size=3), min_size=1, max_size=6)
"""Small worlds: repeated words, words of one document only, empty chunks, identical chunks, tiny idf."""
