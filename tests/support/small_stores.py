"""Chunk stores small enough to check on paper."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from nextlong_hub.corpus.store import ChunkStore, PartWriter, SourceCounts, finish_store
from nextlong_hub.records import ChunkSpan, Document

Parts = Sequence[Sequence[Sequence[str]]]
"""Parts of documents of chunks."""


def spans(chunks: Sequence[str]) -> list[ChunkSpan]:
    """Where the chunks lie in their document."""
    ends = np.cumsum([0, *map(len, chunks)]).tolist()
    return [ChunkSpan(start, end) for start, end in pairwise(ends)]


def make_store(folder: Path, parts: Parts) -> ChunkStore:
    """Write the parts, each a source of its own, and finish the store; documents are called `part/number`."""
    counts = []
    sources = []
    for number, documents in enumerate(parts):
        with PartWriter(folder / f"part-{number:05d}") as part:
            for row, chunks in enumerate(documents):
                document = Document(id=f"{number}/{row}", text="".join(chunks), source=f"source {number}")
                part.add(document, spans(chunks))
        counts.append(part.counts)
        sources.append(
            SourceCounts(name=f"source {number}", documents=len(documents), characters=part.counts.characters)
        )
    return finish_store(folder, counts, "0123456789ab", {"empty": 2}, sources)
