"""How much of a sample is its meta-document, how many links it holds, and how hard they are to find.

A link is a meta-chunk that another one comes before: p meta-chunks make p - 1 links. All else in a sample is hard
negatives, from which nothing far away can be learnt.

SampleLinks   of each sample in some rows
link_record   of all samples in the files of a configuration, for the manifest
thin_rows     what a user should know of samples that are hardly anything but negatives
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.config_record import LinkRecord, SpreadRecord
from nextlong_hub.dataset.shards import read_table
from nextlong_hub.errors import argument

LEAST_META_PERCENT = 0.5
"""Mean share below which a user is warned: half of what the authors' own rows of 128K hold, whose documents of 2.8
chunks have about 1,200 tokens."""

THICKER_ROWS = (
    f"add longer documents, prefer those there are ({argument('set', 'meta_documents.length_preference=4')}), or "
    "build a shorter target"
)
"""What helps against thin rows."""

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLinks:
    """The samples of some rows: their texts with hard negatives, of a packed row each of its own."""

    links: NDArray[np.int64]
    """Shape: (samples,)."""
    meta_percent: NDArray[np.float64]
    """Tokens of meta-chunks in a hundred. Shape: (samples,)."""
    difficulty: NDArray[np.float64]
    """Mean of `own_rank` - 1 over the meta-chunks: how many chunks of other documents the retriever ranks above the
    best other chunk of the document, counted up to the number that was asked for. Of those that have an `own_rank`.
    Shape: (samples with a difficulty,)."""

    @classmethod
    def of(
        cls,
        text: NDArray[np.int64],
        roles: tuple[NDArray[np.bool_], NDArray[np.bool_]],
        tokens: NDArray[np.int64],
        own_rank: NDArray[np.int64],
        text_tokens: NDArray[np.int64],
    ) -> "SampleLinks":
        """Count the samples among some texts.

        Args:
            text: number of each segment's text. Shape: (segments,).
            roles: whether each is a meta-chunk, and whether it is a hard negative. Shape of both: (segments,).
            tokens: of each segment. Shape: (segments,).
            own_rank: of each segment. Shape: (segments,).
            text_tokens: of each text. Shape: (texts,).
        """
        meta, negative = roles
        texts = len(text_tokens)
        metas = np.bincount(text[meta], minlength=texts)
        is_sample = (np.bincount(text[negative], minlength=texts) > 0) & (metas > 0) & (text_tokens > 0)
        meta_tokens = np.bincount(text[meta], tokens[meta], texts)[is_sample]
        ranked = meta & (own_rank > 0)
        counts = np.bincount(text[ranked], minlength=texts)
        has_rank = is_sample & (counts > 0)
        above = np.bincount(text[ranked], own_rank[ranked] - 1, texts)[has_rank]
        return cls(
            links=metas[is_sample] - 1,
            meta_percent=100 * meta_tokens / text_tokens[is_sample],
            difficulty=above / counts[has_rank],
        )


def link_record(files: Sequence[Path], *, packed: bool) -> LinkRecord | None:
    """Count the links of all samples in the files of one configuration; None where there is no sample.

    Args:
        files: Parquet files of ours.
        packed: a row holds several documents.

    Raises:
        DataError: a file is damaged.
    """
    columns = ["token_count", "segments", *(["documents"] if packed else [])]
    parts = [_of_table(read_table(path, columns)) for path in files]
    links = np.concatenate([np.zeros(0, np.int64), *(part.links for part in parts)])
    if not len(links):
        return None
    difficulty = np.concatenate([part.difficulty for part in parts])
    return LinkRecord(
        samples=len(links),
        links=_spread(links),
        meta_percent=_spread(np.concatenate([part.meta_percent for part in parts])),
        difficulty=_spread(difficulty) if len(difficulty) else None,
    )


def thin_rows(links: float, meta_percent: float) -> str:
    """What to say of samples with so many links, and so much of their meta-document, on average.

    The end of a sentence without its full stop; empty where there is nothing to say.
    """
    if meta_percent >= LEAST_META_PERCENT:
        return ""
    number = "one link" if round(links, 1) == 1 else f"{links:.1f} links"
    return f"a row holds {meta_percent:.2g} % meta-document and {number} on average, all else is negatives"


def _of_table(table: pa.Table) -> SampleLinks:
    row, segments = _flattened(table["segments"])
    text, text_tokens = row, table["token_count"].to_numpy().astype(np.int64)
    if "documents" in table.column_names:
        document_row, documents = _flattened(table["documents"])
        starts = document_row << 32 | _numbers(documents, "start")
        text = np.searchsorted(starts, row << 32 | _numbers(segments, "start"), side="right") - 1
        text_tokens = _numbers(documents, "tokens") - _numbers(documents, "padding")
    role = pc.struct_field(segments, "role")
    return SampleLinks.of(
        text,
        (pc.equal(role, "meta").to_numpy(zero_copy_only=False), pc.equal(role, "negative").to_numpy(False)),
        _numbers(segments, "tokens"),
        _numbers(segments, "own_rank"),
        text_tokens,
    )


def _flattened(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], pa.StructArray]:
    """The row of each entry of a column of lists, and the entries."""
    lists = column.combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists), dtype=np.int64), lengths), pc.list_flatten(lists)


def _numbers(structs: pa.StructArray, name: str) -> NDArray[np.int64]:
    return np.asarray(pc.struct_field(structs, name), np.int64)


def _spread(values: NDArray[np.int64] | NDArray[np.float64]) -> SpreadRecord:
    return SpreadRecord(
        mean=round(float(values.mean()), 4),
        quantiles={
            f"{share:.0%}": round(float(value), 4)
            for share, value in zip(_QUANTILES, np.quantile(values, _QUANTILES), strict=True)
        },
    )
