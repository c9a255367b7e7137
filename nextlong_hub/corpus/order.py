"""The order in which documents are taken: seeded, and every prefix has the sources in proportion."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.method.order import merge_in_proportion, seeded_keys


def seeded_order(
    store: ChunkStore,
    documents: NDArray[np.int64],
    sources: Sequence[SourceSettings],
    seed: int,
    first_by: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Shuffle each source by itself, then merge the sources so that every prefix has them in proportion.

    Args:
        store: knows the source of each document.
        documents: the numbers of the documents to order, ascending. Shape: (documents,).
        sources: of the corpus, with their weights.
        seed: each gives another order.
        first_by: what the documents of a source come by, lowest first, before the seed decides; None: by the seed
            alone. Shape: (documents,).
    """
    weights = [source.weight for source in sources]
    numbers = np.repeat(np.arange(len(sources)), [counts.documents for counts in store.summary.sources])
    source_numbers = numbers[documents]
    keys = seeded_keys(documents, seed)
    ranks = np.zeros(len(documents), np.int64) if first_by is None else first_by
    groups = [np.flatnonzero(source_numbers == number) for number in range(len(weights))]
    shuffled = [documents[own[np.lexsort((documents[own], keys[own], ranks[own]))]] for own in groups]
    unset = all(weight is None for weight in weights)
    shares = [max(1, len(own)) if unset else weight or 1.0 for own, weight in zip(groups, weights, strict=True)]
    turns = merge_in_proportion([len(own) for own in groups], shares)
    order = np.empty(len(documents), np.int64)
    for number, own_order in enumerate(shuffled):
        order[turns == number] = own_order
    return order
