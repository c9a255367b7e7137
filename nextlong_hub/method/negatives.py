"""Which retrieved chunks become the hard negatives of which meta-chunk (NExtLong §3.1.2 and App. D.1).

Three rules hold for every selection: no chunk of the meta-document itself, no chunk twice in a sample, and no near-copy
of a meta-chunk, which would be a false negative (§5.4): it would reward the model for looking at the wrong place. A
control that repeats the meta-document on purpose (`may_repeat`) lifts the three together.

Selection works on chunk numbers and runs in rounds. A round counts chunks that have not been read by an estimate and
returns their numbers; the caller reads them in one pass over the corpus and selects again with their true counts. The
final selection does not depend on the number of rounds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nextlong_hub.method.settings import InterleaveSettings

_ESTIMATE_MARGIN = 1.05
_TAIL_MARGIN = 1 / 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One chunk in the retriever's answer to a meta-chunk, or that meta-chunk."""

    chunk: int
    """Number in the corpus."""
    rank: int
    """Place in the answer, from 1; 0 for the meta-chunk."""
    score: float
    own_rank: int = 0
    """Of a meta-chunk; see `Segment.own_rank`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChunk:
    """What is known of a chunk once its text has been read."""

    tokens: int
    """Of the chunk with the separator behind it."""
    near_duplicate: bool
    """Whether it is a near-copy of a chunk of the meta-document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The negatives of one sample."""

    negatives: tuple[tuple[Candidate, ...], ...]
    """For each meta-chunk, in order; each by rank."""
    tokens: int
    """Estimated tokens of the whole sample."""
    near_duplicates: int
    """Chunks passed over because they are near-copies of a meta-chunk."""
    unread: frozenset[int]
    """Chunks whose text must be read before the selection is final; empty when it is."""
    exhausted: bool
    """The retriever's answers ended before the target was reached."""


def select_even(
    answers: Sequence[Sequence[Candidate]],
    meta_tokens: int,
    target_tokens: int,
    read: Mapping[int, ReadChunk],
    estimate_tokens: Callable[[int], float],
    banned: frozenset[int] = frozenset(),
    may_repeat: bool = False,
) -> Selection:
    """Give negatives to the meta-chunks in turns until the sample reaches the target.

    A turn goes from the last meta-chunk to the first, so that counts differ by at most one as long as the answers last.
    The negative that would reach the target goes to the last meta-chunk instead, and so does all that follows: what
    truncation cuts is then always a negative, never a meta-chunk.

    Args:
        answers: for each meta-chunk the retriever's answer, by rank.
        meta_tokens: tokens of all meta-chunks, each with a separator behind it.
        target_tokens: the recipe's target length.
        read: the chunks read so far.
        estimate_tokens: expected tokens of a chunk that has not been read.
        banned: chunks that may not be used.
        may_repeat: whether a chunk may be used more than once.
    """
    selector = _Selector(answers, read, estimate_tokens, banned, meta_tokens, may_repeat)
    _select_in_turns(selector, len(answers), target_tokens)
    last = len(answers) - 1
    # Joined text can be a few tokens shorter than its parts: a reserve behind the target saves encoding it twice.
    reserve = target_tokens * (1 + _TAIL_MARGIN) * (_ESTIMATE_MARGIN if selector.unread else 1)
    while selector.tokens < reserve and selector.peek(last) is not None:
        selector.take(last)
    return selector.selection(exhausted=selector.tokens < target_tokens)


def select_reference(
    answers: Sequence[Sequence[Candidate]],
    meta_tokens: int,
    meta_characters: int,
    target_tokens: int,
    chunk_characters: int,
    settings: InterleaveSettings,
    read: Mapping[int, ReadChunk],
    estimate_tokens: Callable[[int], float],
    may_repeat: bool = False,
) -> Selection:
    """Give every meta-chunk in order its first k negatives that are still free, k = ⌈(T·E·w - S) / (p·s)⌉.

    T is the target in tokens, E the characters per token, w the adjustment, S the meta-document's characters, p its
    number of meta-chunks and s the chunk length in characters (NExtLong App. D.1, eq. 8-12). Whether the sample reaches
    the target is left to the tokenizer.
    """
    selector = _Selector(answers, read, estimate_tokens, frozenset(), meta_tokens, may_repeat)
    wanted_characters = target_tokens * settings.characters_per_token * settings.adjustment - meta_characters
    each = max(0, -int(-wanted_characters // (len(answers) * chunk_characters)))
    for meta_chunk in range(len(answers)):
        for _ in range(each):
            if selector.peek(meta_chunk) is None:
                break
            selector.take(meta_chunk)
    return selector.selection(exhausted=False)


def _select_in_turns(selector: "_Selector", meta_chunks: int, target_tokens: int) -> None:
    """Give one negative a turn to each meta-chunk, until the next one would reach the target."""
    open_chunks = list(reversed(range(meta_chunks)))
    while open_chunks:
        served: list[int] = []
        for meta_chunk in open_chunks:
            candidate = selector.peek(meta_chunk)
            if candidate is None:
                continue
            if selector.tokens + selector.tokens_of(candidate) >= target_tokens:
                selector.must_know(candidate)  # an estimate must not be what ends the turns
                return
            selector.take(meta_chunk)
            served.append(meta_chunk)
        open_chunks = served


class _Selector:
    """Selects chunks, best first and each at most once unless it may repeat, and counts tokens."""

    def __init__(
        self,
        answers: Sequence[Sequence[Candidate]],
        read: Mapping[int, ReadChunk],
        estimate_tokens: Callable[[int], float],
        banned: frozenset[int],
        meta_tokens: int,
        may_repeat: bool,
    ) -> None:
        self._answers = answers
        self._next = [0] * len(answers)
        self._taken: list[list[Candidate]] = [[] for _ in answers]
        self._may_repeat = may_repeat
        self._used = set(banned)
        self._read = read
        self._estimate_tokens = estimate_tokens
        self._near_duplicates: set[int] = set()
        self.tokens: float = meta_tokens
        self.unread: set[int] = set()

    def peek(self, meta_chunk: int) -> Candidate | None:
        """The best candidate of a meta-chunk that is still admissible; None when its answer is used up."""
        answer = self._answers[meta_chunk]
        while self._next[meta_chunk] < len(answer):
            candidate = answer[self._next[meta_chunk]]
            known = self._read.get(candidate.chunk)
            if known is not None and known.near_duplicate:
                self._near_duplicates.add(candidate.chunk)
            elif candidate.chunk not in self._used:
                return candidate
            self._next[meta_chunk] += 1
        return None

    def tokens_of(self, candidate: Candidate) -> float:
        """Tokens of a candidate, estimated where it has not been read."""
        known = self._read.get(candidate.chunk)
        return self._estimate_tokens(candidate.chunk) if known is None else known.tokens

    def take(self, meta_chunk: int) -> None:
        """Select for a meta-chunk the candidate that `peek` returned."""
        candidate = self._answers[meta_chunk][self._next[meta_chunk]]
        self._next[meta_chunk] += 1
        if not self._may_repeat:
            self._used.add(candidate.chunk)
        self._taken[meta_chunk].append(candidate)
        self.tokens += self.tokens_of(candidate)
        self.must_know(candidate)

    def must_know(self, candidate: Candidate) -> None:
        """Note that the outcome depends on the text of a candidate."""
        if candidate.chunk not in self._read:
            self.unread.add(candidate.chunk)

    def selection(self, *, exhausted: bool) -> Selection:
        return Selection(
            negatives=tuple(tuple(taken) for taken in self._taken),
            tokens=int(self.tokens),
            near_duplicates=len(self._near_duplicates),
            unread=frozenset(self.unread),
            exhausted=exhausted,
        )
