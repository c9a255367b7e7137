"""Checks of any dataset against what the Hub takes and its viewer shows; see `dataset_look` for what is read.

The limits are those of the Hub's documentation and of the viewer's public source.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.cli.dataset_look import Look, look_at
from nextlong_hub.cli.doctor_checks import Finding
from nextlong_hub.core.config_names import PREVIEW_ENDING
from nextlong_hub.core.printable import counted, size, visible_line
from nextlong_hub.datacard import lint_card
from nextlong_hub.datacard.limits import FILE_BYTES, FOLDER_FILES, ROW_GROUP_BYTES
from nextlong_hub.dataset.preview import VIEWER_ROW_BYTES
from nextlong_hub.hub.columns import unreadable_columns

_CARD_BYTES = 10_000_000
"""A larger file is kept outside git, and is not shown as a card."""
_LARGE_HEADER_BYTES = 1_000_000
"""Every `load_dataset` fetches the header and reads it before anything else."""
_REPOSITORY_FILES = 100_000
_CONFIGS = 3_000
_COLUMNS = 1_000
_ADVISED_FILE_BYTES = 50_000_000_000
_UNSAFE = frozenset('*?[]{}<>:"|\\')
"""Characters that `load_dataset` takes for a pattern, or that no file on Windows can have."""
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReport:
    """What was found of a dataset."""

    dataset: str
    """As it was named."""
    footers: int
    """Parquet files whose footers were read."""
    parquet_files: int
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Whether no check found a problem."""
        return all(finding.state != "problem" for finding in self.findings)


def check_dataset(where: str) -> DatasetReport:
    """Check a dataset, made by whomever, against the limits of the Hub and its viewer.

    Args:
        where: a folder, `user/name`, or `hf://datasets/user/name[@revision]`.

    Raises:
        DataError: nothing is there.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    look = look_at(where)
    findings = (
        _card(look.card),
        _configs(look),
        _splits(look.parts),
        _number_of_files(look.files),
        _file_names(look.files),
        _file_sizes(look.files),
        _formats(look),
        *(_footers(look) if look.footers or look.unreadable else ()),
    )
    return DatasetReport(
        dataset=look.name, footers=len(look.footers), parquet_files=len(look.parquet), findings=findings
    )


def _card(card: str | None) -> Finding:
    subject = "card"
    if card is None:
        advice = "write a README.md with a header; without one load_dataset guesses which files are data"
        return Finding(subject=subject, state="note", found="there is none", advice=advice)
    bytes_of_card = len(card.encode())
    header = card.split("\n---", 1)[0] if card.lstrip().startswith("---") else ""
    found = f"{size(bytes_of_card)}, its header {size(len(header.encode()))}"
    if bytes_of_card > _CARD_BYTES:
        return Finding(subject=subject, state="problem", found=f"{found}; the Hub shows none above {size(_CARD_BYTES)}")
    if faults := lint_card(card):
        return Finding(subject=subject, state="problem", found=f"{found}; {_some(faults)}", advice="correct its header")
    if len(header.encode()) > _LARGE_HEADER_BYTES:
        advice = "name files by patterns, and leave out dataset_info of configurations that nobody loads"
        return Finding(subject=subject, state="note", found=f"{found}: each load_dataset reads it first", advice=advice)
    return Finding(subject=subject, state="ok", found=found)


def _configs(look: Look) -> Finding:
    subject = "configurations"
    names = list(dict.fromkeys(config for config, _ in look.parts))
    empty = [f"{config}/{split}" for (config, split), files in look.parts.items() if not files]
    found = f"{len(names):,}: {_some(names)}"
    if not names:
        return Finding(subject=subject, state="problem", found="there is no file of data that load_dataset reads")
    if len(names) > _CONFIGS:
        found = f"{found}; the viewer shows none of more than {_CONFIGS:,}"
        return Finding(subject=subject, state="problem", found=found, advice="put them together, or apart by dataset")
    if empty:
        advice = "correct data_files in the header of README.md"
        return Finding(subject=subject, state="problem", found=f"no file is of {_some(empty)}", advice=advice)
    if rest := look.unnamed:
        found = f"{found}; {counted(len(rest), 'file')} in none of them: {_some(rest)}"
        return Finding(subject=subject, state="note", found=found, advice="name them in data_files, or remove them")
    return Finding(subject=subject, state="ok", found=found)


def _splits(parts: Mapping[tuple[str, str], tuple[str, ...]]) -> Finding:
    subject = "splits"
    shared = []
    for config in dict.fromkeys(config for config, _ in parts):
        counts = Counter(file for (one, _), files in parts.items() if one == config for file in files)
        shared += [f"{file} ({config})" for file, number in counts.items() if number > 1]
    found = _some(dict.fromkeys(split for _, split in parts)) or "none"
    if shared:
        found = f"{found}; files of two splits at once: {_some(shared)}"
        return Finding(subject=subject, state="problem", found=found, advice="name each file in one split")
    return Finding(subject=subject, state="ok", found=found)


def _number_of_files(files: Mapping[str, int]) -> Finding:
    subject = "number of files"
    folders = Counter(str(PurePosixPath(name).parent) for name in files)
    folder, most = max(folders.items(), key=lambda item: (item[1], item[0]), default=(".", 0))
    found = f"{len(files):,}, at most {most:,} in a folder"
    if len(files) >= _REPOSITORY_FILES:
        found = f"{found}; the Hub takes fewer than {_REPOSITORY_FILES:,}"
        return Finding(subject=subject, state="problem", found=found, advice="write larger files")
    if most >= FOLDER_FILES:
        found = f"{found} ({visible_line(folder)}); the Hub takes fewer than {FOLDER_FILES:,} there"
        return Finding(subject=subject, state="problem", found=found, advice="write larger files, or more folders")
    return Finding(subject=subject, state="ok", found=found)


def _file_names(files: Mapping[str, int]) -> Finding:
    subject = "file names"
    odd = [name for name in files if _UNSAFE & set(name) or visible_line(name) != name]
    capitals = [names for names in _alike(files) if len(names) > 1]
    if odd:
        found = f"{_some(odd)}: patterns to load_dataset, or names that not every system can have"
        advice = "use letters, digits, dots, hyphens and underscores"
        return Finding(subject=subject, state="problem", found=found, advice=advice)
    if capitals:
        found = f"{_some(capitals[0])} differ in capitals only, and are one file on Windows and macOS"
        return Finding(subject=subject, state="note", found=found, advice="rename one")
    return Finding(subject=subject, state="ok", found="plain")


def _alike(files: Iterable[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in files:
        groups.setdefault(name.lower(), []).append(name)
    return list(groups.values())


def _file_sizes(files: Mapping[str, int]) -> Finding:
    subject = "file sizes"
    name, largest = max(files.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    found = f"{size(sum(files.values()))} in all, the largest {size(largest)}"
    if largest > FILE_BYTES:
        found = f"{found} ({visible_line(name)}); the Hub takes {size(FILE_BYTES)} at most"
        return Finding(subject=subject, state="problem", found=found, advice="write it as several")
    if largest > _ADVISED_FILE_BYTES:
        found = f"{found} ({visible_line(name)}); the Hub advises {size(_ADVISED_FILE_BYTES)} at most"
        return Finding(subject=subject, state="note", found=found, advice="write it as several")
    return Finding(subject=subject, state="ok", found=found)


def _formats(look: Look) -> Finding:
    subject = "formats"
    counts = Counter(PurePosixPath(name).suffix for name in look.data)
    found = ", ".join(f"{number:,} {ending}" for ending, number in counts.most_common(_SHOWN)) or "no data"
    if len(counts) == 1 and look.parquet:
        return Finding(subject=subject, state="ok", found=found)
    found = f"{found}; the viewer shows Parquet as it is, and of anything else what it has converted, up to 5 GB"
    return Finding(subject=subject, state="note", found=found, advice="publish Parquet")


def _footers(look: Look) -> list[Finding]:
    findings = []
    if look.unreadable:
        broken = [f"{name}: {why}" for name, why in look.unreadable.items()]
        findings.append(Finding(subject="footers", state="problem", found=_some(broken), advice="write the file again"))
    if look.footers:
        findings += [_row_groups(look.footers), _rows(look), _page_index(look.footers)]
        findings += [_columns(look.footers), _schemas(look)]
    return findings


def _groups(footers: Mapping[str, pq.FileMetaData]) -> list[tuple[str, pq.RowGroupMetaData]]:
    return [(name, footer.row_group(n)) for name, footer in footers.items() for n in range(footer.num_row_groups)]


def _row_groups(footers: Mapping[str, pq.FileMetaData]) -> Finding:
    subject = "row groups"
    groups = [(group.total_byte_size, name, group) for name, group in _groups(footers)]
    largest, name, group = max(groups, key=lambda one: one[:2], default=(0, "", None))
    found = f"the largest has {size(largest)}"
    if group is None or largest <= ROW_GROUP_BYTES:
        return Finding(subject=subject, state="ok", found=found)
    found = f"{found} ({name}); the viewer reads {size(ROW_GROUP_BYTES)} at once"
    advice = "write smaller row groups (row_group_size of to_parquet, output.row_group_bytes here)"
    if _has_index(group):
        found = f"{found}, and less where a page index leads to single pages, as here"
        return Finding(subject=subject, state="note", found=found, advice=advice)
    return Finding(subject=subject, state="problem", found=found, advice=advice)


def _rows(look: Look) -> Finding:
    """Rows by configuration; a footer tells no more than the mean of a row group."""
    subject = "rows"
    largest: dict[str, float] = {}
    for (config, _), files in look.parts.items():
        footers = {file: look.footers[file] for file in files if file in look.footers}
        means = [group.total_byte_size / group.num_rows for _, group in _groups(footers) if group.num_rows]
        largest[config] = max([largest.get(config, 0), *means])
    large = {config: mean for config, mean in largest.items() if mean > VIEWER_ROW_BYTES}
    if not large:
        most = max(largest.values(), default=0)
        return Finding(subject=subject, state="ok", found=f"up to {size(most)} as stored, on average in a row group")
    said = _some(f"{config}: {size(mean)}" for config, mean in large.items())
    found = f"{said} as stored, on average in a row group; the viewer shows none above {size(VIEWER_ROW_BYTES)}"
    bare = [config for config in large if largest.get(config + PREVIEW_ENDING, VIEWER_ROW_BYTES) >= VIEWER_ROW_BYTES]
    if not bare:
        return Finding(subject=subject, state="note", found=f"{found}; there are previews for it")
    advice = "add a configuration of shortened rows: `nextlong-hub build` and `import` make one (NAME-preview)"
    return Finding(subject=subject, state="problem", found=found, advice=advice)


def _page_index(footers: Mapping[str, pq.FileMetaData]) -> Finding:
    subject = "page index"
    without = [name for name in footers if not all(_has_index(group) for _, group in _groups({name: footers[name]}))]
    chunked = sum(b"content_defined_chunking" in (footer.metadata or {}) for footer in footers.values())
    pages = f"pages follow the content in {chunked:,} of {len(footers):,} files"
    if without:
        found = f"missing in {len(without):,} of {len(footers):,} files: {_some(without)}; {pages}"
        advice = "write them with write_page_index=True, as to_parquet of datasets 4.1 and later does"
        return Finding(subject=subject, state="note", found=found, advice=advice)
    return Finding(subject=subject, state="ok", found=f"in all files; {pages}")


def _has_index(group: pq.RowGroupMetaData) -> bool:
    return all(group.column(number).has_offset_index for number in range(group.num_columns))


def _columns(footers: Mapping[str, pq.FileMetaData]) -> Finding:
    subject = "columns"
    schemas = {name: footer.schema.to_arrow_schema() for name, footer in footers.items()}
    most = max(map(len, schemas.values()))
    refused = {column: why for schema in schemas.values() for column, why in unreadable_columns(schema).items()}
    found = f"at most {most:,} in a file"
    if refused:
        said = [f"{column} ({why})" for column, why in sorted(refused.items())]
        advice = "write them with other types: a list of structs for a map, a plain list for a view"
        return Finding(subject=subject, state="problem", found=f"`datasets` cannot read {_some(said)}", advice=advice)
    if most > _COLUMNS:
        found = f"{found}; the viewer shows none of more than {_COLUMNS:,}"
        return Finding(subject=subject, state="problem", found=found, advice="put some of them into structs")
    return Finding(subject=subject, state="ok", found=f"{found}, all of types that `datasets` reads")


def _schemas(look: Look) -> Finding:
    """Whether files of one configuration have the same columns: all of its splits are read with the first ones'."""
    subject = "schemas"
    for config in dict.fromkeys(config for config, _ in look.parts):
        own = [
            file for (one, _), files in look.parts.items() if one == config for file in files if file in look.footers
        ]
        schemas = {file: look.footers[file].schema.to_arrow_schema().remove_metadata() for file in own}
        for file, schema in schemas.items():
            first = schemas[own[0]]
            if set(schema.names) != set(first.names):
                differing = _some(sorted(set(schema.names) ^ set(first.names)))
                found = f"{file} and {own[0]} of {config} do not both have {differing}"
                advice = "give all files of a configuration the same columns"
                return Finding(subject=subject, state="problem", found=found, advice=advice)
            if other := [field.name for field in schema if not _same_type(field, first)]:
                found = f"{_some(other)} of {config} has other types in {file} than in {own[0]}"
                return Finding(subject=subject, state="note", found=found, advice="write one type")
    return Finding(subject=subject, state="ok", found="files of a configuration have the same columns")


def _same_type(field: pa.Field, schema: pa.Schema) -> bool:
    return bool(schema.field(field.name).type.equals(field.type))


def _some(names: Iterable[str]) -> str:
    listed = [visible_line(name) for name in names]
    more = f" and {len(listed) - _SHOWN:,} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
