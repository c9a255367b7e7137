"""`write_audit_page`: an audit as ONE static HTML file; its policy allows nothing but its own style, by its digest."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from nextlong_hub._version import __version__
from nextlong_hub.audit.result import CorpusAudit, Lengths
from nextlong_hub.audit.telling import bucket_name, told
from nextlong_hub.core.files import write_bytes
from nextlong_hub.core.ownership import refuse_other_file
from nextlong_hub.explore.page.template import MARK, content_digest, page_template
from nextlong_hub.explore.strip import palette
from nextlong_hub.terminal.safe import shown_line


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """A page that was written."""

    path: Path
    bytes: int


def refuse_other_page(output: Path, *, force: bool) -> None:
    """Make sure that a page may be written, before a corpus is read for it.

    Raises:
        ConflictError: a file is there that is no page of ours, and `force` is not given.
        StorageError: it cannot be looked at.
    """
    if not force:
        refuse_other_file(output, MARK, "page")


def write_audit_page(audit: CorpusAudit, output: Path, *, force: bool = False) -> AuditPage:
    """Write an audit as a page; the same audit gives the same bytes.

    Args:
        audit: what was found.
        output: the file to write.
        force: replace whatever file is there.

    Raises:
        ConflictError: a file is there that is no page of ours.
        StorageError: the file cannot be written.
    """
    refuse_other_page(output, force=force)
    style = palette() + _part("page.css")
    found = [(one.about, one.sentence, one.is_warning) for one in told(audit)]
    content = page_template(_part("page.html")).render(
        policy=f"default-src 'none'; style-src {content_digest(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        style=style,
        title=shown_line(", ".join(source.name for source in audit.sources)),
        documents=audit.documents,
        characters=audit.characters.total,
        charts=[
            _chart("characters", "Characters", audit.characters),
            *(_chart("tokens", f"Tokens of {one.name}", one.lengths) for one in audit.tokenizers),
        ],
        tokenizers=[
            {"name": shown_line(one.name), "yields": one.yields, "problem": shown_line(one.problem)}
            for one in audit.tokenizers
        ],
        found=[(shown_line(about), shown_line(words), warns) for about, words, warns in found],
        version=__version__,
    )
    encoded = content.encode("utf-8", "backslashreplace")
    write_bytes(output, encoded)
    return AuditPage(path=output, bytes=len(encoded))


def _chart(unit: str, title: str, lengths: Lengths) -> dict[str, Any]:
    """Bars of documents and of their characters or tokens, in hundredths of the longest bar of each."""
    most = max((one.documents for one in lengths.buckets), default=0)
    most_total = max((one.total for one in lengths.buckets), default=0)
    return {
        "unit": unit,
        "title": shown_line(title),
        "total": lengths.total,
        "longest": lengths.longest,
        "rows": [
            {
                "length": bucket_name(one.shortest),
                "documents": one.documents,
                "documents_bar": round(100 * one.documents / max(1, most), 2),
                "total": one.total,
                "total_bar": round(100 * one.total / max(1, most_total), 2),
            }
            for one in lengths.buckets
        ],
    }


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
