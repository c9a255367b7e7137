"""Which parts of a row are shown first, and their wording: shared by notebook and terminal."""

from collections.abc import Sequence

from nextlong_hub.core.printable import NOTHING, counted, visible_line
from nextlong_hub.dataset import Row
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.explore.explain import Basis, NegativeExplanation
from nextlong_hub.records import Segment
from nextlong_hub.retrieval import Explanation, SharedTerm

TERMS_SHOWN = 15
"""Terms of an explanation that are shown, the heaviest first."""
TERM_COLUMNS = ("term", "weight", "share", "in meta-chunk", "in negative", "chunks with it", "idf", "")
"""Headings of the cells of `term_cells`; the bar in the last has none."""

_META_CHUNKS_SHOWN = 12
_WORDS_CHARACTERS = 160
"""Characters of a segment that are searched for its first words."""
_PASSAGE_CHARACTERS = 320
_BAR = 16
_COUNTED_IN = {
    Basis.INDEX: "from the index of {}",
    Basis.CORPUS: "from the corpus of {}",
    Basis.ESTIMATE: "from {} in the rows at hand",
}


def size_of(row: Row, segments: Sequence[Segment]) -> str:
    """The size of a row, on one line."""
    parts = [f"{row.token_count:,} tokens", f"{len(row.text):,} characters"]
    if row.loss_mask.size:
        parts.insert(1, f"loss on {int(row.loss_mask.sum()):,} of them")
    if padding := sum(row.documents["padding"].to_pylist()):
        parts.insert(1, f"{padding:,} of them padding")
    is_whole = row.documents.num_rows and all(segment.role == "meta" for segment in segments)
    if segments and not is_whole:
        metas = sum(segment.role == "meta" for segment in segments)
        documents = len({segment.document for segment in segments if segment.role == "negative"})
        negatives = f"{counted(len(segments) - metas, 'hard negative')} from {counted(documents, 'document')}"
        parts.append(f"{counted(metas, 'meta-chunk')} and {negatives}")
    return ", ".join(parts)


def links_of(row: Row, segments: Sequence[Segment]) -> list[str]:
    """What a sample teaches: its links, its share of meta-document, and how hard the links are to find.

    Nothing of a row without negatives, and of a packed row, whose samples have links of their own.
    """
    own = [segment for segment in segments if segment.role == "meta"]
    if not own or len(own) == len(segments) or row.documents.num_rows or not row.token_count:
        return []
    share = sum(segment.tokens for segment in own) / row.token_count
    above = [segment.own_rank - 1 for segment in own if segment.own_rank]
    difficulty = [f"difficulty {sum(above) / len(above):.1f}"] if above else []
    return [counted(len(own) - 1, "link"), f"{share:.2%} meta-document", *difficulty]


def repeats_of(record: ConfigRecord | None) -> str:
    """What the rows of a configuration repeat of themselves, in one line; empty where no manifest says it."""
    shortest = next((one for one in record.repeats if one.runs), None) if record else None
    if shortest is None:
        return ""
    near, farther, far = (f"{n / shortest.runs:.2%}" for n in (shortest.near, shortest.farther, shortest.far))
    return (
        f"of their runs of {shortest.run_tokens} tokens {farther} stood in the text before, 1K to 4K tokens back "
        f"({near} nearer, {far} farther)"
    )


def first_of_each(segments: Sequence[Segment], negatives: int = 3) -> list[int]:
    """The numbers of the first meta-chunks, each with its first negatives."""
    shown: list[int] = []
    metas = behind = 0
    for number, segment in enumerate(segments):
        metas += segment.role == "meta"
        behind = 0 if segment.role == "meta" else behind + 1
        if metas > _META_CHUNKS_SHOWN:
            break
        if behind <= negatives:
            shown.append(number)
    return shown


def first_words(text: str) -> str:
    """The beginning of a segment, on one line."""
    return visible_line(" ".join(text[: 2 * _WORDS_CHARACTERS].split()))[:_WORDS_CHARACTERS]


def verdict(explained: NegativeExplanation) -> str:
    """Whether the weights give the stored score, an estimate of it, or another value."""
    explanation = explained.explanation
    score = f"{visible_line(explained.score_name)} {explained.stored_score:.4f}, rank {explained.rank}"
    terms = counted(len(explanation.terms), "shared term")
    place = _COUNTED_IN[explained.basis].format(f"{explanation.chunks:,} chunks")
    if explained.is_exact:
        return f"{score}: the exact sum of {terms}, with frequencies {place}."
    if explained.basis is Basis.ESTIMATE:
        return (
            f"{score}. ESTIMATED as {explanation.score:.4f}: {terms}, with frequencies {place}, for the index of the "
            "build is not here. Name the corpus (--corpus; in Python sources=) for the exact weights."
        )
    return (
        f"{score}, but {terms}, with frequencies {place}, give {explanation.score:.4f}: the row was changed, or was "
        "made from something else."
    )


def heaviest_first(explanation: Explanation) -> list[SharedTerm]:
    """The shared terms, by weight."""
    return sorted(explanation.terms, key=lambda term: (-term.weight, term.term))


def term_cells(explanation: Explanation) -> list[tuple[str, ...]]:
    """The heaviest terms, each as a row of cells under `TERM_COLUMNS`."""
    terms = heaviest_first(explanation)[:TERMS_SHOWN]
    heaviest = max((term.weight for term in terms), default=0.0)
    return [
        (
            term.term,
            f"{term.weight:.2f}",
            share(term.weight, explanation.score),
            f"{term.in_query:,}",
            f"{term.in_chunk:,}",
            f"{term.frequency:,}",
            f"{term.idf:.2f}",
            "█" * max(1, round(_BAR * term.weight / heaviest)) if heaviest > 0 else "",
        )
        for term in terms
    ]


def share(weight: float, score: float) -> str:
    """A weight as a share of the score."""
    return f"{weight / score:.0%}" if score > 0 else NOTHING


def heaviest_passage(explained: NegativeExplanation, row: Row, segment: int) -> list[tuple[str, bool]]:
    """The passage of a segment in which the heaviest terms are closest, in pieces: text, and whether it is a term."""
    pieces = explained.passage(row.segment_text(segment), _PASSAGE_CHARACTERS)
    return [(piece, weight > 0) for piece, weight in pieces]
