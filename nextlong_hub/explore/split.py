"""One configuration of a dataset in a notebook."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa

from nextlong_hub.core.printable import size, visible_line
from nextlong_hub.dataset import Row, SplitReader, open_split
from nextlong_hub.errors import DataError
from nextlong_hub.explore import markup
from nextlong_hub.explore.samples import SampleView
from nextlong_hub.explore.strip import bars
from nextlong_hub.explore.summary import repeats_of
from nextlong_hub.explore.terminal_strip import strip_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nextlong_hub.dataset.manifest import Manifest
    from nextlong_hub.stats import ConfigStats

_SAMPLES_SHOWN = 5
_STRIP_CELLS = 56
_SHOWN_COLUMNS = ("id", "token_count", "segments")


def open(where: str | Path, config: str | None = None, *, revision: str | None = None) -> "Split":
    """Open one configuration of a dataset; rows are read on access.

    Args:
        where: A dataset folder, a folder of Parquet files or one of them, `user/name`, or `hf://datasets/user/name`.
        config: Its name; None takes `128k` where there is one, else the first.
        revision: Branch, tag or commit of a dataset on the Hub.

    Raises:
        DataError: nothing is there, it has no such configuration, or its files lack the columns of a row.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    return Split(open_split(where, config, revision=revision))


class Split:
    """One configuration of a dataset; displayed as HTML in a notebook."""

    def __init__(self, stored: SplitReader) -> None:
        self.stored = stored
        """The reader behind it, of `nextlong_hub.dataset`."""

    @property
    def name(self) -> str:
        """The configuration's name."""
        return self.stored.config

    @property
    def configs(self) -> tuple[str, ...]:
        """Every configuration of the dataset."""
        return self.stored.configs

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.stored.columns

    @property
    def manifest(self) -> "Manifest | None":
        """The manifest; None when the dataset was not made by nextlong-hub."""
        return self.stored.manifest

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, which: int | str) -> SampleView:
        return self.sample(which)

    def __iter__(self) -> Iterator[SampleView]:
        return (SampleView(row, self.stored) for row in self.stored)

    def sample(self, which: int | str = 0) -> SampleView:
        """One sample by its number, from the end when negative, or by its id; only its row group is read.

        Raises:
            DataError: there is no such row, or its file is damaged.
        """
        return SampleView(self.stored.row(which), self.stored)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows as Arrow batches, one a row group; no other column than `columns` is read.

        Raises:
            DataError: there is no such column, or a file is damaged.
        """
        return self.stored.batches(columns)

    def stats(self) -> "ConfigStats":
        """All statistics, from one pass over the columns that are needed; cached.

        Raises:
            DataError: a file is damaged, or rows have no token counts.
        """
        return self._stats

    def plot_lengths(self) -> "Figure":
        """Tokens of the rows, against the target length.

        Raises:
            DataError: there are no rows.
        """
        from nextlong_hub.stats.plots import lengths

        return self._drawn(lengths, "has no rows")

    def plot_scores(self) -> "Figure":
        """Scores of hard negatives by their rank.

        Raises:
            DataError: there are no hard negatives.
        """
        from nextlong_hub.stats.plots import scores

        return self._drawn(scores, "has no hard negatives")

    def plot_distances(self) -> "Figure":
        """Tokens between a meta-chunk and the next: the distance that a model must bridge.

        Raises:
            DataError: no row has two meta-chunks.
        """
        from nextlong_hub.stats.plots import distances

        return self._drawn(distances, "has no row with two meta-chunks")

    def plot_sources(self) -> "Figure":
        """Tokens by source.

        Raises:
            DataError: there are no rows.
        """
        from nextlong_hub.stats.plots import sources

        return self._drawn(sources, "has no rows")

    def __repr__(self) -> str:
        return f"Split {visible_line(self.name)!r} of {visible_line(self.stored.where)!r}: {self._facts()}"

    def _repr_html_(self) -> str:
        heading = markup.paragraph(
            "<b>Split ", markup.words(self.name), "</b> of ", markup.words(self.stored.where), f": {self._facts()}"
        )
        told = repeats_of(self.stored.record)
        repeats = markup.paragraph(f"What its rows repeat: {told}.") if told else ""
        others = [markup.words(name) for name in self.configs if name != self.name]
        beside = markup.paragraph("Beside it: ", ", ".join(others)) if others else ""
        header = ("sample", "id", "tokens", "meta-chunks", "negatives", "its segments")
        rows = [self._summary(row) for row in self._first_rows()]
        more = markup.paragraph("<code>.sample(3)</code> shows one, <code>.plot_scores()</code> all of them.")
        return markup.notebook(heading, repeats, beside, markup.table(header, rows, numbers=(0, 2, 3, 4)), more)

    @cached_property
    def _stats(self) -> "ConfigStats":
        from nextlong_hub.stats import measure_split

        return measure_split(self.stored)

    def _drawn(self, draw: "Callable[[ConfigStats], Figure | None]", lack: str) -> "Figure":
        figure = draw(self._stats)
        if figure is None:
            raise DataError(f"{self.name} of {self.stored.where} {lack}: there is nothing to draw; open another split")
        return figure

    def _facts(self) -> str:
        """Rows, tokens and size, where they are known without reading a row."""
        record = self.stored.record
        if record is None:
            return f"{len(self):,} rows"
        made_of = f"{record.segments.meta:,} meta-chunks and {record.segments.negative:,} hard negatives"
        file_bytes = size(sum(file.bytes for file in record.files))
        return f"{record.rows:,} rows, {record.tokens:,} tokens, {made_of}, {file_bytes}"

    def _first_rows(self) -> Iterator[Row]:
        if not len(self):
            return iter(())
        columns = [name for name in _SHOWN_COLUMNS if name in self.columns]
        return islice(self.stored.neighbours(0, columns), _SAMPLES_SHOWN)

    def _summary(self, row: Row) -> list[str]:
        segments = row.segment_list
        metas = len(row.meta_chunks)
        return [
            f"{row.number:,}",
            self._linked(row),
            f"{row.token_count:,}",
            f"{metas:,}",
            f"{len(segments) - metas:,}",
            markup.glyphs(strip_line(bars(segments, row.token_count), _STRIP_CELLS)),
        ]

    def _linked(self, row: Row) -> str:
        """A row's id, linked to the Hub's viewer when the dataset is on the Hub."""
        page = self.stored.page
        if page is None:
            return markup.name(row.id)
        return markup.link(f"{page}/viewer/{quote(self.name, safe='')}/train?row={row.number}", markup.name(row.id))
