"""The report of `riffle`: what was made, and which documents gave nothing."""

import shlex
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import count, words
from nextlong_hub.core.printable import counted
from nextlong_hub.terminal import Rows, show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.evaluation.make import RiffleReport


def show_riffle(report: "RiffleReport") -> None:
    """Print counts and what comes next."""
    rows: Rows = [
        ("items", [count(report.items)]),
        *((f"  left out: {words(reason)}", [count(documents)]) for reason, documents in report.left_out.items()),
        ("rows", [count(report.rows)]),
        ("tokens", [count(report.tokens)]),
    ]
    show_table(rows, ["riffle"])
    for name, documents in report.seen.items():
        stand = f"{counted(documents, 'document')} left out" if documents else "none of these documents"
        show_line(f"In {name}: {stand}.")
    there = "Already in" if report.is_unchanged else "Written to"
    show_line(f"{there} {report.folder}. Next:", "bold")
    show_verbatim(f"  nextlong-hub verify {shlex.quote(str(report.folder))}")
