"""One row on a terminal: its strip, its segments, one segment in full, and the explanation of a hard negative.

Every string of a row may be hostile; `terminal` sanitizes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from nextlong_hub.core.printable import NOTHING, counted, visible_line
from nextlong_hub.dataset import Row, SplitReader
from nextlong_hub.explore.explain import NegativeExplanation
from nextlong_hub.explore.strip import bars
from nextlong_hub.explore.summary import (
    TERM_COLUMNS,
    first_of_each,
    first_words,
    heaviest_first,
    heaviest_passage,
    links_of,
    share,
    size_of,
    term_cells,
    verdict,
)
from nextlong_hub.explore.terminal_strip import META, META_STYLE, NEGATIVE_STYLES, NEGATIVES, strip_lines
from nextlong_hub.records import Segment
from nextlong_hub.terminal import Column, StyledText, line_width, show_line, show_listing, show_pieces

_TEXT_CHARACTERS = 2000
"""Characters shown of a text that has no segments."""
_DOCUMENTS_SHOWN = 5
_LONGEST_TERM = 32
_COLUMNS: Sequence[Column] = (
    ("#", "right"),
    ("role", "left"),
    ("rank", "right"),
    ("score", "right"),
    ("tokens", "right"),
    ("document", "left"),
    ("chunk", "right"),
    ("begins", "left"),
)
_TERM_COLUMNS: Sequence[Column] = [
    (name, "right" if 0 < place < len(TERM_COLUMNS) - 1 else "left") for place, name in enumerate(TERM_COLUMNS)
]
_TERM_STYLES = ("bold", *[""] * 6, NEGATIVE_STYLES[0])


def show_row(row: Row, split: SplitReader, *, complete: bool) -> None:
    """Print a row: its size, its strip, and its segments, with `complete` all of them."""
    segments = row.segment_list
    show_pieces(
        [
            (visible_line(row.id) or f"row {row.number}", "bold"),
            (f"   row {row.number:,} of {len(split):,} in {split.config}", ""),
        ]
    )
    show_line(size_of(row, segments))
    if links := links_of(row, segments):
        show_line(", ".join(links))
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


def show_segment(row: Row, number: int) -> None:
    """Print one segment in full, below its role and origin."""
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


def show_explanation(explained: NegativeExplanation, row: Row) -> None:
    """Print the terms that a hard negative shares with its meta-chunk and their weights, the heaviest first."""
    explanation = explained.explanation
    both = (("meta-chunk", explained.meta_segment, META_STYLE), ("negative", explained.segment, NEGATIVE_STYLES[0]))
    show_pieces(
        [
            ("Why segment ", ""),
            (f"{explained.segment:,}", NEGATIVE_STYLES[0]),
            (f" of {visible_line(explained.row)} is a hard negative", ""),
        ]
    )
    show_line()
    for name, number, style in both:
        segment = row.segment_list[number]
        place = f"{visible_line(segment.document)}, chunk {segment.chunk}"
        show_pieces([(f"  {name:<10} ", ""), (f"{number:>5,}", style), (f"  {place}", "")])
    show_line()
    show_line(verdict(explained))
    show_line()
    shown = term_cells(explanation)
    rows = [list(zip((term[:_LONGEST_TERM], *cells), _TERM_STYLES, strict=True)) for term, *cells in shown]
    others = heaviest_first(explanation)[len(shown) :]
    if others:
        rest = sum(term.weight for term in others)
        cells = [f"{len(others):,} more", f"{rest:.2f}", share(rest, explanation.score)]
        rows.append([(cell, "dim") for cell in cells] + [("", "")] * (len(TERM_COLUMNS) - len(cells)))
    show_listing(_TERM_COLUMNS, rows)
    show_line()
    for name, number, style in both:
        show_pieces([(f"In the {name}:", "dim")])
        _show_passage(heaviest_passage(explained, row, number), style)
        show_line()


def row_as_json(row: Row, split: SplitReader) -> dict[str, Any]:
    """A row without its text, with the first words of each segment."""
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


def explanation_as_json(explained: NegativeExplanation) -> dict[str, Any]:
    """An explanation, the heaviest term first."""
    content = asdict(explained)
    del content["retrieval"]
    explanation = content.pop("explanation")
    del explanation["terms"]
    terms = [asdict(term) for term in heaviest_first(explained.explanation)]
    return {
        **content,
        "score_name": explained.score_name,
        "is_exact": explained.is_exact,
        **explanation,
        "terms": terms,
    }


def _show_documents(row: Row) -> None:
    """The documents of a packed row."""
    documents = row.document_list
    if not documents:
        return
    show_line(f"Packed: {counted(len(documents), 'document')}, which attention keeps apart")
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


def _legend() -> Iterator[StyledText]:
    yield META, META_STYLE
    yield " meta-chunk, its number above   ", "dim"
    yield from zip(NEGATIVES, NEGATIVE_STYLES, strict=True)
    yield " hard negatives, from the best rank to the last", "dim"


def _show_segments(row: Row, segments: Sequence[Segment], *, complete: bool) -> None:
    """The table of segments: all of them, or each meta-chunk with its first negatives."""
    shown = list(range(len(segments))) if complete else first_of_each(segments)
    rows = [_cells(row, number, segments[number]) for number in shown]
    left_out = len(segments) - len(shown)
    show_listing(_COLUMNS, rows)
    if left_out:
        show_line()
        show_line(f"{left_out:,} more segments; --all shows them, --segment N one in full, --why N what it shares.")


def _cells(row: Row, number: int, segment: Segment) -> Sequence[StyledText]:
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


def _style(segment: Segment) -> str:
    return META_STYLE if segment.role == "meta" else NEGATIVE_STYLES[0]


def _show_passage(pieces: Sequence[tuple[str, bool]], style: str) -> None:
    """A passage on wrapped lines, its terms underlined; vertical bars protect blanks at the ends of a piece."""
    show_pieces(
        [(" ".join(f"|{piece}|".split())[1:-1], f"{style} underline" if is_term else "") for piece, is_term in pieces],
        indent=2,
    )
