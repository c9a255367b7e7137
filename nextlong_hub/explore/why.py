"""Why a hard negative is there, in a notebook."""

import pyarrow as pa

from nextlong_hub.core.printable import visible_line
from nextlong_hub.dataset import Row
from nextlong_hub.explore import markup
from nextlong_hub.explore.explanation import Basis, NegativeExplanation
from nextlong_hub.explore.summary import TERMS_SHOWN, verdict

_BAR = 16
_PASSAGE_CHARACTERS = 320


class Why:
    """A hard negative's score, taken apart; in a notebook it shows itself."""

    def __init__(self, explained: NegativeExplanation, row: Row) -> None:
        self.explained = explained
        """The numbers."""
        self._row = row

    @property
    def is_estimate(self) -> bool:
        """Whether frequencies were estimated from the rows at hand."""
        return self.explained.basis is Basis.ESTIMATE

    @property
    def score(self) -> float:
        """The sum of the weights; unless it is an estimate, the score in the row."""
        return self.explained.explanation.score

    @property
    def terms(self) -> pa.Table:
        """One row a shared term, the heaviest first."""
        names = ("term", "weight", "in_query", "in_chunk", "frequency", "idf")
        ordered = sorted(self.explained.explanation.terms, key=lambda term: (-term.weight, term.term))
        return pa.table({name: [getattr(term, name) for term in ordered] for name in names})

    def __repr__(self) -> str:
        lines = [self._title(), verdict(self.explained), ""]
        lines += [
            f"{visible_line(term['term']):<24} {term['weight']:>8.2f}  {self._bar(term['weight'])}"
            for term in self.terms.slice(0, TERMS_SHOWN).to_pylist()
        ]
        more = self.terms.num_rows - TERMS_SHOWN
        return "\n".join([*lines, *([f"{more:,} more in .terms"] if more > 0 else [])])

    def _repr_html_(self) -> str:
        total = self.score or 1.0
        rows = [
            [
                markup.words(term["term"]),
                f"{term['weight']:.2f}",
                f"{term['weight'] / total:.0%}",
                f"{term['in_query']:,}",
                f"{term['in_chunk']:,}",
                f"{term['frequency']:,}",
                f"{term['idf']:.2f}",
                markup.coloured(self._bar(term["weight"]), markup.NEGATIVE_COLOUR),
            ]
            for term in self.terms.slice(0, TERMS_SHOWN).to_pylist()
        ]
        header = ("term", "weight", "share", "in meta-chunk", "in negative", "chunks with it", "idf", "")
        more = self.terms.num_rows - TERMS_SHOWN
        why = self.explained
        return markup.notebook(
            markup.paragraph("<b>", markup.words(self._title()), "</b>"),
            markup.paragraph(verdict(why)),
            markup.table(header, rows, numbers=range(1, 7)),
            markup.paragraph(f"{more:,} more in .terms" if more > 0 else ""),
            self._passage("In the meta-chunk:", why.meta_segment),
            self._passage("In the negative:", why.segment),
        )

    def _title(self) -> str:
        why = self.explained
        origin = f"chunk {why.chunk} of {why.document}, found for segment {why.meta_segment:,}"
        return visible_line(f"Segment {why.segment:,} of {why.row}: {origin}")

    def _bar(self, weight: float) -> str:
        heaviest = max((term.weight for term in self.explained.explanation.terms), default=0.0)
        return "█" * max(1, round(_BAR * weight / heaviest)) if heaviest > 0 else ""

    def _passage(self, title: str, segment: int) -> str:
        """Where the heaviest terms come together, each of them in bold."""
        pieces = self.explained.passage(self._row.segment_text(segment), _PASSAGE_CHARACTERS)
        return markup.paragraph(title) + markup.marked([(piece, weight > 0) for piece, weight in pieces])
