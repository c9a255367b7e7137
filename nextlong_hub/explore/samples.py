"""One sample in a notebook: its text, tokens, segments and strip."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.core.printable import visible, visible_line
from nextlong_hub.dataset import Row, SplitReader
from nextlong_hub.explore import markup
from nextlong_hub.explore.explain import explain_negative
from nextlong_hub.explore.explanation_view import ExplanationView
from nextlong_hub.explore.strip import bars, strip_data_uri
from nextlong_hub.explore.summary import first_of_each, first_words, links_of, size_of
from nextlong_hub.explore.terminal_strip import META, strip_lines
from nextlong_hub.records import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nextlong_hub.corpus.in_memory import Source

TEXT_SHOWN_BYTES = 20_000
"""Bytes of a sample's text that a notebook shows, in UTF-8: more makes the file large and the page slow."""

_TERMINAL_COLUMNS = 88
_EXCERPT_CHARACTERS = 1200
_BEGINNING_CHARACTERS = 48
_NEGATIVES_SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """One segment of a sample, with its text."""

    number: int
    """Its position in the sample, from 0."""
    segment: Segment
    text: str

    @property
    def title(self) -> str:
        """Role, origin and score, on one line."""
        segment = self.segment
        kind = (
            "meta-chunk" if segment.role == "meta" else f"hard negative, rank {segment.rank}, score {segment.score:.2f}"
        )
        return (
            f"Segment {self.number:,}: {kind}, {segment.tokens:,} tokens, chunk {segment.chunk} of {segment.document}"
        )

    def __repr__(self) -> str:
        return f"{visible_line(self.title)}\n\n{visible(_shortened(self.text))}"

    def _repr_html_(self) -> str:
        return markup.notebook(markup.paragraph(markup.words(self.title)), markup.block(_shortened(self.text)))


class SampleView:
    """One row of a split; displayed as HTML in a notebook."""

    def __init__(self, row: Row, split: SplitReader) -> None:
        self._row = row
        self._split = split

    @property
    def number(self) -> int:
        """Its position in the split, from 0."""
        return self._row.number

    @property
    def id(self) -> str:
        """Configuration and meta-document."""
        return self._row.id

    @property
    def text(self) -> str:
        """The whole text."""
        return self._row.text

    @property
    def input_ids(self) -> NDArray[np.int32]:
        """The tokens of the text; empty where rows have none. Shape: (tokens,)."""
        return self._row.input_ids

    @property
    def token_count(self) -> int:
        """How many tokens the text has."""
        return self._row.token_count

    @property
    def meta_document(self) -> str:
        """The document that was extended; empty for a packed row, which has several."""
        return self._row.meta_document

    @property
    def source(self) -> str:
        """The meta-document's source."""
        return self._row.source

    @property
    def segments(self) -> pa.Table:
        """One row a segment: `polars.from_arrow(sample.segments)`, `sample.segments.to_pandas()`."""
        return self._row.segments

    @property
    def documents(self) -> pa.Table:
        """One row for each document of a packed row, which attention keeps apart; else empty."""
        return self._row.documents

    @property
    def loss_mask(self) -> NDArray[np.int8]:
        """1 where the loss is taken; empty where it is taken everywhere. Shape: (tokens,) or (0,)."""
        return self._row.loss_mask

    @property
    def meta_chunks(self) -> list[int]:
        """Numbers of the segments that are meta-chunks, ascending."""
        return self._row.meta_chunks

    def segment(self, number: int) -> SegmentView:
        """One segment with its text; a negative number counts from the end.

        Raises:
            DataError: there is no such segment.
        """
        text = self._row.segment_text(number)
        number %= self._row.segments.num_rows
        return SegmentView(number=number, segment=self._row.segment_list[number], text=text)

    def why(self, number: int, *, sources: "Sequence[Source]" = ()) -> ExplanationView:
        """Explain a hard negative: the terms it shares with its meta-chunk and their weights.

        Args:
            number: The segment.
            sources: The corpus, when the index of the build is missing; without both, weights are estimated.

        Raises:
            DataError: there is no such segment, it is a meta-chunk, or the corpus is another one.
        """
        explained = explain_negative(self._split, self._row, number, sources=sources)
        return ExplanationView(explained, self._row)

    def __repr__(self) -> str:
        row = self._row
        segments = row.segment_list
        links = ", ".join(links_of(row, segments))
        lines = [f"Sample {visible_line(row.id)!r}", size_of(row, segments), *([links] if links else []), ""]
        strip = strip_lines(bars(segments, row.token_count), _TERMINAL_COLUMNS)
        lines += ["".join(text for text, _ in pieces) for pieces in strip]
        lines += [_line(row, number, segments[number]) for number in first_of_each(segments, negatives=1)]
        if not segments:
            lines.append(visible(_shortened(row.text)))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        row = self._row
        segments = row.segment_list
        size = ", ".join([size_of(row, segments), *links_of(row, segments)])
        parts = [markup.paragraph("<b>", markup.words(row.id or f"row {row.number}"), "</b> ", size)]
        if row.meta_document:
            parts.append(
                markup.paragraph("Meta-document ", markup.words(row.meta_document), " from ", markup.words(row.source))
            )
        if row.documents.num_rows:
            parts.append(_document_table(row))
        if segments:
            strip = bars(segments, row.token_count)
            places = ", ".join(f"{bar.first_token:,}" for bar in strip if bar.is_meta)
            description = f"Strip of {len(segments):,} segments; meta-chunks begin at the tokens {places}"
            parts.append(markup.image(strip_data_uri(strip, label=description), description))
            parts.append(_segment_table(row, segments))
        parts.append(_text(row, segments))
        return markup.notebook(*parts)


def _line(row: Row, number: int, segment: Segment) -> str:
    """A segment on one line of a terminal."""
    kind = f"{META} meta" if segment.role == "meta" else f"  negative, score {segment.score:.1f}"
    begins = first_words(row.text[segment.start : segment.end])
    line = f"{number:>7,} {kind:<23} {visible_line(segment.document)}: {begins}"
    return line if len(line) <= _TERMINAL_COLUMNS else f"{line[: _TERMINAL_COLUMNS - 1]}…"


def _segment_table(row: Row, segments: "Sequence[Segment]") -> str:
    shown = first_of_each(segments, negatives=_NEGATIVES_SHOWN)
    rows = []
    for number in shown:
        segment = segments[number]
        is_meta = segment.role == "meta"
        colour = markup.META_COLOUR if is_meta else markup.NEGATIVE_COLOUR
        role = markup.coloured(f"{META} meta" if is_meta else "negative", colour)
        begins = first_words(row.text[segment.start : segment.end])
        if len(begins) > _BEGINNING_CHARACTERS:
            begins = f"{begins[:_BEGINNING_CHARACTERS]}…"
        rows.append(
            [
                f"{number:,}",
                role,
                "" if is_meta else f"{segment.rank:,}",
                "" if is_meta else f"{segment.score:.1f}",
                f"{segment.tokens:,}",
                markup.name(segment.document),
                f"{segment.chunk:,}",
                markup.name(begins),
            ]
        )
    header = ("segment", "role", "rank", "score", "tokens", "document", "chunk", "begins")
    more = len(segments) - len(shown)
    note = f"{more:,} more in .segments; .segment(n) gives the text of one, .why(n) what made it a hard negative."
    return markup.table(header, rows, numbers=(0, 2, 3, 4, 6)) + markup.paragraph(note if more else "")


def _document_table(row: Row) -> str:
    documents = row.document_list
    shown = documents[:8]
    rows = [[markup.name(d.id), f"{d.tokens:,}", markup.words(d.source)] for d in shown]
    more = f" The first {len(shown)}:" if len(shown) < len(documents) else ""
    return markup.paragraph(f"Packed: {len(documents):,} documents, which attention keeps apart.{more}") + markup.table(
        ("document", "tokens", "source"), rows, numbers=(1,)
    )


def _text(row: Row, segments: "Sequence[Segment]") -> str:
    """The beginning of the text, segment by segment."""
    if not row.text:
        return ""
    beginning = row.text.encode()[:TEXT_SHOWN_BYTES].decode(errors="ignore")
    parts = []
    for number, segment in enumerate(segments):
        if segment.start >= len(beginning):
            break
        view = SegmentView(number=number, segment=segment, text="")
        parts += [markup.paragraph(markup.words(view.title)), markup.block(beginning[segment.start : segment.end])]
    title = f"The text: its first {len(beginning):,} of {len(row.text):,} characters"
    return markup.folded(title, "".join(parts) or markup.block(beginning))


def _shortened(text: str) -> str:
    if len(text) <= _EXCERPT_CHARACTERS:
        return text
    return f"{text[:_EXCERPT_CHARACTERS]}\n… {len(text) - _EXCERPT_CHARACTERS:,} more characters in .text"
