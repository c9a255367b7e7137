"""The explanation of a hard negative in a notebook."""

import pyarrow as pa

from nextlong_hub.core.printable import visible_line
from nextlong_hub.dataset import Row
from nextlong_hub.explore import markup
from nextlong_hub.explore.explain import Basis, NegativeExplanation
from nextlong_hub.explore.summary import TERM_COLUMNS, heaviest_first, heaviest_passage, term_cells, verdict


class ExplanationView:
    """The score of a hard negative, explained; displayed as HTML in a notebook."""

    def __init__(self, explained: NegativeExplanation, row: Row) -> None:
        self.explained = explained
        """The numbers."""
        self._row = row

    @property
    def is_estimate(self) -> bool:
        """Whether frequencies were estimated from the given rows."""
        return self.explained.basis is Basis.ESTIMATE

    @property
    def score(self) -> float:
        """The sum of the weights; unless it is an estimate, the score in the row."""
        return self.explained.explanation.score

    @property
    def terms(self) -> pa.Table:
        """One row a shared term, the heaviest first."""
        names = ("term", "weight", "in_query", "in_chunk", "frequency", "idf")
        ordered = heaviest_first(self.explained.explanation)
        return pa.table({name: [getattr(term, name) for term in ordered] for name in names})

    def __repr__(self) -> str:
        cells = term_cells(self.explained.explanation)
        lines = [f"{visible_line(term):<24} {weight:>8}  {bar}" for term, weight, *_, bar in cells]
        return "\n".join([self._title(), verdict(self.explained), "", *lines, *self._left_out(len(cells))])

    def _repr_html_(self) -> str:
        explained = self.explained
        cells = term_cells(explained.explanation)
        rows = [
            [markup.words(term), *numbers, markup.coloured(bar, markup.NEGATIVE_COLOUR)]
            for term, *numbers, bar in cells
        ]
        return markup.notebook(
            markup.paragraph("<b>", markup.words(self._title()), "</b>"),
            markup.paragraph(verdict(explained)),
            markup.table(TERM_COLUMNS, rows, numbers=range(1, 7)),
            markup.paragraph(*self._left_out(len(cells))),
            markup.paragraph("In the meta-chunk:"),
            markup.marked(heaviest_passage(explained, self._row, explained.meta_segment)),
            markup.paragraph("In the negative:"),
            markup.marked(heaviest_passage(explained, self._row, explained.segment)),
        )

    def _title(self) -> str:
        explained = self.explained
        origin = f"chunk {explained.chunk} of {explained.document}, found for segment {explained.meta_segment:,}"
        return visible_line(f"Segment {explained.segment:,} of {explained.row}: {origin}")

    def _left_out(self, shown: int) -> list[str]:
        more = len(self.explained.explanation.terms) - shown
        return [f"{more:,} more in .terms"] if more else []
