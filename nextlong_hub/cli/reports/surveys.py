"""The report of `survey`: how long documents are, what is wrong with them, and what a build would give."""

from typing import TYPE_CHECKING

from nextlong_hub.audit.telling import bucket_name, told
from nextlong_hub.cli.reports.wording import count
from nextlong_hub.core.printable import compact, size
from nextlong_hub.terminal import show_line, show_listing, show_pieces, show_table

if TYPE_CHECKING:
    from nextlong_hub.audit.page.page import AuditPage
    from nextlong_hub.audit.result import CorpusAudit, Lengths, TokenizerAudit

_BAR = 24


def show_survey(audit: "CorpusAudit") -> None:
    """Print what is in a corpus."""
    _show_lengths("characters", audit.characters)
    for one in audit.tokenizers:
        tokens = f"tokens of {one.name}, of {one.characters_per_token:.2f} characters each"
        _show_lengths(tokens, one.lengths)
    for one in audit.tokenizers:
        _show_yields(one)
    for found in told(audit):
        style = "bold yellow" if found.is_warning else ""
        show_pieces([(f"{found.about}: ", "bold"), (f"{found.sentence}.", style)], indent=0)


def show_page(page: "AuditPage") -> None:
    """Print where the page is."""
    show_line(f"Written to {page.path}: {size(page.bytes)}. Open it in a browser; it needs no network.", "bold")


def _show_lengths(unit: str, lengths: "Lengths") -> None:
    """One line for each power of two."""
    documents = sum(one.documents for one in lengths.buckets)
    show_line(f"{documents:,} documents, {compact(lengths.total)} {unit}; the longest has {lengths.longest:,}.", "bold")
    most = max((one.documents for one in lengths.buckets), default=0)
    word = unit.partition(" ")[0]
    show_listing(
        [("length", "right"), ("documents", "right"), ("", "right"), (word, "right"), ("", "right"), ("", "left")],
        [
            [
                (bucket_name(one.shortest), ""),
                (count(one.documents), ""),
                (f"{one.documents / documents:.1%}", "dim"),
                (count(one.total), ""),
                (f"{one.total / max(1, lengths.total):.1%}", "dim"),
                ("▇" * -(-one.documents * _BAR // most), "cyan"),
            ]
            for one in lengths.buckets
        ],
    )
    show_line()


def _show_yields(one: "TokenizerAudit") -> None:
    """What a build of each configuration by itself would give."""
    if one.problem:
        show_line(f"{one.name}: rows cannot be estimated: {one.problem}.", "bold yellow")
        show_line()
        return
    show_line(f"What a build would give with {one.name}, each configuration by itself, estimated:", "bold")
    show_table(
        [
            ("extendable documents", [count(each.extendable) for each in one.yields]),
            ("rows", [count(each.rows) for each in one.yields]),
            ("tokens", [count(each.tokens) for each in one.yields]),
        ],
        [each.config for each in one.yields],
    )
    for each in one.yields:
        if each.problem:
            show_line(f"{each.config}: {each.problem}.", "bold yellow")
