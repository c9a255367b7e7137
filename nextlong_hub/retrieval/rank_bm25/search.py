"""Search with rank-bm25. It shares the lexer of `bm25`, so that both are compared over the same words; nothing else."""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi

from nextlong_hub.core.files import write_json
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.bm25.build import identity_of
from nextlong_hub.retrieval.bm25.formulas import OKAPI_EPSILON, inverse_document_frequencies
from nextlong_hub.retrieval.bm25.index import building_choices, read_index_summary, require_index
from nextlong_hub.retrieval.bm25.lexer import Lexer
from nextlong_hub.retrieval.ranking import no_hits, ordered
from nextlong_hub.retrieval.settings import RetrievalSettings


class _LuceneBm25(BM25Okapi):  # type: ignore[misc]
    """rank-bm25 with Lucene's idf; it multiplies by k1 + 1, which Lucene's formula does not have, so idf is divided."""

    def _calc_idf(self, nd: dict[int, int]) -> None:
        settings = RetrievalSettings(formula="lucene", k1=self.k1, b=self.b)
        idf = inverse_document_frequencies(settings, np.array(list(nd.values()), np.int64), self.corpus_size)
        self.idf = dict(zip(nd, (idf / (self.k1 + 1)).tolist(), strict=True))


class RankBm25Searcher:
    """Searches with rank-bm25; holds the whole corpus in memory as lists of words."""

    def __init__(self, store: ChunkStore, settings: RetrievalSettings) -> None:
        """Lex the whole store and index it.

        Raises:
            RecipeError: a language has no list of stop words.
        """
        self._store = store
        lexed = Lexer(settings).lex(store.blocks(0, store.chunks), store.chunks)
        rows = np.concatenate(([0], lexed.row_ends)).tolist()
        self._chunk_words = [
            np.repeat(lexed.terms[start:stop], lexed.counts[start:stop]).tolist()
            for start, stop in itertools.pairwise(rows)
        ]
        model = BM25Okapi if settings.formula == "okapi" else _LuceneBm25
        has_words = any(self._chunk_words)  # rank-bm25 divides by the number of words
        self._model = (
            model(self._chunk_words, k1=settings.k1, b=settings.b, epsilon=OKAPI_EPSILON) if has_words else None
        )

    def search(self, queries: NDArray[np.int64], k: int, *, threads: int = 1) -> Hits:
        """See `Searcher.search`; runs on one thread for any number of `threads`."""
        hits = no_hits(len(queries), k)
        for row, query in enumerate(queries.tolist()):
            if self._model is None:
                break
            scores = self._model.get_scores(self._chunk_words[query]).astype(np.float32)
            document = int(self._store.document_of(np.array([query]))[0])
            scores[self._store.first_chunk[document] : self._store.first_chunk[document + 1]] = 0
            found = np.flatnonzero(scores > 0)
            hits.chunks[row], hits.scores[row] = ordered(found, scores[found], k)
        return hits

    def score(self, queries: NDArray[np.int64], chunks: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Scorer.score`."""
        scores = np.full(chunks.shape, -np.inf, np.float32)
        for row, query in enumerate(queries.tolist()):
            there = np.flatnonzero(chunks[row] >= 0)
            if self._model is not None and len(there):
                words, numbers = self._chunk_words[query], chunks[row, there].tolist()
                scores[row, there] = self._model.get_batch_scores(words, numbers)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def recall(self, queries: NDArray[np.int64], hits: Hits) -> float | None:
        """See `Searcher.recall`: the reference is always exact."""
        return None


def note_index(store: ChunkStore, settings: RetrievalSettings, folder: Path) -> None:
    """Write the identity of the index: rank-bm25 has nothing else on disk."""
    identity = identity_of(store, settings)
    summary = read_index_summary(folder)
    if summary is None or summary["id"] != identity:
        write_json(folder / "index.json", {"id": identity, "store": store.id, "settings": building_choices(settings)})


def open_reference(store: ChunkStore, settings: RetrievalSettings, folder: Path) -> RankBm25Searcher:
    """Index the store with rank-bm25.

    Raises:
        DataError: `note_index` has not run with this store and these settings.
    """
    require_index(folder, identity_of(store, settings))
    return RankBm25Searcher(store, settings)
