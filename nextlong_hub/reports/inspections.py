"""One row on a terminal: its strip, its segments, one of them in full, and why a hard negative is there.

Every string of a row is somebody's; `terminal` makes all that it prints inert.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nextlong_hub.inert import visible_line
from nextlong_hub.reports.strips import META, META_STYLE, NEGATIVE_STYLES, NEGATIVES, strip_lines
from nextlong_hub.reports.wording import NOTHING
from nextlong_hub.terminal import Column, Piece, line_width, show_line, show_listing, show_pieces
from nextlong_hub.viewer.strip import bars

if TYPE_CHECKING:
    from nextlong_hub.explanation import NegativeExplanation
    from nextlong_hub.records import Segment
    from nextlong_hub.splits import Row, StoredSplit

NEGATIVES_SHOWN = 3
"""Of each meta-chunk, unless all are asked for."""
META_CHUNKS_SHOWN = 12
TERMS_SHOWN = 15
_WORDS_CHARACTERS = 160
"""Characters of a segment that are looked at for its first words."""
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
    known = {term.term: term.weight for term in terms}
    for name, number, style in (
        ("meta-chunk", why.meta_segment, META_STYLE),
        ("negative", why.segment, NEGATIVE_STYLES[0]),
    ):
        show_pieces([(f"In the {name}:", "dim")])
        _show_passage(row.segment_text(number), known, style)
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
    counted = content.pop("explanation")
    terms = sorted(counted.pop("terms"), key=lambda term: (-term["weight"], term["term"]))
    return {**content, "is_exact": why.is_exact, **counted, "terms": terms}


def size_of(row: "Row", segments: "Sequence[Segment]") -> str:
    """How much there is in a row, on one line."""
    parts = [f"{row.token_count:,} tokens", f"{len(row.text):,} characters"]
    if row.loss_mask.size:
        parts.insert(1, f"loss on {int(row.loss_mask.sum()):,} of them")
    if segments:
        metas = sum(segment.role == "meta" for segment in segments)
        documents = len({segment.document for segment in segments if segment.role == "negative"})
        negatives = f"{_counted(len(segments) - metas, 'hard negative')} from {_counted(documents, 'document')}"
        parts.append(f"{_counted(metas, 'meta-chunk')} and {negatives}")
    return ", ".join(parts)


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


def first_of_each(segments: "Sequence[Segment]", negatives: int = NEGATIVES_SHOWN) -> list[int]:
    """The numbers of the first meta-chunks, each with its first negatives."""
    shown: list[int] = []
    metas = behind = 0
    for number, segment in enumerate(segments):
        metas += segment.role == "meta"
        behind = 0 if segment.role == "meta" else behind + 1
        if metas > META_CHUNKS_SHOWN:
            break
        if behind <= negatives:
            shown.append(number)
    return shown


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


def first_words(text: str) -> str:
    """How a segment begins, on one line."""
    return visible_line(" ".join(text[: 2 * _WORDS_CHARACTERS].split()))[:_WORDS_CHARACTERS]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _share(weight: float, score: float) -> str:
    return f"{weight / score:.0%}" if score > 0 else NOTHING


def verdict(why: "NegativeExplanation") -> str:
    """What the sum is worth: the stored score itself, or an estimate of it."""
    explanation = why.explanation
    score = f"BM25 score {why.stored_score:.4f}, rank {why.rank}"
    terms = _counted(len(explanation.terms), "shared term")
    place = _PLACES[why.basis].format(f"{explanation.chunks:,} chunks")
    if why.is_exact:
        return f"{score}: the exact sum of {terms}, with frequencies {place}."
    if why.basis == "estimate":
        return (
            f"{score}. ESTIMATED as {explanation.score:.4f}: {terms}, with frequencies {place}, for the index of the "
            "build is not here. Name the corpus with --corpus for the exact weights."
        )
    return (
        f"{score}, but {terms}, with frequencies {place}, give {explanation.score:.4f}: the row was changed, or was "
        "made from something else."
    )


_PLACES = {
    "index": "from the index of {}",
    "corpus": "from the corpus of {}",
    "estimate": "from {} in the rows at hand",
}


def _show_passage(text: str, weights: "Mapping[str, float]", style: str) -> None:
    from nextlong_hub.retrieval.explaining import passage

    pieces = passage(text, weights, _PASSAGE_CHARACTERS)
    show_pieces(
        [(" ".join(f"|{piece}|".split())[1:-1], f"{style} underline" if weight else "") for piece, weight in pieces],
        indent=2,
    )
