"""The report of a verification."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.cli.reports.wording import count, show_controls
from nextlong_hub.core.ownership import listed_names
from nextlong_hub.core.printable import NOTHING, counted
from nextlong_hub.terminal import show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.verification import VerifyReport
    from nextlong_hub.verification.report import ProofCounts


def show_verification(report: "VerifyReport", folder: Path) -> None:
    """Print each fault on a line of its own, then what was checked."""
    for fault in report.faults:
        show_verbatim(f"{fault.place}: {fault.message}")
    for remark in report.remarks:
        show_line(f"Note: {remark}.", "bold yellow")
    checked = f"{report.files:,} files, {report.rows:,} rows, {report.segments:,} segments"
    if report.encoded_rows:
        checked += f", {report.encoded_rows:,} rows encoded again"
    if report.encoded_twice:
        checked += f" ({report.encoded_twice:,} of them by two programs)"
    if report.rebuilt_rows:
        checked += f", {report.rebuilt_rows:,} rows rebuilt from the corpus"
    if report.faults:
        faults = counted(len(report.faults), "fault")
        show_line(f"{folder} is not what it says: {faults}. Checked: {checked}.", "bold red")
    else:
        show_line(f"{folder} is what it says. Checked: {checked}.", "bold green")
        _show_contents(report)
    _show_proofs(report.proofs)
    for file in report.rewritten:
        show_line(f"Written anew by another program: {file}. Other bytes than the manifest names, but the same rows.")
    if report.foreign:
        files = counted(len(report.foreign), "file")
        show_line(
            f"Beside it {files} not of this dataset, never pushed: {listed_names(report.foreign)}.", "bold yellow"
        )
    show_controls(report.controls)


def _show_proofs(proofs: "Sequence[ProofCounts]") -> None:
    """What was derived again from the corpus, and what was not."""
    if not proofs:
        return
    show_line("Derived again from the corpus:")
    columns = ["rows", "of", "texts", "proven", "chunks", "scores", "encoded"]
    rows = [
        (
            one.config,
            [
                count(number)
                for number in (
                    *(one.rows, one.of_rows, one.texts, one.proven),
                    *(one.borders, one.scores, one.encoded),
                )
            ],
        )
        for one in proofs
    ]
    show_table(rows, columns)
    passed_over = sum((Counter(one.passed_over) for one in proofs), Counter[str]())
    if passed_over:
        reasons = ", ".join(f"{reason} ({number:,})" for reason, number in sorted(passed_over.items()))
        show_line(f"Better chunks that were rightly passed over: {reasons}.")
    for one in proofs:
        for what, number in one.open.items():
            show_line(f"{one.config}, of {counted(number, 'text')} not proven: {what}.", "bold yellow")


def _show_contents(report: "VerifyReport") -> None:
    """How much different text there is, and that no document is extended for two configurations."""
    if not report.contents:
        return
    rows = [
        (
            one.config,
            [
                *(count(number) for number in (one.rows, one.tokens, one.unique_tokens)),
                f"{one.repeated_share:.1%}",
                NOTHING if one.shared_share is None else f"{one.shared_share:.1%}",
            ],
        )
        for one in report.contents
    ]
    show_table(rows, ["rows", "tokens", "unique", "repeated", "elsewhere, too"])
    for pair in report.overlaps:
        if pair.documents:
            shared = counted(pair.documents, "document")
            show_line(f"{pair.one} and {pair.other} both extend, or hold whole, {shared}.", "bold yellow")
