"""The door to retrieval: build an index once, open it anywhere, search it.

Compiled kernels are imported when something is built or opened, not before.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.base import Executor, Receipt
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Retriever(Protocol):
    """Finds, for chunks of the corpus, the chunks of other documents most like them."""

    def search(self, queries: "NDArray[np.int64]", k: int, *, threads: int = 1) -> Hits:
        """The k best chunks for each query, which is itself a chunk number of the store.

        Chunks of the query's own document are left out, and so is all that scores 0. The order is total: score, highest
        first, then chunk number. The answer is the same for any number of threads and shards and any split of the
        queries into calls. Shape of `queries`: (queries,).
        """
        ...

    def recall(self, queries: "NDArray[np.int64]", hits: Hits) -> float | None:
        """How much of the exact answer to `queries` an approximate answer holds; None when the search is exact anyway.

        The share of the exact answer's places that are filled with scores at least as high as its last: a chunk that
        ties is as good an answer. It costs an exact search, so ask for a sample of the queries.
        """
        ...


def build_index(
    store: ChunkStore,
    settings: RetrievalSettings,
    folder: Path,
    executor: Executor,
    on_receipt: Callable[[Receipt[Any]], None] | None = None,
) -> None:
    """Build the index of `store` in `folder`, or return at once when the finished index there is the right one.

    The index becomes visible as a whole: `folder/index.json` is written last. A build that was killed goes on where it
    stopped. The bytes are the same for any number of workers.

    Args:
        store: The chunks to search.
        settings: The recipe's retrieval section.
        folder: The index's own folder; made when missing.
        executor: Where the work runs.
        on_receipt: Called with each task's receipt.

    Raises:
        RecipeError: a language has no list of stop words, or a chunk is too long.
        WorkerError: see `Executor.run`.
        StorageError: no space is left.
    """
    if settings.retriever == "rank-bm25":
        from nextlong_hub.retrieval.reference import build_reference

        build_reference(store, settings, folder)
    else:
        from nextlong_hub.retrieval.bm25.build import build

        build(store, settings, folder, executor, on_receipt)


def open_retriever(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> Retriever:
    """Open the finished index in `folder`, memory-mapped.

    Raises:
        DataError: there is none, or it was made from another store or with other settings.
    """
    if settings.retriever == "rank-bm25":
        from nextlong_hub.retrieval.reference import open_reference

        return open_reference(store, settings, folder)
    from nextlong_hub.retrieval.bm25.build import identity_of
    from nextlong_hub.retrieval.bm25.index import open_index
    from nextlong_hub.retrieval.bm25.search import Bm25Retriever

    return Bm25Retriever(open_index(folder, identity_of(store, settings)), store, settings)
