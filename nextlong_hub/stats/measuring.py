"""From a dataset, or tables of rows, to its statistics: which columns are read, and that every file is closed again."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from nextlong_hub.dataset import SplitReader, open_splits
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.locate import DatasetLocation
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.schema import DOCUMENT_LENGTHS, LOSS_MASK
from nextlong_hub.errors import DataError
from nextlong_hub.stats.counting import ConfigCounter
from nextlong_hub.stats.overlap import overlaps, unique_tokens
from nextlong_hub.stats.shape import ConfigStats, DatasetStats, TokenizerStats

_COLUMNS = ("id", "token_count", "source", "segments", "documents", LOSS_MASK)
"""What is read; `text` only where these do not tell its length, `input_ids` where no manifest tells the repeats."""


def measure(
    where: Path | str | Mapping[str, Iterable[pa.Table | pa.RecordBatch]],
    configs: Sequence[str] = (),
    *,
    revision: str | None = None,
) -> DatasetStats:
    """Measure a dataset, or tables of rows by the name of their configuration.

    Args:
        where: what `dataset.open_split` opens, or batches of rows with our columns; they are read once, in order.
        configs: those to measure; all when empty.
        revision: of a dataset on the Hub.

    Raises:
        DataError: there is no such dataset or configuration, or its rows do not tell how many tokens they have.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    if isinstance(where, Mapping):
        return _together([_Counted(name, _count(where[name])) for name in configs or where], None)
    return _measured(open_splits(where, configs, revision=revision))


def measure_folder(folder: Path, manifest: Manifest) -> DatasetStats:
    """Measure a dataset folder whose manifest is still to be written.

    Raises:
        DataError: a file is missing or damaged.
    """
    return _measured([unfinished_split(folder, manifest, name) for name in manifest.configs])


def unfinished_split(folder: Path, manifest: Manifest, config: str) -> SplitReader:
    """Open a configuration of a dataset folder whose manifest is still to be written."""
    location = DatasetLocation(
        name=str(folder),
        folder=folder,
        commit=None,
        manifest=manifest,
        configs={name: tuple(file.path for file in record.files) for name, record in manifest.configs.items()},
        root=str(folder),
        open=lambda file: pa.OSFile(str(folder / file), "rb"),
    )
    return SplitReader(location, config)


def measure_split(split: SplitReader) -> ConfigStats:
    """Measure one configuration, reading no column that is not needed.

    Raises:
        DataError: a file is damaged, or its rows do not tell how many tokens they have.
    """
    return _count_split(split).counter.result(split.config)


def measure_tables(
    config: str, tables: Iterable[pa.Table | pa.RecordBatch], record: ConfigRecord | None = None
) -> ConfigStats:
    """Measure rows as they come; `record` is what the manifest says of them.

    Raises:
        DataError: they do not tell how many tokens they have.
    """
    return _count(tables, record).result(config)


class _Counted(NamedTuple):
    """One configuration."""

    config: str
    counter: ConfigCounter


def _count(tables: Iterable[pa.Table | pa.RecordBatch], record: ConfigRecord | None = None) -> ConfigCounter:
    counter = ConfigCounter(record)
    for table in tables:
        if table.num_rows:
            counter.add(table)
    return counter


def _count_split(split: SplitReader) -> _Counted:
    return _Counted(split.config, _count(split.batches(_needed(split)), split.record))


def _measured(splits: Sequence[SplitReader]) -> DatasetStats:
    """Measure one configuration after the other, with the files of one open at a time."""
    measured = []
    for split in splits:
        with closing(split):
            measured.append(_count_split(split))
    return _together(measured, splits[0].manifest if splits else None)


def _together(measured: Sequence[_Counted], manifest: Manifest | None) -> DatasetStats:
    """The statistics of configurations that were counted, compared with each other."""
    chunks = {one.config: one.counter.chunks for one in measured}
    others = {name: [theirs for other, theirs in chunks.items() if other != name] for name in chunks}
    return DatasetStats(
        configs=tuple(one.counter.result(one.config, others[one.config] or None) for one in measured),
        portability=_portability(manifest) if manifest else (),
        overlaps=overlaps(chunks),
        unique_tokens=unique_tokens(list(chunks.values())),
    )


def _portability(manifest: Manifest) -> tuple[TokenizerStats, ...]:
    return tuple(
        TokenizerStats(
            name=record.name,
            characters_per_token=round(1 / record.tokens_per_character, 4) if record.tokens_per_character else 0.0,
            rows_reaching=record.rows_reaching,
            truncated_share=record.truncated_share,
            samples={name: config.rows for name, config in record.configs.items()},
            samples_on_target={name: config.reaching for name, config in record.configs.items()},
        )
        for record in manifest.portability
    )


def _needed(split: SplitReader) -> list[str]:
    """The columns to read; `text` and `input_ids` cost most, and are left out where something else tells of them.

    Raises:
        DataError: nothing tells how many tokens a row has.
    """
    columns = split.columns
    if not {"token_count", "input_ids"} & set(columns):
        raise DataError(
            f"{split.config} of {split.where} has the columns {', '.join(columns[:8])}; missing is `token_count` or "
            "`input_ids`, one of which must tell how many tokens a row has: `nextlong-hub fit` counts those of any text"
        )
    needed = [name for name in _COLUMNS if name in columns]
    record = split.record
    is_told = record is not None and record.repeats and record.on_end
    if "input_ids" in columns and ("token_count" not in columns or not is_told):
        needed += [name for name in ("input_ids", DOCUMENT_LENGTHS) if name in columns]
    if not {"segments", "documents"} & set(columns) and "text" in columns:
        needed.append("text")
    return needed
