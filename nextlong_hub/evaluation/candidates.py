"""The documents that may give an item: long enough, and not among those that were trained on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset import open_splits
from nextlong_hub.errors import CorpusTooSmallError, DataError, argument
from nextlong_hub.evaluation.held_out import RUN_WORDS, HeldOut
from nextlong_hub.evaluation.left_out import LeftOut
from nextlong_hub.evaluation.settings import RiffleSettings
from nextlong_hub.execution.run import Run
from nextlong_hub.method.order import seeded_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A dataset that was trained on."""

    where: str
    name: str
    digest: str
    """Of the files that its manifest names, else its commit; empty where it has neither."""

    @classmethod
    def of(cls, where: str) -> "Trained":
        """Look at one.

        Raises:
            DataError: it is no dataset, or its rows have no text.
        """
        splits = open_splits(where)
        for split in splits:
            with closing(split):
                if "text" not in split.columns:
                    raise DataError(
                        f"{where} has rows without text, so that it cannot be told which documents stand in it; give "
                        f"the dataset with its column text to {argument('apart-from')}"
                    )
        manifest = splits[0].manifest
        digest = digest_of([file.sha256 for file in manifest.files]) if manifest else splits[0].commit or ""
        return cls(where=where, name=Path(where).name if Path(where).exists() else where, digest=digest)

    def texts(self) -> Iterator[str]:
        """The text of every row of every configuration."""
        for split in open_splits(self.where):
            with closing(split):
                for batch in split.batches(["text"]):
                    yield from (text for text in batch["text"].to_pylist() if text)


class Candidates:
    """The documents that have chunks enough, in a seeded order."""

    def __init__(self, store: ChunkStore, settings: RiffleSettings) -> None:
        self.store, self.chunks = store, settings.chunks
        numbers = np.arange(store.documents)
        enough = np.diff(store.first_chunk) >= settings.chunks
        barred = np.isin(numbers, store.barred_documents)
        self.left_out = Counter(
            {LeftOut.TOO_FEW_CHUNKS: int((~enough).sum()), LeftOut.BARRED: int((enough & barred).sum())}
        )
        left = numbers[enough & ~barred]
        self.order: NDArray[np.int64] = left[np.lexsort((left, seeded_keys(left, settings.seed)))]

    def own(self, document: int) -> NDArray[np.int64]:
        """The numbers of the chunks that are taken of a document."""
        first = int(self.store.first_chunk[document])
        return np.arange(first, first + self.chunks)

    def leave(self, documents: frozenset[int]) -> None:
        """Leave out documents that were trained on."""
        self.left_out[LeftOut.SEEN] += len(documents)
        self.order = self.order[~np.isin(self.order, np.array(sorted(documents), np.int64))]


def without_seen(run: Run, candidates: Candidates, trained: Sequence[Trained]) -> dict[str, int]:
    """How many candidates stand in each dataset; they are left out.

    Raises:
        CorpusTooSmallError: all of them do.
    """
    counts: dict[str, int] = {}
    all_seen: frozenset[int] = frozenset()
    if not trained:
        run.note(f"{argument('apart-from')} names no dataset: whether these documents are held out is not checked")
    for one in trained:
        texts = {document: list(_texts(candidates.store, document)) for document in candidates.order.tolist()}
        held_out = HeldOut(texts)
        with run.stage("compare", None, "rows") as done:
            for text in one.texts():
                held_out.look([text])
                done(1)
        seen = held_out.seen()
        counts[one.name] = len(seen)
        all_seen |= seen
        if seen:
            run.note(f"{len(seen):,} of {len(candidates.order):,} documents stand in {one.name}, and are left out")
    if all_seen and len(all_seen) == len(candidates.order):
        raise CorpusTooSmallError(
            f"all {len(all_seen):,} documents that have chunks enough stand in {', '.join(counts)}: half of the runs "
            f"of {RUN_WORDS} words of one of their chunks do; give documents that were not trained on"
        )
    candidates.leave(all_seen)
    return counts


def _texts(store: ChunkStore, document: int) -> Iterator[str]:
    """Of all chunks of a document, those that are not taken of it included."""
    first, last = store.first_chunk[document : document + 2].tolist()
    yield from store.texts(np.arange(first, last)).values()
