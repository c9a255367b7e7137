"""What the doctor found."""

from typing import TYPE_CHECKING

from nextlong_hub.cli.terminal import show_line, show_pieces

if TYPE_CHECKING:
    from nextlong_hub.cli.diagnose import Diagnosis

_SIGNS = {"ok": ("✓", "green"), "note": ("!", "bold yellow"), "problem": ("✗", "bold red")}


def show_diagnosis(diagnosis: "Diagnosis") -> None:
    """Print the machine, the versions, and each finding with what to do about it."""
    show_line(", ".join(f"{name} {value}" for name, value in diagnosis.machine.items()))
    show_line(", ".join(f"{name} {version or 'missing'}" for name, version in diagnosis.packages.items()))
    show_line()
    width = max(len(finding.subject) for finding in diagnosis.findings) + 2
    for finding in diagnosis.findings:
        sign, style = _SIGNS[finding.state]
        show_pieces([(f"{sign} ", style), (f"{finding.subject:<{width}}", "bold"), (finding.found, "")])
        if finding.advice:
            show_pieces([(" " * (width + 2), ""), (finding.advice, "dim")])
    show_line()
    show_line("Ready." if diagnosis.is_ready else "Something stands in the way.", "bold")
