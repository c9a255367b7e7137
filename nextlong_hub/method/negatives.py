"""Which retrieved chunks become the hard negatives of which meta-chunk (NExtLong §3.1.2 and App. D.1).

Three rules hold for every selection: no chunk of the meta-document itself, no chunk twice in a sample, and no near-copy
of a meta-chunk, which would be a false negative (§5.4): it would reward the model for looking at the wrong place. A
control that repeats the meta-document on purpose (`may_repeat`) lifts the three together.

Two more are choices: chunks that the retriever ranks too high are passed over, and what repeats the row (see `guard`).

Selection works on chunk numbers and runs in rounds. A round counts chunks that have not been read by an estimate and
returns their numbers; the caller reads them in one pass over the corpus and selects again with their true counts. The
final selection does not depend on the number of rounds.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from nextlong_hub.method.guard import Guard, PassedOver
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
class Retrieved:
    """What the negatives of one sample are selected from, and what is known of it in this round."""

    answers: Sequence[Sequence[Candidate]]
    """For each meta-chunk the retriever's answer, by rank."""
    meta_tokens: float
    """Tokens of all meta-chunks, each with a separator behind it."""
    read: Container[int]
    """The chunks read so far."""
    tokens_of: Callable[[int], float]
    """Tokens of a chunk with the separator behind it; of one that has not been read, what is expected."""
    is_copy: Callable[[int], bool]
    """Whether a chunk, which has been read, is a near-copy of a chunk of the meta-document."""
    repeats_on_end: Callable[[int], bool] = lambda chunk: False
    """Whether a chunk, which has been read, holds a run of a few tokens that no row may hold."""
    banned: frozenset[int] = frozenset()
    """Chunks that may not be used."""
    barred: Container[int] = ()
    """Chunks that no row may hold, whatever the retriever."""
    first_rank: int = 1
    """Candidates of lower ranks are passed over."""
    guard: Guard | None = None
    """Of this sample, the same in all its rounds."""
    may_repeat: bool = False
    """Whether every candidate is admissible, as often as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The negatives of one sample."""

    negatives: tuple[tuple[Candidate, ...], ...]
    """For each meta-chunk, in order; each by rank."""
    tokens: int
    """Estimated tokens of the whole sample."""
    passed_over: Mapping[PassedOver, int]
    """Different chunks that were passed over, by reason; those that another meta-chunk has are not counted."""
    unread: frozenset[int]
    """Chunks whose text must be read before the selection is final; empty when it is."""
    exhausted: bool
    """The retriever's answers ended before the target, or the number wanted for each meta-chunk, was reached."""


def select_even(retrieved: Retrieved, target_tokens: int) -> Selection:
    """Give negatives to the meta-chunks in turns until the sample reaches the recipe's target length.

    A turn goes from the last meta-chunk to the first, so that counts differ by at most one as long as the answers last.
    The negative that would reach the target goes to the last meta-chunk instead, and so does all that follows: what
    truncation cuts is then always a negative, never a meta-chunk.
    """
    selector = _Selector(retrieved)
    _select_in_turns(selector, len(retrieved.answers), target_tokens)
    last = len(retrieved.answers) - 1
    # Joined text can be a few tokens shorter than its parts: a reserve behind the target saves encoding it twice.
    reserve = target_tokens * (1 + _TAIL_MARGIN) * (_ESTIMATE_MARGIN if selector.unread else 1)
    while selector.tokens < reserve and selector.peek(last) is not None:
        selector.take(last)
    return selector.selection(exhausted=selector.tokens < target_tokens)


def select_reference(retrieved: Retrieved, each: int) -> Selection:
    """Give every meta-chunk in order its first `each` negatives that are still free.

    Whether the sample reaches the target is left to the tokenizer.
    """
    selector = _Selector(retrieved)
    for meta_chunk in range(len(retrieved.answers)):
        for _ in range(each):
            if selector.peek(meta_chunk) is None:
                break
            selector.take(meta_chunk)
    return selector.selection(exhausted=any(len(taken) < each for taken in selector.taken))


def reference_count(
    target_tokens: int, meta_characters: Sequence[int], chunk_characters: int, settings: InterleaveSettings
) -> int:
    """The paper's number of negatives for each meta-chunk, k = ⌈(T·E·w - S) / (p·s)⌉ (NExtLong App. D.1, eq. 8-12).

    T is the target in tokens, E the characters per token, w the adjustment, S the meta-document's characters, p its
    number of meta-chunks and s the chunk length in characters.

    Args:
        target_tokens: the recipe's target length.
        meta_characters: of each meta-chunk.
        chunk_characters: longest chunk.
        settings: E and w.
    """
    wanted_characters = target_tokens * settings.characters_per_token * settings.adjustment - sum(meta_characters)
    return max(0, -int(-wanted_characters // (len(meta_characters) * chunk_characters)))


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

    def __init__(self, retrieved: Retrieved) -> None:
        self._retrieved = retrieved
        self._next = [0] * len(retrieved.answers)
        self.taken: list[list[Candidate]] = [[] for _ in retrieved.answers]
        self._used = set(retrieved.banned)
        self._passed_over: dict[PassedOver, set[int]] = {reason: set() for reason in PassedOver}
        self.tokens: float = retrieved.meta_tokens
        self.unread: set[int] = set()
        if retrieved.guard is not None:
            retrieved.guard.begin()

    def peek(self, meta_chunk: int) -> Candidate | None:
        """The best candidate of a meta-chunk that is still admissible; None when its answer is used up."""
        answer = self._retrieved.answers[meta_chunk]
        while self._next[meta_chunk] < len(answer):
            candidate = answer[self._next[meta_chunk]]
            reason = self._objection(candidate)
            if reason is not None:
                self._passed_over[reason].add(candidate.chunk)
            elif candidate.chunk not in self._used:
                return candidate
            self._next[meta_chunk] += 1
        return None

    def tokens_of(self, candidate: Candidate) -> float:
        """Tokens of a candidate, with the separator behind it."""
        return self._retrieved.tokens_of(candidate.chunk)

    def take(self, meta_chunk: int) -> None:
        """Select for a meta-chunk the candidate that `peek` returned."""
        candidate = self._retrieved.answers[meta_chunk][self._next[meta_chunk]]
        self._next[meta_chunk] += 1
        if not self._retrieved.may_repeat:
            self._used.add(candidate.chunk)
        self.taken[meta_chunk].append(candidate)
        self.tokens += self.tokens_of(candidate)
        self.must_know(candidate)
        if self._retrieved.guard is not None and not self.unread:
            self._retrieved.guard.take(candidate.chunk)

    def must_know(self, candidate: Candidate) -> None:
        """Note that the outcome depends on the text of a candidate."""
        if candidate.chunk not in self._retrieved.read:
            self.unread.add(candidate.chunk)

    def selection(self, *, exhausted: bool) -> Selection:
        return Selection(
            negatives=tuple(tuple(taken) for taken in self.taken),
            tokens=int(self.tokens),
            passed_over={reason: len(chunks - self._used) for reason, chunks in self._passed_over.items()},
            unread=frozenset(self.unread),
            exhausted=exhausted,
        )

    def _objection(self, candidate: Candidate) -> PassedOver | None:
        """Why a candidate may not serve, as far as it has been read; a chunk that is used already needs no reason.

        The guard comes before near-copies: of what it passes over, nothing else need be found out.
        """
        retrieved, chunk = self._retrieved, candidate.chunk
        if chunk in retrieved.barred:
            return PassedOver.BARRED
        if retrieved.may_repeat:
            return None
        if candidate.rank < retrieved.first_rank:
            return PassedOver.HIGH_RANK
        if chunk in self._used or chunk not in retrieved.read:
            return None
        if retrieved.repeats_on_end(chunk):
            return PassedOver.REPEATED_ON_END
        if retrieved.guard is not None and retrieved.guard.repeats(chunk, is_guess=bool(self.unread)):
            return retrieved.guard.reason
        return PassedOver.NEAR_DUPLICATE if retrieved.is_copy(chunk) else None
