"""The report of a written or checked card."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nextlong_hub.core.printable import counted
from nextlong_hub.terminal import show_line, show_note, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.datacard import CardReport, WrittenCard


def show_notes(notes: Sequence[str]) -> None:
    """Print warnings about a card on stderr."""
    for note in notes:
        show_note(note)


def show_card(written: "WrittenCard") -> None:
    """Print where the card is."""
    drawn = f", and {len(written.pictures)} pictures beside it" if written.pictures else ""
    show_line(f"Written: {written.path}{drawn}.", "bold green")


def show_check(report: "CardReport", folder: Path) -> None:
    """Print each fault on a line of its own."""
    for fault in report.faults:
        show_verbatim(fault)
    if report.faults:
        show_line(f"The card of {folder} has {counted(len(report.faults), 'fault')}.", "bold red")
    else:
        show_line(f"The card of {folder} says what is there, and the Hub will take it as it is.", "bold green")
