"""The plan of a push, and its report."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nextlong_hub.core.printable import counted, size
from nextlong_hub.terminal import show_line, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.publish import Change, PushPlan, PushReport, RemoteReport

_MOST_SHOWN = 20
_MARKS = {"added": "+", "changed": "~", "removed": "-"}
_STYLES = {"added": "green", "changed": "yellow", "removed": "red"}


def is_interactive() -> bool:
    """Whether the user can be asked a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def show_plan(plan: "PushPlan") -> None:
    """Print the files that change, their number, and warnings."""
    changed = plan.changes.of("added", "changed", "removed")
    for kind, file in _shown(changed):
        show_verbatim(f"  {_MARKS[kind]} {file}", _STYLES[kind])
    if len(changed) > _MOST_SHOWN:
        show_line(f"  and {len(changed) - _MOST_SHOWN:,} more")
    counts = [f"{len(plan.changes.of(kind)):,} {kind}" for kind in ("added", "changed", "removed", "unchanged")]
    show_line(f"{', '.join(counts)}; {size(plan.changes.sent_bytes)} to send to {_place(plan)}.", "bold")
    for path in plan.foreign[:_MOST_SHOWN]:
        show_verbatim(f"  ! {path}", "red")
    if plan.foreign:
        show_line(
            f"{counted(len(plan.foreign), 'file')} there that no push of ours put there: a push ends here unless "
            "--remove-foreign removes them in the same commit.",
            "red",
        )
    if plan.in_steps:
        show_line("This is too much for one commit: a pull request is filled in steps, then merged at once.")
    for note in plan.notes:
        show_line(note, "yellow")


def _shown(changed: "list[Change]") -> "Iterator[tuple[str, str]]":
    for change in changed[:_MOST_SHOWN]:
        yield change.kind, f"{change.path}  {size(change.size_bytes)}"


def _place(plan: "PushPlan") -> str:
    visibility = {True: "private", False: "public", None: ""}[plan.private]
    words = [word for word in ("" if plan.exists else "new", visibility) if word]
    described = f" ({', '.join(words)})" if words else ""
    branch = "" if plan.revision == "main" else f", branch {plan.revision}"
    return f"{plan.page}{branch}{described}"


def show_push(report: "PushReport") -> None:
    """Print the result of a push, and how to load what was published."""
    plan = report.plan
    for fault in report.faults:
        show_verbatim(f"{fault.place}: {fault.message}", "red")
    if report.faults:
        show_line(f"What is on the Hub is not what the manifest says: {len(report.faults)} faults.", "bold red")
        return
    if report.failed_tries:
        show_line(f"{report.failed_tries} failed requests were made good.")
    done = {
        "unchanged": f"{plan.page} holds exactly this already: no commit was made.",
        "proposed": f"Proposed: {report.proposal}",
        "pushed": f"Published in one commit: {plan.page}/commit/{report.commit}",
    }[report.status]
    show_line(done, "bold green")
    if report.status != "proposed":
        revision = "" if plan.revision == "main" else f', revision="{plan.revision}"'
        show_line("Every file there has the size and sha256 that the manifest says. Load it:")
        show_verbatim(f'  load_dataset("{plan.name}", "{report.default_config}"{revision})')


def show_remote_verification(report: "RemoteReport") -> None:
    """Print each fault on a line of its own, then what was checked."""
    for fault in report.faults:
        show_verbatim(f"{fault.place}: {fault.message}")
    checked = f"{report.files:,} data files, {size(report.bytes)}, {report.rows:,} rows by the manifest"
    where = f"{report.name} at {report.commit[:12]}"
    if report.faults:
        faults = counted(len(report.faults), "fault")
        show_line(f"{where} is not what it says: {faults}. Checked: {checked}.", "bold red")
    else:
        show_line(f"{where} is what it says, by the sizes and sha256 the Hub lists. Checked: {checked}.", "bold green")
