"""What each retriever finds on one corpus: `python -m benchmarks.retrieval.kinds --corpus PATH … --encoder FOLDER`."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.worlds import make_store
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.method.near_duplicates import NearDuplicates, shingles_of
from nextlong_hub.method.order import seeded_keys
from nextlong_hub.method.settings import NegativeSettings
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import build_index, open_retriever
from nextlong_hub.retrieval.settings import RetrievalSettings

_RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_COMPARED = 32
_TOGETHER = 12
"""Queries of a unit of usual size."""


def main() -> None:
    """Print a row for each retriever, then how its scores fall with the rank."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval.kinds")
    parser.add_argument("--corpus", nargs="+", type=Path, required=True)
    parser.add_argument("--encoder", required=True, help="a folder, or a name on the Hub")
    parser.add_argument("--chunks", type=int, default=10**9)
    parser.add_argument("--queries", type=int, default=240)
    parser.add_argument("--k", type=int, default=326, help="hits of a query; default: what a row of 64K asks for")
    parser.add_argument("--folder", type=Path, help="where the store is kept; default: a temporary folder")
    chosen = parser.parse_args()
    options = {"encoder": chosen.encoder}
    kinds = {
        "bm25": RetrievalSettings(),
        "dense": RetrievalSettings(retriever="dense", options=options),
        "dense, faiss": RetrievalSettings(retriever="dense", options={**options, "search": "faiss"}),
        "hybrid": RetrievalSettings(retriever="hybrid", options=options),
        "random": RetrievalSettings(retriever="random"),
        "self": RetrievalSettings(retriever="self"),
    }
    with tempfile.TemporaryDirectory() as temporary:
        store = make_store(chosen.folder or Path(temporary), chosen.corpus, chosen.chunks)
        queries = _queries(store, chosen.queries)
        print(f"{store.chunks:,} chunks, {len(queries)} queries, k = {chosen.k}\n")
        print(f"| retriever | index CPU s | index MB | CPU ms a query | recall | of BM25's {_COMPARED} | near-copies |")
        print("|---|---|---|---|---|---|---|")
        curves = {}
        first: Hits | None = None
        for name, settings in kinds.items():
            index = Path(temporary) / name
            cost = _build(store, settings, index)
            hits, milliseconds, recall = _search(store, settings, index, queries, chosen.k)
            first = first or hits
            shared = _shared(hits, first)
            copies = _near_copies(store, queries, hits)
            print(f"| {name} | {cost} | {milliseconds:.2f} | {recall} | {shared:.0%} | {copies:.2f} |", flush=True)
            curves[name] = hits.scores
        _print_curves(curves, chosen.k)


def _queries(store: ChunkStore, wanted: int) -> NDArray[np.int64]:
    """Chunks of a seeded choice of documents with two chunks at least, in order."""
    documents = np.flatnonzero(np.diff(store.first_chunk) > 1)
    picked = documents[np.argsort(seeded_keys(documents, 42), kind="stable")]
    chunks = [np.arange(store.first_chunk[d], store.first_chunk[d + 1])[:3] for d in picked[:wanted].tolist()]
    return np.concatenate(chunks)[:wanted]


def _build(store: ChunkStore, settings: RetrievalSettings, index: Path) -> str:
    started = time.process_time()
    build_index(store, settings, index, InlineExecutor())
    seconds = time.process_time() - started
    size = sum(path.stat().st_size for path in index.rglob("*") if path.is_file()) if index.exists() else 0
    return f"{seconds:.1f} | {size / 1e6:,.0f}"


def _search(
    store: ChunkStore, settings: RetrievalSettings, index: Path, queries: NDArray[np.int64], k: int
) -> tuple[Hits, float, str]:
    """Hits, CPU milliseconds a query in batches of a unit's size, and recall."""
    searcher: Any = open_retriever(index, store, settings)
    searcher.search(queries[:_TOGETHER], k)
    started = time.process_time()
    parts = [searcher.search(queries[at : at + _TOGETHER], k) for at in range(0, len(queries), _TOGETHER)]
    milliseconds = (time.process_time() - started) * 1000 / len(queries)
    hits = Hits(
        chunks=np.concatenate([part.chunks for part in parts]), scores=np.concatenate([part.scores for part in parts])
    )
    recall = searcher.recall(queries, hits)
    return hits, milliseconds, "exact" if recall is None else f"{recall:.1%}"


def _shared(hits: Hits, first: Hits) -> float:
    """How many of the best chunks are among the best of BM25."""
    pairs = zip(hits.chunks[:, :_COMPARED], first.chunks[:, :_COMPARED], strict=True)
    return float(np.mean([len(set(one.tolist()) & set(other.tolist())) / _COMPARED for one, other in pairs]))


def _near_copies(store: ChunkStore, queries: NDArray[np.int64], hits: Hits) -> float:
    """Of the best chunks for a query, how many are near-copies of a chunk of its document."""
    texts = store.texts(np.unique(hits.chunks[:, :_COMPARED][hits.chunks[:, :_COMPARED] >= 0]))
    settings = NegativeSettings()
    words = settings.shingle_words
    total = 0
    for row, document in enumerate(store.document_of(queries).tolist()):
        own = store.texts(np.arange(store.first_chunk[document], store.first_chunk[document + 1]))
        copies = NearDuplicates((shingles_of(text, words) for text in own.values()), settings)
        total += sum(
            shingles_of(texts[chunk], words) in copies for chunk in hits.chunks[row, :_COMPARED].tolist() if chunk >= 0
        )
    return total / len(queries)


def _print_curves(curves: dict[str, NDArray[np.float32]], k: int) -> None:
    ranks = [rank for rank in _RANKS if rank <= k]
    print(f"\n| score by rank: median (middle half) | {' | '.join(map(str, ranks))} |")
    print("|---" * (len(ranks) + 1) + "|")
    for name, scores in curves.items():
        cells = []
        for rank in ranks:
            low, median, high = np.quantile(scores[:, rank - 1], [0.25, 0.5, 0.75])
            cells.append(f"{median:.3g} ({low:.3g}-{high:.3g})")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
