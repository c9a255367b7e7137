"""The report of `fit`: the outcome of every text."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.sources import show_encoders, show_not_read, show_secrets
from nextlong_hub.cli.reports.spelled import show_spelled
from nextlong_hub.cli.reports.wording import count, words
from nextlong_hub.dataset.preview import told
from nextlong_hub.terminal import Rows, show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.pipeline import FitReport

FIT_COUNTS = (
    *("config", "read", "kept", "truncated", "truncated_tokens", "split", "discarded", "skipped", "rows", "tokens"),
)
"""Counts of a fit that are not in its manifest."""


def show_fit(report: "FitReport", output: Path) -> None:
    """Print the outcome of every text that was read."""
    rows: Rows = [
        ("read", [count(report.read)]),
        ("  kept", [count(report.kept)]),
        ("    truncated", [count(report.truncated)]),
        ("    tokens cut", [count(report.truncated_tokens)]),
        *([("    split", [count(report.split)])] if report.packing else []),
        ("  discarded", [count(sum(report.discarded.values()))]),
        *((f"    {words(reason)}", [count(texts)]) for reason, texts in sorted(report.discarded.items())),
        *((f"not read: {words(reason)}", [count(texts)]) for reason, texts in sorted(report.skipped.items())),
        *([("documents", [count(report.packing.documents)])] if report.packing else []),
        ("rows", [count(report.rows)]),
        ("tokens", [count(report.tokens)]),
        *(
            [("  of padding", [count(report.packing.padding_tokens)])]
            if report.packing and report.packing.padding_id is not None
            else []
        ),
        *([("of a full row", [f"{report.packing.fill:.2%}"])] if report.packing else []),
    ]
    show_table(rows, [report.config])
    show_encoders(report.manifest)
    show_not_read(report.manifest)
    show_secrets(report.manifest)
    show_spelled(report.manifest, report.config)
    if preview := report.manifest.configs[report.config].preview:
        show_line(told(report.config, preview))
    show_line(f"Written to {output}. Next:", "bold")
    show_verbatim(f"  nextlong-hub verify {shlex.quote(str(output))}")
