"""Rows whose text spells special tokens of the tokenizer, counted when they are published and when they are verified.

In a packed row each document counts by itself. Of conversations only the messages do: what stands between them the chat
template wrote on purpose.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nextlong_hub.dataset.config_record import ConfigRecord, PortabilityRecord, SpelledRecord
from nextlong_hub.tokenization.spelled import SpellingFinder

_NAMES = 10
"""Most tokens that the manifest names."""
_ROWS_AT_ONCE = 64


@dataclass(slots=True, kw_only=True)
class SpelledCounts:
    """What was counted so far."""

    rows: int = 0
    """Rows that spell any special token."""
    tokens: Counter[str] = field(default_factory=Counter)
    """How often each one is spelled, by its name."""

    def add(self, row: Mapping[str, Any], spans: str | None, finder: SpellingFinder) -> None:
        """Count one row, of which `spans` is the column that `span_column` names."""
        texts = [row["text"][span["start"] : span["end"]] for span in row[spans]] if spans else [row["text"]]
        found = finder.find(texts)
        self.rows += bool(found)
        self.tokens += found

    def add_table(self, table: pa.Table, finder: SpellingFinder, *, conversations: bool = False) -> None:
        """Count the rows of a table; `conversations` as in `span_column`."""
        spans = span_column(table.column_names, conversations=conversations)
        for batch in table.select(["text", *([spans] if spans else [])]).to_batches(max_chunksize=_ROWS_AT_ONCE):
            for row in batch.to_pylist():
                self.add(row, spans, finder)


def span_column(columns: Collection[str], *, conversations: bool) -> str | None:
    """The column with the spans of text that are encoded by themselves; None where that is the whole text.

    Args:
        columns: of the rows.
        conversations: what stands between the segments, a chat template wrote.
    """
    if conversations:
        return "segments"
    return "documents" if "documents" in columns else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpelledShard:
    """What was counted in one shard, under one tokenizer."""

    rows: int
    tokens: dict[str, int]

    @classmethod
    def of(cls, counts: SpelledCounts) -> "SpelledShard":
        """The same as it is kept."""
        return cls(rows=counts.rows, tokens=dict(counts.tokens))


def spelled_record(shards: Iterable[SpelledShard]) -> SpelledRecord:
    """What the manifest says of the rows and tokens of several shards."""
    rows, tokens = 0, Counter[str]()
    for shard in shards:
        rows += shard.rows
        tokens.update(shard.tokens)
    ranked = sorted(tokens.items(), key=lambda one: (-one[1], one[0]))
    return SpelledRecord(
        rows=rows, tokens=dict(ranked[:_NAMES]), more_tokens=sum(times for _, times in ranked[_NAMES:])
    )


def spelled_sentence(config: ConfigRecord) -> str:
    """That a configuration spells special tokens, and what to set, without a full stop; empty where it does not."""
    if config.spelled is None or not config.spelled.rows:
        return ""
    remedy = (
        "encode text with split_special_tokens=True" if config.conversations is None else "take input_ids as they are"
    )
    return (
        f"{config.spelled.rows:,} of {config.rows:,} rows {config.spelled}, and a stock AutoTokenizer makes control "
        f"tokens of that: {remedy}"
    )


def spelled_elsewhere(config: ConfigRecord, portability: Sequence[PortabilityRecord]) -> list[str]:
    """The same under each further tokenizer, without a full stop; none where no row spells one of its special tokens.

    Args:
        config: one configuration.
        portability: the tokenizers of its dataset.
    """
    return [
        f"under {one.name} {found.rows:,} of {config.rows:,} rows {found}: encode text with split_special_tokens=True"
        for one in portability
        if (found := config.spelled_elsewhere.get(one.digest)) is not None and found.rows
    ]
