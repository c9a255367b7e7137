"""The retrieval stage: the index of a store is built or reused, and each unit's meta-chunks are searched in it.

look_for_languages   what the stop words follow, where the recipe leaves them to the corpus
index_store      chunk store ▶ the retriever's index, in the workspace
RetrieveUnit     the meta-documents of one unit ▶ one Arrow file: for each meta-chunk its hits, how many of them its
                 sample is likely to need, and how well its own document would have done
read_answers     that file ▶ candidates, for the selection of negatives
likely_chunks    that file ▶ chunks to tokenise before samples are made
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.core.files import (
    digest_of,
    read_checked_json,
    remove,
    sha256_of_folder,
    write_checked_json,
    written_aside,
)
from nextlong_hub.core.mapping import map_array, map_table
from nextlong_hub.corpus.store import ChunkStore, open_store
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.execution.run import Run
from nextlong_hub.method.negatives import Candidate
from nextlong_hub.records import Hits
from nextlong_hub.retrieval import build_index, found_languages, open_retriever, settled
from nextlong_hub.retrieval.languages import FoundLanguages
from nextlong_hub.retrieval.links import own_ranks
from nextlong_hub.retrieval.settings import RetrievalSettings

_ANSWER_SCHEMA = pa.schema(
    [
        ("chunks", pa.list_(pa.int64())),
        ("scores", pa.list_(pa.float32())),
        ("likely", pa.int32()),
        ("own_rank", pa.int32()),
    ]
)
"""One row a query: its hits, best first, how many of them a sample is likely to need, and `Answer.own_rank`."""
_BYTES_A_HIT = 12
"""On disk: chunk number and score."""


def estimate_answer_bytes(hits: int, queries: float) -> int:
    """Bytes on disk of the answers to so many queries, with so many hits each."""
    return round(_BYTES_A_HIT * hits * queries)


def look_for_languages(run: Run, store: ChunkStore, settings: RetrievalSettings) -> FoundLanguages | None:
    """See `found_languages`; the store is looked at once a run.

    Raises:
        RecipeError: there is no such retriever, or a chunk is too long.
    """
    identity = f"languages-{store.id}-{settings.retriever}-{settings.stop_words}"
    return run.once(identity, partial(found_languages, store, settings))


def index_store(run: Run, store: ChunkStore, settings: RetrievalSettings) -> Path:
    """Build the index of the store, or reuse the one of an earlier run after comparing it with its digest.

    The comparison is needed because a search in a damaged index need not fail: it could return other hits. It is made
    once a run, however many configurations use the index.

    Returns:
        The folder of the index.

    Raises:
        RecipeError, WorkerError, StorageError: see `build_index`.
    """
    settings = settled(settings, look_for_languages(run, store, settings))
    identity = index_identity(store.id, settings)
    return run.once(f"index-{identity}", lambda: _index(run, store, settings, identity))


def _index(run: Run, store: ChunkStore, settings: RetrievalSettings, identity: str) -> Path:
    folder = run.workspace.index(identity)
    digest_file = run.workspace.receipts(identity) / "index.json"
    digest = read_checked_json(digest_file)
    if digest is not None and digest != [*sha256_of_folder(folder)]:
        remove(folder)
        digest = None
    with run.stage("index", None, "shards") as advance:
        build_index(store, settings, folder, run.executor, lambda receipt: advance(1))
    if digest is None:
        write_checked_json(digest_file, [*sha256_of_folder(folder)])
    return folder


def index_identity(store_id: str, settings: RetrievalSettings) -> str:
    """Digest of everything that decides the index of a store, of settled settings; it names the index's folder."""
    return digest_of([store_id, settings.model_dump(mode="json")])


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRange:
    """The meta-documents of one unit: a range of the order of all candidates."""

    order: InputPath
    """A `.npy` file: the numbers of all candidate documents, in the order in which they are tried."""
    start: int
    """Place of the first one in that order."""
    stop: int
    """One past the place of the last."""

    def documents(self) -> NDArray[np.int64]:
        """Their numbers in the store. Shape: (stop - start,)."""
        return np.array(map_array(self.order)[self.start : self.stop])


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveCounts:
    """Counts of the queries of one unit."""

    queries: int
    unanswered: int
    """Queries without a hit."""
    recall: float | None
    """Recall of the first query's answer; None when the search is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveUnit(Task[RetrieveCounts]):
    """Search the index for every meta-chunk of a unit; the answers are chunk numbers and scores, without text."""

    stage: ClassVar[str] = "retrieve"

    store: InputPath
    index: InputPath
    unit: UnitRange
    settings: RetrievalSettings
    k: int
    """Most hits for each meta-chunk."""
    sample_characters: int
    """Estimated characters of a sample."""

    def run(self) -> RetrieveCounts:
        """See `Task.run`."""
        store = open_store(self.store)
        documents = self.unit.documents()
        queries = np.concatenate([np.arange(store.first_chunk[d], store.first_chunk[d + 1]) for d in documents])
        retriever = open_retriever(self.index, store, self.settings)
        hits = retriever.search(queries, self.k)
        found = (hits.chunks >= 0).sum(axis=1)
        offsets = pa.array(np.cumsum([0, *found]), pa.int32())
        likely = likely_hits(hits.chunks, np.diff(store.first_chunk)[documents], store, self.sample_characters)
        answers = pa.table(
            [
                pa.ListArray.from_arrays(offsets, pa.array(hits.chunks[hits.chunks >= 0])),
                pa.ListArray.from_arrays(offsets, pa.array(hits.scores[hits.chunks >= 0])),
                pa.array(likely, pa.int32()),
                pa.array(own_ranks(retriever, store, documents, hits), pa.int32()),
            ],
            schema=_ANSWER_SCHEMA,
        )
        with written_aside(self.output) as aside, pa.ipc.new_file(str(aside), _ANSWER_SCHEMA) as writer:
            writer.write_table(answers)
        first = Hits(chunks=hits.chunks[:1], scores=hits.scores[:1])
        return RetrieveCounts(
            queries=len(queries), unanswered=int((found == 0).sum()), recall=retriever.recall(queries[:1], first)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found for one meta-chunk."""

    candidates: list[Candidate]
    """Its hits, best first, ranked from 1."""
    own_rank: int
    """See `links.own_ranks`."""


def read_answers(path: Path) -> list[Answer]:
    """The answers of one unit, one for each query."""
    table = map_table(path)
    columns = (table[name].to_pylist() for name in ("chunks", "scores", "own_rank"))
    return [
        Answer(
            candidates=[
                Candidate(chunk=c, rank=r, score=s) for r, (c, s) in enumerate(zip(chunks, scores, strict=True), 1)
            ],
            own_rank=own_rank,
        )
        for chunks, scores, own_rank in zip(*columns, strict=True)
    ]


def likely_chunks(answers: Path, first_rank: int = 1) -> NDArray[np.int64]:
    """The chunks in a unit's answers that its samples are likely to need, without order; none before `first_rank`."""
    table = map_table(answers).combine_chunks()
    if not table.num_rows:
        return np.zeros(0, np.int64)
    lists = table["chunks"].chunk(0)
    offsets = lists.offsets.to_numpy()
    ranks = np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    likely = np.repeat(table["likely"].to_numpy(), np.diff(offsets))
    skipped = first_rank - 1
    return lists.values.to_numpy()[(ranks >= skipped) & (ranks < likely + skipped)]  # type: ignore[no-any-return]


def likely_hits(
    hits: NDArray[np.int64], queries: NDArray[np.int64], store: ChunkStore, characters: int
) -> NDArray[np.int32]:
    """How many hits of each query a sample is likely to need, if negatives are taken in turns up to `characters`.

    Args:
        hits: chunks by rank, padded with -1. Shape: (queries, k).
        queries: how many of them, in order, belong to each document. Shape: (documents,).
        store: holds the characters of each chunk.
        characters: see `RetrieveUnit.sample_characters`.

    Returns:
        For each query, the same for all of a document. Shape: (queries,).
    """
    depths = []
    for own in np.split(hits, np.cumsum(queries)[:-1]):
        by_turn = own.T.ravel()
        _, first = np.unique(by_turn, return_index=True)
        places = np.sort(first)
        places = places[by_turn[places] >= 0]
        reached = np.cumsum(store.characters_of_each(by_turn[places]))
        enough = int(np.searchsorted(reached, characters))
        depths.append(places[enough] // len(own) if enough < len(places) else hits.shape[1])
    return np.repeat(np.array(depths, np.int32), queries)
