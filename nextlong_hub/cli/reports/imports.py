"""The report of an import: what was read, left out, and not exact."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.sources import show_encoders, show_not_read, show_secrets
from nextlong_hub.cli.reports.spelled import show_spelled
from nextlong_hub.cli.reports.wording import count, words
from nextlong_hub.dataset.preview import told
from nextlong_hub.terminal import Rows, show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.pipeline import ImportReport

IMPORT_COUNTS = (
    *("config", "rows", "documents", "tokens", "not_exact", "outside_tokens", "no_tokens", "skipped"),
    *("bos", "eos"),
)
"""Counts of an import that are not in its manifest."""


def show_import(report: "ImportReport", output: Path) -> None:
    """Print what was read and left out, and whether the tokens match the texts."""
    rows: Rows = [
        ("rows", [count(report.rows)]),
        ("documents", [count(report.documents)]),
        ("  not exact", [count(report.not_exact)]),
        ("tokens", [count(report.tokens)]),
        ("left out", [count(report.no_tokens + sum(report.skipped.values()))]),
        ("  no tokens", [count(report.no_tokens)]),
        *((f"  {words(reason)}", [count(texts)]) for reason, texts in sorted(report.skipped.items())),
        ("tokens of no document", [count(report.outside_tokens)]),
    ]
    show_table(rows, [report.config])
    around = [name for name, there in (("bos_token", report.bos), ("eos_token", report.eos)) if there]
    if around:
        show_line(f"Every document has its {' and its '.join(around)}, which belong to no text.")
    if report.not_exact:
        show_line(
            f"{report.not_exact:,} documents keep the tokens they came with, although their text encodes to others: "
            "control tokens inside, or another tokenizer.",
            "bold yellow",
        )
    show_encoders(report.manifest)
    show_not_read(report.manifest)
    show_secrets(report.manifest)
    show_spelled(report.manifest, report.config)
    if preview := report.manifest.configs[report.config].preview:
        show_line(told(report.config, preview))
    show_line(f"Written to {output}. Next:", "bold")
    show_verbatim(f"  nextlong-hub verify {shlex.quote(str(output))}")
