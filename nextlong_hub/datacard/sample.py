"""The first row of a dataset, shortened for its card."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nextlong_hub.core.printable import visible_line
from nextlong_hub.dataset import Row
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.recipe import default_config
from nextlong_hub.stats import unfinished_split

_SEGMENTS = 8
_CHARACTERS = 90
_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSegment:
    """One segment of the row."""

    role: str
    document: str
    chunk: int
    rank: int
    score: float
    tokens: int
    beginning: str
    """Its first characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """What is shown of a row."""

    config: str
    id: str
    token_count: int
    characters: int
    input_ids: tuple[int, ...]
    """The first few."""
    segments: tuple[SampleSegment, ...]
    """The first few."""
    more_segments: int


def sample_of(folder: Path, manifest: Manifest) -> SampleRow | None:
    """The first row of the default configuration; None when it has none.

    Raises:
        DataError: its file is missing or damaged.
    """
    config = default_config(manifest.configs)
    if not manifest.configs[config].rows:
        return None
    with closing(unfinished_split(folder, manifest, config)) as split:
        return _shortened(split.row(0))


def _shortened(row: Row) -> SampleRow:
    listed = row.segment_list
    return SampleRow(
        config=row.config,
        id=row.id,
        token_count=row.token_count,
        characters=len(row.text),
        input_ids=tuple(row.input_ids[:_TOKENS].tolist()),
        segments=tuple(
            SampleSegment(
                role=segment.role,
                document=segment.document,
                chunk=segment.chunk,
                rank=segment.rank,
                score=round(segment.score, 1),
                tokens=segment.tokens,
                beginning=_beginning(row.text[segment.start : segment.end]),
            )
            for segment in listed[:_SEGMENTS]
        ),
        more_segments=max(0, len(listed) - _SEGMENTS),
    )


def _beginning(text: str) -> str:
    plain = visible_line(" ".join(text[: 2 * _CHARACTERS].split()))
    return plain if len(text) <= _CHARACTERS else f"{plain[:_CHARACTERS]}…"
