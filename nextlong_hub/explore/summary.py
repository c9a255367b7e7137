"""…"""

from collections.abc import Sequence

from nextlong_hub.core.printable import NOTHING, visible_line
from nextlong_hub.dataset.row import Row
from nextlong_hub.explore.explanation import NegativeExplanation
from nextlong_hub.records import Segment

NEGATIVES_SHOWN = 3
"""Of each meta-chunk, unless all are asked for."""


META_CHUNKS_SHOWN = 12


TERMS_SHOWN = 15


_WORDS_CHARACTERS = 160
"""Characters of a segment that are looked at for its first words."""


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


def first_words(text: str) -> str:
    """How a segment begins, on one line."""
    return visible_line(" ".join(text[: 2 * _WORDS_CHARACTERS].split()))[:_WORDS_CHARACTERS]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _share(weight: float, score: float) -> str:
    return f"{weight / score:.0%}" if score else NOTHING


def verdict(why: "NegativeExplanation") -> str:
    """What the sum is worth: the stored score itself, or an estimate of it."""
    explanation = why.explanation
    score = f"{visible_line(why.score_name)} {why.stored_score:.4f}, rank {why.rank}"
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
