"""Checks of a preview: its size and sha256, and that its rows are the beginnings of those that it stands for."""

from pathlib import Path

import pyarrow as pa

from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.preview import preview_tables
from nextlong_hub.dataset.row_digest import digest_rows
from nextlong_hub.verification.report import Check
from nextlong_hub.verification.shards import fault_of_bytes, other_writer, rows_digest


def check_preview(folder: Path, name: str, config: ConfigRecord, check: Check) -> None:
    """Check the preview of a configuration, where it has one; the rows of a damaged configuration are not compared."""
    if config.preview is None:
        return
    record = config.preview.file
    path = folder / record.path
    check.files += 1
    if not path.is_file():
        check.fault(record.path, "is missing")
        return
    if (fault := fault_of_bytes(path, record)) is not None:
        writer = other_writer(path, record)
        if writer is None:
            check.fault(record.path, fault)
            return
        check.rewritten.append(f"{record.path} ({writer})")
    if any(fault.place.startswith(f"data/{name}/") for fault in check.faults):
        return
    try:
        is_same = rows_digest(path) == digest_rows(preview_tables(name, [folder / file.path for file in config.files]))
    except (OSError, ValueError, pa.ArrowException) as error:
        check.fault(record.path, f"cannot be read: {error}")
        return
    if not is_same:
        check.fault(record.path, f"its rows are not the beginnings of those of {name}; build again")
