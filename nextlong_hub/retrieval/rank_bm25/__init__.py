"""rank-bm25, the reference implementation: simple and slow (about 0.1 ms of CPU for each chunk and query).

search    the whole corpus as lists of words in memory; on disk only a file that identifies it
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.retrieval import bm25
from nextlong_hub.retrieval.base import OnReceipt, Retriever, Searcher
from nextlong_hub.retrieval.explanation import Explainer, Explanation
from nextlong_hub.retrieval.settings import RetrievalSettings


def _build(
    store: ChunkStore, settings: RetrievalSettings, folder: Path, executor: Executor, on_receipt: OnReceipt | None
) -> None:
    from nextlong_hub.retrieval.rank_bm25.search import note_index

    note_index(store, settings, folder)


def _open(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> Searcher:
    from nextlong_hub.retrieval.rank_bm25.search import open_reference

    return open_reference(store, settings, folder)


def _explain(folder: Path, store: ChunkStore, settings: RetrievalSettings, query: int, chunk: int) -> Explanation:
    """Explain with a temporary index of `bm25`, which computes the same scores; rank-bm25 keeps no index."""
    from nextlong_hub.retrieval.bm25.explain import explain

    alike = settings.model_copy(update={"retriever": "bm25"})
    with TemporaryDirectory(prefix="nextlong-why-") as scratch:
        bm25.RETRIEVER.build(store, alike, Path(scratch), InlineExecutor(), None)
        return explain(Path(scratch), store, alike, query, chunk)


RETRIEVER = Retriever(
    score_name=bm25.RETRIEVER.score_name,
    build=_build,
    open=_open,
    describe=bm25.describe,
    accepts_score=bm25.is_positive,
    find_languages=bm25.find_languages,
    explainer=Explainer(explain=_explain, passage=bm25.passage),
)
