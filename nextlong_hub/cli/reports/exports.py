"""What an export wrote, and how a trainer is told to read it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import count
from nextlong_hub.cli.terminal import Rows, show_line, show_table, show_verbatim
from nextlong_hub.core.printable import size

if TYPE_CHECKING:
    from nextlong_hub.exports import ExportReport

_READ = {
    "mds": "--tokenized_mds_train {0}        # ProLong's and NExtLong's trainer",
    "trl": 'load_dataset("parquet", data_files="{0}/data/*.parquet")',
    "axolotl": "datasets: [{{path: {0}, split: train, type: }}]",
    "text": "dataset_dir: {0}        # LLaMA-Factory; or load_dataset({0!r})",
    "megatron": "--data-path {0}/train",
    "nanotron": "dataset_folder: {0}",
    "jsonl": 'load_dataset("json", data_files="{0}/*.jsonl*")',
}
"""By format: where its trainer takes the folder."""


def show_export(report: "ExportReport", output: Path) -> None:
    """Print what was written, and the place of the folder in the trainer's settings."""
    rows: Rows = [
        ("rows", [count(report.rows)]),
        ("documents", [count(report.documents)]),
        ("tokens", [count(report.tokens or None)]),
        ("  with loss", [count(report.learned_tokens or None)]),
        ("files", [count(len(report.files))]),
        ("on disk", [size(report.bytes)]),
    ]
    show_table(rows, [report.config])
    if report.is_unchanged:
        show_line(f"{output} held this export already: nothing was changed. For the trainer:", "bold")
    else:
        show_line(f"Written to {output} as {report.format}. For the trainer:", "bold")
    show_verbatim("  " + _READ[report.format].format(shlex.quote(str(output))))
