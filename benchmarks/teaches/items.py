"""The questions that every model is asked: chosen once, seeded, from text that is never trained on.

A question is kept as spans of its corpus; `contexts` makes the tokens. Two parts are asked: documents held out of the
training corpus, and documents of another one.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.spans import Spans
from nextlong_hub.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The questions about one part."""

    far: Spans
    """A meta-chunk that will stand far back, one an item."""
    next: Spans
    """The meta-chunk behind it in its document."""
    unrelated: Spans
    """A chunk of another document, in the place of `far`."""
    hard: Spans
    """Distractors that the retriever ranks highest for `far`, near-copies of its document left out."""
    hard_counts: NDArray[np.int32]
    """Of each item. Shape: (items,)."""
    random: Spans
    """Distractors chosen at random."""
    random_counts: NDArray[np.int32]
    short: Spans
    """Documents whose loss is taken from their first token."""
    windows: Spans
    """Consecutive documents, joined by newlines: text that is long by nature."""
    window_counts: NDArray[np.int32]
    """Documents of each window."""
    window_skips: NDArray[np.int32]
    """Tokens of those documents before the window begins."""

    def spans(self) -> Spans:
        """All of them, to be encoded."""
        return Spans.joined([getattr(self, one.name) for one in fields(self) if one.type is Spans])

    def save(self, file: Path) -> None:
        """Write them."""
        file.parent.mkdir(parents=True, exist_ok=True)
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        tables: dict[str, Any] = {
            name: value.table() if isinstance(value, Spans) else value for name, value in values.items()
        }
        np.savez_compressed(file, **tables)

    @classmethod
    def load(cls, file: Path) -> "Items":
        """Read what `save` wrote.

        Raises:
            DataError: there is no such file.
        """
        if not file.is_file():
            raise DataError(f"there are no questions {file}; run `prepare` first")
        with np.load(file) as held:
            tables = {one.name: held[one.name] for one in fields(cls)}
        values: dict[str, Any] = {name: Spans.of(value) if value.ndim == 2 else value for name, value in tables.items()}
        return cls(**values)
