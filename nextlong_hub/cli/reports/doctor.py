"""The report of `doctor`."""

from typing import TYPE_CHECKING

from nextlong_hub.terminal import show_line, show_pieces, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nextlong_hub.cli.dataset_checks import DatasetReport
    from nextlong_hub.cli.doctor_checks import DoctorReport, Finding
    from nextlong_hub.execution.nodes import NodeFacts

_SIGNS = {"ok": ("✓", "green"), "note": ("!", "bold yellow"), "problem": ("✗", "bold red")}


def show_doctor_report(report: "DoctorReport") -> None:
    """Print the machine, the versions, and each finding with what to do about it."""
    show_line(", ".join(f"{name} {value}" for name, value in report.machine.items()))
    show_line(", ".join(f"{name} {version or 'missing'}" for name, version in report.packages.items()))
    show_line()
    _show_findings(report.findings)
    show_line("Ready." if report.is_ready else "Something stands in the way.", "bold")


def show_dataset_report(report: "DatasetReport") -> None:
    """Print what was looked at, and each finding with what to do about it."""
    read = f"footers of {report.footers:,} of {report.parquet_files:,} Parquet files"
    show_line(f"{report.dataset}: listing, card, {read}.")
    show_line()
    _show_findings(report.findings)
    show_line(
        "The Hub takes it, and its viewer shows it." if report.is_ready else "Something stands in the way.", "bold"
    )


def show_nodes(nodes: "Sequence[NodeFacts]") -> None:
    """Print what each node of a cluster says of itself, and which of them a build would refuse."""
    from nextlong_hub.execution.nodes import differing, own_versions

    names = list(own_versions())
    columns = [*names, "work folder", "memory", "free", "kernels"]
    rows = []
    for node in nodes:
        others = differing(node)
        versions = [f"{node.versions.get(name, '-')}{' !' if name in others else ''}" for name in names]
        memory, free = (f"{size / 1e9:,.0f} GB" for size in (node.memory_bytes, node.free_bytes))
        rows.append(
            (node.node, [*versions, "no" if node.fault else "yes", memory, free, node.kernels or "usual place"])
        )
    if rows:
        show_table(rows, columns)
    for node in nodes:
        if node.fault:
            show_pieces([("✗ ", "bold red"), (f"{node.node} ", "bold"), (node.fault, "")])
        for name, (theirs, ours) in differing(node).items():
            show_pieces(
                [("✗ ", "bold red"), (f"{node.node} ", "bold"), (f"has {name} {theirs}, here it is {ours}", "")]
            )
    is_ready = bool(nodes) and not any(node.fault or differing(node) for node in nodes)
    show_line("Ready." if is_ready else "No build would work on this cluster.", "bold")


def _show_findings(findings: "Sequence[Finding]") -> None:
    width = max(len(finding.subject) for finding in findings) + 2
    for finding in findings:
        sign, style = _SIGNS[finding.state]
        show_pieces([(f"{sign} ", style), (f"{finding.subject:<{width}}", "bold"), (finding.found, "")])
        if finding.advice:
            show_pieces([(" " * (width + 2), ""), (finding.advice, "dim")])
    show_line()
