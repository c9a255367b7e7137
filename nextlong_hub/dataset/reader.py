"""One configuration as it is stored: its length, one row of it, or all its rows in batches."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.locate import DatasetLocation, locate
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.row import Row, row_from
from nextlong_hub.dataset.schema import COLUMNS, LATER_FIELDS, current_names, stored_names, with_current_names
from nextlong_hub.errors import DataError
from nextlong_hub.hub.errors import hub_errors
from nextlong_hub.recipe import default_config

_CONTENT = ("text", "input_ids")


def open_split(where: str | Path, config: str | None = None, *, revision: str | None = None) -> "SplitReader":
    """Open one configuration of a dataset; nothing but its manifest, or the footers of its files, is read yet.

    Args:
        where: A dataset folder, a folder of Parquet files or one of them, `user/name`, or `hf://datasets/user/name`.
        config: Its name; None takes `128k` where there is one, else the first.
        revision: Branch, tag or commit of a dataset on the Hub.

    Raises:
        DataError: nothing is there, it has no such configuration, or its files have none of our columns.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    location = locate(where, revision)
    if config is None:
        config = default_config(location.configs)
    return _open(location, config)


def open_splits(where: str | Path, configs: Sequence[str] = (), *, revision: str | None = None) -> list["SplitReader"]:
    """Open several configurations, all when none is named, of one look at the dataset: on the Hub, of one commit.

    Raises:
        DataError, AuthError, NetworkError: see `open_split`.
    """
    location = locate(where, revision)
    with ExitStack() as failing:
        splits = []
        for config in dict.fromkeys(configs or location.configs):
            splits.append(_open(location, config))
            failing.callback(splits[-1].close)
        failing.pop_all()
    return splits


def _open(location: DatasetLocation, config: str) -> "SplitReader":
    location.refuse_preview(config)
    if config not in location.configs:
        raise DataError(f"{location.name} has no configuration {config!r}; it has: {', '.join(location.configs)}")
    split = SplitReader(location, config)
    with ExitStack() as failing:
        failing.callback(split.close)
        _check_columns(split)
        failing.pop_all()
    return split


class SplitReader:
    """One configuration of a dataset; see `open_split`."""

    def __init__(self, location: DatasetLocation, config: str) -> None:
        self._location = location
        self.config = config
        self._opened: dict[str, pq.ParquetFile] = {}
        self._handles: list[IO[bytes]] = []
        self._held: tuple[tuple[str, int, tuple[str, ...]], pa.Table] | None = None

    @property
    def where(self) -> str:
        """The dataset as the user named it."""
        return self._location.name

    @property
    def folder(self) -> Path | None:
        """The local folder; None of a dataset on the Hub."""
        return self._location.folder

    @property
    def commit(self) -> str | None:
        """The commit that is read, of a dataset on the Hub."""
        return self._location.commit

    @property
    def page(self) -> str | None:
        """The dataset's page on the Hub; None of a local one."""
        return self._location.page

    @property
    def configs(self) -> tuple[str, ...]:
        """All configurations there are, this one too."""
        return tuple(self._location.configs)

    @property
    def manifest(self) -> Manifest | None:
        """The dataset's manifest; None when it was not made by nextlong-hub."""
        return self._location.manifest

    @property
    def record(self) -> ConfigRecord | None:
        """What the manifest says of this configuration."""
        return self.manifest.configs[self.config] if self.manifest else None

    @property
    def files(self) -> tuple[str, ...]:
        """Its files, relative to the dataset, in row order."""
        return self._location.configs[self.config]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns and their types, by the names that they have today."""
        return with_current_names(self._file(self.files[0]).schema_arrow)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @cached_property
    def _ends(self) -> list[int]:
        """One past the last row of each file."""
        if self.record is not None:
            return list(accumulate(file.rows for file in self.record.files))
        return list(accumulate(self._file(name).metadata.num_rows for name in self.files))

    def close(self) -> None:
        """Close its files; what is read afterwards opens them again."""
        self._opened = {}
        while self._handles:
            self._handles.pop().close()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def row(self, which: int | str, columns: Sequence[str] | None = None) -> Row:
        """One row by its number, from the end when negative, or by its id; only its row group is read.

        Raises:
            DataError: there is no such row or column, or its file is damaged.
        """
        number = self.number_of(which) if isinstance(which, str) else self._checked(which)
        name, group, place = self._locate(number)
        table = self._row_group(name, group, self._wanted(columns))
        return row_from(table.take([place]), number, self.config)

    def neighbours(self, number: int, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """The rows that share a row group with a row, itself among them: after `row`, they cost no further reading.

        Raises:
            DataError: see `row`.
        """
        number = self._checked(number)
        name, group, place = self._locate(number)
        table = self._row_group(name, group, self._wanted(columns))
        for other in range(table.num_rows):
            yield row_from(table.slice(other, 1), number - place + other, self.config)

    def __iter__(self) -> Iterator[Row]:
        number = 0
        for batch in self.batches():
            table = pa.table(batch)
            for place in range(batch.num_rows):
                yield row_from(table.slice(place, 1), number + place, self.config)
            number += batch.num_rows

    def number_of(self, row_id: str) -> int:
        """The number of the row with that id; nothing but ids is read.

        Raises:
            DataError: there is none.
        """
        before = 0
        for batch in self.batches(["id"]):
            place = batch["id"].index(row_id).as_py()
            if place >= 0:
                return before + int(place)
            before += batch.num_rows
        raise DataError(f"{self.config} of {self.where} has no row with the id {row_id!r}; it has {before:,} rows")

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order, one batch a row group; no other column than `columns` is read.

        Raises:
            DataError: there is no such column, or a file is damaged.
        """
        wanted = self._wanted(columns)
        for name in self.files:
            for group in range(self._file(name).metadata.num_row_groups):
                with self._readable(name):
                    table = self._read(name, group, wanted)
                yield from table.combine_chunks().to_batches()

    def _checked(self, number: int) -> int:
        if not -len(self) <= number < len(self):
            rows = f"{len(self):,} rows, 0 to {len(self) - 1:,}" if len(self) else "no rows"
            raise DataError(f"row {number:,} was asked for, and {self.config} of {self.where} has {rows}")
        return number % len(self)

    def _locate(self, number: int) -> tuple[str, int, int]:
        """The file of a row, its row group there, and the row's place in that."""
        file = int(np.searchsorted(self._ends, number, side="right"))
        place = number - (self._ends[file - 1] if file else 0)
        metadata = self._file(self.files[file]).metadata
        ends = list(accumulate(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)))
        group = int(np.searchsorted(ends, place, side="right"))
        return self.files[file], group, place - (ends[group - 1] if group else 0)

    def _wanted(self, columns: Sequence[str] | None) -> list[str]:
        unknown = [name for name in columns or () if name not in self.columns]
        if unknown:
            raise DataError(f"{self.where} has no column {unknown[0]!r}; it has: {', '.join(self.columns)}")
        return list(self.columns if columns is None else columns)

    def _row_group(self, name: str, group: int, columns: list[str]) -> pa.Table:
        """A row group as a table; the last one is kept, for neighbours are looked at one after the other."""
        key = (name, group, tuple(columns))
        if self._held is None or self._held[0] != key:
            self._held = None  # before the next is read: two row groups need not fit at once
            with self._readable(name):
                self._held = key, self._read(name, group, columns)
        return self._held[1]

    def _read(self, name: str, group: int, columns: list[str]) -> pa.Table:
        """Some columns of a row group, by the names that they have today."""
        file = self._file(name)
        stored = stored_names(file.schema_arrow.names)
        table = file.read_row_group(group, columns=[stored.get(column, column) for column in columns])
        return table.rename_columns(current_names(table.column_names))

    def _file(self, name: str) -> pq.ParquetFile:
        if name not in self._opened:
            with self._readable(name):
                self._handles.append(self._location.open(name))
                file = pq.ParquetFile(self._handles[-1], page_checksum_verification=True)
            expected = {record.path: record.rows for record in self.record.files} if self.record else {}
            if file.metadata.num_rows != expected.get(name, file.metadata.num_rows):
                raise DataError(
                    f"{self.where}/{name} has {file.metadata.num_rows:,} rows, and the manifest says "
                    f"{expected[name]:,}; run `nextlong-hub verify`"
                )
            self._opened[name] = file
        return self._opened[name]

    @contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        """Say what it means when a file cannot be read."""
        with hub_errors(f"{self.where}/{name}", revision=self.commit) if self.commit else nullcontext():
            try:
                yield
            except FileNotFoundError as error:
                raise DataError(f"{self.where}/{name} is missing; build again, or fetch the dataset anew") from error
            except (pa.ArrowException, OSError) as error:  # a wrong checksum is a plain OSError
                if self.commit and not isinstance(error, pa.ArrowException) and type(error) is not OSError:
                    raise  # what the Hub or the network said
                reason = " ".join(str(error).split())
                raise DataError(
                    f"{self.where}/{name} cannot be read: {reason}; build it again, or fetch it anew"
                ) from error


def _check_columns(split: SplitReader) -> None:
    """Refuse what cannot be shown: neither text nor tokens, or segments that are other than ours."""
    if not set(_CONTENT) & set(split.columns):
        raise DataError(
            f"{split.where} has the columns {', '.join(split.columns[:8])}; rows of text need `text` or `input_ids`"
        )
    for column in COLUMNS:
        if column.struct is not None and column.name in split.columns:
            kind = split.schema.field(column.name).type
            values = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
            there = {field.name for field in values} if pa.types.is_struct(values) else set()
            missing = [field.name for field in column.struct if field.name not in there | LATER_FIELDS]
            if missing:
                raise DataError(
                    f"column {column.name!r} of {split.where} lacks {', '.join(missing)}; rename it, or give a dataset "
                    "that nextlong-hub made"
                )
