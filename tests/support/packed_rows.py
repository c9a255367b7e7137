"""Small datasets of packed rows, masked rows and rows without tokens, as folders of Parquet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nextlong_hub.dataset import shards
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.records import PackedDocument, PackedRow, Segment

Documents = Sequence[tuple[str, str, Sequence[int]]]
"""Id, source and tokens of each document; its text is its id."""


def packed_row(identity: str, documents: Documents, mask: Sequence[int] | None = None) -> PackedRow:
    """A row of those documents."""
    ends = np.cumsum([0, *(len(name) for name, _, _ in documents)]).tolist()
    parts = [
        PackedDocument(id=name, source=source, meta_document=name, offset=0, start=start, end=end, tokens=len(tokens))
        for (name, source, tokens), start, end in zip(documents, ends[:-1], ends[1:], strict=True)
    ]
    return PackedRow(
        id=identity,
        text="".join(name for name, _, _ in documents),
        input_ids=np.array([token for _, _, tokens in documents for token in tokens], np.int32),
        loss_mask=None if mask is None else np.array(mask, np.int8),
        documents=tuple(parts),
        segments=tuple(
            Segment(
                role="meta",
                document=part.id,
                chunk=0,
                start=part.start,
                end=part.end,
                tokens=part.tokens,
                rank=0,
                score=0.0,
            )
            for part in parts
        ),
    )


def write_packed(folder: Path, rows: Sequence[PackedRow], *, tokens: bool = True, masked: bool = False) -> Path:
    """A folder with those rows as the only configuration, `default`."""
    table = shards.to_packed_table(rows, tokens=tokens, masked=masked)
    shards.write_table(folder / "data" / "train.parquet", table, OutputSettings())
    return folder
