"""The report of an export, with the trainer's setting for it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import count
from nextlong_hub.core.printable import size
from nextlong_hub.dataset.folder import load_path
from nextlong_hub.exports import FORMATS
from nextlong_hub.terminal import Rows, show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.exports import ExportReport


def show_export(report: "ExportReport", output: Path) -> None:
    """Print the counts of an export, and the trainer's setting for its folder."""
    rows: Rows = [
        ("rows", [count(report.rows)]),
        ("documents", [count(report.documents)]),
        ("tokens", [count(report.tokens or None)]),
        ("  with loss", [count(report.learned_tokens or None)]),
        ("EOS for the last token", [count(report.eos_replacing or None)]),
        ("EOS behind", [count(report.eos_appended or None)]),
        ("files", [count(len(report.files))]),
        ("on disk", [size(report.bytes)]),
    ]
    show_table(rows, [report.config])
    if FORMATS[report.format].masks_repetition:
        show_line(
            f"OLMo-core's and MaxText's filter of what repeats on end takes {report.masked_documents:,} of "
            f"{report.documents:,} documents out of the loss: 1 to 13 tokens, 32 times.",
            "bold yellow" if report.masked_documents else "dim",
        )
    if report.spelled:
        show_line(f"Only text was exported. {report.spelled}.", "bold yellow")
    if report.shared_rows:
        show_line(
            f"{count(report.documents)} documents share {count(report.rows)} rows. {report.shared_rows}.", "bold yellow"
        )
    if report.is_unchanged:
        show_line(f"{output} held this export already: nothing was changed. For the trainer:", "bold")
    else:
        show_line(f"Written to {output} as {report.format}. For the trainer:", "bold")
    show_verbatim("  " + FORMATS[report.format].trainer_setting.format(shlex.quote(load_path(output))))
