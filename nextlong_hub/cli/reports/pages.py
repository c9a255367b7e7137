"""The report of a page: the rows that it shows and leaves out."""

from typing import TYPE_CHECKING, Any

from nextlong_hub.core.printable import size
from nextlong_hub.terminal import show_line, show_table, show_verbatim

if TYPE_CHECKING:
    from nextlong_hub.explore.page.page import PageReport


def show_page(report: "PageReport") -> None:
    """Print how many rows of each configuration are in the page, and how to get others."""
    configs = list(report.shown)
    show_table(
        [
            ("rows in the page", [f"{len(report.shown[config]):,}" for config in configs]),
            ("rows there are", [f"{report.rows[config]:,}" for config in configs]),
        ],
        configs,
    )
    show_line(f"Written to {report.path}: {size(report.bytes)}. Open it in a browser; it needs no network.", "bold")
    if report.left_out:
        show_verbatim(f"{report.left_out:,} rows were left out: --rows N shows more of them, --row ID a certain one.")


def page_as_json(report: "PageReport") -> dict[str, Any]:
    """The same for a program."""
    return {
        "path": str(report.path),
        "bytes": report.bytes,
        "left_out": report.left_out,
        "configs": {config: {"rows": report.rows[config], "shown": list(ids)} for config, ids in report.shown.items()},
    }
