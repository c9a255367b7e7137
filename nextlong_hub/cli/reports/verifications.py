"""The report of a verification."""

from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import show_controls
from nextlong_hub.cli.terminal import show_line, show_verbatim
from nextlong_hub.core.printable import counted

if TYPE_CHECKING:
    from nextlong_hub.verification import VerifyReport


def show_verification(report: "VerifyReport", folder: Path) -> None:
    """Print each fault on a line of its own, then what was checked."""
    for fault in report.faults:
        show_verbatim(f"{fault.place}: {fault.message}")
    checked = f"{report.files:,} files, {report.rows:,} rows, {report.segments:,} segments"
    if report.encoded_rows:
        checked += f", {report.encoded_rows:,} rows encoded again"
    if report.rebuilt_rows:
        checked += f", {report.rebuilt_rows:,} rows rebuilt from the corpus"
    if report.faults:
        faults = counted(len(report.faults), "fault")
        show_line(f"{folder} is not what it says: {faults}. Checked: {checked}.", "bold red")
    else:
        show_line(f"{folder} is what it says. Checked: {checked}.", "bold green")
    show_controls(report.controls)
