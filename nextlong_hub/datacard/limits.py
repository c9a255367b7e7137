"""Limits of the Hub's dataset viewer and repositories, checked before an upload."""

from collections import Counter
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq

from nextlong_hub.dataset.manifest import Manifest

ROW_GROUP_BYTES = 300_000_000
"""The viewer reads whole row groups, up to 286 MiB of content."""
CELL_BYTES = 50_000_000
"""The viewer does not show a row that holds a larger value."""
FOLDER_FILES = 10_000
FILE_BYTES = 200_000_000_000
"""Limits of a repository on the Hub."""


def preflight(folder: Path, manifest: Manifest) -> list[str]:
    """Warnings about files of a dataset folder that exceed the limits, one sentence each; only footers are read."""
    warnings = []
    for record in manifest.files:
        if record.bytes > FILE_BYTES:
            warnings.append(f"{record.path} has {record.bytes:,} bytes; the Hub takes {FILE_BYTES:,} at most")
        warnings += _file_warnings(folder, record.path)
    for name, count in sorted(Counter(str(PurePosixPath(file.path).parent) for file in manifest.files).items()):
        if count >= FOLDER_FILES:
            warnings.append(f"{name} holds {count:,} files; the Hub takes fewer than {FOLDER_FILES:,} in a folder")
    return warnings


def _file_warnings(folder: Path, path: str) -> list[str]:
    if not (folder / path).is_file():
        return [f"{path} is missing"]
    metadata = pq.read_metadata(folder / path)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    warnings = []
    largest = max((group.total_byte_size for group in groups), default=0)
    if largest > ROW_GROUP_BYTES:
        warnings.append(
            f"{path} has a row group of {largest:,} bytes; the viewer reads {ROW_GROUP_BYTES:,} at most: build with a "
            "smaller output.row_group_bytes"
        )
    cells = [
        group.column(number).total_uncompressed_size // max(1, group.num_rows)
        for group in groups
        for number in range(group.num_columns)
    ]
    if max(cells, default=0) > CELL_BYTES:
        warnings.append(f"{path} has values of about {max(cells):,} bytes; the viewer shows none beyond {CELL_BYTES:,}")
    return warnings
