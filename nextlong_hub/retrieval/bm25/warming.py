"""Compiles the kernels on a corpus of three lines, so that the first build of a machine finds them compiled."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nextlong_hub.core.compiling import is_kept
from nextlong_hub.corpus.store import PartWriter, finish_store
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.method.near_duplicates import shingles_of
from nextlong_hub.records import ChunkSpan, Document
from nextlong_hub.retrieval.bm25.build import build, identity_of
from nextlong_hub.retrieval.bm25.index import open_index
from nextlong_hub.retrieval.bm25.scoring_kernels import rescore
from nextlong_hub.retrieval.bm25.search import Bm25Searcher
from nextlong_hub.retrieval.settings import RetrievalSettings

_TEXTS = ("the quick brown fox jumps", "the lazy brown dog sleeps", "the quick dog and the fox")


def is_cold() -> bool:
    """Whether kernels are still to be compiled, and can be kept: the one that a build needs last stands for all."""
    return not is_kept(rescore)


def warm() -> None:
    """Index the lines and search them, in the order of a build."""
    settings = RetrievalSettings(stop_words=())
    with TemporaryDirectory(prefix="nextlong-kernels-") as name:
        folder = Path(name)
        with PartWriter(folder / "store" / "part-00000") as part:
            for number, text in enumerate(_TEXTS):
                part.add(Document(id=str(number), text=text, source="kernels"), [ChunkSpan(0, len(text))])
        store = finish_store(folder / "store", [part.counts], "kernels", {})
        build(store, settings, folder / "index", InlineExecutor(), None)
        index = open_index(folder / "index", identity_of(store, settings))
        Bm25Searcher(index, store, settings).search(np.arange(len(_TEXTS)), 1)
    shingles_of(_TEXTS[0], 2)
