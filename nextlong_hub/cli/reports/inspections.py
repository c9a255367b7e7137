"""One row on a terminal: its strip, its segments, one of them in full, and why a hard negative is there.

Every string of a row is somebody's; `terminal` makes all that it prints inert.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nextlong_hub.cli.terminal import Column, line_width, show_line, show_listing, show_pieces
from nextlong_hub.core.printable import NOTHING, Piece, visible_line
from nextlong_hub.explore.strip import bars
from nextlong_hub.explore.summary import TERMS_SHOWN, _counted, _share, first_of_each, first_words, size_of, verdict
from nextlong_hub.explore.terminal_strip import META, META_STYLE, NEGATIVE_STYLES, NEGATIVES, strip_lines

if TYPE_CHECKING:
    from nextlong_hub.dataset import Row, StoredSplit
    from nextlong_hub.explore.explanation import NegativeExplanation
    from nextlong_hub.records import Segment

_TEXT_CHARACTERS = 2000
"""Characters shown of a text that has no segments."""
_DOCUMENTS_SHOWN = 5
_BAR = 16
_LONGEST_TERM = 32
_PASSAGE_CHARACTERS = 320
_COLUMNS: Sequence[Column] = (
    ("segment", "right"),
    ("role", "left"),
    ("rank", "right"),
    ("score", "right"),
    ("tokens", "right"),
    ("document", "left"),
    ("chunk", "right"),
    ("begins", "left"),
)


def show_row(row: "Row", split: "StoredSplit", *, complete: bool) -> None:
    """Print a row: what it is, its strip, and its segments, with `complete` every one of them."""
    segments = row.segment_list
    show_pieces(
        [
            (visible_line(row.id) or f"row {row.number}", "bold"),
            (f"   row {row.number:,} of {len(split):,} in {split.config}", ""),
        ]
    )
    show_line(size_of(row, segments))
    if row.meta_document:
        show_pieces(
            [
                ("Meta-document ", ""),
                (visible_line(row.meta_document), META_STYLE),
                (f" from {visible_line(row.source)}" if row.source else "", ""),
            ]
        )
    _show_documents(row)
    show_line()
    if not segments:
        show_line(row.text[:_TEXT_CHARACTERS])
        return
    width = line_width()
    for line in strip_lines(bars(segments, row.token_count), width):
        show_pieces(line)
    show_pieces(list(_legend()))
    show_line()
    _show_segments(row, segments, complete=complete)


def show_segment(row: "Row", number: int) -> None:
    """Print one segment in full, under a line that says what it is."""
    segments = row.segment_list
    number %= len(segments)
    segment = segments[number]
    kind = (
        "meta-chunk" if segment.role == "meta" else f"hard negative of rank {segment.rank}, score {segment.score:.2f}"
    )
    show_pieces([(f"Segment {number:,} of {visible_line(row.id)}", "bold"), (f"   {kind}", _style(segment))])
    show_line(
        f"{visible_line(segment.document)}, chunk {segment.chunk}; {segment.tokens:,} tokens, characters "
        f"{segment.start:,} to {segment.end:,} of the text"
    )
    show_line()
    show_line(row.segment_text(number))


def show_why(why: "NegativeExplanation", row: "Row") -> None:
    """Print the words that a hard negative shares with its meta-chunk, the heaviest first, and what each weighs."""
    explanation = why.explanation
    show_pieces(
        [
            ("Why segment ", ""),
            (f"{why.segment:,}", NEGATIVE_STYLES[0]),
            (f" of {visible_line(why.row)} is a hard negative", ""),
        ]
    )
    show_line()
    for name, number, style in (
        ("meta-chunk", why.meta_segment, META_STYLE),
        ("negative", why.segment, NEGATIVE_STYLES[0]),
    ):
        segment = row.segment_list[number]
        place = f"{visible_line(segment.document)}, chunk {segment.chunk}"
        show_pieces([(f"  {name:<10} ", ""), (f"{number:>5,}", style), (f"  {place}", "")])
    show_line()
    show_line(verdict(why))
    show_line()
    terms = sorted(explanation.terms, key=lambda term: (-term.weight, term.term))
    heaviest = terms[0].weight if terms and terms[0].weight > 0 else 1.0
    rows: list[Sequence[Piece]] = [
        [
            (term.term[:_LONGEST_TERM], "bold"),
            (f"{term.weight:.2f}", ""),
            (f"{_share(term.weight, explanation.score)}", ""),
            (f"{term.in_query:,}", ""),
            (f"{term.in_chunk:,}", ""),
            (f"{term.frequency:,}", ""),
            (f"{term.idf:.2f}", ""),
            ("█" * max(1, round(_BAR * term.weight / heaviest)), NEGATIVE_STYLES[0]),
        ]
        for term in terms[:TERMS_SHOWN]
    ]
    if len(terms) > TERMS_SHOWN:
        rest = sum(term.weight for term in terms[TERMS_SHOWN:])
        words = f"{len(terms) - TERMS_SHOWN:,} more"
        rows.append([(words, "dim"), (f"{rest:.2f}", "dim"), (_share(rest, explanation.score), "dim"), *[("", "")] * 5])
    show_listing(_TERM_COLUMNS, rows)
    show_line()
    for name, number, style in (
        ("meta-chunk", why.meta_segment, META_STYLE),
        ("negative", why.segment, NEGATIVE_STYLES[0]),
    ):
        show_pieces([(f"In the {name}:", "dim")])
        _show_passage(why.passage(row.segment_text(number), _PASSAGE_CHARACTERS), style)
        show_line()


_TERM_COLUMNS: Sequence[Column] = (
    ("term", "left"),
    ("weight", "right"),
    ("share", "right"),
    ("in meta-chunk", "right"),
    ("in negative", "right"),
    ("chunks with it", "right"),
    ("idf", "right"),
    ("", "left"),
)


def row_as_json(row: "Row", split: "StoredSplit") -> dict[str, Any]:
    """A row without its text, but with the first words of each segment."""
    return {
        "where": split.where,
        "commit": split.commit,
        "config": split.config,
        "rows": len(split),
        "row": row.number,
        "id": row.id,
        "token_count": row.token_count,
        "characters": len(row.text),
        "meta_document": row.meta_document,
        "source": row.source,
        "documents": row.documents.to_pylist(),
        "segments": [
            {"segment": number, **segment, "begins": first_words(row.text[segment["start"] : segment["end"]])}
            for number, segment in enumerate(row.segments.to_pylist())
        ],
    }


def why_as_json(why: "NegativeExplanation") -> dict[str, Any]:
    """An explanation, the heaviest term first."""
    content = asdict(why)
    del content["retrieval"]
    counted = content.pop("explanation")
    terms = sorted(counted.pop("terms"), key=lambda term: (-term["weight"], term["term"]))
    return {**content, "score_name": why.score_name, "is_exact": why.is_exact, **counted, "terms": terms}


def _show_documents(row: "Row") -> None:
    """The documents of a packed row."""
    documents = row.document_list
    if not documents:
        return
    show_line(f"Packed: {_counted(len(documents), 'document')}, which attention keeps apart")
    for document in documents[:_DOCUMENTS_SHOWN]:
        show_pieces(
            [
                ("  ", ""),
                (visible_line(document.id), META_STYLE),
                (f", {document.tokens:,} tokens, from {visible_line(document.source)}", ""),
            ]
        )
    if len(documents) > _DOCUMENTS_SHOWN:
        show_line(f"  and {len(documents) - _DOCUMENTS_SHOWN:,} more")


def _legend() -> Iterator[Piece]:
    yield META, META_STYLE
    yield " meta-chunk, its number above   ", "dim"
    yield from zip(NEGATIVES, NEGATIVE_STYLES, strict=True)
    yield " hard negatives, from the best rank to the last", "dim"


def _show_segments(row: "Row", segments: "Sequence[Segment]", *, complete: bool) -> None:
    """The table of segments: all of them, or each meta-chunk with its first negatives."""
    shown = list(range(len(segments))) if complete else first_of_each(segments)
    rows = [_cells(row, number, segments[number]) for number in shown]
    left_out = len(segments) - len(shown)
    show_listing(_COLUMNS, rows)
    if left_out:
        show_line()
        show_line(f"{left_out:,} more segments; --all shows them, --segment N one in full, --why N what it shares.")


def _cells(row: "Row", number: int, segment: "Segment") -> Sequence[Piece]:
    is_meta = segment.role == "meta"
    return [
        (f"{number:,}", "dim"),
        (f"{META} meta" if is_meta else "  negative", _style(segment)),
        (NOTHING if is_meta else f"{segment.rank:,}", ""),
        (NOTHING if is_meta else f"{segment.score:.1f}", ""),
        (f"{segment.tokens:,}", ""),
        (segment.document, ""),
        (f"{segment.chunk:,}", ""),
        (first_words(row.text[segment.start : segment.end]), "" if is_meta else "dim"),
    ]


def _style(segment: "Segment") -> str:
    return META_STYLE if segment.role == "meta" else NEGATIVE_STYLES[0]


def _show_passage(pieces: "Sequence[tuple[str, float]]", style: str) -> None:
    show_pieces(
        [(" ".join(f"|{piece}|".split())[1:-1], f"{style} underline" if weight else "") for piece, weight in pieces],
        indent=2,
    )
