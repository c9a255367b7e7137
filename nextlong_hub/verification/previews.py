"""Checks of a preview: its size and sha256, and that its rows are the beginnings of those that it stands for."""

from pathlib import Path

import pyarrow as pa

from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.preview import preview_tables
from nextlong_hub.dataset.row_digest import digest_rows
from nextlong_hub.verification.report import Check
from nextlong_hub.verification.shards import is_readable, rows_digest


def check_preview(folder: Path, name: str, config: ConfigRecord, check: Check) -> None:
    """Check the preview of a configuration, where it has one; the rows of a damaged configuration are not compared."""
    if config.preview is None:
        return
    record = config.preview.file
    if not is_readable(folder, record, check):
        return
    if any(fault.place.startswith(f"data/{name}/") for fault in check.faults):
        return
    try:
        shown = digest_rows(preview_tables(name, [folder / file.path for file in config.files]))
        is_same = rows_digest(folder / record.path) == shown
    except (OSError, ValueError, pa.ArrowException) as error:
        check.fault(record.path, f"cannot be read: {error}")
        return
    if not is_same:
        check.fault(record.path, f"its rows are not the beginnings of those of {name}; build again")
