"""What Hypothesis draws: texts that are hard on a chunker, answers of a retriever, samples."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from nextlong_hub.method.guard import Guard
from nextlong_hub.method.negatives import Candidate, Retrieved
from nextlong_hub.records import Sample, Segment

LETTERS = "aAzZ09.,!?\"') \t\u00a0\u0301éß。\uff01\uff1f」日本ไทย한🙂👩\u200d🚀\ufeff\x00\u2028"
"""Word and sentence ends, combining marks, scripts without spaces, code points beyond 16 bits, a NUL, a BOM."""

paragraphs = st.one_of(
    st.text(LETTERS, max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.builds(lambda unit, times: unit * times, st.text(LETTERS, min_size=1, max_size=4), st.integers(1, 60)),
    st.lists(st.text("abcé", min_size=1, max_size=9), max_size=12).map(" ".join),
)
"""Short ones, empty ones, and ones far longer than a chunk."""

pieces = st.text(LETTERS + "\n", max_size=8)
"""Chunks small enough to be drawn by the dozen."""

line_ends = st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\n\n\n\n", " \n"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw a document of some paragraphs with mixed line ends, sometimes blank at its start or end."""
    lines = draw(st.lists(st.tuples(paragraphs, line_ends), max_size=12))
    return draw(st.sampled_from(["", "\n", "\n\n"])) + "".join(p + e for p, e in lines) + draw(paragraphs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One document's task for the selection of negatives, and the truth about every chunk."""

    answers: list[list[Candidate]]
    meta_tokens: int
    target_tokens: int
    sizes: list[int]
    """Tokens of each chunk."""
    copies: frozenset[int]
    """Near-copies of a meta-chunk."""
    estimates: dict[int, float]
    banned: frozenset[int]
    first_rank: int
    words: list[frozenset[int]]
    """What each chunk says, for a guard to compare."""

    def retrieved(self, read: Container[int], guard: Guard | None = None) -> Retrieved:
        """What is selected from when some chunks have been read."""
        return Retrieved(
            answers=self.answers,
            meta_tokens=self.meta_tokens,
            read=read,
            tokens_of=lambda chunk: self.sizes[chunk] if chunk in read else self.estimates[chunk],
            is_copy=self.copies.__contains__,
            banned=self.banned,
            first_rank=self.first_rank,
            guard=guard,
        )


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Draw answers that overlap, near-duplicates, banned chunks, and estimates that are off in both directions."""
    chunks = draw(st.integers(1, 40))
    numbers = st.lists(st.integers(0, chunks - 1), unique=True, max_size=chunks)
    answers = [
        [Candidate(chunk=chunk, rank=rank, score=100.0 - rank) for rank, chunk in enumerate(found, 1)]
        for found in draw(st.lists(numbers, min_size=1, max_size=5))
    ]
    sizes = draw(st.lists(st.integers(1, 30), min_size=chunks, max_size=chunks))
    errors = draw(st.lists(st.sampled_from([0.2, 0.7, 1.0, 1.3, 3.0]), min_size=chunks, max_size=chunks))
    meta_tokens = draw(st.integers(1, 60))
    return Choice(
        answers=answers,
        meta_tokens=meta_tokens,
        target_tokens=meta_tokens + draw(st.integers(1, 20 * chunks)),
        sizes=sizes,
        copies=draw(st.frozensets(st.integers(0, chunks - 1), max_size=chunks // 3)),
        estimates={chunk: size * error for chunk, (size, error) in enumerate(zip(sizes, errors, strict=True))},
        banned=draw(st.frozensets(st.integers(0, chunks - 1), max_size=3)),
        first_rank=draw(st.integers(1, 3)),
        words=draw(st.lists(st.frozensets(st.integers(0, 20), max_size=4), min_size=chunks, max_size=chunks)),
    )


int32s = st.integers(0, 2**31 - 1)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

segments = st.builds(
    Segment,
    role=st.sampled_from(["meta", "negative"]),
    document=names,
    chunk=int32s,
    start=int32s,
    end=int32s,
    tokens=int32s,
    rank=int32s,
    score=st.floats(0, 1e6, width=32),
)

samples = st.builds(
    Sample,
    id=names,
    text=texts(),
    input_ids=st.lists(int32s, max_size=30).map(lambda ids: np.array(ids, np.int32)),
    meta_document=names,
    source=names,
    segments=st.lists(segments, max_size=4).map(tuple),
    truncated_tokens=st.integers(0, 9),
)
