"""Chunk texts by document id and number, as segments of a row name them."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nextlong_hub.corpus.store import ChunkStore


class CorpusTexts:
    """Looks up chunk texts in an opened store."""

    def __init__(self, store: ChunkStore) -> None:
        self.store = store
        self.numbers = {name: number for number, name in enumerate(store.document_ids(np.arange(store.documents)))}
        """The number of each document in the store, by its id."""

    def texts(self, chunks: Sequence[tuple[str, int]]) -> list[str | None]:
        """The text of each (document, chunk); None where the corpus has no such chunk."""
        first = self.store.first_chunk
        numbers = [
            int(first[number]) + chunk
            if (number := self.numbers.get(document)) is not None and 0 <= chunk < first[number + 1] - first[number]
            else -1
            for document, chunk in chunks
        ]
        texts = self.store.texts(np.array([n for n in numbers if n >= 0], np.int64))
        return [texts.get(number) for number in numbers]

    def barred(self, chunks: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of the chunks (document, chunk) that no row may hold."""
        return [one for one in chunks if one in self._barred]

    @cached_property
    def _barred(self) -> frozenset[tuple[str, int]]:
        store = self.store
        documents = store.document_of(store.barred_chunks)
        places = (store.barred_chunks - store.first_chunk[documents]).tolist()
        return frozenset(zip(store.document_ids(documents), places, strict=True))
