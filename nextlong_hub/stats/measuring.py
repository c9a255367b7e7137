"""The one pass: batches of rows go in, only sums and sketches stay."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.errors import DataError
from nextlong_hub.manifest import ConfigRecord, Manifest
from nextlong_hub.splits import StoredSplit, list_configs, open_split
from nextlong_hub.splits.places import Place
from nextlong_hub.stats import rows
from nextlong_hub.stats.reuse import ReuseCounter
from nextlong_hub.stats.shape import (
    ConfigStats,
    DatasetStats,
    OutcomeStats,
    PackingStats,
    RankScores,
    SegmentStats,
    SourceTokens,
)
from nextlong_hub.stats.sketch import Sketch

_COLUMNS = ("token_count", "source", "segments", "documents")
"""What is read; `text` and `input_ids` only where these do not tell their lengths."""
_RANK_BANDS = np.array([1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 95, 142, 213, 320, 480, 720, 1080, 1620, 2430, 3645])
"""First rank of each band: every rank by itself at first, then half as many again in each."""


def measure(
    where: Path | str | Mapping[str, Iterable[pa.Table | pa.RecordBatch]],
    configs: Sequence[str] = (),
    *,
    revision: str | None = None,
) -> DatasetStats:
    """Measure a dataset, or tables of rows by the name of their configuration.

    Args:
        where: what `splits.open_split` opens, or batches of rows with our columns; they are read once, in order.
        configs: those to measure; all when empty.
        revision: of a dataset on the Hub.

    Raises:
        DataError: there is no such dataset or configuration, or its rows do not tell how many tokens they have.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    if isinstance(where, Mapping):
        return DatasetStats(configs=tuple(measure_tables(name, where[name]) for name in configs or where))
    measured = []
    for name in configs or list_configs(where, revision=revision):
        with closing(open_split(where, name, revision=revision)) as split:
            measured.append(measure_split(split))
    return DatasetStats(configs=tuple(measured))


def measure_folder(folder: Path, manifest: Manifest) -> DatasetStats:
    """Measure a dataset folder whose manifest is still to be written.

    Raises:
        DataError: a file is missing or damaged.
    """
    measured = []
    for name in manifest.configs:
        with closing(unfinished_split(folder, manifest, name)) as split:
            measured.append(measure_split(split))
    return DatasetStats(configs=tuple(measured))


def unfinished_split(folder: Path, manifest: Manifest, config: str) -> StoredSplit:
    """Open a configuration of a dataset folder whose manifest is still to be written."""
    place = Place(
        name=str(folder),
        folder=folder,
        commit=None,
        manifest=manifest,
        configs={name: tuple(file.path for file in record.files) for name, record in manifest.configs.items()},
        open=lambda file: (folder / file).open("rb"),
    )
    return StoredSplit(place, config)


def measure_split(split: StoredSplit) -> ConfigStats:
    """Measure one configuration, reading no column that is not needed.

    Raises:
        DataError: a file is damaged, or its rows do not tell how many tokens they have.
    """
    return measure_tables(split.config, split.batches(_needed(split.columns)), split.record)


def measure_tables(
    config: str, tables: Iterable[pa.Table | pa.RecordBatch], record: ConfigRecord | None = None
) -> ConfigStats:
    """Measure rows as they come; `record` is what the manifest says of them.

    Raises:
        DataError: they do not tell how many tokens they have.
    """
    counter = _Counter([recipe.target_length for recipe in record.row_recipes.values()] if record else [])
    for table in tables:
        if table.num_rows:
            counter.add(table)
    return counter.result(config, record)


class _Counter:
    """Everything counted so far, over one configuration."""

    def __init__(self, targets: Sequence[int]) -> None:
        self._targets = targets
        self._rows = self._tokens = self._characters = self._on_target = 0
        self._lengths = Sketch()
        self._segments: _SegmentCounter | None = None
        self._packing: tuple[Sketch, Sketch] | None = None
        self._source_rows: Counter[str] = Counter()
        self._source_tokens: Counter[str] = Counter()

    def add(self, table: pa.Table | pa.RecordBatch) -> None:
        """Count the rows of one batch."""
        tokens = _tokens(table)
        documents = rows.read_documents(table["documents"]) if "documents" in table.column_names else None
        segments = rows.read_segments(table["segments"], documents) if "segments" in table.column_names else None
        self._rows += len(tokens)
        self._tokens += int(tokens.sum())
        self._characters += _characters(table, segments, documents)
        self._on_target += int(np.isin(tokens, self._targets).sum())
        self._lengths.add(tokens)
        if segments is not None:
            self._segments = self._segments or _SegmentCounter()
            self._segments.add(segments)
        if documents is not None:
            self._packing = self._packing or (Sketch(), Sketch())
            self._packing[0].add(np.bincount(documents.row, minlength=len(tokens)))
            self._packing[1].add(documents.tokens)
        self._add_sources(table, tokens, segments, documents)

    def result(self, config: str, record: ConfigRecord | None) -> ConfigStats:
        """All that was counted."""
        return ConfigStats(
            config=config,
            target_length=max(self._targets, default=None),
            rows=self._rows,
            tokens=self._tokens,
            characters=self._characters,
            bytes=sum(file.bytes for file in record.files) if record else None,
            on_target=self._on_target if self._targets else None,
            lengths=self._lengths.distribution(),
            segments=self._segments.result(self._tokens) if self._segments else None,
            packing=_packing(*self._packing) if self._packing else None,
            sources=self._sources(),
            outcome=_outcome(record),
        )

    def _add_sources(
        self,
        table: pa.Table | pa.RecordBatch,
        tokens: NDArray[np.int64],
        segments: rows.Segments | None,
        documents: rows.Documents | None,
    ) -> None:
        """Tokens of meta-chunks by the source of the text they stand in."""
        if documents is not None:
            sources, rows_of, whole = documents.sources, documents.row, documents.tokens
        elif "source" in table.column_names:
            sources, rows_of, whole = table["source"].to_pylist(), np.arange(len(tokens)), tokens
        else:
            return
        names, place = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
        if segments is None:
            counted = np.bincount(place, whole, minlength=len(names))
        else:
            meta = segments.is_meta
            counted = np.bincount(place[segments.text[meta]], segments.tokens[meta], minlength=len(names))
        pairs = np.unique(np.stack([place, rows_of]), axis=1)[0]
        source_rows = np.bincount(pairs, minlength=len(names))
        for name, number, count in zip(names.tolist(), source_rows.tolist(), counted.tolist(), strict=True):
            self._source_rows[name] += number
            self._source_tokens[name] += int(count)

    def _sources(self) -> tuple[SourceTokens, ...]:
        listed = [
            SourceTokens(name=name, rows=self._source_rows[name], meta_tokens=tokens, negative_tokens=None)
            for name, tokens in self._source_tokens.items()
        ]
        return tuple(sorted(listed, key=lambda source: (-source.meta_tokens, source.name)))


class _SegmentCounter:
    """What the segments say."""

    def __init__(self) -> None:
        self._meta = self._negative = self._meta_tokens = self._negative_tokens = 0
        self._per_meta, self._scores = Sketch(), Sketch()
        self._distance_tokens, self._distance_characters = Sketch(), Sketch()
        self._bands = [Sketch() for _ in _RANK_BANDS]
        self._last_rank = 0
        self._reuse = ReuseCounter()

    def add(self, segments: rows.Segments) -> None:
        """Count the segments of one batch."""
        negative = ~segments.is_meta
        self._meta += int(segments.is_meta.sum())
        self._negative += int(negative.sum())
        self._meta_tokens += int(segments.tokens[segments.is_meta].sum())
        self._negative_tokens += int(segments.tokens[negative].sum())
        self._per_meta.add(rows.negatives_after_meta(segments))
        between_tokens, between_characters = rows.distances(segments)
        self._distance_tokens.add(between_tokens)
        self._distance_characters.add(between_characters)
        scores, ranks = segments.score[negative], segments.rank[negative]
        self._scores.add(scores)
        bands = np.searchsorted(_RANK_BANDS, ranks, side="right") - 1
        for band in np.unique(bands[bands >= 0]).tolist():
            self._bands[band].add(scores[bands == band])
        self._last_rank = max(self._last_rank, int(ranks.max(initial=0)))
        self._reuse.add(segments.documents, segments.document[negative], segments.chunk[negative])

    def result(self, tokens: int) -> SegmentStats:
        """All that was counted, in rows of so many tokens."""
        return SegmentStats(
            meta_chunks=self._meta,
            negatives=self._negative,
            meta_tokens=self._meta_tokens,
            negative_tokens=self._negative_tokens,
            other_tokens=tokens - self._meta_tokens - self._negative_tokens,
            negatives_per_meta_chunk=self._per_meta.distribution(),
            scores=self._scores.distribution(),
            scores_by_rank=self._by_rank(),
            distance_tokens=self._distance_tokens.distribution(),
            distance_characters=self._distance_characters.distribution(),
            reuse=self._reuse.result(),
        )

    def _by_rank(self) -> tuple[RankScores, ...]:
        firsts = _RANK_BANDS.tolist()
        lasts = [*(first - 1 for first in firsts[1:]), self._last_rank]
        return tuple(
            RankScores(first_rank=first, last_rank=min(last, self._last_rank), scores=scores)
            for first, last, band in zip(firsts, lasts, self._bands, strict=True)
            if (scores := band.distribution()) is not None
        )


def _needed(columns: Sequence[str]) -> list[str]:
    needed = [name for name in _COLUMNS if name in columns]
    if "token_count" not in columns and "input_ids" in columns:
        needed.append("input_ids")
    if not {"segments", "documents"} & set(columns) and "text" in columns:
        needed.append("text")
    return needed


def _tokens(table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    """Tokens of each row. Shape: (rows,)."""
    if "token_count" in table.column_names:
        counts = table["token_count"].cast(pa.int64())
    elif "input_ids" in table.column_names:
        counts = pc.list_value_length(table["input_ids"]).cast(pa.int64())
    else:
        raise DataError(
            f"the rows have the columns {', '.join(table.column_names)}; to measure them `token_count` or `input_ids` "
            "is needed: `nextlong-hub fit` counts the tokens of any text"
        )
    lengths: NDArray[np.int64] = np.asarray(counts)
    return lengths


def _characters(
    table: pa.Table | pa.RecordBatch, segments: rows.Segments | None, documents: rows.Documents | None
) -> int:
    """Characters of the texts of all rows, from where their last part ends."""
    parts = documents or segments
    if parts is not None:
        return int(rows.last_ends(parts.row, parts.end, table.num_rows).sum())
    return int(pc.sum(pc.utf8_length(table["text"])).as_py() or 0) if "text" in table.column_names else 0


def _packing(per_row: Sketch, lengths: Sketch) -> PackingStats | None:
    documents_per_row, document_tokens = per_row.distribution(), lengths.distribution()
    if documents_per_row is None or document_tokens is None:
        return None
    return PackingStats(
        documents=document_tokens.count, documents_per_row=documents_per_row, document_tokens=document_tokens
    )


def _outcome(record: ConfigRecord | None) -> OutcomeStats | None:
    if record is None or record.synthesis is None:
        return None
    made = record.synthesis
    return OutcomeStats(
        candidates=made.candidates,
        kept=made.kept,
        truncated=made.truncated,
        truncated_tokens=made.truncated_tokens,
        discarded=dict(sorted(made.discarded.items())),
        not_eligible=dict(sorted(made.not_eligible.items())),
        queries=made.queries,
        unanswered=made.unanswered,
        near_duplicates=made.near_duplicates,
    )
