"""What is counted while the rows of one configuration stream by: sums and sketches, never the rows themselves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.links import SampleLinks
from nextlong_hub.dataset.schema import LOSS_MASK
from nextlong_hub.errors import DataError
from nextlong_hub.recipe import recorded_recipe
from nextlong_hub.retrieval import UNNAMED_SCORE
from nextlong_hub.stats import batches
from nextlong_hub.stats.overlap import ChunkCounter
from nextlong_hub.stats.ranks import RankCounter
from nextlong_hub.stats.repeats import RepeatCounter
from nextlong_hub.stats.reuse import ReuseCounter
from nextlong_hub.stats.shape import (
    ConfigStats,
    ConversationStats,
    LinkStats,
    MixStats,
    OutcomeStats,
    PackingStats,
    RankScores,
    SegmentStats,
    SelectionStats,
    SourceTokens,
)
from nextlong_hub.stats.sketch import Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The length that rows are made for, in tokens."""

    longest: int
    by_recipe: Mapping[str, int]
    """Of each row, by what its id has before the slash; empty where all rows have the same."""

    @classmethod
    def of(cls, record: ConfigRecord) -> "Targets":
        """Those of a configuration: a mixture keeps the lengths of its ingredients unless it packs them."""
        recipe = recorded_recipe(record.recipe)
        parts = {} if recipe.pack else {name: part.target_length for name, part in record.row_recipes.items()}
        is_mixed = len(set(parts.values())) > 1
        return cls(longest=recipe.target_length, by_recipe=parts if is_mixed else {})

    def of_rows(self, table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
        """The target of each row. Shape: (rows,)."""
        if not self.by_recipe:
            return np.full(table.num_rows, self.longest, np.int64)
        names = (str(identity).partition("/")[0] for identity in table["id"].to_pylist())
        return np.array([self.by_recipe.get(name, self.longest) for name in names], np.int64)


class ConfigCounter:
    """Everything counted so far, over one configuration."""

    def __init__(self, record: ConfigRecord | None = None) -> None:
        """Start at nothing.

        Args:
            record: what the manifest says of the configuration, where there is one.
        """
        self._record = record
        self._targets = Targets.of(record) if record else None
        self._mix = _MixCounter() if record and record.recipe.get("mix") else None
        self._repeats = RepeatCounter(record)
        self._rows = self._tokens = self._characters = 0
        self._target_tokens = self._on_target = self._over_target = 0
        self._learnt_tokens: int | None = None
        self._lengths = Sketch()
        self._segments: _SegmentCounter | None = None
        self._recipes = record.row_recipes.keys() if record else ()
        self._by_recipe: dict[str, RankCounter] = {}
        self._links = _LinkCounter()
        self.chunks = ChunkCounter()
        self._packing: tuple[Sketch, Sketch] | None = None
        self._padding = 0
        self._source_rows: Counter[str] = Counter()
        self._source_tokens: Counter[str] = Counter()

    def add(self, table: pa.Table | pa.RecordBatch) -> None:
        """Count the rows of one batch."""
        tokens = _tokens(table)
        documents = batches.read_documents(table["documents"]) if "documents" in table.column_names else None
        segments = batches.read_segments(table["segments"], documents) if "segments" in table.column_names else None
        self._rows += len(tokens)
        self._tokens += int(tokens.sum())
        self._characters += _characters(table, segments, documents)
        self._add_targets(table, tokens)
        if LOSS_MASK in table.column_names:
            learnt = pc.sum(pc.list_flatten(table[LOSS_MASK])).as_py() or 0
            self._learnt_tokens = (self._learnt_tokens or 0) + int(learnt)
        self._lengths.add(tokens)
        self._repeats.add(table)
        if segments is not None:
            self._segments = self._segments or _SegmentCounter()
            samples = segments if self._mix is None else self._mix.samples_of(segments)
            self._segments.add(samples)
            self._links.add(samples, tokens if documents is None else documents.tokens)
            ids = [str(name) for name in table["id"].to_pylist()] if "id" in table.column_names else [""] * len(tokens)
            self._add_recipes(samples, ids if documents is None else documents.ids)
            self.chunks.add(segments, documents, ids)
        if documents is not None:
            self._packing = self._packing or (Sketch(), Sketch())
            self._packing[0].add(np.bincount(documents.row, minlength=len(tokens)))
            self._packing[1].add(documents.tokens)
            self._padding += int(documents.padding.sum())
        self._add_sources(table, tokens, segments, documents)

    def result(self, config: str, others: Sequence[ChunkCounter] | None = None) -> ConfigStats:
        """All that was counted; `others` are the chunks of the other configurations, where they were measured."""
        record = self._record
        mix = self._mix.result(self._tokens, record) if self._mix and record else None
        text_tokens = self._tokens - self._padding
        own_tokens = text_tokens - (mix.document_tokens if mix else 0)
        return ConfigStats(
            config=config,
            target_length=self._targets.longest if self._targets else None,
            rows=self._rows,
            tokens=self._tokens,
            characters=self._characters,
            characters_per_token=round(self._characters / text_tokens, 4) if text_tokens else 0.0,
            bytes=sum(file.bytes for file in record.files) if record else None,
            on_target=self._on_target if self._targets and not self._packing else None,
            over_target=self._over_target if self._targets and not self._packing else None,
            fill=round(self._tokens / self._target_tokens, 6) if self._target_tokens else None,
            lengths=self._lengths.distribution(),
            segments=self._segment_stats(own_tokens),
            links=self._links.result(),
            chunks=self.chunks.result(others),
            conversations=self._segments.conversations() if self._segments else None,
            learnt_tokens=self._learnt_tokens,
            packing=_packing(*self._packing, self._padding) if self._packing else None,
            mix=mix,
            sources=self._sources(record.segments.negative_tokens if record else {}),
            outcome=_outcome(record),
            is_control=record is not None and record.is_control,
            repeats=self._repeats.result(),
            on_end=self._repeats.on_end(),
            spelled_rows=record.spelled.rows if record and record.spelled else None,
        )

    def _add_targets(self, table: pa.Table | pa.RecordBatch, tokens: NDArray[np.int64]) -> None:
        if self._targets is not None:
            targets = self._targets.of_rows(table)
            self._target_tokens += int(targets.sum())
            self._on_target += int((tokens == targets).sum())
            self._over_target += int((tokens > targets).sum())

    def _add_recipes(self, segments: batches.Segments, ids: Sequence[str]) -> None:
        """Scores of hard negatives by the recipe of their text; `ids` are those of the texts."""
        if len(self._recipes) < 2:
            return
        names = np.array([name.partition("/")[0] for name in ids], dtype=object)[segments.text]
        for recipe in self._recipes:
            those = segments.is_negative & (names == recipe)
            if those.any():
                counter = self._by_recipe.setdefault(recipe, RankCounter())
                counter.add(segments.score[those], segments.rank[those])

    def _segment_stats(self, tokens: int) -> SegmentStats | None:
        """The segments, in rows of so many tokens; None where there are none."""
        if self._segments is None:
            return None
        by_recipe = {name: self._by_recipe[name].result() for name in sorted(self._by_recipe)}
        name = self._record.score_name if self._record else UNNAMED_SCORE
        return self._segments.result(tokens, name, by_recipe if len(by_recipe) > 1 else {})

    def _add_sources(
        self,
        table: pa.Table | pa.RecordBatch,
        tokens: NDArray[np.int64],
        segments: batches.Segments | None,
        documents: batches.Documents | None,
    ) -> None:
        """Tokens of meta-chunks by the source of the text they stand in."""
        if documents is not None:
            sources, rows_of, whole = documents.sources, documents.row, documents.tokens
        elif "source" in table.column_names:
            sources, rows_of, whole = table["source"].to_pylist(), np.arange(len(tokens)), tokens
        else:
            return
        names, place = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
        of_texts = whole if segments is None else _meta_tokens(segments, whole)
        counted = np.bincount(place, of_texts, minlength=len(names))
        pairs = np.unique(np.stack([place, rows_of]), axis=1)[0]
        source_rows = np.bincount(pairs, minlength=len(names))
        for name, number, count in zip(names.tolist(), source_rows.tolist(), counted.tolist(), strict=True):
            self._source_rows[name] += number
            self._source_tokens[name] += int(count)

    def _sources(self, negative_tokens: Mapping[str, int]) -> tuple[SourceTokens, ...]:
        """All sources; `negative_tokens` by source, empty where nothing says it."""
        listed = [
            SourceTokens(
                name=name,
                rows=self._source_rows[name],
                meta_tokens=self._source_tokens[name],
                negative_tokens=negative_tokens.get(name, 0) if negative_tokens else None,
            )
            for name in self._source_tokens.keys() | negative_tokens.keys()
        ]
        return tuple(sorted(listed, key=lambda source: (-source.meta_tokens, source.name)))


class _SegmentCounter:
    """What the segments say."""

    def __init__(self) -> None:
        self._meta = self._negative = self._meta_tokens = self._negative_tokens = 0
        self._per_meta, self._scores = Sketch(), Sketch()
        self._distance_tokens, self._distance_characters = Sketch(), Sketch()
        self._ranks = RankCounter()
        self._reuse = ReuseCounter()
        self._messages: Counter[str] = Counter()
        self._message_tokens: Counter[str] = Counter()

    def add(self, segments: batches.Segments) -> None:
        """Count the segments of one batch."""
        negative = segments.is_negative
        self._meta += int(segments.is_meta.sum())
        self._negative += int(negative.sum())
        self._meta_tokens += int(segments.tokens[segments.is_meta].sum())
        self._negative_tokens += int(segments.tokens[negative].sum())
        self._add_messages(segments)
        self._per_meta.add(batches.negatives_after_meta(segments))
        between_tokens, between_characters = batches.distances(segments)
        self._distance_tokens.add(between_tokens)
        self._distance_characters.add(between_characters)
        scores, ranks = segments.score[negative], segments.rank[negative]
        self._scores.add(scores)
        self._ranks.add(scores, ranks)
        self._reuse.add(segments.documents, segments.document[negative], segments.chunk[negative])

    def conversations(self) -> ConversationStats | None:
        """The segments that are messages; None when there are none."""
        if not self._messages:
            return None
        roles = sorted(self._messages)
        return ConversationStats(
            messages={role: self._messages[role] for role in roles},
            message_tokens={role: self._message_tokens[role] for role in roles},
        )

    def result(self, tokens: int, score_name: str, by_recipe: dict[str, tuple[RankScores, ...]]) -> SegmentStats | None:
        """The segments that are chunks, in rows of so many tokens; None when there are none."""
        if not self._meta + self._negative:
            return None
        return SegmentStats(
            meta_chunks=self._meta,
            negatives=self._negative,
            meta_tokens=self._meta_tokens,
            negative_tokens=self._negative_tokens,
            other_tokens=tokens - self._meta_tokens - self._negative_tokens,
            negatives_per_meta_chunk=self._per_meta.distribution(),
            score_name=score_name,
            scores=self._scores.distribution(),
            scores_by_rank=self._ranks.result(),
            scores_by_recipe=by_recipe,
            distance_tokens=self._distance_tokens.distribution(),
            distance_characters=self._distance_characters.distribution(),
            reuse=self._reuse.result(),
        )

    def _add_messages(self, segments: batches.Segments) -> None:
        others = ~(segments.is_meta | segments.is_negative)
        for number in np.unique(segments.role[others]).tolist():
            those = segments.role == number
            self._messages[segments.roles[number]] += int(those.sum())
            self._message_tokens[segments.roles[number]] += int(segments.tokens[those].sum())


class _MixCounter:
    """Whole documents that stand beside samples."""

    def __init__(self) -> None:
        self._samples = self._documents = self._document_tokens = 0

    def samples_of(self, segments: batches.Segments) -> batches.Segments:
        """Count the documents of one batch, and give the segments of its samples."""
        in_sample = segments.in_sample
        self._samples += len(np.unique(segments.text[in_sample]))
        self._documents += int((~in_sample).sum())
        self._document_tokens += int(segments.tokens[~in_sample].sum())
        return segments.where(in_sample)

    def result(self, tokens: int, record: ConfigRecord) -> MixStats | None:
        """What was counted, in rows of so many tokens; None when there is nothing."""
        said = record.mix_share
        if said is None or not tokens:
            return None
        return MixStats(
            samples=self._samples,
            documents=self._documents,
            document_tokens=self._document_tokens,
            share=round(self._document_tokens / tokens, 4),
            wanted_share=said.wanted,
            reason=said.reason,
        )


class _LinkCounter:
    """What the samples hold of their meta-documents."""

    def __init__(self) -> None:
        self._links, self._meta_percent, self._difficulty = Sketch(), Sketch(), Sketch()

    def add(self, segments: batches.Segments, text_tokens: NDArray[np.int64]) -> None:
        """Count the samples of one batch; `text_tokens` are those of each text. Shape: (texts,)."""
        placed = segments.text >= 0
        samples = SampleLinks.of(
            segments.text[placed],
            (segments.is_meta[placed], segments.is_negative[placed]),
            segments.tokens[placed],
            segments.own_rank[placed],
            text_tokens,
        )
        self._links.add(samples.links)
        self._meta_percent.add(samples.meta_percent)
        self._difficulty.add(samples.difficulty)

    def result(self) -> LinkStats | None:
        """All samples; None when there are none."""
        links, meta_percent = self._links.distribution(), self._meta_percent.distribution()
        if links is None or meta_percent is None:
            return None
        return LinkStats(links=links, meta_percent=meta_percent, difficulty=self._difficulty.distribution())


def _tokens(table: pa.Table | pa.RecordBatch) -> NDArray[np.int64]:
    """Tokens of each row. Shape: (rows,)."""
    if "token_count" in table.column_names:
        counts = table["token_count"].cast(pa.int64())
    elif "input_ids" in table.column_names:
        counts = pc.list_value_length(table["input_ids"]).cast(pa.int64())
    else:
        raise DataError(
            "the rows have neither `token_count` nor `input_ids`, so nothing tells how many tokens they have; "
            "`nextlong-hub fit` counts the tokens of any text"
        )
    lengths: NDArray[np.int64] = np.asarray(pc.fill_null(counts, 0))
    return lengths


def _meta_tokens(segments: batches.Segments, whole: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens of the meta-chunks of each text; all its tokens, `whole`, where it has no meta-chunk. Shape: (texts,)."""
    placed = segments.is_meta & (segments.text >= 0)
    texts = segments.text[placed]
    tokens = np.zeros(len(whole), np.int64)
    np.add.at(tokens, texts, segments.tokens[placed])
    return np.where(np.bincount(texts, minlength=len(whole)) > 0, tokens, whole)


def _characters(
    table: pa.Table | pa.RecordBatch, segments: batches.Segments | None, documents: batches.Documents | None
) -> int:
    """Characters of the texts of all rows, from where their last part ends."""
    parts = documents or segments
    if parts is not None:
        return int(batches.last_ends(parts.row, parts.end, table.num_rows).sum())
    return int(pc.sum(pc.utf8_length(table["text"])).as_py() or 0) if "text" in table.column_names else 0


def _packing(per_row: Sketch, lengths: Sketch, padding_tokens: int) -> PackingStats | None:
    documents_per_row, document_tokens = per_row.distribution(), lengths.distribution()
    if documents_per_row is None or document_tokens is None:
        return None
    return PackingStats(
        documents=document_tokens.count,
        documents_per_row=documents_per_row,
        document_tokens=document_tokens,
        padding_tokens=padding_tokens,
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
        selection=SelectionStats(**made.selection.model_dump()) if made.selection else None,
    )
